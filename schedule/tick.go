package schedule

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
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

// missed writes the slots that nobody filled and returns the newest one that
// is due, which can still be filled; its Due is zero if there is none.
func (t *tick) missed(ctx context.Context, s *Source) (evidence.Slot, error) {
	var due []time.Time
	for d := range s.When.Due(cmp.Or(s.ledger.last, t.firstExpected(s)), t.now) {
		due = append(due, d)
	}
	if len(due) == 0 {
		return evidence.Slot{}, nil
	}
	newest := evidence.Slot{Due: due[len(due)-1], Trigger: evidence.Scheduled}
	if due = due[:len(due)-1]; len(due) == 0 {
		return newest, nil
	}
	runs := s.missedRuns(due)
	t.total += len(runs)
	if err := t.append(ctx, runs, nil); err != nil {
		return newest, fmt.Errorf("write the missed slots of %s: %w", s.Spec.Name, err)
	}
	for _, r := range runs {
		s.ledger.note(r)
	}
	return newest, nil
}

// firstExpected is where the ledger of a source without a past begins: the
// start of the period, when it has begun. Only its root is known then.
func (t *tick) firstExpected(s *Source) time.Time {
	if b := t.runner.opt.Begin; !b.IsZero() && b.Before(t.now) {
		return b.Add(-time.Second)
	}
	return s.lastDueBefore(t.now)
}

// lastDueBefore gives a time just before the newest due time, within a year.
func (s *Source) lastDueBefore(now time.Time) time.Time {
	last := now
	for d := range s.When.Due(now.AddDate(-1, 0, 0), now) {
		last = d.Add(-time.Second)
	}
	return last
}

func (s *Source) missedRuns(due []time.Time) (runs []evidence.Run) {
	streams := append([]evidence.Stream{s.root()}, s.known()...)
	for _, d := range due {
		for _, st := range streams {
			runs = append(runs, evidence.Run{Slot: evidence.Slot{Stream: st, Due: d, Trigger: evidence.Scheduled}, Outcome: evidence.Missed,
				Reason: &evidence.Reason{Class: evidence.AgentOff, Detail: "the agent was not running when the slot was due"}})
		}
	}
	return runs
}

// source collects one slot of every stream of a source: the root first, as
// the others follow from it.
func (t *tick) source(ctx context.Context, s *Source, slot evidence.Slot) error {
	root := s.root()
	t.total += 1 + len(s.ledger.streams)
	visit := s.Visit(ctx, root.Scope)
	snap := t.capture(ctx, s, visit, root)
	if err := t.end(ctx, s, root, slot, snap); err != nil {
		return err
	}
	if snap.Err == nil && snap.Certificate.Complete {
		before := len(s.ledger.streams)
		s.learn(snap.Records)
		t.total += len(s.ledger.streams) - before
	}
	return t.streams(ctx, s, slot, visit)
}

// streams reads the known streams, several at a time, and writes them in
// order, so that the same evidence gives the same log.
func (t *tick) streams(ctx context.Context, s *Source, slot evidence.Slot, root *collectors.Visit) error {
	known := s.known()
	snaps := make([]chan collectors.Snapshot, len(known))
	for i := range snaps {
		snaps[i] = make(chan collectors.Snapshot, 1)
	}
	visits := t.visits(ctx, s, known, root)
	var g errgroup.Group
	g.SetLimit(t.runner.opt.Parallel)
	ahead := make(chan struct{}, 2*t.runner.opt.Parallel) // bounds what waits in memory
	go func() {
		for i, st := range known {
			ahead <- struct{}{}
			g.Go(func() error { snaps[i] <- t.capture(ctx, s, visits(st.Scope), st); return nil })
		}
	}()
	var err error
	for i, st := range known {
		snap := <-snaps[i]
		<-ahead
		if err == nil {
			err = t.end(ctx, s, st, slot, snap)
		}
	}
	return err
}

// visits opens one session per scope, at its first use; the root's is open already.
func (t *tick) visits(ctx context.Context, s *Source, known []evidence.Stream, root *collectors.Visit) func(evidence.Scope) *collectors.Visit {
	open := map[evidence.Scope]func() *collectors.Visit{s.Collector().RootScope(): func() *collectors.Visit { return root }}
	for _, st := range known {
		if open[st.Scope] == nil {
			open[st.Scope] = sync.OnceValue(func() *collectors.Visit { return s.Visit(ctx, st.Scope) })
		}
	}
	return func(sc evidence.Scope) *collectors.Visit { return open[sc]() }
}

// capture reads one stream within the slot's time.
func (t *tick) capture(ctx context.Context, s *Source, v *collectors.Visit, st evidence.Stream) collectors.Snapshot {
	ctx, cancel := context.WithTimeout(ctx, t.runner.opt.SlotTimeout)
	defer cancel()
	return v.Capture(ctx, st.Kind, t.window(s, st))
}

// window gives the population that the slot must read: from where the last
// whole reading ended, less what the source may add late, to now.
func (t *tick) window(s *Source, st evidence.Stream) evidence.Window {
	kind, _ := s.Spec.Kind(st.Kind)
	if kind.Mode != evidence.Event {
		return evidence.Window{}
	}
	from := cmp.Or(s.ledger.read[st], t.runner.opt.Begin, t.now.AddDate(0, 0, -1))
	if from = from.Add(-kind.Late); from.Before(t.runner.opt.Begin) {
		from = t.runner.opt.Begin
	}
	return evidence.Window{From: from.UTC(), To: t.now}
}

// end writes down how a slot ended.
func (t *tick) end(ctx context.Context, s *Source, st evidence.Stream, slot evidence.Slot, snap collectors.Snapshot) error {
	slot.Stream = st
	run := evidence.Run{Slot: slot, Certificate: &snap.Certificate}
	run.Outcome, run.Reason = t.outcome(slot, snap)
	runs := []evidence.Run{run}
	if err := t.append(ctx, runs, &snap); err != nil {
		return fmt.Errorf("write the slot of %s: %w", st, err)
	}
	s.ledger.note(runs[0])
	if run.Reason != nil {
		t.runner.opt.Log.Warn("slot not complete", "stream", st.String(), "outcome", run.Outcome, "reason", run.Reason.String())
	}
	return nil
}

// outcome names how a slot ended. Partial needs at least one scope that was read whole.
func (t *tick) outcome(slot evidence.Slot, snap collectors.Snapshot) (evidence.Outcome, *evidence.Reason) {
	err := snap.Err
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
			if err := writeBlobs(w, &runs[0], *snap); err != nil {
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
func writeBlobs(w evidence.Writer, run *evidence.Run, snap collectors.Snapshot) (err error) {
	if run.Exchanges, err = writeLines(w, snap.Exchanges); err != nil {
		return fmt.Errorf("exchanges: %w", err)
	}
	if run.Outcome == evidence.Failed {
		return nil
	}
	if run.Records, err = writeLines(w, snap.Records); err != nil {
		return fmt.Errorf("records: %w", err)
	}
	return nil
}

func writeLines[T any](w evidence.Writer, items []T) (*evidence.Ref, error) {
	b, err := evidence.Lines(items)
	if err != nil {
		return nil, err
	}
	ref, err := w.Blob(bytes.NewReader(b), len(items))
	return &ref, err
}
