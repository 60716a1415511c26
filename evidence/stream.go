package evidence

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Kind names one type of resource or event, prefixed by its source: "aws.iam.user".
type Kind string

// Scope names where a kind is read, in the source's own terms: an AWS account
// ("123456789012", or "123456789012/eu-west-1"), a GitHub organisation ("acme",
// or "acme/product" for one repository).
type Scope string

// Stream is one source, kind and scope: the unit that is expected, collected
// or missed. Its text form is "source/kind/scope".
type Stream struct {
	Source string
	Kind   Kind
	Scope  Scope
}

var (
	sourceName = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	kindName   = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$`)
)

// ParseStream reads the text form "source/kind/scope".
func ParseStream(s string) (Stream, error) {
	parts := strings.SplitN(s, "/", 3)
	if len(parts) != 3 || !sourceName.MatchString(parts[0]) || !kindName.MatchString(parts[1]) || parts[2] == "" {
		return Stream{}, fmt.Errorf("stream %q: want source/kind/scope", s)
	}
	return Stream{Source: parts[0], Kind: Kind(parts[1]), Scope: Scope(parts[2])}, nil
}

// String returns the text form "source/kind/scope".
func (s Stream) String() string {
	return s.Source + "/" + string(s.Kind) + "/" + string(s.Scope)
}

// MarshalText returns the text form; it makes a Stream a JSON string.
func (s Stream) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the text form.
func (s *Stream) UnmarshalText(b []byte) error {
	v, err := ParseStream(string(b))
	if err == nil {
		*s = v
	}
	return err
}

// Mode tells how a kind is read.
type Mode string

const (
	// State kinds are complete lists at an instant: users, buckets, branch rules.
	State Mode = "state"
	// Event kinds are populations in half-open windows that tile the period.
	Event Mode = "event"
)

// Window is the half-open interval [From, To) of a population of events.
type Window struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// After is the mark of the last whole reading, for sources whose own times do
	// not tell what is new; see Certificate.Mark.
	After string `json:"after,omitempty"`
}

// Holds reports whether t lies in the window.
func (w Window) Holds(t time.Time) bool { return !t.Before(w.From) && t.Before(w.To) }

// Trigger tells why a slot exists.
type Trigger string

const (
	// Scheduled slots follow from the schedule, whether or not anyone was there to fill them.
	Scheduled Trigger = "schedule"
	// OnDemand slots exist because a person asked for a collection now.
	OnDemand Trigger = "now"
)

// Slot is one expected collection of a stream.
type Slot struct {
	Stream  Stream    `json:"stream"`
	Due     time.Time `json:"due"`
	Trigger Trigger   `json:"trigger"`
}

// Outcome is how a slot ended. Every expected slot ends in exactly one.
type Outcome string

const (
	// Collected: complete, and on time.
	Collected Outcome = "collected"
	// Late: complete, but after the slot's tolerance.
	Late Outcome = "late"
	// Partial: some of it was read; the certificate says which part was not.
	Partial Outcome = "partial"
	// Failed: nothing that can be relied on was read.
	Failed Outcome = "failed"
	// Missed: nobody was there to collect.
	Missed Outcome = "missed"
)

// Complete reports whether everything the slot asked for was read.
func (o Outcome) Complete() bool { return o == Collected || o == Late }

// Class sorts the reasons for which something could not be read.
type Class string

const (
	// Denied: the source refused; the permission or licence is missing. Not retried.
	Denied Class = "denied"
	// Unauthenticated: the credential is missing, wrong or expired. Not retried.
	Unauthenticated Class = "unauthenticated"
	// Throttled: the source asked to slow down until the patience of the run was spent.
	Throttled Class = "throttled"
	// Unreachable: no answer, a timeout, or a server error.
	Unreachable Class = "unreachable"
	// Incomplete: an answer that cannot be the whole answer: truncated, malformed, a page loop.
	Incomplete Class = "incomplete"
	// Unsaid: the source answered, but did not say what was asked.
	Unsaid Class = "unsaid"
	// AgentOff: the agent was not running when the slot was due.
	AgentOff Class = "agent_off"
	// Erased: it was read, and erased since, as the retention policy says.
	Erased Class = "erased"
	// Internal: our own fault.
	Internal Class = "internal"
)

// Reason says why something could not be read.
type Reason struct {
	Class  Class  `json:"class"`
	Detail string `json:"detail,omitempty"`
}

// String returns "class: detail".
func (r Reason) String() string {
	if r.Detail == "" {
		return string(r.Class)
	}
	return string(r.Class) + ": " + r.Detail
}
