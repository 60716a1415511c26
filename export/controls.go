package export

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
)

// controls writes a folder per control: what it promises, how its tests went,
// its gaps, and the population of every kind that it reads; and a row for each in one table.
func (b *derived) controls() error {
	if err := b.file("controls/matrix.csv", b.matrix); err != nil {
		return err
	}
	uploads, err := b.uploads()
	if err != nil {
		return err
	}
	for _, c := range b.Judged().Controls {
		folder := "controls/" + c.ID + "/"
		if err := b.file(folder+"control.txt", func(w io.Writer) error { return b.controlText(w, c, uploads) }); err != nil {
			return err
		}
		if err := b.file(folder+"tests.csv", func(w io.Writer) error { return b.testRows(w, c) }); err != nil {
			return err
		}
		if len(c.Duties) > 0 {
			if err := b.file(folder+"duties.csv", func(w io.Writer) error { return b.dutyRows(w, c) }); err != nil {
				return err
			}
		}
		if err := b.file(folder+"gaps.csv", func(w io.Writer) error { return b.gapRows(w, c) }); err != nil {
			return err
		}
	}
	return b.populations()
}

func (b *derived) controlResult(id string) result.ControlResult {
	for _, r := range b.Result.Controls {
		if r.Control == id {
			return r
		}
	}
	return result.ControlResult{Control: id, Now: result.ManualEvidence, Status: result.ManualEvidence}
}

func (b *derived) testResult(id string) result.TestResult {
	for _, r := range b.Result.Tests {
		if r.Test == id {
			return r
		}
	}
	return result.TestResult{Test: id, Now: result.ManualEvidence, Period: result.ManualEvidence}
}

func (b *derived) controlText(w io.Writer, c catalogue.Control, uploads []evidence.Act) error {
	r := b.controlResult(c.ID)
	var s strings.Builder
	fmt.Fprintf(&s, "%s: %s\n\n%s\n\n", c.ID, c.Title, strings.TrimSpace(c.Description))
	fmt.Fprintf(&s, "Criteria:     %s\n", strings.Join(r.Criteria, ", "))
	b.figures(&s, r)
	fmt.Fprintf(&s, "\nProcedure\n%s\n", strings.TrimSpace(c.Procedure))
	for _, t := range c.Tests {
		fmt.Fprintf(&s, "\nTest %s\n  %s\n  Reads %s; passes when %s: %s\n", t.ID, t.Title, t.Kind, condition(t), t.Pass)
		if t.When != "" {
			fmt.Fprintf(&s, "  Applies when: %s\n", t.When)
		}
		fmt.Fprintf(&s, "  %s\n  Mapping rests on: %s\n", strings.TrimSpace(t.Procedure), t.Basis)
	}
	b.dutyText(&s, c)
	broughtText(&s, c, uploads)
	views := b.Catalogue.ViewsOf(c)
	for _, v := range views {
		viewText(&s, v)
	}
	if len(views) > 0 {
		s.WriteString("\nWhat views are made of stands in populations/ at the top, once for all controls.\n")
	}
	s.WriteString("\nFiles: tests.csv (result of each test), duties.csv (what people owe, and when they did it),\ngaps.csv (every deviation and blind spot), population-*.csv (every resource or event seen in the period).\n")
	_, err := io.WriteString(w, s.String())
	return err
}

// figures tells how a control did: over the period, or as of a date.
func (b *derived) figures(s *strings.Builder, r result.ControlResult) {
	if b.Type == TypeI {
		fmt.Fprintf(s, "As of:        %s\nStatus:       %s\nDeviations:   %d open\n", b.Result.AsOf.Format("2006-01-02 15:04:05"), words(string(r.Now)), r.Open)
		return
	}
	fmt.Fprintf(s, "Period:       %s\n", b.dates())
	fmt.Fprintf(s, "Status:       %s\n", words(string(r.Status)))
	fmt.Fprintf(s, "Coverage:     %s\n", share(r.Coverage, "of the expected slots were collected whole", "no automated test was run"))
	fmt.Fprintf(s, "Activities:   %s\n", share(r.Activities, "of those that were owed were done", "none was owed"))
	fmt.Fprintf(s, "Deviations:   %d of %d items, %d times", r.Deviating, r.Population, r.Deviations)
	if r.Nature != "" {
		fmt.Fprintf(s, " (%s)", r.Nature)
	}
	s.WriteString("\n")
}

