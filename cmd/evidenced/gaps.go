package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

func (a *app) gapsCommand() *cobra.Command {
	var all bool
	c := a.served(&cobra.Command{
		Use:   "gaps",
		Short: "List the open gaps of the period",
		Args:  usage(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return a.gaps(c.Context(), all) },
	})
	c.Flags().BoolVar(&all, "all", false, "list the fixed and accepted ones too")
	c.AddCommand(a.asOfFlag(a.served(&cobra.Command{
		Use:   "show ID",
		Short: "Show one gap: its bounds, what it means, what to do",
		Args:  usage(cobra.ExactArgs(1)),
		RunE:  func(c *cobra.Command, args []string) error { return a.gapShow(c.Context(), args[0]) },
	})), a.gapAcceptCommand(), a.gapRespondCommand())
	return a.asOfFlag(c)
}

// gapList is what `gaps --json` prints.
type gapList struct {
	AsOf   time.Time     `json:"as_of"`
	Period result.Period `json:"period"`
	Gaps   []gapLine     `json:"gaps"`

	whole []result.Gap // with the names that the table shows
}

// gapLine is a gap with the members that scripts depend on, and no others.
type gapLine struct {
	result.Gap
	Name struct{} `json:"name,omitzero"` // hides the name
}

func (a *app) result(ctx context.Context) (*result.Result, error) {
	c, s, err := a.opened()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return a.evaluate(ctx, c, s)
}

func (a *app) gaps(ctx context.Context, all bool) error {
	res, err := a.result(ctx)
	if err != nil {
		return err
	}
	out := gapList{AsOf: res.AsOf, Period: res.Period, Gaps: []gapLine{}}
	open := 0
	for _, g := range res.Gaps {
		if !closed(g) && g.State != result.Accepted {
			open++
		} else if !all {
			continue
		}
		out.Gaps = append(out.Gaps, gapLine{Gap: g})
		out.whole = append(out.whole, g)
	}
	if err := a.print(out, out.text); err != nil {
		return err
	}
	if open > 0 {
		return errIncomplete
	}
	return nil
}

func (l gapList) text(w io.Writer) {
	if len(l.Gaps) == 0 {
		fmt.Fprintf(w, "No gaps as of %s.\n", l.AsOf.Format(time.RFC3339))
		return
	}
	table(w, "ID\tSEVERITY\tKIND\tSTATE\tTEST\tRESOURCE\tFIRST SEEN\tFIXED BY\tSLA DUE", func(row func(...any)) {
		for _, g := range l.whole {
			row(g.ID, g.Severity, g.Kind, g.State, orDash(g.Test), subject(g), when(&g.FirstSeen), when(g.FixedBy), when(g.SLADue))
		}
	})
	fmt.Fprintf(w, "\n%d gaps as of %s. `evidenced gaps show ID` says more.\n", len(l.Gaps), l.AsOf.Format(time.RFC3339))
}

// subject names what a gap is about.
func subject(g result.Gap) string {
	switch {
	case g.Name != "":
		return g.Name
	case g.Resource != "":
		return g.Resource
	}
	return g.Stream
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// gapDetail is what `gaps show --json` prints.
type gapDetail struct {
	result.Gap
	Title       string `json:"title"`
	Procedure   string `json:"procedure"`
	Remediation string `json:"remediation"`
	// Decisions are all that people decided on it, oldest first.
	Decisions []decisionLine `json:"decisions"`
}

func (a *app) gapShow(ctx context.Context, id string) error {
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
	for _, g := range res.Gaps {
		if g.ID != id {
			continue
		}
		d := gapDetail{Gap: g}
		for _, t := range cat.Tests() {
			if t.ID == g.Test {
				d.Title, d.Procedure, d.Remediation = t.Title, t.Procedure, t.Remediation
			}
		}
		for _, t := range cat.Duties() {
			if t.ID == g.Test {
				d.Title, d.Procedure, d.Remediation = t.Title, t.Procedure, t.Remediation+" Evidence: "+t.Evidence
			}
		}
		if d.Decisions, err = decisions(s, id, res.AsOf); err != nil {
			return err
		}
		return a.print(d, d.text)
	}
	return noGap(res, id)
}

// noGap is the error of a gap that is not there.
func noGap(res *result.Result, id string) error {
	var ids []string
	for _, g := range res.Gaps {
		ids = append(ids, g.ID)
	}
	return fmt.Errorf("there is no gap %s in this period%s; `evidenced gaps --all` lists them", id, nearest(id, ids))
}

func (d gapDetail) text(w io.Writer) {
	fmt.Fprintf(w, "%s  %s %s, %s\n", d.ID, evidence.Printable(d.Severity), d.Kind, d.State)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-12s %s\n", name, evidence.Printable(value))
		}
	}
	line("test", d.Test)
	line("", d.Title)
	line("control", d.Control)
	line("criteria", strings.Join(d.Criteria, ", "))
	line("stream", d.Stream)
	line("resource", d.Resource)
	line("name", d.Name)
	line("why", d.Reason)
	line("not before", when(d.NotBefore))
	line("first seen", when(&d.FirstSeen))
	line("last seen", when(&d.LastSeen))
	line("fixed by", when(d.FixedBy))
	line("sla due", when(d.SLADue))
	line("to do", d.Remediation)
	line("tested by", d.Procedure)
	for _, x := range d.Decisions {
		line("decided", x.text())
	}
}
