package notify

import (
	"fmt"
	"strings"
	"time"

	"github.com/evidenced/evidenced/gap/result"
)

// What says what an event is.
type What string

// What is told.
const (
	Opened   What = "opened"   // a gap is open
	Near     What = "sla_near" // its promised time is near
	Past     What = "sla_past" // its promised time is past
	Fixed    What = "fixed"    // a gap that was told is fixed
	Owed     What = "owed"     // a duty is due soon, or due
	Trouble  What = "trouble"  // the daemon itself is in trouble
	Digest   What = "digest"   // how the week was
	nearSpan      = 24 * time.Hour
)

// Event is one thing to tell.
type Event struct {
	// Key names it for ever: what was told once is not told again.
	Key  string
	What What
	// Severity is low, medium, high or critical.
	Severity string
	// Group is what belongs together: a test, or the blind spots of a source.
	Group string
	// Title says of a group what it is, in our own words.
	Title string
	// Gap is the id of the gap; empty where it is about none.
	Gap string
	// Due is when a promise ends.
	Due *time.Time
	// Open is how many gaps of the group are open now.
	Open int
	// Text is the whole of an event that is about no gap.
	Text string
}

// Events gives everything that could be told of a result, in order of the gaps.
// titles names the tests.
func Events(res *result.Result, titles map[string]string, now time.Time) (out []Event) {
	open := map[string]int{}
	for _, g := range res.Gaps {
		if g.State == result.Open {
			open[groupOf(g)]++
		}
	}
	for _, g := range res.Gaps {
		e := Event{Severity: g.Severity, Group: groupOf(g), Title: title(g, titles), Gap: g.ID, Due: g.SLADue, Open: open[groupOf(g)]}
		id := g.ID
		if g.Reopened != nil { // its acceptance ended: that is news
			id += "@" + g.Reopened.UTC().Format(time.DateOnly)
		}
		for _, what := range states(g, now) {
			e.What, e.Key = what, id+"/"+string(what)
			out = append(out, e)
		}
	}
	return append(out, owed(res)...)
}

// owed are the duties that are announced, each once.
func owed(res *result.Result) (out []Event) {
	for _, o := range res.Duties {
		if o.State != result.DueNow {
			continue
		}
		due := o.Late
		out = append(out, Event{Key: "duty/" + o.Duty + "/" + o.Label, What: Owed, Severity: o.Severity, Group: "duty " + o.Duty,
			Title: o.Title + " (" + o.Label + ")", Due: &due, Open: 1})
	}
	return out
}

// states are what is true of a gap.
func states(g result.Gap, now time.Time) []What {
	switch {
	case g.State == result.Accepted:
		return nil
	case g.State != result.Open:
		return []What{Fixed}
	case g.SLADue == nil || now.Before(g.SLADue.Add(-nearSpan)):
		return []What{Opened}
	case now.Before(*g.SLADue):
		return []What{Opened, Near}
	}
	return []What{Opened, Past}
}

// groupOf names what belongs together. It holds no name of a resource.
func groupOf(g result.Gap) string {
	source, _, _ := strings.Cut(g.Stream, "/")
	if g.Test != "" {
		return string(g.Kind) + " " + g.Test
	}
	return string(g.Kind) + " " + source
}

func title(g result.Gap, titles map[string]string) string {
	source, _, _ := strings.Cut(g.Stream, "/")
	if t := titles[g.Test]; t != "" {
		if g.Kind == result.Deviation {
			return t
		}
		return fmt.Sprintf("%s: %s", g.Kind, t)
	}
	switch g.Kind {
	case result.Blind:
		return source + " could not be read whole"
	case result.Scope:
		return "the scopes of " + source + " have changed"
	case result.Retention:
		return source + " is about to forget what was not read, or did"
	case result.Custody:
		return "the log went back"
	case result.Drift:
		return source + " no longer says what it said"
	}
	return fmt.Sprintf("%s: %s", g.Kind, source)
}

// Troubles tells what the daemon itself suffers from, each once a day.
func Troubles(of map[string]string, now time.Time) (out []Event) {
	for what, text := range of {
		out = append(out, Event{Key: "trouble/" + what + "/" + now.UTC().Format(time.DateOnly), What: Trouble, Severity: "critical",
			Group: "trouble " + what, Title: "evidenced: trouble with the " + what, Open: 1, Text: text})
	}
	return out
}

// digestHour is when the week's digest is told, on Monday, UTC.
const digestHour = 8

// Week is the digest of the week, from Monday morning on.
func Week(res *result.Result, now time.Time) []Event {
	now = now.UTC()
	monday := now.AddDate(0, 0, -(int(now.Weekday())+6)%7).Truncate(24 * time.Hour).Add(digestHour * time.Hour)
	if now.Before(monday) {
		return nil
	}
	year, week := now.ISOWeek()
	return []Event{{Key: fmt.Sprintf("digest/%d-W%02d", year, week), What: Digest, Severity: "critical", Group: "digest",
		Title: "the week of " + monday.Format(time.DateOnly), Text: digest(res, now)}}
}

func digest(res *result.Result, now time.Time) string {
	var b strings.Builder
	n := res.Slots
	fmt.Fprintf(&b, "The period is %s to %s.\n", res.Period.From.Format(time.DateOnly), res.Period.To.AddDate(0, 0, -1).Format(time.DateOnly))
	fmt.Fprintf(&b, "Slots: %d expected, %d collected, %d late, %d partial, %d failed, %d missed.\n", n.Expected, n.Collected, n.Late, n.Partial, n.Failed, n.Missed)
	open, past, opened, fixed := map[string]int{}, 0, 0, 0
	week := now.AddDate(0, 0, -7)
	for _, g := range res.Gaps {
		if g.State == result.Open {
			open[g.Severity]++
			if g.SLADue != nil && now.After(*g.SLADue) {
				past++
			}
		}
		if g.FirstSeen.After(week) {
			opened++
		}
		if g.FixedBy != nil && g.FixedBy.After(week) {
			fixed++
		}
	}
	fmt.Fprintf(&b, "Open gaps: %d critical, %d high, %d medium, %d low; %d past their promised time.\n", open["critical"], open["high"], open["medium"], open["low"], past)
	fmt.Fprintf(&b, "In the last seven days %d were seen first, and %d were fixed.", opened, fixed)
	for _, o := range res.Duties {
		if o.State == result.DueNow || o.State == result.Upcoming && o.Due.Before(now.AddDate(0, 0, 30)) {
			fmt.Fprintf(&b, "\nDue on %s: %s (%s).", o.Due.Format(time.DateOnly), o.Title, o.Duty)
		}
	}
	return b.String()
}
