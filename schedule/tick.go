package schedule

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// tick is one pass over the sources.
type tick struct {
	runner      *Runner
	now         time.Time
	runs        []evidence.Run
	done, total int
}

// missed writes slots that nobody filled.
func (t *tick) missed(ctx context.Context, runs []evidence.Run) error {
	if len(runs) == 0 {
		return nil
	}
	if err := t.append(ctx, runs, nil); err != nil {
		return fmt.Errorf("write the missed slots: %w", err)
	}
	for _, r := range runs {
		t.runner.source(r.Stream.Source).ledger.note(r)
	}
	return nil
}

// fill gives the slot of a stream that is to be filled now: the newest one that
// is due, or one on demand. The ones before it were missed. There is none if
// ok is false.
func (t *tick) fill(s *Source, st evidence.Stream, demanded bool) (slot evidence.Slot, missed []evidence.Run, ok bool) {
	due := t.runner.due(s, st, t.now)
	if len(due) == 0 {
		return evidence.Slot{Stream: st, Due: t.now, Trigger: evidence.OnDemand}, nil, demanded
	}
	newest := len(due) - 1
	for _, d := range due[:newest] {
		missed = append(missed, missedRun(st, d))
	}
	return evidence.Slot{Stream: st, Due: due[newest], Trigger: evidence.Scheduled}, missed, true
}

// source collects what is due of a source: the root first, as the other
// streams follow from it. A root that has ended its slot already, because the
// run was interrupted after it, is not read again.
func (t *tick) source(ctx context.Context, s *Source, demanded bool) error {
	root := s.root()
	visit := sync.OnceValue(func() *collectors.Visit { return s.Visit(ctx, root.Scope) })
	slot, missed, ok := t.fill(s, root, demanded)
	if ok {
		t.total += len(missed) + 1
		if err := t.missed(ctx, missed); err != nil {
			return err
		}
		snap := t.capture(ctx, visit(), root, t.window(s, root))
		if err := t.end(ctx, s, slot, snap); err != nil {
			return err
		}
		if snap.Err == nil && snap.Certificate.Complete {
			s.learn(snap.Records, slot.Due, t.runner.firstExpected(s, slot.Due))
		}
	}
	return t.streams(ctx, s, demanded, visit)
}

// streams reads the known streams, several at a time, and writes them in
// order, so that the same evidence gives the same log.
func (t *tick) streams(ctx context.Context, s *Source, demanded bool, root func() *collectors.Visit) error {
	var slots []evidence.Slot
	var missed []evidence.Run
	for _, st := range s.known() {
		slot, before, ok := t.fill(s, st, demanded)
		missed = append(missed, before...)
		if ok {
			slots = append(slots, slot)
		}
	}
	t.total += len(slots) + len(missed)
	slices.SortStableFunc(missed, func(a, b evidence.Run) int { return a.Due.Compare(b.Due) })
	if err := t.missed(ctx, missed); err != nil {
		return err
	}
	return t.readAll(ctx, s, slots, t.visits(ctx, s, slots, root))
}

// readAll captures the slots in parallel and ends them in order.
func (t *tick) readAll(ctx context.Context, s *Source, slots []evidence.Slot, visit func(evidence.Scope) *collectors.Visit) error {
	snaps := make([]chan collectors.Snapshot, len(slots))
	windows := make([]evidence.Window, len(slots)) // asked for here, as the ledger changes while slots end
	for i, slot := range slots {
		snaps[i], windows[i] = make(chan collectors.Snapshot, 1), t.window(s, slot.Stream)
	}
	var g errgroup.Group
	g.SetLimit(t.runner.opt.Parallel)
	ahead := make(chan struct{}, 4*t.runner.opt.Parallel) // bounds what waits in memory
	go func() {
		for i, slot := range slots {
			ahead <- struct{}{}
			g.Go(func() error {
				snaps[i] <- t.capture(ctx, visit(slot.Stream.Scope), slot.Stream, windows[i])
				return nil
			})
		}
	}()
	var err error
	for i, slot := range slots {
		snap := <-snaps[i]
		<-ahead
		if err == nil {
			err = t.end(ctx, s, slot, snap)
		}
	}
	return err
}

