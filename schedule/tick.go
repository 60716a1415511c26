package schedule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// tick is one pass over the sources.
type tick struct {
	runner   *Runner
	now      time.Time
	progress Progress
	// panicked is the panic of progress, as an error; it is not called again.
	panicked error
	// read is called after each source, while no other pass over it can begin.
	read        func(*Source)
	runs        []evidence.Run // but the missed ones
	lost        map[string]int // how many of each source were missed
	done, total int
}

// appendMissedRoot writes the missed slots of a root, unless the source's own time shows
// that they are none: a clock that is far ahead counts slots as missed that are yet
// to come, and an entry of the log cannot be taken back.
func (t *tick) appendMissedRoot(ctx context.Context, missed slotRange, offsetMS *int64) error {
	if err := clockError(offsetMS); err != nil && missed.n > 0 && *offsetMS > 0 {
		return fmt.Errorf("%w: %d slots that it calls missed are not written: %w", ErrClock, missed.n, err)
	}
	return t.appendMissedRanges(ctx, []slotRange{missed}, false)
}

// ErrClock: the host's clock cannot be right, so that nothing was done. It is
// tried again; what was due meanwhile will be late or missed.
var ErrClock = errors.New("the host's clock is wrong")

// slotToFill returns the slot of a stream that is to be filled now: the newest one that
// is due, or one on demand. The ones before it were missed. There is none if
// ok is false.
func (t *tick) slotToFill(s *Source, st evidence.Stream, demanded bool) (slot evidence.Slot, missed slotRange, ok bool) {
	due := t.runner.due(s, st, t.now)
	if due.n == 0 {
		return t.demanded(st), due, demanded
	}
	newest, missed := due.newest()
	return evidence.Slot{Stream: st, Due: newest, Trigger: evidence.Scheduled}, missed, true
}

// source collects what is due of a source: the root first, as the other
// streams follow from it. A root that has ended its slot already, because the
// run was interrupted after it, is not read again.
func (t *tick) source(ctx context.Context, s *Source, demanded bool) error {
	root := s.root()
	visit := t.visit(ctx, s, root.Scope)
	if slot, missed, ok := t.slotToFill(s, root, demanded); ok {
		if err := t.root(ctx, s, slot, missed, visit); err != nil {
			return err
		}
	}
	return t.streams(ctx, s, demanded, visit)
}

// root reads the root stream and learns what follows from it.
func (t *tick) root(ctx context.Context, s *Source, slot evidence.Slot, missed slotRange, visit func() *transport.Visit) error {
	t.total += missed.n + 1
	snap := t.capture(ctx, visit, slot.Stream, t.window(s, slot.Stream))
	if err := t.appendMissedRoot(ctx, missed, snap.Certificate.ClockOffsetMS); err != nil {
		return err
	}
	if err := t.end(ctx, s, slot, snap); err != nil {
		return err
	}
	if snap.Err == nil && snap.Certificate.Complete {
		t.runner.learn(s, snap.Records, slot.Due)
	}
	return nil
}

// streams reads the known streams, several at a time, and writes them in
// order, so that the same evidence gives the same log.
func (t *tick) streams(ctx context.Context, s *Source, demanded bool, root func() *transport.Visit) error {
	var slots []evidence.Slot
	earlier := []slotRange{t.runner.before(s, s.root())}
	var missed []slotRange
	for _, st := range s.knownStreams() {
		earlier = append(earlier, t.runner.before(s, st))
		slot, before, ok := t.slotToFill(s, st, demanded)
		missed = append(missed, before)
		if ok {
			slots = append(slots, slot)
		}
	}
	t.total += len(slots) + count(missed) + count(earlier)
	if err := t.appendMissedRanges(ctx, earlier, true); err != nil {
		return err
	}
	if err := t.appendMissedRanges(ctx, missed, false); err != nil {
		return err
	}
	return t.readAll(ctx, s, slots, t.visits(ctx, s, slots, root))
}

// readAll captures the slots in parallel and ends them in order.
func (t *tick) readAll(ctx context.Context, s *Source, slots []evidence.Slot, visit map[evidence.Scope]func() *transport.Visit) error {
	snaps := make([]chan transport.Snapshot, len(slots))
	windows := make([]evidence.Window, len(slots)) // determined here, as the ledger changes while slots end
	for i, slot := range slots {
		snaps[i], windows[i] = make(chan transport.Snapshot, 1), t.window(s, slot.Stream)
	}
	var g errgroup.Group
	g.SetLimit(t.runner.opt.Parallel)
	ahead := make(chan struct{}, 4*t.runner.opt.Parallel) // bounds what waits in memory
	go func() {
		for i, slot := range slots {
			ahead <- struct{}{}
			g.Go(func() error {
				defer close(snaps[i])
				if ctx.Err() == nil { // what has not begun when we stop is still due
					snaps[i] <- t.capture(ctx, visit[slot.Stream.Scope], slot.Stream, windows[i])
				}
				return nil
			})
		}
	}()
	var err error
	for i, slot := range slots {
		snap, begun := <-snaps[i]
		<-ahead
		switch {
		case err != nil:
		case begun:
			err = t.end(ctx, s, slot, snap)
		default:
			err = fmt.Errorf("stopped before %s was read: %w", slot.Stream, ctx.Err())
		}
	}
	return err
}

