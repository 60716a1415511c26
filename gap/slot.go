package gap

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// testState is one test over all its streams.
type testState struct {
	Test
	rule    *rule
	streams []*stream
	// population counts the resources or events of the period that the test applies to.
	population int
	// marks is the gravest verdict of the slots of each day of the period.
	marks []code
	// events counts the verdicts of the events of each day of the period.
	events []counts
}

func newTestState(t Test, r *rule, p Period) *testState {
	return &testState{Test: t, rule: r, marks: make([]code, p.days())}
}

func (ts *testState) count(n int) { ts.population += n }

// gravity orders the verdicts of one day.
var gravity = [codes]int{cNone: 0, cNA: 1, cPass: 2, cUnknown: 3, cFail: 4}

func (ts *testState) mark(day int, c code) {
	if gravity[c] > gravity[ts.marks[day]] {
		ts.marks[day] = c
	}
}

// judgeSlot gives each test of the stream its verdict for this slot.
func (e *Engine) judgeSlot(st *stream, o observation) {
	for i, ts := range st.plan.tests {
		t := &st.tests[i]
		t.verdict = cUnknown
		if o.usable {
			t.verdict = ts.slot(t.slot, o.complete)
			e.judgeWhole(st, i, o)
			e.judgeDim(st, i, o)
		}
		if o.inPeriod {
			ts.mark(e.period.day(o.due), t.verdict)
		}
	}
}

// slot gives the verdict of one snapshot. What was seen failing fails, but
// only a complete one can pass.
func (ts *testState) slot(n counts, complete bool) code {
	switch ts.Mode {
	case Exists:
		return exists(n, complete)
	case AtMost:
		return atMost(n, ts.Max, complete)
	}
	switch {
	case n[cFail] > 0:
		return cFail
	case !complete || n[cUnknown] > 0:
		return cUnknown
	case n[cPass] > 0:
		return cPass
	}
	return cNA
}

func exists(n counts, complete bool) code {
	switch {
	case n[cPass] > 0:
		return cPass
	case !complete || n[cUnknown] > 0:
		return cUnknown
	}
	return cFail
}

func atMost(n counts, limit int, complete bool) code {
	switch {
	case n[cPass] > limit:
		return cFail
	case !complete || n[cPass]+n[cUnknown] > limit:
		return cUnknown
	}
	return cPass
}

// judgeWhole keeps the gap of a test whose resource is the stream as a whole.
func (e *Engine) judgeWhole(st *stream, i int, o observation) {
	ts, t := st.plan.tests[i], &st.tests[i]
	if ts.Mode == Each || st.events != nil {
		return
	}
	if o.inPeriod && !t.counted {
		t.counted = true
		ts.count(1)
	}
	at := st.judged
	switch t.verdict {
	case cPass:
		t.fine = at
		if t.whole != nil {
			t.whole.fix(at, "")
			t.whole = nil
		}
	case cFail:
		if t.whole == nil {
			t.whole = e.open(ts.wholeGap(st, t.slot), ts.SLADays, at, t.fine)
		}
		t.whole.LastSeen = at
	}
}

func (ts *testState) wholeGap(st *stream, n counts) Gap {
	g := ts.gap(ts.finds(), st, string(st.id.Scope), string(st.id.Scope))
	g.Reason = fmt.Sprintf("none of %d records: %s", len(st.order), ts.Title)
	if ts.Mode == AtMost {
		g.Reason = fmt.Sprintf("%d, at most %d allowed: %s", n[cPass], ts.Max, ts.Title)
	}
	return g
}

// judgeDim keeps the gap of a test whose records do not say enough, where the
// run itself was complete.
func (e *Engine) judgeDim(st *stream, i int, o observation) {
	if !o.complete {
		return
	}
	ts, t, at := st.plan.tests[i], &st.tests[i], st.judged
	if n := t.slot[cUnknown]; n > 0 && (ts.Mode == Each || t.verdict == cUnknown) {
		e.dim(st, i, at, n, len(st.order), st.whys(i))
		return
	}
	t.lighten(at)
}

// dim opens or prolongs the gap of a test that n of all records leave unanswered.
func (e *Engine) dim(st *stream, i int, at time.Time, n, all int, whys []string) {
	ts, t := st.plan.tests[i], &st.tests[i]
	if t.dim == nil {
		g := ts.gap(Blind, st, "", "")
		g.Severity = blindSeverity
		g.Reason = fmt.Sprintf("%d of %d records %s", n, all, joinWhys(whys))
		t.dim = e.open(g, blindSLADays, at, t.clear)
	}
	t.dim.LastSeen = at
}

func (t *streamTest) lighten(at time.Time) {
	t.clear = at
	if t.dim == nil {
		return
	}
	if !at.After(t.dim.LastSeen) { // another reading of the same instant said it
		t.dim.LastSeen, t.dim.void = t.dim.FirstSeen, !at.After(t.dim.FirstSeen)
	}
	t.dim.fix(at, "")
	t.dim = nil
}

func (st *stream) whys(i int) []string {
	var whys []string
	for _, r := range st.order {
		if c := &r.cells[i]; c.code == cUnknown {
			whys = append(whys, c.why)
		}
	}
	return whys
}

const maxWhys = 3 // distinct causes that a reason lists

func joinWhys(whys []string) string {
	slices.Sort(whys)
	whys = slices.Compact(whys)
	if len(whys) > maxWhys {
		whys = append(whys[:maxWhys:maxWhys], fmt.Sprintf("and %d other causes", len(whys)-maxWhys))
	}
	return strings.Join(whys, "; ")
}

// gap gives the parts of a gap that follow from the test.
func (ts *testState) gap(k Kind, st *stream, resource, name string) Gap {
	return Gap{Kind: k, Control: ts.Control, Test: ts.ID, Criteria: ts.Criteria, Severity: ts.Severity,
		Stream: st.text, Resource: resource, Name: name}
}

func (ts *testState) finds() Kind { return cmp.Or(ts.Finds, Deviation) }

func (ts *testState) deviation(st *stream, rec *evidence.Record, why string) Gap {
	g := ts.gap(ts.finds(), st, rec.ID, rec.Name)
	g.Scope = rec.Scope
	g.Reason = why
	return g
}