// viewText tells what a row of a view is made of, so that a join can be made again by hand.
func viewText(s *strings.Builder, v catalogue.View) {
	fmt.Fprintf(s, "\nView %s\n  %s\n", v.Kind, v.Title)
	if v.Of != "" {
		fmt.Fprintf(s, "  The rows of view %s\n", v.Of)
	}
	for _, p := range v.From {
		fmt.Fprintf(s, "  From %s", p.Kind)
		if p.When != "" {
			fmt.Fprintf(s, " where %s", p.When)
		}
		s.WriteString("\n")
		for _, name := range slices.Sorted(maps.Keys(p.Fields)) {
			fmt.Fprintf(s, "    %s = %s\n", name, strings.TrimSpace(p.Fields[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.Join)) {
		j := v.Join[name]
		fmt.Fprintf(s, "  Joined as %s with the rows of view %s of which %s has a text in common with %s\n", name, j.View, j.Key, j.On)
	}
}

// condition says of how many records a test's predicate must hold.
func condition(t catalogue.Test) string {
	switch t.Mode {
	case catalogue.Exists:
		return "one record of each scope or more satisfies"
	case catalogue.AtMost:
		return fmt.Sprintf("no more than %d records of a scope satisfy", t.Max)
	}
	return "each record satisfies"
}

func words(s string) string { return strings.ReplaceAll(s, "_", " ") }

// share says how much of something was done, or that there was nothing to do.
func share(p *float64, of, nothing string) string {
	if p == nil {
		return nothing
	}
	return percent(*p) + " " + of
}

// figure is a share in a table; empty of nothing.
func figure(p *float64) string {
	if p == nil {
		return ""
	}
	return strconv.FormatFloat(*p, 'f', 1, 64)
}

func percent(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) + " %" }

func (b *derived) testRows(w io.Writer, c catalogue.Control) error {
	header := []string{"test", "title", "criteria", "severity", "sla_days", "verdict_period", "verdict_now", "population", "deviations", "deviating", "open", "unknown", "coverage_percent"}
	return rows(w, header, func(row func(...string)) error {
		for _, t := range c.Tests {
			r := b.testResult(t.ID)
			row(t.ID, t.Title, strings.Join(t.Criteria, " "), t.Severity, strconv.Itoa(t.SLADays), b.ofPeriod(string(r.Period)), string(r.Now), b.ofPeriod(strconv.Itoa(r.Population)),
				strconv.Itoa(r.Deviations), b.ofPeriod(strconv.Itoa(r.Deviating)), strconv.Itoa(r.Open), strconv.Itoa(r.Unknown), b.ofPeriod(strconv.FormatFloat(r.Coverage, 'f', 1, 64)))
		}
		return nil
	})
}

var gapHeader = []string{"id", "kind", "test", "severity", "state", "resource", "name", "stream", "not_before", "first_seen", "last_seen", "fixed_by", "sla_due", "reason", "response"}

func gapCells(g result.Gap) []string {
	return []string{g.ID, string(g.Kind), g.Test, g.Severity, string(g.State), g.Resource, g.Name, g.Stream, stamp(g.NotBefore),
		stamp(&g.FirstSeen), stamp(&g.LastSeen), stamp(g.FixedBy), stamp(g.SLADue), g.Reason, g.Response}
}

// concerns reports whether a gap is about the control: one of its tests, or a
// stream that they read.
func (b *derived) concerns(g result.Gap, c catalogue.Control) bool {
	if g.Test != "" {
		return g.Control == c.ID
	}
	st, err := evidence.ParseStream(g.Stream)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(b.Catalogue.Reads(c), func(k evidence.Kind) bool {
		return k == st.Kind || g.Kind == result.Scope && strings.HasPrefix(string(k), st.Source+".")
	})
}

func (b *derived) gapRows(w io.Writer, c catalogue.Control) error {
	return rows(w, gapHeader, func(row func(...string)) error {
		for _, g := range b.Result.Gaps {
			if b.concerns(g, c) {
				row(gapCells(g)...)
			}
		}
		return nil
	})
}
