package api

import (
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// GapsRequest asks for the gaps of the period.
type GapsRequest struct {
	AsOf time.Time `json:"as_of,omitzero"`
	// All asks for the fixed and accepted ones too.
	All bool `json:"all,omitempty"`
}

// GapList are gaps of the period, by first_seen.
type GapList struct {
	AsOf   time.Time     `json:"as_of"`
	Period result.Period `json:"period"`
	Gaps   []result.Gap  `json:"gaps"`
	// Open counts those that are open, whether asked for or not.
	Open int `json:"open"`
}

// Document returns the list as `gaps --json` prints it: with the members that
// scripts depend on, and no others.
func (l *GapList) Document() any {
	type line struct {
		result.Gap
		Name struct{} `json:"name,omitzero"`
	}
	lines := make([]line, 0, len(l.Gaps))
	for _, g := range l.Gaps {
		lines = append(lines, line{Gap: g})
	}
	return struct {
		AsOf   time.Time     `json:"as_of"`
		Period result.Period `json:"period"`
		Gaps   []line        `json:"gaps"`
	}{l.AsOf, l.Period, lines}
}

// GapRequest asks for one gap.
type GapRequest struct {
	ID   string    `json:"id"`
	AsOf time.Time `json:"as_of,omitzero"`
}

// GapDetail is what `gaps show --json` prints.
type GapDetail struct {
	result.Gap
	Title       string `json:"title"`
	Procedure   string `json:"procedure"`
	Remediation string `json:"remediation"`
	// Decisions are all that people decided on it, oldest first.
	Decisions []DecisionLine `json:"decisions"`
}

// DecisionLine is one decision on a gap.
type DecisionLine struct {
	Entry uint64    `json:"entry"`
	At    time.Time `json:"at"`
	evidence.Decision
	// InForce: it is the last of its sort, and its day has not come.
	InForce bool `json:"in_force"`
}

// DecideRequest accepts a gap, or responds to one.
type DecideRequest struct {
	Write
	evidence.Decision
}

// Decided is what `gaps accept` and `gaps respond` print as JSON.
type Decided struct {
	Entry    uint64            `json:"entry"`
	Recorded time.Time         `json:"recorded"`
	Decision evidence.Decision `json:"decision"`
	// Name is that of the resource which the gap is about.
	Name string `json:"name"`
}

// Subject names what a gap is about: the resource by its name or its id, else the stream.
func Subject(g result.Gap) string {
	switch {
	case g.Name != "":
		return g.Name
	case g.Resource != "":
		return g.Resource
	}
	return g.Stream
}
