package schedule

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/evidenced/evidenced/evidence"
)

// DaemonOptions configure a Daemon. The zero value is right for production, but for Elapsed.
type DaemonOptions struct {
	// Jitter is the longest time by which a source begins after its slots are
	// due; how long follows from its name. Zero means none.
	Jitter time.Duration
	// Poll bounds how long the loop sleeps, so that it sees a clock that was set; zero means 30 s.
	Poll time.Duration
	// Grace is how long a reading that is under way may go on after the context of
	// Run has ended; zero means 5 s.
	Grace time.Duration
	// Heartbeat is how long the log may stay without an entry; zero means 6 h.
	Heartbeat time.Duration
	// Elapsed counts the time that has gone by. It cannot be set, and it goes on
	// while the machine sleeps. Nil means the monotonic clock, which does not.
	Elapsed func() time.Duration
	// Started is added to the entry about the start of the agent.
	Started map[string]any
	// Ended is called after each pass, with what was written and why the pass ended
	// early, if it did. It may be nil, and is never called concurrently.
	Ended func(Pass)
	// Beat is called each time around the loop. It may be nil.
	Beat func()
	// Fatal reports an error after which nothing more may be written. It may be nil.
	Fatal func(error) bool
}

// Pass is one pass over a source, or over those that were named.
type Pass struct {
	// Sources are those that were read; empty means all.
	Sources []string
	Runs    []evidence.Run // but the missed ones
	Missed  map[string]int // how many of each source were missed
	Took    time.Duration
	Err     error
}

// Slots is how many slots ended in it.
func (p Pass) Slots() int {
	n := len(p.Runs)
	for _, missed := range p.Missed {
		n += missed
	}
	return n
}

func (o DaemonOptions) withDefaults() DaemonOptions {
	for _, d := range []struct {
		v   *time.Duration
		def time.Duration
	}{{&o.Poll, 30 * time.Second}, {&o.Grace, 5 * time.Second}, {&o.Heartbeat, 6 * time.Hour}} {
		if *d.v == 0 {
			*d.v = d.def
		}
	}
	if o.Elapsed == nil {
		begun := time.Now()
		o.Elapsed = func() time.Duration { return time.Since(begun) }
	}
	if o.Ended == nil {
		o.Ended = func(Pass) {}
	}
	if o.Beat == nil {
		o.Beat = func() {}
	}
	if o.Fatal == nil {
		o.Fatal = func(error) bool { return false }
	}
	return o
}

// Daemon fills slots as they fall due, until it is stopped. The sources are read
// concurrently, each by one pass at a time.
type Daemon struct {
	opt   DaemonOptions
	log   *slog.Logger
	clock clockMonitor
	ended chan done
	woken chan struct{}
	over  chan struct{} // closed when Run has returned

	reporting sync.Mutex          // held while Ended is called
	gate      *semaphore.Weighted // each pass holds one of it; all of it is held while the runner is exchanged
	work      context.Context
	halt      context.CancelCauseFunc
	wrote     time.Duration // when the log last grew, as Elapsed counts

	mu     sync.Mutex // guards what follows
	runner *Runner
	plans  map[*Source]*plan
	busy   int
	passes context.Context // of the passes over the sources of runner
	cut    context.CancelCauseFunc
}

// plan is when a source is read next.
type plan struct {
	due         time.Time     // of the first slot that has not ended
	retry       time.Duration // when retryable streams are tried again, as Elapsed counts; 0 for never
	tries       int           // how often they were
	pausedUntil time.Duration // nothing is done before, as Elapsed counts
	failed      int           // passes in a row that did not come to their end
	reading     bool
}

type done struct {
	source    *Source
	retry     bool
	pass      Pass
	due       time.Time
	retryable bool
}

// allPasses is the size of the gate: more than there are passes at a time.
const allPasses = 1 << 30

// errStopping is why a reading was cut short.
var errStopping = errors.New("the agent stops")

// NewDaemon returns a daemon that continues where the runner is.
func NewDaemon(r *Runner, opt DaemonOptions) *Daemon {
	d := &Daemon{opt: opt.withDefaults(), log: r.opt.Log, ended: make(chan done), woken: make(chan struct{}, 1), over: make(chan struct{}), gate: semaphore.NewWeighted(allPasses)}
	d.work, d.halt = context.WithCancelCause(context.Background())
	d.clock = clockMonitor{now: r.opt.Now, elapsed: d.opt.Elapsed, poll: d.opt.Poll}
	d.setRunner(r)
	return d
}

