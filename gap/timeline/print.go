package timeline

import (
	"cmp"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/evidenced/evidenced/gap/result"
)

// Sections are what an archive may say that it expects.
var Sections = []string{"gaps", "tests", "controls", "duties", "slots"}

// text returns what a result says, by section.
func (t *Timeline) text(r *result.Result) map[string]string {
	return map[string]string{"gaps": gapText(r, t.Only), "tests": testText(r), "controls": controlText(r), "duties": dutyText(r), "slots": slotText(r)}
}

const short = "01-02T15:04"

func gapText(r *result.Result, only string) string {
	var b strings.Builder
	for _, g := range r.Gaps {
		if ok, _ := path.Match(cmp.Or(only, "*"), cmp.Or(g.Test, string(g.Kind))); !ok {
			continue
		}
		fmt.Fprintf(&b, "%s %s %s %s\n", g.Kind, cmp.Or(g.Test, "-"), g.Stream, cmp.Or(g.Resource, "-"))
		fmt.Fprintf(&b, "  after %s seen %s..%s fixed %s due %s %s\n", shortTime(g.NotBefore), g.FirstSeen.Format(short),
			g.LastSeen.Format(short), shortTime(g.FixedBy), shortTime(g.SLADue), g.State)
		fmt.Fprintf(&b, "  %s\n", g.Reason)
	}
	return b.String()
}

func shortTime(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Format(short)
}

func testText(r *result.Result) string {
	var b strings.Builder
	for _, t := range r.Tests {
		if t.Streams > 0 || t.Population > 0 {
			fmt.Fprintf(&b, "%s now %s period %s: %d of %d, %d gaps, %d open, %d unknown, %v%% %s\n", t.Test, t.Now, t.Period,
				t.Deviating, t.Population, t.Deviations, t.Open, t.Unknown, t.Coverage, t.Days)
		}
	}
	return b.String()
}

// controlText leaves out the controls of which the timeline says nothing, so
// that a new one changes no other's timeline.
func controlText(r *result.Result) string {
	var b strings.Builder
	for _, c := range r.Controls {
		if c.Now == result.ManualEvidence && c.Status == result.ManualEvidence && c.Population == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s %s %s: %d of %d, %d gaps %s, %v%% %s\n", c.Control, c.Now, c.Status, c.Deviating, c.Population, c.Deviations, c.Nature, covered(c), c.Days)
	}
	return b.String()
}

func dutyText(r *result.Result) string {
	var b strings.Builder
	for _, o := range r.Duties {
		fmt.Fprintf(&b, "%s %s %s: %s..%s late %s, done %s\n", o.Duty, o.Label, o.State, o.From.Format("06-01-02"), o.Due.Format("06-01-02"), o.Late.Format("06-01-02"), shortTime(o.Performed))
	}
	return b.String()
}

func slotText(r *result.Result) string {
	var b strings.Builder
	for _, s := range r.Streams {
		fmt.Fprintf(&b, "%s %v%% last %s\n", s.Stream, s.Coverage, shortTime(s.LastComplete))
	}
	fmt.Fprintf(&b, "%+v\n", r.Slots)
	return b.String()
}

// covered is the coverage of a control's tests or, if it has none, of its activities.
func covered(c result.ControlResult) float64 {
	switch {
	case c.Coverage != nil:
		return *c.Coverage
	case c.Activities != nil:
		return *c.Activities
	}
	return 0
}
