package ops

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
)

// Readiness implements Service.
func (o *Operations) Readiness(ctx context.Context, req api.ReadinessRequest) (*api.Readiness, error) {
	s, err := o.openForRead()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	res, err := o.result(ctx, s, req.AsOf)
	if err != nil {
		return nil, err
	}
	cat, err := s.judge.Catalogue()
	if err != nil {
		return nil, err
	}
	return newReadiness(cat, s.config, res), nil
}

func newReadiness(cat *catalogue.Catalogue, c *config.Config, res *result.Result) *api.Readiness {
	out := &api.Readiness{AsOf: res.AsOf, Period: res.Period, Criteria: c.Period.Criteria, Counts: map[string]int{}, Controls: []api.ReadyControl{}}
	j := readinessBuilder{cat: cat, config: c, tests: map[string]result.TestResult{}, gaps: map[string][]result.Gap{}, due: map[string][]result.Occurrence{}, accepted: map[string]int{}, deviating: map[string]int{}}
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
	for _, c := range res.Controls {
		j.deviating[c.Control] = c.Deviating
	}
	for _, o := range res.Duties {
		j.due[o.Duty] = append(j.due[o.Duty], o)
	}
	for _, ctl := range cat.Controls {
		l := j.control(ctl)
		out.Counts[l.State]++
		out.Controls = append(out.Controls, l)
	}
	slices.SortStableFunc(out.Controls, func(a, b api.ReadyControl) int {
		return cmp.Or(cmp.Compare(slices.Index(api.ReadyOrder, a.State), slices.Index(api.ReadyOrder, b.State)),
			cmp.Compare(remedyOf(a), remedyOf(b)), result.CompareFamilies(a.Family, b.Family), cmp.Compare(a.Control, b.Control))
	})
	return out
}

// readinessBuilder says of controls how ready they are.
type readinessBuilder struct {
	cat    *catalogue.Catalogue
	config *config.Config
	tests  map[string]result.TestResult
	gaps   map[string][]result.Gap // the open ones, by test
	due    map[string][]result.Occurrence
	// accepted counts the gaps that are accepted, by test.
	accepted map[string]int
	// deviating counts the distinct items that deviated in the period, by control.
	deviating map[string]int
}

func (j readinessBuilder) control(ctl catalogue.Control) api.ReadyControl {
	l := api.ReadyControl{Control: ctl.ID, Title: ctl.Title, Family: ctl.Family, Criteria: CriteriaOf(j.cat, ctl), Points: []api.Point{}, Deviations: j.deviating[ctl.ID]}
	read, blind := false, 0
	for _, t := range ctl.Tests {
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
		l.Points = append(l.Points, api.Point{State: api.EvidenceMissing, About: ctl.ID, Severity: "low", What: "nothing was brought yet, and nothing is due yet",
			Remedy: "Bring what shows that it is done, before it is due.", Command: "evidenced catalogue show " + ctl.ID})
	}
	slices.SortStableFunc(l.Points, func(a, b api.Point) int {
		return cmp.Or(cmp.Compare(slices.Index(api.ReadyOrder, a.State), slices.Index(api.ReadyOrder, b.State)), cmp.Compare(severity(a.Severity), severity(b.Severity)))
	})
	l.State = api.Passing
	if len(l.Points) > 0 {
		l.State = l.Points[0].State
	}
	l.Ready = l.State == api.Passing
	return l
}

// performed reports whether people did some duty of a control.
func (j readinessBuilder) performed(ctl catalogue.Control) bool {
	return slices.ContainsFunc(ctl.Duties, func(d catalogue.Duty) bool {
		return slices.ContainsFunc(j.due[d.ID], func(o result.Occurrence) bool { return o.Performed != nil })
	})
}

func severity(s string) int { return slices.Index([]string{"critical", "high", "medium", "low"}, s) }

// test tells what a test stands in the way with; not ok where it passes, or reads nothing.
func (j readinessBuilder) test(t catalogue.Test) (p api.Point, ok bool) {
	r, open := j.tests[t.ID], j.gaps[t.ID]
	p = api.Point{About: t.ID, Severity: t.Severity, Remedy: oneLine(t.Remediation), State: api.Failing}
	findings := 0
	for _, g := range open {
		if g.Kind.Finding() {
			findings++
		}
	}
	switch {
	case findings > 0:
		if t.Severity == "critical" || t.Severity == "high" {
			p.State = api.FailingCritical
		}
		p.What, p.Command = fmt.Sprintf("%d open: %s", findings, t.Title), "evidenced gaps show "+first(open).ID
	case r.Now == result.Unknown:
		p.State, p.What, p.Command = api.UnknownState, "not known: "+t.Title, "evidenced doctor"
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
func (j readinessBuilder) duty(d catalogue.Duty) (p api.Point, ok bool) {
	p = api.Point{About: d.ID, Severity: d.Severity, Remedy: oneLine(d.Remediation) + " Bring: " + oneLine(d.Evidence)}
	for _, o := range j.due[d.ID] {
		p.Command = "evidenced evidence add FILE --duty " + d.ID + " --by YOU"
		if d.Per != "" {
			p.Command += " --for " + o.Label
		}
		switch o.State {
		case result.MissedDuty:
			p.State, p.What = api.DutyMissed, fmt.Sprintf("missed for %s, was due on %s: %s", o.Label, o.Due.Format(time.DateOnly), d.Title)
			return p, true
		case result.DueNow:
			p.State, p.What, ok = api.EvidenceMissing, fmt.Sprintf("due on %s for %s: %s", o.Due.Format(time.DateOnly), o.Label, d.Title), true
		}
	}
	return p, ok
}

// uncollected tells which sources would feed the tests of a control.
func (j readinessBuilder) uncollected(ctl catalogue.Control) api.Point {
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
	p := api.Point{State: api.NotCollected, About: ctl.ID, Severity: "high", What: "no source gives what its tests read", Command: "evidenced collect now"}
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

// remedyOf is what is to be done where no source feeds a control: those for which
// it is the same stand together.
func remedyOf(l api.ReadyControl) string {
	if l.State != api.NotCollected {
		return ""
	}
	return l.Points[0].Remedy
}
