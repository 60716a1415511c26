package schedule

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/evidenced/evidenced/evidence"
)

// Now is Runner.Now while the daemon runs, with a Progress of its own, which may be
// nil. It waits for passes over the same sources only, and returns when they have
// been read, when ctx ends or when the daemon stops; what is being read then is
// recorded as failed, and tried again.
func (d *Daemon) Now(ctx context.Context, progress Progress, names ...string) ([]evidence.Run, error) {
	work, cancel := d.requested(ctx)
	defer cancel()
	if err := d.gate.Acquire(work, 1); err != nil {
		return nil, fmt.Errorf("wait for the new configuration: %w", context.Cause(work))
	}
	r, passes := d.beginPass()
	defer context.AfterFunc(passes, func() { cancel() })() // a new configuration waits no longer for it than for others
	begun := d.opt.Elapsed()
	t := r.tick()
	t.progress = orNone(progress)
	t.read = func(s *Source) { d.replan(r, s, t.runs) }
	err := t.demand(work, names)
	if passes.Err() != nil {
		err = errors.Join(err, errStopping)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer d.endPass()
		d.report(Pass{Sources: names, Runs: t.runs, Missed: t.lost, Took: d.opt.Elapsed() - begun, Err: err})
	}()
	select {
	case <-ended:
	case <-ctx.Done(): // all that was read is recorded
	}
	return t.runs, errors.Join(err, t.panicked)
}

// requested returns the context of a collection on demand: it ends with the
// caller's, with errWithdrawn as the cause, and when the daemon stops.
func (d *Daemon) requested(caller context.Context) (ctx context.Context, cancel func()) {
	ctx, end := context.WithCancelCause(context.WithoutCancel(caller))
	leave := context.AfterFunc(caller, func() { end(fmt.Errorf("%w: %w", errWithdrawn, context.Cause(caller))) })
	stay := context.AfterFunc(d.work, func() { end(errStopping) })
	return ctx, func() {
		leave()
		stay()
		end(errStopping)
	}
}

// beginPass counts a collection on demand, which has passed the gate.
func (d *Daemon) beginPass() (r *Runner, passes context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy++
	return d.runner, d.passes
}

// endPass is the end of what beginPass began.
func (d *Daemon) endPass() {
	d.mu.Lock()
	d.busy--
	d.mu.Unlock()
	d.gate.Release(1)
	d.wake()
}

// replan plans a source anew after a collection on demand, which may have filled
// slots that were due. It is called while no pass over the source is under way.
func (d *Daemon) replan(r *Runner, s *Source, runs []evidence.Run) {
	due, retryable := r.wake(s, r.opt.Now()), len(s.ledger.Retryable) > 0
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.plans[s]; p != nil {
		p.due = due
		p.plan(done{source: s, retryable: retryable, pass: Pass{Runs: runsOf(runs, s)}}, d.opt.Elapsed())
	}
}

func runsOf(runs []evidence.Run, s *Source) []evidence.Run {
	return slices.DeleteFunc(slices.Clone(runs), func(r evidence.Run) bool { return r.Stream.Source != s.Spec.Name })
}
