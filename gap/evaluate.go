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
	joined  bool // the test reads what a view joins, see cell.confirm
	streams []*stream
	// population counts the resources or events of the period that the test applies to.
	population int
	// slotDays is the gravest answer of the slots of each day of the period.
	slotDays []rule.Answer
	// eventDays counts the answers of the events of each day of the period.
	eventDays []counts
}

func newTestState(t catalogue.Test, r *rule.Rule, joined bool, p result.Period) *testState {
	return &testState{Test: t, rule: r, joined: joined, slotDays: make([]rule.Answer, p.Days())}
}

func (ts *testState) addPopulation(n int) { ts.population += n }

// gravity orders the answers of one day.
var gravity = [rule.Answers]int{rule.None: 0, rule.NotApplicable: 1, rule.Pass: 2, rule.Unknown: 3, rule.Fail: 4}

func (ts *testState) markDay(day int, c rule.Answer) {
	if gravity[c] > gravity[ts.slotDays[day]] {
		ts.slotDays[day] = c
	}
}

// evaluateSlot sets the answer of each test of the stream for one slot.
func (e *Engine) evaluateSlot(st *stream, o observation) {
	for i, ts := range st.kind.tests {
		t := &st.tests[i]
		t.answer = rule.Unknown
		if o.usable {
			t.answer = ts.slotAnswer(t.slot, o.complete)
			e.updateStreamGap(st, i, o)
			e.updateUnknownGap(st, i, o)
		}
		if o.inPeriod {
			ts.markDay(e.period.Day(o.due), t.answer)
		}
	}
}

// slotAnswer returns the answer of one snapshot. A failing record fails it, but
// only a complete one can pass.
func (ts *testState) slotAnswer(n counts, complete bool) rule.Answer {
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

// updateStreamGap opens, prolongs or fixes the gap of a test whose resource is the
// scope of the stream.
func (e *Engine) updateStreamGap(st *stream, i int, o observation) {
	ts, t := st.kind.tests[i], &st.tests[i]
	if ts.Mode == catalogue.Each || st.events != nil {
		return
	}
	if o.inPeriod && !t.counted {
		t.counted = true
		ts.addPopulation(1)
	}
	at := st.evaluatedAt
	switch t.answer {
	case rule.Pass:
		t.lastPassed = at
		if t.streamGap != nil {
			t.streamGap.fix(at, "")
			t.streamGap = nil
		}
	case rule.Fail:
		if t.streamGap == nil {
			t.streamGap = e.openGap(ts.newStreamGap(st, t.slot), ts.SLADays, at, t.lastPassed)
		}
		t.streamGap.LastSeen = at
	}
}

func (ts *testState) newStreamGap(st *stream, n counts) result.Gap {
	g := ts.newGap(ts.gapKind(), st, string(st.id.Scope), string(st.id.Scope))
	g.Reason = fmt.Sprintf("none of %d records: %s", len(st.order), ts.Title)
	if ts.Mode == catalogue.AtMost {
		g.Reason = fmt.Sprintf("%d, at most %d allowed: %s", n[rule.Pass], ts.Max, ts.Title)
	}
	return g
}

// updateUnknownGap opens, prolongs or fixes the gap of a test whose records do not
// say enough, where the run itself was complete.
func (e *Engine) updateUnknownGap(st *stream, i int, o observation) {
	if !o.complete {
		return
	}
	ts, t, at := st.kind.tests[i], &st.tests[i], st.evaluatedAt
	if n := t.slot[rule.Unknown]; n > 0 && (ts.Mode == catalogue.Each || t.answer == rule.Unknown) {
		e.openUnknownGap(st, i, at, n, len(st.order), st.unknownReasons(i))
		return
	}
	t.closeUnknownGap(at)
}

// openUnknownGap opens or prolongs the gap of a test that n of all records leave
// unanswered, for these reasons.
func (e *Engine) openUnknownGap(st *stream, i int, at time.Time, n, all int, reasons []string) {
	ts, t := st.kind.tests[i], &st.tests[i]
	if t.unknownGap == nil {
		g := ts.newGap(result.Blind, st, "", "")
		g.Severity = blindSeverity
		g.Reason = fmt.Sprintf("%d of %d records %s", n, all, joinReasons(reasons))
		t.unknownGap = e.openGap(g, blindSLADays, at, t.lastAnswered)
	}
	t.unknownGap.LastSeen = at
}

func (t *streamTest) closeUnknownGap(at time.Time) {
	t.lastAnswered = at
	if t.unknownGap == nil {
		return
	}
	if !at.After(t.unknownGap.LastSeen) { // another reading of the same instant answered it
		t.unknownGap.LastSeen, t.unknownGap.retracted = t.unknownGap.FirstSeen, !at.After(t.unknownGap.FirstSeen)
	}
	t.unknownGap.fix(at, "")
	t.unknownGap = nil
}

func (st *stream) unknownReasons(i int) []string {
	var reasons []string
	for _, r := range st.order {
		if c := &r.cells[i]; c.answer == rule.Unknown {
			reasons = append(reasons, c.reason)
		}
	}
	return reasons
}

const maxReasons = 3 // distinct causes that a reason lists

func joinReasons(reasons []string) string {
	slices.Sort(reasons)
	reasons = slices.Compact(reasons)
	if len(reasons) > maxReasons {
		reasons = append(reasons[:maxReasons:maxReasons], fmt.Sprintf("and %d other causes", len(reasons)-maxReasons))
	}
	return strings.Join(reasons, "; ")
}

// newGap returns a gap with the parts that follow from the test.
func (ts *testState) newGap(k result.Kind, st *stream, resource, name string) result.Gap {
	return result.Gap{Kind: k, Control: ts.Control, Test: ts.ID, Criteria: ts.Criteria, Severity: ts.Severity,
		Stream: st.text, Resource: resource, Name: name}
}

func (ts *testState) gapKind() result.Kind { return cmp.Or(ts.Finds, result.Deviation) }

func (ts *testState) newDeviation(st *stream, rec *evidence.Record, reason string) result.Gap {
	g := ts.newGap(ts.gapKind(), st, rec.ID, rec.Name)
	g.Scope = rec.Scope
	g.Reason = reason
	return g
}
