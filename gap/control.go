package gap

import (
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// MinCoverage is the share of slots, in percent, below which a test without
// deviations is unknown for the period and not passed. No criterion prescribes
// a number; the exact coverage stands beside every verdict.
const MinCoverage = 90.0

// TestResult is one test over the period.
type TestResult struct {
	Test    string `json:"test"`
	Control string `json:"control"`
	// Now is the verdict at the instant of evaluation, Period the one for the
	// whole period: a deviation that was fixed still fails it.
	Now    Verdict `json:"now"`
	Period Verdict `json:"period"`
	// Population counts the resources or events of the period that the test
	// applies to; for Exists and AtMost tests the streams.
	Population int `json:"population"`
	// Deviations counts the gaps, Deviating the resources or events that have
	// one, Open those deviations not seen fixed.
	Deviations int `json:"deviations"`
	Deviating  int `json:"deviating"`
	Open       int `json:"open"`
	// Recurring tells that one resource deviated more than once.
	Recurring bool `json:"recurring"`
	// Unknown counts the records that last did not say enough.
	Unknown int `json:"unknown"`
	// Coverage is complete slots of its streams in percent, Streams their number.
	Coverage float64 `json:"coverage"`
	Streams  int     `json:"streams"`
	// Days is the verdict of each day of the period, see DayVerdicts.
	Days string `json:"days"`

	// Duty tells that it is one, and Population its occurrences.
	Duty bool `json:"duty,omitempty"`

	expected, complete int
}

// Nature tells whether deviations stand alone.
type Nature string

const (
	// Isolated deviations are disclosed; the control may still be effective.
	Isolated Nature = "isolated"
	// Systematic: the same cause recurs on one resource, or more than 5 % of a
	// population of at least ten deviates.
	Systematic Nature = "systematic"
	// Judgement: under ten items, no rule decides.
	Judgement Nature = "judgement"
)

// ControlResult is one control over the period, from its tests.
type ControlResult struct {
	Control  string   `json:"control"`
	Family   string   `json:"family"`
	Criteria []string `json:"criteria"` // its own and its tests'
	Now      Verdict  `json:"now"`
	Status   Verdict  `json:"status"` // for the period
	// Population, Deviations, Deviating and Open are the sums over its tests.
	Population int     `json:"population"`
	Deviations int     `json:"deviations"`
	Deviating  int     `json:"deviating"`
	Open       int     `json:"open"`
	Coverage   float64 `json:"coverage"`
	// Nature is empty where there is no deviation.
	Nature Nature `json:"nature,omitempty"`
	Days   string `json:"days"`

	expected, complete int
}

// CriterionState tells what is there for one criterion: manual_evidence where
// neither a test nor a duty has evidence.
type CriterionState struct {
	Criterion string   `json:"criterion"`
	Status    Verdict  `json:"status"`
	Tests     []string `json:"tests"`
}

func (e *Engine) testResult(ts *testState, f *found) TestResult {
	if f == nil {
		f = &found{}
	}
	r := TestResult{Test: ts.ID, Control: ts.Control, Population: ts.population, Deviations: f.deviations,
		Deviating: len(f.deviating), Open: f.open, Streams: len(ts.streams), Days: e.days(ts)}
	for _, n := range f.deviating {
		r.Recurring = r.Recurring || n > 1
	}
	for _, st := range ts.streams {
		r.expected += st.slots.Expected
		r.complete += st.slots.complete
		r.Unknown += st.unknowns(ts)
	}
	r.Coverage = percent(r.complete, r.expected)
	if r.expected == 0 && recorded(ts.streams) {
		r.Coverage = 100
	}
	r.Now = e.verdictNow(ts, f)
	r.Period = r.overall(r.Now, f, ts.events != nil)
	return r
}

// recorded reports whether the streams are not collected on a schedule, but were
// written down whole once, as a review is that somebody signed off.
func recorded(streams []*stream) bool {
	return len(streams) > 0 && !slices.ContainsFunc(streams, func(st *stream) bool { return !st.once })
}

func (st *stream) unknowns(ts *testState) int {
	return st.tests[slices.Index(st.plan.tests, ts)].now[cUnknown]
}

// verdictNow combines the last verdicts of the test's streams. Without any
// stream there is nothing automated.
func (e *Engine) verdictNow(ts *testState, f *found) Verdict {
	now := ManualEvidence
	for _, st := range ts.streams {
		now = worse(now, e.streamNow(ts, st))
	}
	return pick(f.open > 0, Fail, now)
}

func (e *Engine) streamNow(ts *testState, st *stream) Verdict {
	t := st.tests[slices.Index(st.plan.tests, ts)]
	if st.events == nil {
		return verdictOf[t.verdict]
	}
	whole := e.covered(st.events) && (t.verdict != cUnknown || !st.events.reach().Before(e.period.To))
	switch {
	case !whole || t.now[cUnknown] > 0:
		return Unknown
	case ts.population == 0:
		return DidNotOccur
	}
	return Pass // what fails has an open gap
}

// covered reports whether the windows leave no hole from the start of the
// period to the end of the last one. What lies after the last slot is not yet
// a hole.
func (e *Engine) covered(p *population) bool {
	reach := earlier(p.reach(), e.period.To)
	return reach.After(e.period.From) && p.covers(e.period.From, reach)
}

// overall is the verdict for the period. Fixing never erases; and a test of
// state that is blind now, or was blind for more than a tenth of the slots, does
// not pass. Of events the windows count, which a later slot may have filled.
func (r *TestResult) overall(now Verdict, f *found, events bool) Verdict {
	switch {
	case f.deviations > 0:
		return Fail
	case r.Streams == 0:
		return ManualEvidence
	case !events && r.Coverage < MinCoverage:
		return Unknown
	}
	return now
}

func (e *Engine) controlResults(tests []TestResult) []ControlResult {
	all := make([]ControlResult, 0, len(e.cat.Controls))
	for _, ctl := range e.cat.Controls {
		r := ControlResult{Control: ctl.ID, Family: ctl.Family, Criteria: e.controlCriteria(ctl), Now: ManualEvidence, Status: ManualEvidence}
		days := make([]byte, e.period.days())
		for _, t := range tests {
			if t.Control == ctl.ID {
				r.plus(t)
				foldDays(days, t.Days)
			}
		}
		r.Coverage, r.Days = percent(r.complete, r.expected), dayText(days)
		all = append(all, r)
	}
	return all
}

func (r *ControlResult) plus(t TestResult) {
	r.Now, r.Status = worse(r.Now, t.Now), worse(r.Status, t.Period)
	r.Population += t.Population
	r.Deviations += t.Deviations
	r.Deviating += t.Deviating
	r.Open += t.Open
	r.expected += t.expected
	r.complete += t.complete
	if n := t.nature(); r.Nature == "" || n == Systematic || n == Judgement && r.Nature == Isolated {
		r.Nature = n
	}
}

func (t *TestResult) nature() Nature {
	switch {
	case t.Deviations == 0:
		return ""
	case t.Recurring:
		return Systematic
	case t.Population < 10:
		return Judgement
	case t.Deviating*20 > t.Population:
		return Systematic
	}
	return Isolated
}

func (e *Engine) controlCriteria(ctl Control) []string {
	ids := []string{}
	for _, c := range e.cat.Criteria {
		if slices.Contains(ctl.Criteria, c.ID) ||
			slices.ContainsFunc(ctl.Tests, func(t Test) bool { return slices.Contains(t.Criteria, c.ID) }) ||
			slices.ContainsFunc(ctl.Duties, func(d Duty) bool { return slices.Contains(d.Criteria, c.ID) }) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func (e *Engine) criterionStates(tests []TestResult) []CriterionState {
	all := make([]CriterionState, 0, len(e.cat.Criteria))
	criteria := e.cat.criteriaOf()
	for _, c := range e.cat.Criteria {
		s := CriterionState{Criterion: c.ID, Status: ManualEvidence, Tests: []string{}}
		for _, t := range tests {
			if slices.Contains(criteria[t.Test], c.ID) {
				s.Tests = append(s.Tests, t.Test)
				s.Status = worse(s.Status, t.Period)
			}
		}
		all = append(all, s)
	}
	return all
}

// criteriaOf gives the criteria of each test and duty.
func (c *Catalogue) criteriaOf() map[string][]string {
	m := map[string][]string{}
	for _, ctl := range c.Controls {
		for _, t := range ctl.Tests {
			m[t.ID] = t.Criteria
		}
		for _, d := range ctl.Duties {
			m[d.ID] = d.Criteria
		}
	}
	return m
}

// The bytes of Days, one a day from the start of the period.
const (
	DayNone    = '-' // nothing was due, or nothing applied
	DayPass    = 'p'
	DayFail    = 'f'
	DayUnknown = 'u' // some of the day was not seen, and nothing was seen failing
	DayManual  = 'm' // nothing was tested; evidence that a person brought holds
)

var dayOf = [codes]byte{cNone: DayNone, cNA: DayNone, cPass: DayPass, cFail: DayFail, cUnknown: DayUnknown}

// days gives the day verdicts of a test: of state by the gravest slot due that
// day, of events by the events that happened that day.
func (e *Engine) days(ts *testState) string {
	days := make([]byte, len(ts.marks))
	for i := range days {
		c := ts.marks[i]
		if ts.events != nil {
			c = e.eventDay(ts, i)
		}
		days[i] = dayOf[c]
	}
	return string(days)
}

func (e *Engine) eventDay(ts *testState, i int) code {
	from := e.period.From.Add(time.Duration(i) * day)
	c := ts.events[i].gravest()
	for _, st := range ts.streams {
		if c != cFail && st.events != nil && st.events.holed(evidence.Window{From: from, To: earlier(from.Add(day), e.period.To)}) {
			c = cUnknown
		}
	}
	return c
}

func (n *counts) gravest() code {
	for _, c := range []code{cFail, cUnknown, cPass, cNA} {
		if n[c] > 0 {
			return c
		}
	}
	return cNone
}

// holed reports whether part of w, as far as windows reach, was not read whole.
func (p *population) holed(w evidence.Window) bool {
	to := earlier(w.To, p.reach())
	return w.From.Before(to) && !p.covers(w.From, to)
}

// foldDays puts the gravest of two days into dst.
func foldDays(dst []byte, src string) {
	for i := range dst {
		if order(src[i]) > order(dst[i]) {
			dst[i] = src[i]
		}
	}
}

func order(b byte) int {
	switch b {
	case DayFail:
		return 4
	case DayUnknown:
		return 3
	case DayPass:
		return 2
	case DayManual:
		return 1
	}
	return 0
}

func dayText(days []byte) string {
	for i, b := range days {
		if b == 0 {
			days[i] = DayNone
		}
	}
	return string(days)
}