// visits opens one session per scope, at its first use; the root's may be open already.
func (t *tick) visits(ctx context.Context, s *Source, slots []evidence.Slot, root func() *collectors.Visit) func(evidence.Scope) *collectors.Visit {
	open := map[evidence.Scope]func() *collectors.Visit{s.Collector().RootScope(): root}
	for _, slot := range slots {
		if scope := slot.Stream.Scope; open[scope] == nil {
			open[scope] = sync.OnceValue(func() *collectors.Visit { return s.Visit(ctx, scope) })
		}
	}
	return func(sc evidence.Scope) *collectors.Visit { return open[sc]() }
}

// capture reads one stream within the slot's time.
func (t *tick) capture(ctx context.Context, v *collectors.Visit, st evidence.Stream, w evidence.Window) collectors.Snapshot {
	ctx, cancel := context.WithTimeout(ctx, t.runner.opt.SlotTimeout)
	defer cancel()
	return v.Capture(ctx, st.Kind, w)
}

// window gives the population that the slot must read: from where the last
// whole reading ended, less what the source may add late, to now.
func (t *tick) window(s *Source, st evidence.Stream) evidence.Window {
	kind, _ := s.Spec.Kind(st.Kind)
	if kind.Mode != evidence.Event {
		return evidence.Window{}
	}
	if read := s.ledger.read[st]; !read.IsZero() {
		return evidence.Window{From: read.Add(-kind.Late).UTC(), To: t.now, After: s.ledger.mark[st]}
	}
	if b := t.runner.opt.Begin; !b.IsZero() && b.Before(t.now) {
		return evidence.Window{From: b.UTC(), To: t.now}
	}
	return evidence.Window{From: t.now.AddDate(0, 0, -1), To: t.now} // before the period has begun
}

// end writes down how a slot ended.
func (t *tick) end(ctx context.Context, s *Source, slot evidence.Slot, snap collectors.Snapshot) error {
	run := evidence.Run{Slot: slot, Certificate: &snap.Certificate}
	run.Outcome, run.Reason = t.outcome(slot, snap)
	snap.Certificate.Complete = run.Outcome.Complete()
	bringBack(snap.Certificate.Window, snap.Certificate.ClockOffsetMS)
	runs := []evidence.Run{run}
	if err := t.append(ctx, runs, &snap); err != nil {
		return fmt.Errorf("write the slot of %s: %w", slot.Stream, err)
	}
	s.ledger.note(runs[0])
	if run.Reason != nil {
		t.runner.opt.Log.Warn("slot not complete", "stream", slot.Stream.String(), "outcome", run.Outcome, "reason", run.Reason.String())
	}
	return nil
}

// maxOffset is how far our clock may be from the source's. Beyond it, what was
// due, and which events a window holds, is not known.
const maxOffset = 10 * time.Minute

// bringBack ends a window no later than the source's own time: what our clock,
// being ahead, calls past has not happened there yet.
func bringBack(w *evidence.Window, offsetMS *int64) {
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

// outcome names how a slot ended. Partial needs at least one scope that was read whole.
func (t *tick) outcome(slot evidence.Slot, snap collectors.Snapshot) (evidence.Outcome, *evidence.Reason) {
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
	for _, sc := range snap.Certificate.Scopes {
		if sc.Status == evidence.ScopeRead {
			return evidence.Partial, &reason
		}
	}
	return evidence.Failed, &reason
}

// append writes runs, with the blobs of snap for the only one of them. A
// collection that was interrupted is still written down: that is evidence too.
func (t *tick) append(ctx context.Context, runs []evidence.Run, snap *collectors.Snapshot) error {
	err := t.runner.log.Append(context.WithoutCancel(ctx), func(w evidence.Writer) error {
		if snap != nil {
			if err := t.runner.writeBlobs(w, &runs[0], *snap); err != nil {
				return err
			}
		}
		for i := range runs {
			if _, err := w.Entry(evidence.Entry{Type: evidence.EntryRun, Run: &runs[i]}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range runs {
		t.done++
		t.runner.opt.Progress(r, t.done, max(t.total, t.done))
	}
	t.runs = append(t.runs, runs...)
	return nil
}

// writeBlobs stores a snapshot. What a failed slot happened to read is not
// kept as records: it must not pass for the population.
func (r *Runner) writeBlobs(w evidence.Writer, run *evidence.Run, snap collectors.Snapshot) (err error) {
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
