package gap

import (
	"cmp"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// Result is what the evidence says of a period, as of an instant.
type Result struct {
	AsOf   time.Time `json:"as_of"`
	Period Period    `json:"period"`
	// Gaps are those of the period, by first_seen.
	Gaps     []Gap            `json:"gaps"`
	Tests    []TestResult     `json:"tests"`
	Controls []ControlResult  `json:"controls"`
	Criteria []CriterionState `json:"criteria"`
	Duties   []Occurrence     `json:"duties,omitempty"`
	Streams  []StreamCoverage `json:"streams"`
	Slots    SlotCounts       `json:"slots"`
}

// StreamCoverage tells how much of the period one stream was seen.
type StreamCoverage struct {
	Stream evidence.Stream `json:"stream"`
	Slots  SlotCounts      `json:"slots"`
	// Coverage is complete slots in percent of the expected ones, rounded down.
	Coverage float64 `json:"coverage"`
	// LastComplete is the observation time of the last complete run, ever.
	LastComplete *time.Time `json:"last_complete"`
	// Population counts the events of the period; absent for state streams.
	Population *int `json:"population,omitempty"`
}

// Result judges what was observed so far. asOf must not lie before the last
// observation; to look back, use Evaluate.
func (e *Engine) Result(asOf time.Time) *Result {
	asOf = asOf.UTC()
	r := &Result{AsOf: asOf, Period: e.period, Gaps: e.gaps()}
	for _, st := range e.sortedStreams() {
		r.Streams = append(r.Streams, st.coverage())
		r.Slots.plus(st.slots.SlotCounts)
	}
	found := index(r.Gaps)
	for _, ts := range e.tests {
		r.Tests = append(r.Tests, e.testResult(ts, found[ts.ID]))
	}
	e.dutyResults(r)
	slices.SortFunc(r.Tests, func(a, b TestResult) int { return cmp.Compare(a.Test, b.Test) })
	r.Gaps = sorted(r.Gaps)
	decide(r.Gaps, e.acts, asOf)
	r.Controls = e.controlResults(r.Tests)
	r.Criteria = e.criterionStates(r.Tests)
	return r
}

func (e *Engine) gaps() []Gap {
	gaps := make([]Gap, 0, len(e.spells))
	for _, s := range e.spells {
		if !s.void && s.within(e.period) {
			gaps = append(gaps, s.seal())
		}
	}
	return gaps
}

func (e *Engine) sortedStreams() []*stream {
	all := make([]*stream, 0, len(e.streams))
	for _, st := range e.streams {
		all = append(all, st)
	}
	slices.SortFunc(all, func(a, b *stream) int { return cmp.Compare(a.text, b.text) })
	return all
}

func (st *stream) coverage() StreamCoverage {
	c := StreamCoverage{Stream: st.id, Slots: st.slots.SlotCounts, Coverage: percent(st.slots.complete, st.slots.Expected)}
	if !st.good.IsZero() {
		at := st.good
		c.LastComplete = &at
	}
	if st.events != nil {
		n := 0
		for _, d := range st.events.days {
			n += pick(d == outside, 0, 1)
		}
		c.Population = &n
	}
	return c
}

// found are the gaps of one test.
type found struct {
	deviations, open int
	deviating        map[[2]string]int // stream and resource -> deviations
}

func index(gaps []Gap) map[string]*found {
	all := map[string]*found{}
	for _, g := range gaps {
		f := all[g.Test]
		if f == nil {
			f = &found{deviating: map[[2]string]int{}}
			all[g.Test] = f
		}
		if g.Kind.Finding() {
			f.deviations++
			f.deviating[[2]string{g.Stream, g.Resource}]++
			f.open += pick(g.FixedBy == nil, 1, 0)
		}
	}
	return all
}