// visit returns a function that opens a session, at its first use. One that hangs
// fails every slot that needs it, so that the next pass can try again.
func (t *tick) visit(ctx context.Context, s *Source, scope evidence.Scope) func() *transport.Visit {
	return sync.OnceValue(func() *transport.Visit {
		ctx, cancel := context.WithTimeout(ctx, t.runner.opt.SessionTimeout)
		defer cancel()
		return s.Visit(ctx, scope)
	})
}

// visits opens one session per scope; the root's may be open already.
func (t *tick) visits(ctx context.Context, s *Source, slots []evidence.Slot, root func() *transport.Visit) map[evidence.Scope]func() *transport.Visit {
	open := map[evidence.Scope]func() *transport.Visit{s.Collector().RootScope(): root}
	for _, slot := range slots {
		if scope := slot.Stream.Scope; open[scope] == nil {
			open[scope] = t.visit(ctx, s, scope)
		}
	}
	return open
}

// capture reads one stream within the slot's time; opening the session is part of it.
func (t *tick) capture(ctx context.Context, visit func() *transport.Visit, st evidence.Stream, w evidence.Window) transport.Snapshot {
	if err := t.begin(st); err != nil {
		return transport.Snapshot{Err: err, Certificate: evidence.Certificate{Started: t.now, Ended: t.now, Scopes: []evidence.ScopeResult{}}}
	}
	ctx, cancel := context.WithTimeout(ctx, t.runner.opt.SlotTimeout)
	defer cancel()
	return visit().Capture(ctx, st.Kind, w)
}

// begin notes that a stream is going to be read; an error is why it is not read again.
func (t *tick) begin(st evidence.Stream) error {
	if t.runner.opt.Attempts == nil {
		return nil
	}
	died, err := t.runner.opt.Attempts.Begin(st)
	if err != nil {
		return fmt.Errorf("note that %s is being read: %w", st, err)
	}
	if died >= maxDeaths {
		return fmt.Errorf("the agent died %d times while it read this stream, and does not read it again for this slot: see what the source sends, and how much memory there is", died)
	}
	return nil
}

// window returns the population that the slot must read: from where the last
// complete reading ended, less what the source may add late, to now.
func (t *tick) window(s *Source, st evidence.Stream) evidence.Window {
	kind, _ := s.Spec.Kind(st.Kind)
	if kind.Mode != evidence.Event {
		return evidence.Window{}
	}
	if read := s.ledger.Read[st]; !read.IsZero() {
		from := read.Add(-kind.Late).UTC()
		if from.After(t.now) { // our clock was put back
			from = t.now
		}
		return evidence.Window{From: from, To: t.now, After: s.ledger.Mark[st]}
	}
	if b := t.runner.opt.Begin; !b.IsZero() && b.Before(t.now) {
		return evidence.Window{From: b.UTC(), To: t.now}
	}
	return evidence.Window{From: t.now.AddDate(0, 0, -1), To: t.now} // before the period has begun
}

// end writes down how a slot ended.
func (t *tick) end(ctx context.Context, s *Source, slot evidence.Slot, snap transport.Snapshot) error {
	run := evidence.Run{Slot: slot, Certificate: &snap.Certificate}
	run.Outcome, run.Reason = t.outcome(ctx, slot, snap)
	snap.Certificate.Complete = run.Outcome.Complete()
	clampWindow(snap.Certificate.Window, snap.Certificate.ClockOffsetMS)
	runs := []evidence.Run{run}
	if err := t.append(ctx, runs, &snap); err != nil {
		return fmt.Errorf("write the slot of %s: %w", slot.Stream, err)
	}
	if t.runner.opt.Attempts != nil {
		t.runner.opt.Attempts.End(slot.Stream)
	}
	if run.Reason != nil {
		t.runner.opt.Log.Warn("slot not complete", "stream", slot.Stream.String(), "outcome", run.Outcome, "reason", run.Reason.String())
	}
	return nil
}

// maxOffset is how far our clock may be from the source's. Beyond it, what was
// due, and which events a window holds, is not known.
const maxOffset = 10 * time.Minute

