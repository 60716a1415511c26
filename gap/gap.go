package gap

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// Kind sorts the gaps.
type Kind string

const (
	// Deviation: a resource was seen failing a test, or an event broke one.
	Deviation Kind = "deviation"
	// Blind: slots that were not collected whole, or a test whose records do not say enough.
	Blind Kind = "blind"
	// Scope: a scope that appeared and was not collected, or that is no longer listed.
	Scope Kind = "scope"
	// Reconciliation: what one source lists another one does not, though it should.
	Reconciliation Kind = "reconciliation"
	// Retention: events were not read, and their source is about to forget them, or did.
	Retention Kind = "retention"
	// DutyGap: recurring work was not done in its time; late is not absent.
	DutyGap Kind = "duty"
	// Drift: a source no longer says what it said of nearly every record, and a test asks for it.
	Drift Kind = "drift"
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

// Blind and scope gaps are judged by these, since no test states them.
const (
	blindSeverity = "high"
	blindSLADays  = 2
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
	// Resource is the record's id, or a scope; empty where the gap is about a whole stream.
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

// spell is a gap in the making.
type spell struct {
	Gap
	event bool
	// void: it turned out to be none.
	void bool
	// holder tells the last failing observation while a resource stays failing.
	holder *holder
}

// holder points at the cell that keeps a spell open.
type holder struct {
	st   *stream
	res  *resource
	test int
}

// lastSeen is the last failing observation so far.
func (s *spell) lastSeen() time.Time {
	if h := s.holder; h != nil && s.FixedBy == nil && h.res.cells[h.test].code == cFail {
		return later(s.FirstSeen, h.st.seenAt(h.res))
	}
	return s.LastSeen
}

// seal gives the gap as it stands.
func (s *spell) seal() Gap {
	g := s.Gap
	g.LastSeen = s.lastSeen()
	switch {
	case g.FixedBy == nil:
		g.State = Open
	case g.SLADue == nil || !g.FixedBy.After(*g.SLADue):
		g.State = FixedInSLA
	default:
		g.State = FixedLate
	}
	return g
}

func (s *spell) fix(at time.Time, how string) {
	s.FixedBy = &at
	if how != "" {
		s.Reason += "; " + how
	}
}

func (s *spell) promise(days int) {
	if days > 0 {
		due := s.FirstSeen.AddDate(0, 0, days)
		s.SLADue = &due
	}
}

func gapID(g Gap) string {
	parts := []string{string(g.Kind), g.Test, g.Stream, g.Resource, g.FirstSeen.Format(time.RFC3339Nano)}
	if g.Scope != "" {
		parts = append(parts, string(g.Scope))
	}
	text := strings.Join(parts, "|")
	sum := evidence.HashOf([]byte(text))
	return "G-" + hex.EncodeToString(sum[:5])
}

// within reports whether the gap belongs to the period: an event by its own
// time, blind slots by their due times, anything else if it may have lasted
// into the period and was seen before its end.
func (s *spell) within(p Period) bool {
	switch {
	case s.event && s.NotBefore != nil:
		return p.Holds(*s.NotBefore)
	case s.event:
		return p.Holds(s.FirstSeen)
	case !s.FirstSeen.Before(p.To):
		return false
	case s.Kind == Blind && s.Test == "":
		return !s.LastSeen.Before(p.From)
	}
	return s.FixedBy == nil || s.FixedBy.After(p.From)
}

// sorted gives gaps in their order. They are large: what is sorted is their numbers.
func sorted(gaps []Gap) []Gap {
	order := make([]int, len(gaps))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Or(compareGaps(&gaps[i], &gaps[j]), i-j) })
	out := make([]Gap, len(gaps))
	// What is left that shares an id is told apart.
	seen := make(map[string]int, len(gaps))
	for to, from := range order {
		out[to] = gaps[from]
		id := out[to].ID
		if seen[id]++; seen[id] > 1 {
			out[to].ID = fmt.Sprintf("%s-%d", id, seen[id])
		}
	}
	return out
}

func compareGaps(a, b *Gap) int {
	if c := a.FirstSeen.Compare(b.FirstSeen); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Test, b.Test), cmp.Compare(a.Stream, b.Stream),
		cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Reason, b.Reason))
}

// decide applies what people decided by asOf: of each sort the last decision on
// a gap counts, and an acceptance until its day.
func decide(gaps []Gap, acts []evidence.Act, asOf time.Time) {
	type key struct {
		gap  string
		verb evidence.DecisionVerb
	}
	last := map[key]*evidence.Decision{}
	for _, a := range acts {
		if d := a.Decision; d != nil && !a.At.After(asOf) {
			last[key{d.Gap, d.Verb}] = d
		}
	}
	for i := range gaps {
		g := &gaps[i]
		if d := last[key{g.ID, evidence.Respond}]; d != nil {
			g.Response = d.Reason + " (" + d.Approver + ")"
		}
		d := last[key{g.ID, evidence.Accept}]
		switch {
		case d == nil || g.State != Open:
		case !asOf.Before(*d.Until):
			g.Reopened = d.Until
		default:
			g.State = Accepted
			g.Reason += fmt.Sprintf("; accepted by %s until %s: %s", d.Approver, d.Until.UTC().Format(time.DateOnly), d.Reason)
		}
	}
}
