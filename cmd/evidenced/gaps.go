package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
)

func (a *app) gapsCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "gaps",
		Short: "List the open gaps of the period",
		Args:  usage(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return a.gaps(c.Context(), all) },
	}
	c.Flags().BoolVar(&all, "all", false, "list the fixed and accepted ones too")
	c.AddCommand(a.asOfFlag(&cobra.Command{
		Use:   "show ID",
		Short: "Show one gap: its bounds, what it means, what to do",
		Args:  usage(cobra.ExactArgs(1)),
		RunE:  func(c *cobra.Command, args []string) error { return a.gapShow(c.Context(), args[0]) },
	}), a.gapAcceptCommand(), a.gapRespondCommand())
	return a.asOfFlag(c)
}

func (a *app) gaps(ctx context.Context, all bool) error {
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	l, err := s.Gaps(ctx, api.GapsRequest{AsOf: a.asOf.Time, All: all})
	if err != nil {
		return err
	}
	if err := a.print(l.Document(), func(w io.Writer) { gapsText(w, l) }); err != nil {
		return err
	}
	if l.Open > 0 {
		return errIncomplete
	}
	return nil
}

func gapsText(w io.Writer, l *api.GapList) {
	if len(l.Gaps) == 0 {
		fmt.Fprintf(w, "No gaps as of %s.\n", l.AsOf.Format(time.RFC3339))
		return
	}
	table(w, "ID\tSEVERITY\tKIND\tSTATE\tTEST\tRESOURCE\tFIRST SEEN\tFIXED BY\tSLA DUE", func(row func(...any)) {
		for _, g := range l.Gaps {
			row(g.ID, g.Severity, g.Kind, g.State, orDash(g.Test), api.Subject(g), when(&g.FirstSeen), when(g.FixedBy), when(g.SLADue))
		}
	})
	fmt.Fprintf(w, "\n%d gaps as of %s. `evidenced gaps show ID` says more.\n", len(l.Gaps), l.AsOf.Format(time.RFC3339))
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (a *app) gapShow(ctx context.Context, id string) error {
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	d, err := s.Gap(ctx, api.GapRequest{ID: id, AsOf: a.asOf.Time})
	if err != nil {
		return err
	}
	return a.print(d, func(w io.Writer) { gapText(w, d) })
}

func gapText(w io.Writer, d *api.GapDetail) {
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
		line("decided", decisionText(x))
	}
}
