package api

import (
	"time"

	"github.com/evidenced/evidenced/gap/result"
)

// StatusRequest asks for the state of the period.
type StatusRequest struct {
	// AsOf judges the evidence as it stood then; zero means now.
	AsOf time.Time `json:"as_of,omitzero"`
}

// Status is the period at a glance.
type Status struct {
	AsOf   time.Time         `json:"as_of"`
	Period result.Period     `json:"period"`
	Slots  result.SlotCounts `json:"slots"`
	// Families has a line for each control, in the order of the families.
	Families []ControlLine `json:"families"`
	// Open counts the open gaps by severity, Next is the next collection of each source.
	Open   map[string]int       `json:"open_gaps"`
	Next   map[string]time.Time `json:"next"`
	Duties DutyCounts           `json:"duties"`
	// Expiring counts the acceptances in force that end within 30 days.
	Expiring int `json:"expiring_acceptances"`
	// Summary sums the controls up by family.
	Summary []result.FamilyResult `json:"summary"`
	// RolledBack tells that the log is not the one that its key has signed.
	RolledBack bool `json:"rolled_back,omitempty"`
	// Problems are those of the daemon that answers. They may hold names of hosts
	// and files, and are for its owner.
	Problems []string `json:"problems"`
}

// Document returns the status as `status --json` prints it, and as anybody may know it.
func (s *Status) Document() any {
	return struct {
		*Status
		Summary  struct{} `json:"summary,omitzero"`
		Problems struct{} `json:"problems,omitzero"`
	}{Status: s}
}

// ControlLine sums up one control over the period.
type ControlLine struct {
	Control string         `json:"control"`
	Family  string         `json:"family"`
	Status  result.Verdict `json:"status"`
	// Coverage is of the slots that its tests need, Activities of the occurrences of its
	// activities that are owed, in percent; null where there are none.
	Coverage   *float64 `json:"coverage"`
	Activities *float64 `json:"activity_coverage"`
	// Population counts distinct items, Deviations those of them that deviated.
	Population int `json:"population"`
	Deviations int `json:"deviations"`
	Open       int `json:"open"`
}

// DutyCounts tells which activities people owe.
type DutyCounts struct {
	Missed int `json:"missed"`
	Due    int `json:"due"`
	Soon   int `json:"next_30_days"`
	// List are those of the three sorts, by the day they are or were due.
	List []result.Occurrence `json:"list"`
}

// ReadinessRequest asks how ready each control is for an audit.
type ReadinessRequest struct {
	AsOf time.Time `json:"as_of,omitzero"`
}

// The states of a control, in the order in which an auditor raises them.
const (
	FailingCritical = "failing_critical"
	DutyMissed      = "duty_missed"
	Failing         = "failing"
	UnknownState    = "unknown"
	EvidenceMissing = "evidence_missing"
	NotCollected    = "not_collected"
	Passing         = "passing"
)

// ReadyOrder is that order.
var ReadyOrder = []string{FailingCritical, DutyMissed, Failing, UnknownState, EvidenceMissing, NotCollected, Passing}

// Point is one thing that stands in a control's way.
type Point struct {
	State string `json:"state"`
	// About is the test or the activity.
	About    string `json:"about"`
	What     string `json:"what"`
	Severity string `json:"severity"`
	Remedy   string `json:"remedy"`
	Command  string `json:"command"`
}

// ReadyControl is the readiness of one control.
type ReadyControl struct {
	Control  string   `json:"control"`
	Title    string   `json:"title"`
	Family   string   `json:"family"`
	Criteria []string `json:"criteria"`
	State    string   `json:"state"`
	Ready    bool     `json:"ready"`
	// Deviations counts the distinct items that deviated in the period, remediated or not; Accepted are gaps that
	// a person accepted for now. An auditor sees both.
	Deviations int `json:"deviations"`
	Accepted   int `json:"accepted"`
	// Points are sorted as the controls are; those that pass are left out.
	Points []Point `json:"points"`
}

// Readiness is what `readiness --json` prints.
type Readiness struct {
	AsOf     time.Time      `json:"as_of"`
	Period   result.Period  `json:"period"`
	Criteria []string       `json:"categories"`
	Counts   map[string]int `json:"counts"`
	Controls []ReadyControl `json:"controls"`
}
