package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
)

func (a *app) readinessCommand() *cobra.Command {
	return a.asOfFlag(a.served(&cobra.Command{
		Use:   "readiness",
		Short: "Say of each control whether an audit can come, what is missing, and what to do",
		Long: `Lists the controls of the chosen criteria in the order in which an auditor raises
them: critical and high failures, missed duties, other failures, what is unknown,
evidence that is missing, what no source collects, and last what passes. Each has
its remedy and the command to run. Exit code 3 if any is not ready.`,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.readiness(c.Context()) },
	}))
}

// The states of a control, in the order in which an auditor raises them.
const (
	failingCritical = "failing_critical"
	dutyMissed      = "duty_missed"
	failing         = "failing"
	unknownState    = "unknown"
	missing         = "evidence_missing"
	notCollected    = "not_collected"
	passing         = "passing"
)

var readyOrder = []string{failingCritical, dutyMissed, failing, unknownState, missing, notCollected, passing}

// point is one thing that stands in a control's way.
type point struct {
	State string `json:"state"`
	// About is the test or the duty.
	About    string `json:"about"`
	What     string `json:"what"`
	Severity string `json:"severity"`
	Remedy   string `json:"remedy"`
	Command  string `json:"command"`
}

// readyLine is one control in `readiness --json`.
type readyLine struct {
	Control  string   `json:"control"`
	Title    string   `json:"title"`
	Family   string   `json:"family"`
	Criteria []string `json:"criteria"`
	State    string   `json:"state"`
	Ready    bool     `json:"ready"`
	// Deviations are those of the period, mended or not; Accepted are gaps that a
	// person accepted for now. An auditor sees both.
	Deviations int `json:"deviations"`
	Accepted   int `json:"accepted"`
	// Points are sorted as the controls are; those that pass are left out.
	Points []point `json:"points"`
}

// readiness is what `readiness --json` prints.
type readiness struct {
	AsOf     time.Time      `json:"as_of"`
	Period   result.Period  `json:"period"`
	Criteria []string       `json:"categories"`
	Counts   map[string]int `json:"counts"`
	Controls []readyLine    `json:"controls"`
}

func (a *app) readiness(ctx context.Context) error {
	c, s, err := a.opened()
	if err != nil {
		return err
	}
	defer s.Close()
	res, err := a.evaluate(ctx, c, s)
	if err != nil {
		return err
	}
	cat, err := loadCatalogue(c)
	if err != nil {
		return err
	}
	out := newReadiness(cat, c, res)
	if err := a.print(out, out.text); err != nil {
		return err
	}
	if out.Counts[passing] < len(out.Controls) {
		return errIncomplete
	}
	return nil
}

func newReadiness(cat *catalogue.Catalogue, c *config.Config, res *result.Result) readiness {
	out := readiness{AsOf: res.AsOf, Period: res.Period, Criteria: c.Period.Criteria, Counts: map[string]int{}, Controls: []readyLine{}}
	j := readyJudge{cat: cat, config: c, tests: map[string]result.TestResult{}, gaps: map[string][]result.Gap{}, due: map[string][]result.Occurrence{}, accepted: map[string]int{}}
	for _, t := range res.Tests {
		j.tests[t.Test] = t
	}
	for _, g := range res.Gaps {
		switch g.State {
		case result.Open:
			j.gaps[g.Test] = append(j.gaps[g.Test], g)
		case result.Accepted:
			j.accepted[g.Test]++
		}
	}
	for _, o := range res.Duties {
		j.due[o.Duty] = append(j.due[o.Duty], o)
	}
	for _, ctl := range cat.Controls {
		l := j.control(ctl)
		out.Counts[l.State]++
		out.Controls = append(out.Controls, l)
	}
	slices.SortStableFunc(out.Controls, func(a, b readyLine) int {
		return cmp.Or(cmp.Compare(slices.Index(readyOrder, a.State), slices.Index(readyOrder, b.State)),
			cmp.Compare(a.source(), b.source()), result.CompareFamilies(a.Family, b.Family), cmp.Compare(a.Control, b.Control))
	})
	return out
}

// readyJudge says of controls how ready they are.
type readyJudge struct {
	cat    *catalogue.Catalogue
	config *config.Config
	tests  map[string]result.TestResult
	gaps   map[string][]result.Gap // the open ones, by test
	due    map[string][]result.Occurrence
	// accepted counts the gaps that are accepted, by test.
	accepted map[string]int
}