// setRunner exchanges the runner, and plans its sources.
func (d *Daemon) setRunner(r *Runner) {
	plans, now, elapsed := map[*Source]*plan{}, r.opt.Now(), d.opt.Elapsed()
	for _, s := range r.sources {
		p := &plan{due: r.wake(s, now)}
		if len(s.ledger.Retryable) > 0 { // it failed before we were stopped
			p.retry = elapsed + time.Minute
		}
		plans[s] = p
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.runner, d.plans = r, plans
	d.newPasses()
}

// newPasses makes the context of the passes to come; none is under way.
func (d *Daemon) newPasses() {
	if d.cut != nil {
		d.cut(errStopping)
	}
	d.passes, d.cut = context.WithCancelCause(d.work)
}

// patience is how long a new configuration waits for passes to end.
const patience = 10 * time.Minute

// Replace exchanges the runner for the one that build makes, once every pass has
// ended; one that takes long is cut short, and tried again. If build fails, the
// old runner goes on.
func (d *Daemon) Replace(build func() (*Runner, error)) error {
	d.mu.Lock()
	cut := d.cut
	d.mu.Unlock()
	late := time.AfterFunc(patience, func() { cut(errStopping) })
	defer late.Stop()
	if err := d.gate.Acquire(d.work, allPasses); err != nil {
		return errStopping
	}
	defer d.gate.Release(allPasses)
	late.Stop()
	r, err := build()
	if err != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.newPasses() // they may have been cut short
		return err
	}
	d.setRunner(r)
	d.wake()
	return nil
}

func (d *Daemon) wake() {
	select {
	case d.woken <- struct{}{}:
	default:
	}
}

// Run fills slots until ctx ends; then it ends what is under way, or writes down
// that it was stopped. An error means that nothing more could be written.
func (d *Daemon) Run(ctx context.Context) error {
	defer close(d.over)
	defer d.halt(errStopping)
	if err := d.appendAgentEntry("started", d.opt.Started); err != nil {
		return err
	}
	d.clock.begin()
	for {
		d.opt.Beat()
		if err := d.runDue(); err != nil && d.opt.Fatal(err) {
			return err
		}
		timer := time.NewTimer(d.untilNextDue())
		select {
		case <-ctx.Done():
			timer.Stop()
			return d.stop()
		case e := <-d.ended:
			if d.finishPass(e); e.pass.Err != nil && d.opt.Fatal(e.pass.Err) {
				timer.Stop()
				return e.pass.Err
			}
		case <-d.woken:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// runDue does what is due now.
func (d *Daemon) runDue() error {
	seen, distrusted := d.clock.compare()
	var err error
	for _, e := range seen {
		d.log.Warn("clock", "event", e.event, "by", e.by.Round(time.Millisecond).String())
		err = errors.Join(err, d.appendAgentEntry(e.event, map[string]any{"milliseconds": e.by.Milliseconds()}))
	}
	if distrusted {
		return err
	}
	d.startPasses()
	if d.opt.Elapsed()-d.wrote >= d.opt.Heartbeat {
		err = errors.Join(err, d.appendAgentEntry("heartbeat", nil))
	}
	return err
}

// startPasses begins a pass over each source that has something due.
func (d *Daemon) startPasses() {
	d.mu.Lock()
	defer d.mu.Unlock()
	now, elapsed := d.runner.opt.Now(), d.opt.Elapsed()
	for _, s := range d.runner.sources {
		p := d.plans[s]
		due := !p.due.IsZero() && !now.Before(p.due.Add(d.jitter(s)))
		again := p.retry > 0 && elapsed >= p.retry
		if p.reading || elapsed < p.pausedUntil || !due && !again || !d.gate.TryAcquire(1) {
			continue
		}
		p.reading = true
		d.busy++
		go d.pass(d.passes, d.runner, s, due, again)
	}
}

// pass reads one source: what is due, and what failed and may succeed now.
func (d *Daemon) pass(ctx context.Context, r *Runner, s *Source, due, again bool) {
	begun := d.opt.Elapsed()
	e := done{source: s, retry: again}
	e.pass.Sources = []string{s.Spec.Name}
	err := s.exclusive(ctx, func() error {
		t := r.tick()
		var err error
		if due {
			err = t.source(ctx, s, false)
		}
		if again && err == nil {
			err = t.retryStreams(ctx, s)
		}
		if t.panicked != nil {
			d.log.Error("callback", "error", t.panicked.Error())
		}
		e.pass.Runs, e.pass.Missed, e.due, e.retryable = t.runs, t.lost, r.wake(s, r.opt.Now()), len(s.ledger.Retryable) > 0
		return err
	})
	e.pass.Err, e.pass.Took = err, d.opt.Elapsed()-begun
	d.report(e.pass)
	d.gate.Release(1)
	select {
	case d.ended <- e:
	case <-d.over:
	}
}

// report calls Ended. A panic of it is logged: the pass has been recorded.
func (d *Daemon) report(p Pass) {
	d.reporting.Lock()
	defer d.reporting.Unlock()
	if err := catch("ended", func() { d.opt.Ended(p) }); err != nil {
		d.log.Error("callback", "error", err.Error())
	}
}

// finishPass plans what comes after a pass.
func (d *Daemon) finishPass(e done) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy--
	elapsed := d.opt.Elapsed()
	if e.pass.Slots() > 0 {
		d.wrote = elapsed
	}
	p := d.plans[e.source]
	if p == nil { // the configuration was exchanged meanwhile
		return
	}
	if p.reading = false; !e.due.IsZero() {
		p.due = e.due
	}
	if e.pass.Err != nil && d.work.Err() == nil {
		p.backOff(elapsed)
		d.log.Error("pass not ended", "source", e.source.Spec.Name, "error", e.pass.Err.Error())
		return
	}
	p.failed, p.pausedUntil = 0, 0
	p.plan(e, elapsed)
}

// backOff keeps away from a source, or from a log, that is in trouble: a minute,
// and twice as long each time, up to a quarter of an hour.
func (p *plan) backOff(elapsed time.Duration) {
	p.pausedUntil = elapsed + min(time.Minute<<min(p.failed, 4), 15*time.Minute)
	p.failed++
}

// plan says when retryable streams are tried again.
func (p *plan) plan(e done, elapsed time.Duration) {
	if !e.retryable {
		p.retry, p.tries = 0, 0
		return
	}
	if !e.retry && slices.ContainsFunc(e.pass.Runs, func(r evidence.Run) bool { return !r.Outcome.Complete() && r.Outcome != evidence.Missed }) {
		p.tries = 0 // a slot of its own failed, and not only what had failed before
	}
	if p.retry > elapsed {
		return // a stream that is read often must not put it off
	}
	p.retry = 0
	if p.tries < len(retryDelays) {
		p.retry = elapsed + retryDelays[p.tries]
		p.tries++
	}
}

// untilNextDue returns how long nothing is due, at most Poll.
func (d *Daemon) untilNextDue() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	nap, now, elapsed := d.opt.Poll, d.runner.opt.Now(), d.opt.Elapsed()
	for s, p := range d.plans {
		if p.reading {
			continue
		}
		if !p.due.IsZero() {
			nap = min(nap, max(p.due.Add(d.jitter(s)).Sub(now), p.pausedUntil-elapsed, time.Second))
		}
		if p.retry > 0 {
			nap = min(nap, max(p.retry-elapsed, p.pausedUntil-elapsed, time.Second))
		}
	}
	return nap
}

// jitter spreads the sources over a while, each always the same.
func (d *Daemon) jitter(s *Source) time.Duration {
	if d.opt.Jitter <= 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(s.Spec.Name)) // it never fails
	return time.Duration(h.Sum64() % uint64(d.opt.Jitter))
}

