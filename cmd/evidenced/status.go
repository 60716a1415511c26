package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/api"
)

func (a *app) statusCommand() *cobra.Command {
	var controls bool
	c := a.asOfFlag(&cobra.Command{
		Use:   "status",
		Short: "Show the period, the coverage per control family, what is due, and the next slots",
		Args:  usage(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return a.status(c.Context(), controls) },
	})
	c.Flags().BoolVar(&controls, "controls", false, "show a line for each control in place of one for each family")
	return c
}

func (a *app) status(ctx context.Context, controls bool) error {
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	st, err := s.Status(ctx, api.StatusRequest{AsOf: a.asOf.Time})
	if err != nil {
		return err
	}
	for _, p := range st.Problems {
		a.say("the daemon has trouble: " + p)
	}
	err = a.print(st.Document(), func(w io.Writer) { statusText(w, st, controls) })
	if err == nil && st.RolledBack {
		err = errIncomplete
	}
	return err
}

func statusText(w io.Writer, s *api.Status, controls bool) {
	elapsed := min(max(s.AsOf.Sub(s.Period.From), 0), s.Period.To.Sub(s.Period.From))
	fmt.Fprintf(w, "period %s to %s, %.0f %% elapsed as of %s\n", s.Period.From.Format(time.DateOnly), s.Period.To.AddDate(0, 0, -1).Format(time.DateOnly),
		100*elapsed.Seconds()/s.Period.To.Sub(s.Period.From).Seconds(), s.AsOf.Format(time.RFC3339))
	n := s.Slots
	fmt.Fprintf(w, "slots  %d expected: %d collected, %d late, %d partial, %d failed, %d missed\n\n", n.Expected, n.Collected, n.Late, n.Partial, n.Failed, n.Missed)
	if s.RolledBack {
		fmt.Fprint(w, "THE LOG WENT BACK: it is not the one that its key has signed; `evidenced doctor` says more\n\n")
	}
	verdictsText(w, s, controls)
	fmt.Fprint(w, "\nopen gaps:")
	for _, sev := range []string{"critical", "high", "medium", "low"} {
		fmt.Fprintf(w, " %d %s", s.Open[sev], sev)
	}
	fmt.Fprintf(w, "\nduties: %d missed, %d due, %d more in the next 30 days; %d acceptances end within 30 days\n", s.Duties.Missed, s.Duties.Due, s.Duties.Soon, s.Expiring)
	if len(s.Duties.List) > 0 {
		table(w, "DUE\tSTATE\tDUTY\tFOR\tTITLE", func(row func(...any)) {
			for _, o := range s.Duties.List {
				row(o.Due.Format(time.DateOnly), o.State, o.Duty, o.Label, o.Title)
			}
		})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Next)) {
		t := s.Next[name]
		fmt.Fprintf(w, "next slot of %s: %s\n", name, when(&t))
	}
}

// verdictsText prints how the controls stand: a line for each family or, if that is
// asked for, for each of them.
func verdictsText(w io.Writer, s *api.Status, controls bool) {
	if controls {
		table(w, "FAMILY\tCONTROL\tSTATUS\tCOVERAGE\tACTIVITIES\tPOPULATION\tDEVIATIONS\tOPEN", func(row func(...any)) {
			for _, f := range s.Families {
				row(f.Family, f.Control, f.Status, percent(f.Coverage), percent(f.Activities), f.Population, f.Deviations, f.Open)
			}
		})
		return
	}
	table(w, "FAMILY\tCONTROLS\tPASS\tFAIL\tUNKNOWN\tPROVIDED\tNO EVIDENCE\tOTHER\tCOVERAGE\tACTIVITIES\tDEVIATIONS\tOPEN", func(row func(...any)) {
		for _, f := range s.Summary {
			n := f.Statuses
			row(f.Family, f.Controls, n[api.Pass], n[api.Fail], n[api.Unknown], n[api.Provided], n[api.ManualEvidence], n[api.NotApplicable]+n[api.DidNotOccur],
				percent(f.Coverage), percent(f.Activities), f.Deviating, f.Open)
		}
	})
	fmt.Fprintln(w, "each control: evidenced status --controls")
}

// percent prints a share; a dash of nothing, which is no coverage.
func percent(p *float64) string {
	if p == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", *p)
}
