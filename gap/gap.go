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

// No test states severity and SLA of blind, scope, drift and retention gaps: these
// are used.
const (
	blindSeverity = "high"
	blindSLADays  = 2
)

// trackedGap is a gap that may still change. The engine keeps all of them, also
// those that are fixed.
type trackedGap struct {
	result.Gap
	event bool // its resource is an event, which happened once
	// retracted: a later reading showed that there was no gap.
	retracted bool
	// cell is where the last failing observation is found while a resource stays
	// failing; nil for other gaps.
	cell *cellRef
}

// cellRef names the cell that keeps a gap open.
type cellRef struct {
	stream   *stream
	resource *resource
	test     int
}

// lastSeen is the last failing observation so far.
func (g *trackedGap) lastSeen() time.Time {
	if c := g.cell; c != nil && g.FixedBy == nil && c.resource.cells[c.test].answer == rule.Fail {
		return later(g.FirstSeen, c.stream.seenAt(c.resource))
	}
	return g.LastSeen
}

// snapshot returns a copy of the gap with its state as of the last observation.
func (g *trackedGap) snapshot() result.Gap {
	out := g.Gap
	out.LastSeen = g.lastSeen()
	switch {
	case out.FixedBy == nil:
		out.State = result.Open
	case out.SLADue == nil || !out.FixedBy.After(*out.SLADue):
		out.State = result.FixedInSLA
	default:
		out.State = result.FixedLate
	}
	return out
}

func (g *trackedGap) fix(at time.Time, how string) {
	g.FixedBy = &at
	if how != "" {
		g.Reason += "; " + how
	}
}

func (g *trackedGap) setSLA(days int) {
	if days > 0 {
		due := g.FirstSeen.AddDate(0, 0, days)
		g.SLADue = &due
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

// belongsTo reports whether the gap belongs to the period: an event by its own
// time, blind slots by their due times, anything else if it may have lasted
// into the period and was seen before its end.
func (g *trackedGap) belongsTo(p result.Period) bool {
	switch {
	case g.event && g.NotBefore != nil:
		return p.Holds(*g.NotBefore)
	case g.event:
		return p.Holds(g.FirstSeen)
	case !g.FirstSeen.Before(p.To):
		return false
	case g.Kind == result.Blind && g.Test == "":
		return !g.LastSeen.Before(p.From)
	}
	return g.FixedBy == nil || g.FixedBy.After(p.From)
}

// sortGaps returns gaps in their order. Their indexes are sorted, because gaps are large.
func sortGaps(gaps []result.Gap) []result.Gap {
	order := make([]int, len(gaps))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Or(compareGaps(&gaps[i], &gaps[j]), i-j) })
	out := make([]result.Gap, len(gaps))
	// Gaps that share an id get a number.
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

// applyDecisions applies what people decided by asOf: the last decision of each
// verb on a gap counts, and an acceptance until its day.
func applyDecisions(gaps []result.Gap, acts []evidence.Act, asOf time.Time) {
	type key struct {
		gap  string
		verb evidence.DecisionVerb
	}
	last := map[key]*evidence.Decision{}
	for _, a := range acts {
		if d := a.Decision; d != nil {
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
