package population

import (
	"iter"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/result"
)

// selection says which runs of the log a population is made of.
type selection struct {
	ev     gap.Evidence
	kind   evidence.Kind
	period result.Period
	asOf   time.Time
}

// runs yields the runs that count, in the order of the log.
func (s selection) runs() iter.Seq2[evidence.Run, error] {
	return func(yield func(evidence.Run, error) bool) {
		for run, err := range s.ev.Runs() {
			if err == nil && !s.holds(run) {
				continue
			}
			if !yield(run, err) || err != nil {
				return
			}
		}
	}
}

func (s selection) holds(run evidence.Run) bool {
	return run.Stream.Kind == s.kind && s.period.Holds(run.Due) && !run.Observed().After(s.asOf)
}

// coverage counts what was read of one stream.
type coverage struct {
	name            string // of the stream
	events          bool   // its records are events, in windows
	slots, complete int
	windows         []evidence.Window // of complete slots
	erased          bool              // retention took some records away
}

func newCoverage(s evidence.Stream) coverage { return coverage{name: s.String()} }

func (c *coverage) count(run evidence.Run) {
	c.slots++
	cert := run.Certificate
	if cert == nil {
		return
	}
	c.events = c.events || cert.Window != nil
	if !run.Outcome.Complete() || !cert.Complete {
		return
	}
	c.complete++
	if cert.Window != nil {
		c.windows = append(c.windows, *cert.Window)
	}
}

// member reports whether a record belongs to the population of the period: an
// event that the source dates does if it happened in it; a record without a
// time of its own belongs to the slot that read it.
func (c *coverage) member(effective *time.Time, period result.Period) bool {
	return !c.events || effective == nil || period.Holds(*effective)
}

func (c *coverage) stream(period result.Period, rows int) Stream {
	return Stream{Stream: c.name, Slots: c.slots, Complete: c.complete, Rows: rows, Whole: c.whole(period)}
}

func (c *coverage) whole(period result.Period) bool {
	switch {
	case c.erased || c.complete == 0:
		return false
	case c.events:
		return tile(c.windows, period)
	}
	return c.complete == c.slots
}

// tile reports whether windows leave no hole from the start of the period to
// the end of the last one.
func tile(windows []evidence.Window, period result.Period) bool {
	slices.SortFunc(windows, func(a, b evidence.Window) int { return a.From.Compare(b.From) })
	reach := period.From
	for _, w := range windows {
		if w.From.After(reach) {
			return false
		}
		if w.To.After(reach) {
			reach = w.To
		}
	}
	return reach.After(period.From)
}
