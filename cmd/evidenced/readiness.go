package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
)

func (a *app) readinessCommand() *cobra.Command {
	return a.asOfFlag(&cobra.Command{
		Use:   "readiness",
		Short: "Say of each control whether an audit can come, what is missing, and what to do",
		Long: `Lists the controls of the chosen criteria in the order in which an auditor raises
them: critical and high failures, missed duties, other failures, what is unknown,
evidence that is missing, what no source collects, and last what passes. Each has
its remedy and the command to run. Exit code 3 if any is not ready.`,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.readiness(c.Context()) },
	})
}

func (a *app) readiness(ctx context.Context) error {
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	out, err := s.Readiness(ctx, api.ReadinessRequest{AsOf: a.asOf.Time})
	if err != nil {
		return err
	}
	if err := a.print(out, func(w io.Writer) { readinessText(w, out) }); err != nil {
		return err
	}
	if out.Counts[api.Passing] < len(out.Controls) {
		return errIncomplete
	}
	return nil
}

func readinessText(w io.Writer, r *api.Readiness) {
	fmt.Fprintf(w, "readiness for %s as of %s: %d of %d controls are ready\n", strings.Join(r.Criteria, ", "), r.AsOf.Format(time.RFC3339), r.Counts[api.Passing], len(r.Controls))
	for _, state := range api.ReadyOrder {
		if n := r.Counts[state]; n > 0 {
			fmt.Fprintf(w, "  %3d %s\n", n, strings.ReplaceAll(state, "_", " "))
		}
	}
	for i := 0; i < len(r.Controls); {
		same := alike(r.Controls[i:])
		readyText(w, r.Controls[i], same)
		i += len(same)
	}
}

// alike returns the leading controls that one paragraph can tell of: those that no
// source feeds for the same reason, and those with which nothing is wrong.
func alike(all []api.ReadyControl) []api.ReadyControl {
	n := 1
	for n < len(all) && like(all[0], all[n]) {
		n++
	}
	return all[:n]
}

func like(l, o api.ReadyControl) bool {
	if l.State != o.State || l.State != api.NotCollected && l.State != api.Passing || l.Deviations+l.Accepted+o.Deviations+o.Accepted > 0 {
		return false
	}
	about := func(p api.Point) api.Point { p.About = ""; return p }
	return slices.EqualFunc(l.Points, o.Points, func(a, b api.Point) bool { return about(a) == about(b) })
}

// readyText prints one control, or several that are alike.
func readyText(w io.Writer, l api.ReadyControl, same []api.ReadyControl) {
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
