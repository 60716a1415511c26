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
		span := evidence.Span{From: s.period.From, To: s.period.To, AsOf: s.asOf}
		for run, err := range s.ev.Runs() {
			if err == nil && !(run.Stream.Kind == s.kind && span.Holds(run) && (s.period.Holds(run.Due) || windowed(run))) {
				continue
			}
			if !yield(run, err) || err != nil {
				return
			}
		}
	}
}

// windowed reports whether a run read events: what was read of a state after the
// period's end is of no item of the period.
func windowed(run evidence.Run) bool { return run.Certificate != nil && run.Certificate.Window != nil }

// coverage counts what was read of one stream.
type coverage struct {
	name            string // of the stream
	events          bool   // its records are events, in windows
	slots, complete int
	windows         []evidence.Window // of complete slots
	erased          bool              // retention took some records away
	until           time.Time         // until when events must have been read; zero while the period is not over
}

func newCoverage(s evidence.Stream, sel selection) coverage {
	c := coverage{name: s.String()}
	if !sel.asOf.Before(sel.period.To) {
		c.until = sel.period.To
	}
	return c
}

func (c *coverage) count(sel selection, run evidence.Run) {
	inPeriod := 0
	if sel.period.Holds(run.Due) {
		inPeriod = 1
	}
	c.slots += inPeriod
	cert := run.Certificate
	if cert == nil {
		return
	}
	c.events = c.events || cert.Window != nil
	if !run.Outcome.Complete() || !cert.Complete {
		return
	}
	c.complete += inPeriod
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
	case c.erased:
		return false
	case c.events:
		return tile(c.windows, period, c.until)
	}
	return c.complete > 0 && c.complete == c.slots
}

// tile reports whether windows leave no hole from the start of the period to
// the end of the last one, or of the period once that is over.
func tile(windows []evidence.Window, period result.Period, until time.Time) bool {
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
	return reach.After(period.From) && !reach.Before(until)
}
