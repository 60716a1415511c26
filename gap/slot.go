package gap

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/gap/rule"
)

// testState is one test over all its streams.
type testState struct {
	catalogue.Test
	rule    *rule.Rule
	joined  bool // the test reads what a view joins, see settle
	streams []*stream
	// population counts the resources or events of the period that the test applies to.
	population int
	// marks is the gravest verdict of the slots of each day of the period.
	marks []rule.Answer
	// events counts the verdicts of the events of each day of the period.
	events []counts
}

func newTestState(t catalogue.Test, r *rule.Rule, joined bool, p result.Period) *testState {
	return &testState{Test: t, rule: r, joined: joined, marks: make([]rule.Answer, p.Days())}
}

func (ts *testState) count(n int) { ts.population += n }

// gravity orders the verdicts of one day.
var gravity = [rule.Answers]int{rule.None: 0, rule.NotApplicable: 1, rule.Pass: 2, rule.Unknown: 3, rule.Fail: 4}

func (ts *testState) mark(day int, c rule.Answer) {
	if gravity[c] > gravity[ts.marks[day]] {
		ts.marks[day] = c
	}
}

// judgeSlot gives each test of the stream its verdict for this slot.
func (e *Engine) judgeSlot(st *stream, o observation) {
	for i, ts := range st.plan.tests {
		t := &st.tests[i]
		t.verdict = rule.Unknown
		if o.usable {
			t.verdict = ts.slot(t.slot, o.complete)
			e.judgeWhole(st, i, o)
			e.judgeDim(st, i, o)
		}
		if o.inPeriod {
			ts.mark(e.period.Day(o.due), t.verdict)
		}
	}
}

// slot gives the verdict of one snapshot. What was seen failing fails, but
// only a complete one can pass.
func (ts *testState) slot(n counts, complete bool) rule.Answer {
	switch ts.Mode {
	case catalogue.Exists:
		return exists(n, complete)
	case catalogue.AtMost:
		return atMost(n, ts.Max, complete)
	}
	switch {
	case n[rule.Fail] > 0:
		return rule.Fail
	case !complete || n[rule.Unknown] > 0:
		return rule.Unknown
	case n[rule.Pass] > 0:
		return rule.Pass
	}
	return rule.NotApplicable
}

func exists(n counts, complete bool) rule.Answer {
	switch {
	case n[rule.Pass] > 0:
		return rule.Pass
	case !complete || n[rule.Unknown] > 0:
		return rule.Unknown
	}
	return rule.Fail
}

func atMost(n counts, limit int, complete bool) rule.Answer {
	switch {
	case n[rule.Pass] > limit:
		return rule.Fail
	case !complete || n[rule.Pass]+n[rule.Unknown] > limit:
		return rule.Unknown
	}
	return rule.Pass
}

// judgeWhole keeps the gap of a test whose resource is the stream as a whole.
func (e *Engine) judgeWhole(st *stream, i int, o observation) {
	ts, t := st.plan.tests[i], &st.tests[i]
	if ts.Mode == catalogue.Each || st.events != nil {
		return
	}
	if o.inPeriod && !t.counted {
		t.counted = true
		ts.count(1)
	}
	at := st.judged
	switch t.verdict {
	case rule.Pass:
		t.fine = at
		if t.whole != nil {
			t.whole.fix(at, "")
			t.whole = nil
		}
	case rule.Fail:
		if t.whole == nil {
			t.whole = e.open(ts.wholeGap(st, t.slot), ts.SLADays, at, t.fine)
		}
		t.whole.LastSeen = at
	}
}

func (ts *testState) wholeGap(st *stream, n counts) result.Gap {
	g := ts.gap(ts.finds(), st, string(st.id.Scope), string(st.id.Scope))
	g.Reason = fmt.Sprintf("none of %d records: %s", len(st.order), ts.Title)
	if ts.Mode == catalogue.AtMost {
		g.Reason = fmt.Sprintf("%d, at most %d allowed: %s", n[rule.Pass], ts.Max, ts.Title)
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
	if n := t.slot[rule.Unknown]; n > 0 && (ts.Mode == catalogue.Each || t.verdict == rule.Unknown) {
		e.dim(st, i, at, n, len(st.order), st.whys(i))
		return
	}
	t.lighten(at)
}

// dim opens or prolongs the gap of a test that n of all records leave unanswered.
func (e *Engine) dim(st *stream, i int, at time.Time, n, all int, whys []string) {
	ts, t := st.plan.tests[i], &st.tests[i]
	if t.dim == nil {
		g := ts.gap(result.Blind, st, "", "")
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
		if c := &r.cells[i]; c.code == rule.Unknown {
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
func (ts *testState) gap(k result.Kind, st *stream, resource, name string) result.Gap {
	return result.Gap{Kind: k, Control: ts.Control, Test: ts.ID, Criteria: ts.Criteria, Severity: ts.Severity,
		Stream: st.text, Resource: resource, Name: name}
}

func (ts *testState) finds() result.Kind { return cmp.Or(ts.Finds, result.Deviation) }

func (ts *testState) deviation(st *stream, rec *evidence.Record, why string) result.Gap {
	g := ts.gap(ts.finds(), st, rec.ID, rec.Name)
	g.Scope = rec.Scope
	g.Reason = why
	return g
}
