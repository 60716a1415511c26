package result

// MinCoverage is the share of slots, in percent, below which a test without
// deviations is unknown for the period and not passed. No criterion prescribes
// a number; the exact coverage stands beside every verdict.
const MinCoverage = 90.0

// TestResult is one test over the period.
type TestResult struct {
	Test    string `json:"test"`
	Control string `json:"control"`
	// Now is the verdict at the instant of evaluation, Period the one for the
	// period: a deviation that was fixed still fails it.
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

	// Expected and Complete are the slots and occurrences that Coverage is of.
	Expected int `json:"-"`
	Complete int `json:"-"`
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
	// Population counts the distinct items that its tests apply to, and the
	// occurrences of its activities; Deviating those of them that deviated, Open those
	// that still do. Deviations are the single times.
	Population int `json:"population"`
	Deviations int `json:"deviations"`
	Deviating  int `json:"deviating"`
	Open       int `json:"open"`
	// Coverage is of the slots that its tests need, Activities of the occurrences of
	// its activities that are owed, in percent; nil where there are none: nothing was
	// tested, or owed.
	Coverage   *float64 `json:"coverage"`
	Activities *float64 `json:"activity_coverage"`
	// Nature is empty where there is no deviation.
	Nature Nature `json:"nature,omitempty"`
	Days   string `json:"days"`

	// Expected and Complete are the slots that Coverage is of, Owed and Done the
	// occurrences that Activities is of.
	Expected int `json:"-"`
	Complete int `json:"-"`
	Owed     int `json:"-"`
	Done     int `json:"-"`

	recurring, oneOff bool
}

// CriterionState tells what is there for one criterion: manual_evidence where
// neither a test nor a duty has evidence.
type CriterionState struct {
	Criterion string   `json:"criterion"`
	Status    Verdict  `json:"status"`
	Tests     []string `json:"tests"`
}

// Add adds one of its tests, but for what is counted once for all of them:
// items, and those that deviate.
func (r *ControlResult) Add(t TestResult) {
	r.Now, r.Status = Worse(r.Now, t.Now), Worse(r.Status, t.Period)
	r.Deviations += t.Deviations
	r.recurring = r.recurring || t.Recurring
	if t.Duty {
		r.Population += t.Population
		r.Owed, r.Done = r.Owed+t.Expected, r.Done+t.Complete
		return
	}
	r.Expected, r.Complete = r.Expected+t.Expected, r.Complete+t.Complete
	r.oneOff = r.oneOff || t.Streams > 0 && t.Expected == 0 && t.Coverage == 100
}

// Finish derives what follows from the counts.
func (r *ControlResult) Finish() {
	r.Coverage, r.Activities = share(r.Complete, r.Expected), share(r.Done, r.Owed)
	if r.Coverage == nil && r.oneOff { // recorded once, and whole
		whole := 100.0
		r.Coverage = &whole
	}
	r.Nature = r.nature()
}

// share returns n of all in percent; nil of nothing.
func share(n, all int) *float64 {
	if all == 0 {
		return nil
	}
	p := Percent(n, all)
	return &p
}

func (r *ControlResult) nature() Nature {
	switch {
	case r.Deviating == 0:
		return ""
	case r.recurring:
		return Systematic
	case r.Population < 10:
		return Judgement
	case r.Deviating*20 > r.Population:
		return Systematic
	}
	return Isolated
}
