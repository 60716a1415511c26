package gap

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/gap/rule"
)

// Blind and scope gaps are judged by these, since no test states them.
const (
	blindSeverity = "high"
	blindSLADays  = 2
)

// spell is a gap in the making.
type spell struct {
	result.Gap
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
	if h := s.holder; h != nil && s.FixedBy == nil && h.res.cells[h.test].code == rule.Fail {
		return later(s.FirstSeen, h.st.seenAt(h.res))
	}
	return s.LastSeen
}

// seal gives the gap as it stands.
func (s *spell) seal() result.Gap {
	g := s.Gap
	g.LastSeen = s.lastSeen()
	switch {
	case g.FixedBy == nil:
		g.State = result.Open
	case g.SLADue == nil || !g.FixedBy.After(*g.SLADue):
		g.State = result.FixedInSLA
	default:
		g.State = result.FixedLate
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

func gapID(g result.Gap) string {
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
func (s *spell) within(p result.Period) bool {
	switch {
	case s.event && s.NotBefore != nil:
		return p.Holds(*s.NotBefore)
	case s.event:
		return p.Holds(s.FirstSeen)
	case !s.FirstSeen.Before(p.To):
		return false
	case s.Kind == result.Blind && s.Test == "":
		return !s.LastSeen.Before(p.From)
	}
	return s.FixedBy == nil || s.FixedBy.After(p.From)
}

// sorted gives gaps in their order. They are large: what is sorted is their numbers.
func sorted(gaps []result.Gap) []result.Gap {
	order := make([]int, len(gaps))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Or(compareGaps(&gaps[i], &gaps[j]), i-j) })
	out := make([]result.Gap, len(gaps))
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

func compareGaps(a, b *result.Gap) int {
	if c := a.FirstSeen.Compare(b.FirstSeen); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Test, b.Test), cmp.Compare(a.Stream, b.Stream),
		cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Reason, b.Reason))
}

// decide applies what people decided by asOf: of each sort the last decision on
// a gap counts, and an acceptance until its day.
func decide(gaps []result.Gap, acts []evidence.Act, asOf time.Time) {
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
		case d == nil || g.State != result.Open:
		case !asOf.Before(*d.Until):
			g.Reopened = d.Until
		default:
			g.State = result.Accepted
			g.Reason += fmt.Sprintf("; accepted by %s until %s: %s", d.Approver, d.Until.UTC().Format(time.DateOnly), d.Reason)
		}
	}
}