func (j readyJudge) control(ctl catalogue.Control) readyLine {
	l := readyLine{Control: ctl.ID, Title: ctl.Title, Family: ctl.Family, Criteria: criteriaOf(j.cat, ctl), Points: []point{}}
	read, blind := false, 0
	for _, t := range ctl.Tests {
		l.Deviations += j.tests[t.ID].Deviations
		l.Accepted += j.accepted[t.ID]
		p, ok := j.test(t)
		switch {
		case ok:
			l.Points = append(l.Points, p)
		case j.tests[t.ID].Now == result.ManualEvidence:
			blind++
		default:
			read = true
		}
	}
	for _, d := range ctl.Duties {
		if p, ok := j.duty(d); ok {
			l.Points = append(l.Points, p)
		}
	}
	if blind > 0 && blind == len(ctl.Tests) {
		l.Points = append(l.Points, j.uncollected(ctl))
	}
	if len(l.Points) == 0 && !read && !j.performed(ctl) {
		l.Points = append(l.Points, point{State: missing, About: ctl.ID, Severity: "low", What: "nothing was brought yet, and nothing is due yet",
			Remedy: "Bring what shows that it is done, before it is due.", Command: "evidenced catalogue show " + ctl.ID})
	}
	slices.SortStableFunc(l.Points, func(a, b point) int {
		return cmp.Or(cmp.Compare(slices.Index(readyOrder, a.State), slices.Index(readyOrder, b.State)), cmp.Compare(severity(a.Severity), severity(b.Severity)))
	})
	l.State = passing
	if len(l.Points) > 0 {
		l.State = l.Points[0].State
	}
	l.Ready = l.State == passing
	return l
}

// performed reports whether people did some duty of a control.
func (j readyJudge) performed(ctl catalogue.Control) bool {
	return slices.ContainsFunc(ctl.Duties, func(d catalogue.Duty) bool {
		return slices.ContainsFunc(j.due[d.ID], func(o result.Occurrence) bool { return o.Performed != nil })
	})
}

func severity(s string) int { return slices.Index([]string{"critical", "high", "medium", "low"}, s) }

// test tells what a test stands in the way with; not ok where it passes, or reads nothing.
func (j readyJudge) test(t catalogue.Test) (p point, ok bool) {
	r, open := j.tests[t.ID], j.gaps[t.ID]
	p = point{About: t.ID, Severity: t.Severity, Remedy: oneLine(t.Remediation), State: failing}
	findings := 0
	for _, g := range open {
		if g.Kind.Finding() {
			findings++
		}
	}
	switch {
	case findings > 0:
		if t.Severity == "critical" || t.Severity == "high" {
			p.State = failingCritical
		}
		p.What, p.Command = fmt.Sprintf("%d open: %s", findings, t.Title), "evidenced gaps show "+first(open).ID
	case r.Now == result.Unknown:
		p.State, p.What, p.Command = unknownState, "not known: "+t.Title, "evidenced doctor"
		p.Remedy = "What could not be read, or what the source does not say, stands in the gaps of kind blind. Grant what is missing, and collect again."
		if len(open) > 0 {
			p.What, p.Command = p.What+" ("+open[0].Reason+")", "evidenced gaps show "+open[0].ID
		}
	default:
		return p, false
	}
	return p, true
}

// first gives the first finding of open gaps.
func first(open []result.Gap) result.Gap {
	return open[max(0, slices.IndexFunc(open, func(g result.Gap) bool { return g.Kind.Finding() }))]
}

// duty tells what a duty stands in the way with: that it was missed, or that it
// is due and nothing shows it.
func (j readyJudge) duty(d catalogue.Duty) (p point, ok bool) {
	p = point{About: d.ID, Severity: d.Severity, Remedy: oneLine(d.Remediation) + " Bring: " + oneLine(d.Evidence)}
	for _, o := range j.due[d.ID] {
		p.Command = "evidenced evidence add FILE --duty " + d.ID + " --by YOU"
		if d.Per != "" {
			p.Command += " --for " + o.Label
		}
		switch o.State {
		case result.MissedDuty:
			p.State, p.What = dutyMissed, fmt.Sprintf("missed for %s, was due on %s: %s", o.Label, o.Due.Format(time.DateOnly), d.Title)
			return p, true
		case result.DueNow:
			p.State, p.What, ok = missing, fmt.Sprintf("due on %s for %s: %s", o.Due.Format(time.DateOnly), o.Label, d.Title), true
		}
	}
	return p, ok
}