// stop ends what is under way: first it waits, then it cuts it short.
func (d *Daemon) stop() error {
	grace := time.AfterFunc(d.opt.Grace, func() { d.halt(errStopping) })
	defer grace.Stop()
	giveUp := time.NewTimer(d.opt.Grace + lastMoment)
	defer giveUp.Stop()
	for d.underWay() > 0 {
		select {
		case e := <-d.ended:
			d.finishPass(e)
		case <-d.woken: // a collection on demand has ended
		case <-giveUp.C:
			return d.appendAgentEntry("stopped", map[string]any{"unended": d.underWay()})
		}
	}
	d.halt(errStopping)
	return d.appendAgentEntry("stopped", nil)
}

// lastMoment is how long a reading may take to end after its context has.
const lastMoment = 4 * time.Second

func (d *Daemon) underWay() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.busy
}

// appendAgentEntry writes an entry about the agent itself.
func (d *Daemon) appendAgentEntry(event string, more map[string]any) error {
	body := map[string]any{"event": event}
	for k, v := range more {
		body[k] = v
	}
	e, err := evidence.WithBody(evidence.EntryAgent, body)
	if err != nil {
		return err
	}
	d.mu.Lock()
	log := d.runner.log
	d.mu.Unlock()
	err = log.Append(context.Background(), func(w evidence.Writer) error {
		_, err := w.Entry(e)
		return err
	})
	if err != nil {
		return fmt.Errorf("write that the agent has %s: %w", event, err)
	}
	d.wrote = d.opt.Elapsed()
	return nil
}
