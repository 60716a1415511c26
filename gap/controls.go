package gap

import (
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/gap/rule"
)

func (e *Engine) testResult(ts *testState, f *testGaps, asOf time.Time) result.TestResult {
	if f == nil {
		f = &testGaps{}
	}
	r := result.TestResult{Test: ts.ID, Control: ts.Control, Population: ts.population, Deviations: f.deviations,
		Deviating: len(f.deviating), Open: f.open, Streams: len(ts.streams), Days: e.days(ts)}
	for _, n := range f.deviating {
		r.Recurring = r.Recurring || n > 1
	}
	for _, st := range ts.streams {
		r.Expected += st.slots.Expected
		r.Complete += st.slots.complete
		r.Unknown += st.unknowns(ts)
	}
	r.Coverage = result.Percent(r.Complete, r.Expected)
	if r.Expected == 0 && allOneOff(ts.streams) {
		r.Coverage = 100
	}
	r.Now = e.verdictNow(ts, f, asOf)
	r.Period = periodVerdict(&r, f, ts.eventDays != nil)
	return r
}

// allOneOff reports whether none of the streams is collected on a schedule: each
// was recorded once, as a review that somebody signed off.
func allOneOff(streams []*stream) bool {
	return len(streams) > 0 && !slices.ContainsFunc(streams, func(st *stream) bool { return !st.oneOff })
}

func (st *stream) unknowns(ts *testState) int {
	return st.tests[slices.Index(st.kind.tests, ts)].now[rule.Unknown]
}

// verdictNow combines the last verdicts of the test's streams: manual evidence
// where there is no stream.
func (e *Engine) verdictNow(ts *testState, f *testGaps, asOf time.Time) result.Verdict {
	now := result.ManualEvidence
	for _, st := range ts.streams {
		now = result.Worse(now, e.streamNow(ts, st, asOf))
	}
	return pick(f.open > 0, result.Fail, now)
}

func (e *Engine) streamNow(ts *testState, st *stream, asOf time.Time) result.Verdict {
	t := st.tests[slices.Index(st.kind.tests, ts)]
	if st.events == nil {
		return verdictOf[t.answer]
	}
	complete := e.noHole(st.events) && (t.answer != rule.Unknown || !st.events.reach().Before(e.period.To)) && !e.unreadAtEnd(st, asOf)
	switch {
	case !complete || t.now[rule.Unknown] > 0:
		return result.Unknown
	case ts.population == 0:
		return result.DidNotOccur
	}
	return result.Pass // a failure has an open gap
}

// unreadAtEnd reports whether the last events of a period that is over were not
// read. Those of a scope that its root no longer lists cannot be.
func (e *Engine) unreadAtEnd(st *stream, asOf time.Time) bool {
	if st.events == nil || asOf.Before(e.period.To) || !st.events.reach().Before(e.period.To) {
		return false
	}
	ledger := e.ledgers[st.id.Source]
	return ledger == nil || st.id.Kind == ledger.root || len(ledger.collected) == 0 || ledger.lists(st.id.Scope)
}

// noHole reports whether the windows leave no hole from the start of the period to
// the end of the last one. While the period lasts, the time after the last slot is
// not yet a hole.
func (e *Engine) noHole(s *eventSet) bool {
	reach := earlier(s.reach(), e.period.To)
	return reach.After(e.period.From) && s.covers(e.period.From, reach)
}

// periodVerdict is the verdict for the period. A fix does not erase a deviation.
// A test of state does not pass if it is blind now, or more than a tenth of its
// slots were incomplete. For events the windows count instead, which a later slot
// may have filled.
func periodVerdict(r *result.TestResult, f *testGaps, events bool) result.Verdict {
	switch {
	case f.deviations > 0:
		return result.Fail
	case r.Streams == 0:
		return result.ManualEvidence
	case !events && r.Coverage < result.MinCoverage:
		return result.Unknown
	}
	return r.Now
}

func (e *Engine) controlResults(tests []result.TestResult, gaps []result.Gap) []result.ControlResult {
	distinct := distinctByControl(gaps)
	all := make([]result.ControlResult, 0, len(e.cat.Controls))
	for _, ctl := range e.cat.Controls {
		r := result.ControlResult{Control: ctl.ID, Family: ctl.Family, Criteria: e.controlCriteria(ctl), Now: result.ManualEvidence, Status: result.ManualEvidence}
		days := make(result.Days, e.period.Days())
		for _, t := range tests {
			if t.Control == ctl.ID {
				r.Add(t)
				days.Fold(t.Days)
			}
		}
		if len(ctl.Tests) > 0 {
			r.Population += e.countItems(ctl.ID)
		}
		r.Deviating, r.Open = distinct[ctl.ID].deviating, distinct[ctl.ID].open
		r.Days = days.String()
		r.Finish()
		all = append(all, r)
	}
	return all
}

func (e *Engine) controlCriteria(ctl catalogue.Control) []string {
	ids := []string{}
	for _, c := range e.cat.Criteria {
		if slices.Contains(ctl.Criteria, c.ID) ||
			slices.ContainsFunc(ctl.Tests, func(t catalogue.Test) bool { return slices.Contains(t.Criteria, c.ID) }) ||
			slices.ContainsFunc(ctl.Duties, func(d catalogue.Duty) bool { return slices.Contains(d.Criteria, c.ID) }) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func (e *Engine) criterionStates(tests []result.TestResult) []result.CriterionState {
	all := make([]result.CriterionState, 0, len(e.cat.Criteria))
	criteria := e.cat.CriteriaOf()
	for _, c := range e.cat.Criteria {
		s := result.CriterionState{Criterion: c.ID, Status: result.ManualEvidence, Tests: []string{}}
		for _, t := range tests {
			if slices.Contains(criteria[t.Test], c.ID) {
				s.Tests = append(s.Tests, t.Test)
				s.Status = result.Worse(s.Status, t.Period)
			}
		}
		all = append(all, s)
	}
	return all
}

var dayOf = [rule.Answers]byte{rule.None: result.DayNone, rule.NotApplicable: result.DayNone, rule.Pass: result.DayPass, rule.Fail: result.DayFail, rule.Unknown: result.DayUnknown}

// days returns the day verdicts of a test: for state the gravest slot due on the
// day, for events the gravest event of the day.
func (e *Engine) days(ts *testState) string {
	days := make([]byte, len(ts.slotDays))
	for i := range days {
		c := ts.slotDays[i]
		if ts.eventDays != nil {
			c = e.eventDay(ts, i)
		}
		days[i] = dayOf[c]
	}
	return string(days)
}

func (e *Engine) eventDay(ts *testState, i int) rule.Answer {
	from := e.period.From.Add(time.Duration(i) * result.Day)
	c := ts.eventDays[i].gravest()
	for _, st := range ts.streams {
		if c != rule.Fail && st.events != nil && st.events.hasHole(evidence.Window{From: from, To: earlier(from.Add(result.Day), e.period.To)}) {
			c = rule.Unknown
		}
	}
	return c
}

func (n *counts) gravest() rule.Answer {
	for _, c := range []rule.Answer{rule.Fail, rule.Unknown, rule.Pass, rule.NotApplicable} {
		if n[c] > 0 {
			return c
		}
	}
	return rule.None
}

// hasHole reports whether part of w, up to the end of the last window, was not read.
func (s *eventSet) hasHole(w evidence.Window) bool {
	to := earlier(w.To, s.reach())
	return w.From.Before(to) && !s.covers(w.From, to)
}