// uncollected tells which sources would feed the tests of a control.
func (j readyJudge) uncollected(ctl catalogue.Control) point {
	configured := map[string]bool{}
	for _, s := range j.config.Sources {
		configured[s.Spec.Name] = true
	}
	var sources []string
	for _, k := range j.cat.Reads(ctl) {
		if name, _, _ := strings.Cut(string(k), "."); !slices.Contains(sources, name) {
			sources = append(sources, name)
		}
	}
	slices.Sort(sources)
	p := point{State: notCollected, About: ctl.ID, Severity: "high", What: "no source gives what its tests read", Command: "evidenced collect now"}
	if slices.Contains(sources, evidence.SourceReview) { // what a review leaves is collected by none
		p.What, p.Remedy, p.Command = "no access review was signed off", "Hold an access review.", "evidenced review open NAME --by YOU"
		return p
	}
	for _, name := range sources {
		if configured[name] {
			p.Remedy = "Collect " + name + "."
			return p
		}
	}
	p.Remedy = "Configure one of: " + strings.Join(sources, ", ") + "."
	p.Command = "evidenced doctor"
	return p
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func (r readiness) text(w io.Writer) {
	fmt.Fprintf(w, "readiness for %s as of %s: %d of %d controls are ready\n", strings.Join(r.Criteria, ", "), r.AsOf.Format(time.RFC3339), r.Counts[passing], len(r.Controls))
	for _, state := range readyOrder {
		if n := r.Counts[state]; n > 0 {
			fmt.Fprintf(w, "  %3d %s\n", n, strings.ReplaceAll(state, "_", " "))
		}
	}
	for i := 0; i < len(r.Controls); {
		same := alike(r.Controls[i:])
		r.Controls[i].text(w, same)
		i += len(same)
	}
}

// source is what is to be done where no source feeds a control: those for which
// it is the same stand together.
func (l readyLine) source() string {
	if l.State != notCollected {
		return ""
	}
	return l.Points[0].Remedy
}

// alike gives the leading controls that one paragraph can tell of: those that no
// source feeds for the same reason, and those with which nothing is wrong.
func alike(all []readyLine) []readyLine {
	n := 1
	for n < len(all) && all[0].like(all[n]) {
		n++
	}
	return all[:n]
}

func (l readyLine) like(o readyLine) bool {
	if l.State != o.State || l.State != notCollected && l.State != passing || l.Deviations+l.Accepted+o.Deviations+o.Accepted > 0 {
		return false
	}
	about := func(p point) point { p.About = ""; return p }
	return slices.EqualFunc(l.Points, o.Points, func(a, b point) bool { return about(a) == about(b) })
}

// text prints one control, or several that are alike.
func (l readyLine) text(w io.Writer, same []readyLine) {
	state := strings.ToUpper(strings.ReplaceAll(l.State, "_", " "))
	if len(same) == 1 {
		fmt.Fprintf(w, "\n%s: %s (%s)\n", state, l.Control, evidence.Printable(l.Title))
	} else {
		fmt.Fprintf(w, "\n%s: %d controls\n", state, len(same))
		for _, o := range same {
			fmt.Fprintf(w, "  %s (%s)\n", o.Control, evidence.Printable(o.Title))
		}
	}
	if l.Deviations+l.Accepted > 0 {
		fmt.Fprintf(w, "  in the period %d deviations, mended or not; %d gaps are accepted\n", l.Deviations, l.Accepted)
	}
	for _, p := range l.Points {
		if len(same) == 1 {
			fmt.Fprintf(w, "  %s, %s: %s\n", p.About, p.Severity, evidence.Printable(p.What))
		} else {
			fmt.Fprintf(w, "  %s: %s\n", p.Severity, evidence.Printable(p.What))
		}
		fmt.Fprintf(w, "    to do: %s\n    run:   %s\n", evidence.Printable(p.Remedy), p.Command)
	}
}
