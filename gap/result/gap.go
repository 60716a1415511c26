package result

import (
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// Kind sorts the gaps.
type Kind string

const (
	// Deviation: a resource was seen failing a test, or an event broke one.
	Deviation Kind = "deviation"
	// Blind: slots that are not complete, or a test whose records do not say enough.
	Blind Kind = "blind"
	// Scope: a scope that appeared and was not collected, or that is no longer listed.
	Scope Kind = "scope"
	// Reconciliation: what one source lists another one does not, though it should.
	Reconciliation Kind = "reconciliation"
	// Retention: events were not read, and their source is about to forget them, or did.
	Retention Kind = "retention"
	// DutyGap: recurring work was not done in its time; late is not absent.
	DutyGap Kind = "duty"
	// Drift: a source no longer states an attribute that nearly every record had, and a test reads it.
	Drift Kind = "drift"
	// Custody: the log is not the one that its key has signed: an older copy was put
	// in its place, or it was cut.
	Custody Kind = "custody"
)

// Finding tells the gaps that a test or a duty opens.
func (k Kind) Finding() bool { return k == Deviation || k == Reconciliation || k == DutyGap }

// State is what has become of a gap.
type State string

const (
	// Open: not seen fixed.
	Open State = "open"
	// FixedInSLA: seen fixed no later than promised, or where nothing is promised.
	FixedInSLA State = "fixed_in_sla"
	// FixedLate: seen fixed after the promised time.
	FixedLate State = "fixed_late"
	// Accepted: open, and a named person has accepted it for now.
	Accepted State = "accepted"
)

// Gap is one interval in which something was wrong or unseen. Its bounds are
// honest: NotBefore <= true start <= FirstSeen; LastSeen < true end <= FixedBy.
// Nil means unknown.
type Gap struct {
	// ID names the gap for ever: it follows from kind, test, stream, resource and FirstSeen.
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`
	// Control and Test are empty where the gap is not about one test.
	Control  string   `json:"control"`
	Test     string   `json:"test"`
	Criteria []string `json:"criteria"`
	// Severity and SLADue are those in force when the gap was detected.
	Severity string `json:"severity"`
	Stream   string `json:"stream"`
	// Resource is the record's id, or a scope; empty where the gap is about a stream.
	Resource string `json:"resource"`
	// Name is what a person calls the resource.
	Name string `json:"name"`
	// NotBefore is the last observation without the gap; the exact instant of an event.
	NotBefore *time.Time `json:"not_before"`
	FirstSeen time.Time  `json:"first_seen"`
	LastSeen  time.Time  `json:"last_seen"`
	FixedBy   *time.Time `json:"fixed_by"`
	SLADue    *time.Time `json:"sla_due"`
	State     State      `json:"state"`
	Reason    string     `json:"reason"`
	// Scope tells records of one id apart.
	Scope evidence.Scope `json:"-"`
	// Reopened is when an acceptance of it ended, if it is open since.
	Reopened *time.Time `json:"-"`
	// Response is what management says of it.
	Response string `json:"response,omitempty"`
}
