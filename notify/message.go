package notify

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// Message is what one channel is told at once.
type Message struct {
	// ID follows from what the message is about: the same again has the same ID.
	ID           string
	At           time.Time
	Organization string
	Groups       []Group
	// Keys are those of all its events.
	Keys []string
}

// Group is what belongs together in a message.
type Group struct {
	Name     string
	What     What
	Severity string
	Title    string
	Count    int
	// Gaps are the ids of the first of them.
	Gaps []string
	// Due is the first of their promised times.
	Due *time.Time
	// Open is how many gaps of that name are open now.
	Open int
	Text string
}

const (
	mostEvents = 2000 // of a message; the others are in the next
	mostGroups = 25   // that a person reads
	mostGaps   = 5    // that a group names
)

// Compose makes a message of events, the gravest first.
func Compose(organization string, events []Event, at time.Time) Message {
	events = events[:min(len(events), mostEvents)]
	m := Message{At: at.UTC(), Organization: organization}
	groups := map[string]*Group{}
	for _, e := range events {
		m.Keys = append(m.Keys, e.Key)
		id := e.Group + "\x00" + string(e.What)
		if groups[id] == nil {
			groups[id] = &Group{Name: e.Group, What: e.What, Severity: e.Severity, Title: e.Title, Open: e.Open, Text: e.Text}
		}
		groups[id].add(e)
	}
	for _, g := range groups {
		m.Groups = append(m.Groups, *g)
	}
	slices.SortFunc(m.Groups, func(a, b Group) int {
		return cmp.Or(rank(b.Severity)-rank(a.Severity), cmp.Compare(a.What, b.What), cmp.Compare(a.Name, b.Name))
	})
	slices.Sort(m.Keys)
	sum := evidence.HashOf([]byte(strings.Join(m.Keys, "\n")))
	m.ID = hex.EncodeToString(sum[:12])
	return m
}

func (g *Group) add(e Event) {
	g.Count++
	if e.Gap != "" && len(g.Gaps) < mostGaps {
		g.Gaps = append(g.Gaps, e.Gap)
	}
	if e.Due != nil && (g.Due == nil || e.Due.Before(*g.Due)) {
		g.Due = e.Due
	}
}

// severities in order of their weight.
var severities = []string{"low", "medium", "high", "critical"}

func rank(severity string) int { return slices.Index(severities, severity) }

// Subject is the message in a line.
func (m Message) Subject() string {
	n := map[What]int{}
	for _, g := range m.Groups {
		n[g.What] += g.Count
	}
	var parts []string
	for _, w := range []struct {
		what       What
		one, other string
	}{{Trouble, "trouble", "troubles"}, {Past, "gap past its promised time", "gaps past their promised time"}, {Near, "gap near its promised time", "gaps near their promised time"},
		{Opened, "open gap", "open gaps"}, {Owed, "duty due", "duties due"}, {Fixed, "fixed gap", "fixed gaps"}} {
		switch n[w.what] {
		case 0:
		case 1:
			parts = append(parts, "1 "+w.one)
		default:
			parts = append(parts, fmt.Sprintf("%d %s", n[w.what], w.other))
		}
	}
	if len(parts) == 0 {
		return "evidenced: " + m.Groups[0].Title
	}
	return "evidenced: " + strings.Join(parts, ", ")
}

// Text is the message for a person.
func (m Message) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", evidence.Printable(m.Organization))
	for i, g := range m.Groups {
		if i == mostGroups {
			fmt.Fprintf(&b, "\nand %d more: `evidenced gaps` lists them.\n", len(m.Groups)-mostGroups)
			break
		}
		b.WriteString("\n" + g.Line() + "\n")
	}
	return b.String()
}

// Line is a group for a person.
func (g Group) Line() string {
	if g.Text != "" {
		return evidence.Printable(g.Title) + "\n" + printableLines(g.Text)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s: %s (%d", words[g.What], g.Severity, evidence.Printable(g.Title), g.Count)
	if g.What != Fixed && g.Due != nil {
		fmt.Fprintf(&b, ", promised by %s", g.Due.UTC().Format("2006-01-02 15:04 UTC"))
	}
	if g.What == Fixed {
		fmt.Fprintf(&b, ", %d still open", g.Open)
	}
	b.WriteString(")")
	for _, id := range g.Gaps {
		fmt.Fprintf(&b, "\n  evidenced gaps show %s", evidence.Printable(id))
	}
	if more := g.Count - len(g.Gaps); more > 0 && len(g.Gaps) > 0 {
		fmt.Fprintf(&b, "\n  and %d more", more)
	}
	return b.String()
}

var words = map[What]string{Opened: "OPEN", Near: "DUE SOON", Past: "OVERDUE", Owed: "DUTY", Fixed: "FIXED"}

func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = evidence.Printable(l)
	}
	return strings.Join(lines, "\n")
}
