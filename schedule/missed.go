package schedule

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// slotRange is some consecutive slots of one stream that were not filled. After a
// year off there may be millions: they are written as they are enumerated.
type slotRange struct {
	stream evidence.Stream
	spec   Spec
	after  time.Time // they are due after it
	last   time.Time // and this is the last of them
	n      int
}

// newSlotRange returns the slots due in (after, until].
func newSlotRange(st evidence.Stream, spec Spec, after, until time.Time) slotRange {
	s := slotRange{stream: st, spec: spec, after: after}
	for s.last = range spec.Due(after, until) {
		s.n++
	}
	return s
}

// newest returns the due time of the last slot, and the range without it.
func (s slotRange) newest() (time.Time, slotRange) {
	due := s.last
	s.last, s.n = due.Add(-time.Second), s.n-1
	return due, s
}

// between yields the slots due in (from, to].
func (s slotRange) between(from, to time.Time) iter.Seq[time.Time] {
	if to.After(s.last) {
		to = s.last
	}
	if s.n == 0 {
		return func(func(time.Time) bool) {}
	}
	return s.spec.Due(later(from, s.after), to)
}

func count(ranges []slotRange) (n int) {
	for _, s := range ranges {
		n += s.n
	}
	return n
}

// window is how much of the ranges is sorted at a time.
const window = 24 * time.Hour

// windows yields the intervals of time that cover the ranges.
func windows(ranges []slotRange, newestFirst bool) iter.Seq2[time.Time, time.Time] {
	ranges = slices.DeleteFunc(slices.Clone(ranges), func(s slotRange) bool { return s.n == 0 })
	return func(yield func(from, to time.Time) bool) {
		if len(ranges) == 0 {
			return
		}
		first := slices.MinFunc(ranges, func(a, b slotRange) int { return a.after.Compare(b.after) }).after
		last := slices.MaxFunc(ranges, func(a, b slotRange) int { return a.last.Compare(b.last) }).last
		n := int(last.Sub(first)/window) + 1
		for i := range n {
			if newestFirst {
				i = n - 1 - i
			}
			from := first.Add(time.Duration(i) * window)
			if !yield(from, from.Add(window)) {
				return
			}
		}
	}
}

// appendMissedRanges writes slots that were not filled, in the order in which they
// were due. Those before the first one in the log are written newest first: where the
// log begins is then what is left to be written.
func (t *tick) appendMissedRanges(ctx context.Context, ranges []slotRange, newestFirst bool) error {
	var runs []evidence.Run
	for from, to := range windows(ranges, newestFirst) {
		begin := len(runs)
		for _, s := range ranges {
			for due := range s.between(from, to) {
				runs = append(runs, t.runner.missed(s.stream, due))
			}
		}
		slices.SortStableFunc(runs[begin:], func(a, b evidence.Run) int {
			if newestFirst {
				return b.Due.Compare(a.Due)
			}
			return a.Due.Compare(b.Due)
		})
		for len(runs) >= atOnce {
			if err := t.appendMissed(ctx, runs[:atOnce]); err != nil {
				return err
			}
			runs = slices.Clone(runs[atOnce:])
		}
	}
	return t.appendMissed(ctx, runs)
}

// atOnce is how many missed slots one transaction holds: after a long time off
// there are many, and a process that dies at the last of them must not begin anew.
const atOnce = 5000

// appendMissed writes some missed slots.
func (t *tick) appendMissed(ctx context.Context, runs []evidence.Run) error {
	if len(runs) == 0 {
		return nil
	}
	if err := t.append(ctx, runs, nil); err != nil {
		return fmt.Errorf("write the missed slots: %w", err)
	}
	return nil
}
