package result

import "time"

// DutyState is what has become of one occurrence.
type DutyState string

const (
	// Upcoming: not due yet, and not done.
	Upcoming DutyState = "upcoming"
	// DueNow: it is announced, or due and still in its days of grace.
	DueNow DutyState = "due"
	// Performed in time.
	Performed DutyState = "performed"
	// PerformedLate: done after the days of grace. Late is not absent.
	PerformedLate DutyState = "late"
	// MissedDuty: not done, and the days of grace are over.
	MissedDuty DutyState = "missed"
)

// Occurrence is one time that a duty is expected. It belongs to the period in
// which it falls due: a window that ends in (From, To], a renewal in [From, To).
// Whether it was missed is decided at Late, which may be the end of the period
// or come after it.
type Occurrence struct {
	Duty     string `json:"duty"`
	Control  string `json:"control"`
	Title    string `json:"title"`
	Severity string `json:"severity"`
	// Label names it: 2026-Q1, 2026-03, 2026; or the day on which it fell due.
	Label string `json:"label"`
	// From and Due bound it: done before From it is not this one, after Due plus
	// grace it is late.
	From      time.Time  `json:"from"`
	Due       time.Time  `json:"due"`
	Late      time.Time  `json:"late"`
	Performed *time.Time `json:"performed"`
	// Entry is the log entry that proves it.
	Entry *uint64   `json:"entry"`
	By    string    `json:"by,omitempty"`
	State DutyState `json:"state"`

	// Recorded is when the log took its evidence, BroughtLate that this was late,
	// whatever day the evidence names.
	Recorded    time.Time `json:"-"`
	BroughtLate bool      `json:"-"`
}
