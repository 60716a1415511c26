package result

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
	// Unread are the streams of events, of a period that is over, that were not read
	// to its end.
	Unread []string `json:"unread_at_end,omitempty"`
}

// Whole reports whether the period is over and its last events were read.
func (r *Result) Whole() bool { return !r.AsOf.Before(r.Period.To) && len(r.Unread) == 0 }

// AsOfDate leaves what is true at the instant of the result, and takes away what is
// of a period: coverage, days, populations, what was fixed before.
func (r *Result) AsOfDate() {
	r.Gaps = slices.DeleteFunc(r.Gaps, func(g Gap) bool { return g.State != Open && g.State != Accepted })
	r.Duties = slices.DeleteFunc(r.Duties, func(o Occurrence) bool { return o.State == Upcoming || o.State == MissedDuty && o.Late.After(r.AsOf) })
	open := map[string]int{}
	for _, g := range r.Gaps {
		if g.Kind.Finding() {
			open[g.Test]++
		}
	}
	controls := map[string]*ControlResult{}
	for i := range r.Controls {
		c := &r.Controls[i]
		controls[c.Control] = c
		*c = ControlResult{Control: c.Control, Family: c.Family, Criteria: c.Criteria, Now: c.Now, Status: c.Now}
	}
	verdicts := map[string]Verdict{}
	for i := range r.Tests {
		t := &r.Tests[i]
		n := open[t.Test]
		*t = TestResult{Test: t.Test, Control: t.Control, Now: t.Now, Period: t.Now, Deviations: n, Open: n, Unknown: t.Unknown, Streams: t.Streams, Duty: t.Duty}
		verdicts[t.Test] = t.Now
		if c := controls[t.Control]; c != nil {
			c.Deviations, c.Open = c.Deviations+n, c.Open+n
		}
	}
	for i := range r.Criteria {
		c := &r.Criteria[i]
		c.Status = ManualEvidence
		for _, t := range c.Tests {
			c.Status = Worse(c.Status, verdicts[t])
		}
	}
	for i := range r.Streams {
		r.Streams[i] = StreamCoverage{Stream: r.Streams[i].Stream, LastComplete: r.Streams[i].LastComplete}
	}
	r.Slots = SlotCounts{}
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

// SlotCounts tells how the slots of the period ended. Late slots are complete;
// Expected is the sum of all.
type SlotCounts struct {
	Expected  int `json:"expected"`
	Collected int `json:"collected"`
	Late      int `json:"late"`
	Partial   int `json:"partial"`
	Failed    int `json:"failed"`
	Missed    int `json:"missed"`
}

// Add adds the counts of o.
func (s *SlotCounts) Add(o SlotCounts) {
	s.Expected += o.Expected
	s.Collected += o.Collected
	s.Late += o.Late
	s.Partial += o.Partial
	s.Failed += o.Failed
	s.Missed += o.Missed
}

// Percent returns n of all in percent, rounded down to two digits, so that 100
// means all. Nothing expected is nothing covered.
func Percent(n, all int) float64 {
	return float64(n*10_000/cmp.Or(all, 1)) / 100
}
