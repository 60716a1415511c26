package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/ops/lint"
)

func (a *app) lintCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "lint [FOLDER]",
		Short: "Check a catalogue of your own: that it can be read, and that something feeds it",
		Long: `Reads the YAML files of FOLDER, or of the folder that the configuration names, laid
over ours. A file that is wrong ends it with exit code 2, its name and its line.
What can be read but leads nowhere is a warning, and exit code 3: a test of a kind
that no source has, a view that joins what no source feeds, a criterion that
neither a test nor a duty shows.`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error { return a.lint(args) },
	}
}

func (a *app) lint(args []string) error {
	l, err := lint.Catalogue(a.config, firstOf(args))
	if err != nil {
		return err
	}
	err = a.print(l, func(w io.Writer) {
		for _, text := range l.Warnings {
			fmt.Fprintln(w, "warning:", evidence.Printable(text))
		}
		fmt.Fprintf(w, "%s over ours: %d controls, %d tests, %d duties, %d warnings\n", l.Folder, l.Controls, l.Tests, l.Duties, len(l.Warnings))
	})
	if err == nil && len(l.Warnings) > 0 {
		err = errIncomplete
	}
	return err
}

// firstOf returns the first argument; empty if there is none.
func firstOf(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func (a *app) catalogueTestCommand() *cobra.Command {
	var update bool
	c := &cobra.Command{
		Use:   "test FOLDER",
		Short: "Run the timelines of a catalogue of your own",
		Long: `Runs every *.txtar file of FOLDER and of its folder timelines over the catalogue of
FOLDER, laid over ours: series of runs and the gaps, tests and duties that are
expected of them (docs/catalogue.md). Exit code 1 if one comes out otherwise.`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return a.catalogueTest(c.Context(), args, update) },
	}
	c.Flags().BoolVar(&update, "update", false, "write what comes out into the files; look at the change before you keep it")
	return c
}

func (a *app) catalogueTest(ctx context.Context, args []string, update bool) error {
	r, err := lint.Timelines(ctx, a.config, firstOf(args), update)
	if err != nil {
		return err
	}
	err = a.print(r, func(w io.Writer) { timelineText(w, r.Timelines, r.Failed, r.Untested) })
	if err == nil && r.Failed > 0 {
		err = fmt.Errorf("%d of %d timelines came out otherwise", r.Failed, len(r.Timelines))
	}
	return err
}

func timelineText(w io.Writer, results []lint.TimelineResult, wrong int, untested []string) {
	for _, r := range results {
		switch {
		case r.OK:
			fmt.Fprintf(w, "ok    %s\n", r.File)
		case r.Error != "":
			fmt.Fprintf(w, "FAIL  %s\n      %s\n", r.File, evidence.Printable(r.Error))
		}
		for _, d := range r.Differences {
			fmt.Fprintf(w, "FAIL  %s:%d: %s (- is expected, + came out)\n", r.File, d.Line, d.Section)
			for line := range strings.Lines(d.Diff) {
				fmt.Fprintln(w, "     ", evidence.Printable(strings.TrimRight(line, "\n")))
			}
		}
	}
	for _, text := range untested {
		fmt.Fprintln(w, "note:", text)
	}
	fmt.Fprintf(w, "%d timelines, %d otherwise than expected\n", len(results), wrong)
}