// clampWindow ends a window no later than the source's own time, which is behind a
// clock of ours that is ahead.
func clampWindow(w *evidence.Window, offsetMS *int64) {
	if w == nil || offsetMS == nil || *offsetMS <= 0 {
		return
	}
	if to := w.To.Add(-time.Duration(*offsetMS) * time.Millisecond); to.After(w.From) {
		w.To = to
	}
}

func clockError(offsetMS *int64) error {
	if offsetMS == nil {
		return nil
	}
	if off := time.Duration(*offsetMS) * time.Millisecond; off.Abs() > maxOffset {
		return collectors.Incomplete("our clock is %s ahead of the source's: set the host's time", off.Round(time.Second))
	}
	return nil
}

// outcome returns how a slot ended, and why, if not as planned. Partial needs at
// least one scope that was read completely.
func (t *tick) outcome(ctx context.Context, slot evidence.Slot, snap transport.Snapshot) (evidence.Outcome, *evidence.Reason) {
	err := snap.Err
	if err == nil {
		err = clockError(snap.Certificate.ClockOffsetMS)
	}
	if err == nil && !snap.Certificate.Complete {
		err = collectors.Incomplete("the certificate is not complete")
	}
	switch {
	case err == nil && slot.Trigger == evidence.Scheduled && t.now.Sub(slot.Due) > t.runner.opt.Tolerance:
		return evidence.Late, &evidence.Reason{Class: evidence.AgentOff, Detail: "collected " + t.now.Sub(slot.Due).Round(time.Minute).String() + " after it was due"}
	case err == nil:
		return evidence.Collected, nil
	}
	reason := collectors.ReasonOf(err)
	if errors.Is(err, context.Canceled) {
		reason = canceledReason(ctx)
	}
	for _, sc := range snap.Certificate.Scopes {
		if sc.Status == evidence.ScopeRead {
			return evidence.Partial, &reason
		}
	}
	return evidence.Failed, &reason
}

// append writes runs, with the blobs of snap for the only one of them, and adds
// them to the ledger before anyone else learns of them: a slot that is in the log is
// never read again. A collection that was interrupted is still written: that is
// evidence too.
func (t *tick) append(ctx context.Context, runs []evidence.Run, snap *transport.Snapshot) error {
	err := t.runner.log.Append(context.WithoutCancel(ctx), func(w evidence.Writer) error {
		if snap != nil {
			if err := t.runner.writeBlobs(w, &runs[0], *snap); err != nil {
				return err
			}
		}
		for i := range runs {
			e := evidence.Entry{Type: evidence.EntryRun, Run: &runs[i]}
			if runs[i].Trigger == evidence.OnDemand {
				e.Actor = evidence.ActorFrom(ctx)
			}
			if _, err := w.Entry(e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range runs {
		t.runner.source(r.Stream.Source).ledger.add(r)
		if r.Outcome == evidence.Missed {
			t.lost[r.Stream.Source]++
		} else {
			t.runs = append(t.runs, r)
		}
	}
	for _, r := range runs {
		t.done++
		t.report(r)
	}
	return nil
}

// ErrCallback: a callback of the caller panicked. What was collected is recorded all
// the same.
var ErrCallback = errors.New("a callback panicked")

// report calls progress. A panic of it is the caller's error, and changes nothing
// of what was recorded.
func (t *tick) report(r evidence.Run) {
	if t.panicked != nil {
		return
	}
	t.panicked = catch("progress", func() { t.progress(r, t.done, max(t.total, t.done)) })
}

// catch calls a callback, and returns its panic as an error.
func catch(name string, callback func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %s: %v", ErrCallback, name, p)
		}
	}()
	callback()
	return nil
}

// writeBlobs stores a snapshot. What a failed slot happened to read is not
// kept as records: it must not pass for the population.
func (r *Runner) writeBlobs(w evidence.Writer, run *evidence.Run, snap transport.Snapshot) (err error) {
	of := evidence.Series{Stream: run.Stream, Content: evidence.ContentExchanges}
	if run.Exchanges, err = writeLines(w, of, snap.Exchanges); err != nil {
		return fmt.Errorf("exchanges: %w", err)
	}
	if run.Outcome == evidence.Failed {
		return nil
	}
	kind, _ := r.source(run.Stream.Source).Spec.Kind(run.Stream.Kind)
	of.Content, of.Volatile = evidence.ContentRecords, kind.Volatile
	if run.Records, err = writeLines(w, of, snap.Records); err != nil {
		return fmt.Errorf("records: %w", err)
	}
	return nil
}

func writeLines[T any](w evidence.Writer, of evidence.Series, items []T) (*evidence.Ref, error) {
	b, err := evidence.Lines(items)
	if err != nil {
		return nil, err
	}
	ref, err := w.Blob(of, bytes.NewReader(b), len(items))
	return &ref, err
}
