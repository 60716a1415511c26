package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/api"
)

func (a *app) collectCommand() *cobra.Command {
	now := &cobra.Command{
		Use:   "now [SOURCE...]",
		Short: "Collect one slot of every stream, of all sources or of those named",
		Long: `Collects one slot of every stream of the named sources, or of all, judges what
was read, and prints what came of it. Slots that were due since the last run and
that nobody filled are written down as missed first.`,
		Example: "  evidenced collect now\n  evidenced collect now aws --json",
		RunE:    func(c *cobra.Command, args []string) error { return a.collectNow(c.Context(), args) },
	}
	return group("collect", "Collect evidence", now)
}

func (a *app) collectNow(ctx context.Context, names []string) error {
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	p := a.progress()
	defer p.end()
	out, err := s.Collect(ctx, api.CollectRequest{Write: a.actor(), Sources: names}, p.set)
	p.end()
	if err != nil {
		return err
	}
	for _, warning := range out.Warnings {
		a.say(warning)
	}
	if err := a.print(out.Document(), func(w io.Writer) { collectedText(w, out) }); err != nil {
		return err
	}
	if !out.Complete() || out.Gaps.Open > 0 {
		return errIncomplete
	}
	return nil
}

func collectedText(w io.Writer, o *api.Collected) {
	table(w, "OUTCOME\tROWS\tREQUESTS\tSTREAM\tREASON", func(row func(...any)) {
		for _, s := range o.Streams {
			row(s.Outcome, s.Rows, s.Requests, s.Stream, s.Reason)
		}
	})
	if o.Missed > 0 {
		fmt.Fprintf(w, "\n%d earlier slots were due and nobody was there: they are in the log as missed.\n", o.Missed)
	}
	fmt.Fprintf(w, "\n%d streams in %s; gaps: %d opened, %d closed, %d open\n", len(o.Streams),
		o.Finished.Sub(o.Started).Round(time.Millisecond), o.Gaps.Opened, o.Gaps.Closed, o.Gaps.Open)
	if o.Gaps.Open > 0 {
		fmt.Fprintln(w, "`evidenced gaps` lists them.")
	}
}
