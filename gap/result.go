package gap

import (
	"cmp"
	"slices"
	"time"

	"github.com/evidenced/evidenced/gap/result"
)

// Result returns verdicts and gaps as of asOf, which must not lie before the last
// observation: to look back, use Evaluate. The engine can go on afterwards.
func (e *Engine) Result(asOf time.Time) *result.Result {
	asOf = asOf.UTC()
	r := &result.Result{AsOf: asOf, Period: e.period, Gaps: e.periodGaps()}
	for _, st := range e.sortedStreams() {
		r.Streams = append(r.Streams, st.coverage())
		r.Slots.Add(st.slots.SlotCounts)
		if e.unreadAtEnd(st, asOf) {
			r.Unread = append(r.Unread, st.text)
		}
	}
	found := gapsByTest(r.Gaps)
	for _, ts := range e.tests {
		r.Tests = append(r.Tests, e.testResult(ts, found[ts.ID], asOf))
	}
	e.dutyResults(r)
	slices.SortFunc(r.Tests, func(a, b result.TestResult) int { return cmp.Compare(a.Test, b.Test) })
	acts := e.known(asOf)
	r.Gaps = append(r.Gaps, rollbackGaps(acts, e.period, asOf)...)
	r.Gaps = sortGaps(r.Gaps)
	applyDecisions(r.Gaps, acts, asOf)
	r.Controls = e.controlResults(r.Tests, r.Gaps)
	r.Criteria = e.criterionStates(r.Tests)
	return r
}

func (e *Engine) periodGaps() []result.Gap {
	gaps := make([]result.Gap, 0, len(e.tracked))
	for _, g := range e.tracked {
		if !g.retracted && g.belongsTo(e.period) {
			gaps = append(gaps, g.snapshot())
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

func (st *stream) coverage() result.StreamCoverage {
	c := result.StreamCoverage{Stream: st.id, Slots: st.slots.SlotCounts, Coverage: result.Percent(st.slots.complete, st.slots.Expected)}
	if !st.lastCompleteRun.IsZero() {
		at := st.lastCompleteRun
		c.LastComplete = &at
	}
	if st.events != nil {
		n := 0
		for _, d := range st.events.days {
			n += pick(d == outsidePeriod, 0, 1)
		}
		c.Population = &n
	}
	return c
}

// testGaps sums up the gaps of one test.
type testGaps struct {
	deviations, open int
	deviating        map[[2]string]int // stream and resource -> deviations
}

func gapsByTest(gaps []result.Gap) map[string]*testGaps {
	all := map[string]*testGaps{}
	for _, g := range gaps {
		f := all[g.Test]
		if f == nil {
			f = &testGaps{deviating: map[[2]string]int{}}
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
