package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/gap/timeline"
	"github.com/evidenced/evidenced/review"
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
	folder, err := a.ownFolder(args)
	if err != nil {
		return err
	}
	cat, err := laidOver(folder)
	if err != nil {
		return err
	}
	specs, err := a.specs()
	if err != nil {
		return err
	}
	kinds := []string{string(review.KindRow), string(review.KindCampaign)}
	for _, s := range specs {
		for _, k := range s.Kinds {
			kinds = append(kinds, string(k.Kind))
		}
	}
	warnings := leadsNowhere(cat, kinds)
	err = a.print(map[string]any{"folder": folder, "controls": len(cat.Controls), "tests": len(cat.Tests()), "duties": len(cat.Duties()), "warnings": warnings}, func(w io.Writer) {
		for _, text := range warnings {
			fmt.Fprintln(w, "warning:", evidence.Printable(text))
		}
		fmt.Fprintf(w, "%s over ours: %d controls, %d tests, %d duties, %d warnings\n", folder, len(cat.Controls), len(cat.Tests()), len(cat.Duties()), len(warnings))
	})
	if err == nil && len(warnings) > 0 {
		err = errIncomplete
	}
	return err
}

// leadsNowhere tells what of a catalogue no source feeds, and what nothing shows.
func leadsNowhere(cat *catalogue.Catalogue, known []string) []string {
	out := []string{}
	warn := func(text string, args ...any) { out = append(out, fmt.Sprintf(text, args...)) }
	fed := map[evidence.Kind]bool{}
	for _, v := range cat.Views {
		for _, k := range cat.Parts(v) {
			if slices.Contains(known, string(k)) {
				fed[v.Kind] = true
			} else if v.Of == "" {
				warn("view %s: no source has the kind %s%s", v.Kind, k, nearest(string(k), known))
			}
		}
	}
	views := map[evidence.Kind]bool{}
	for _, v := range cat.Views {
		views[v.Kind] = true
		for name, j := range v.Join {
			if !fed[j.View] {
				warn("view %s: it joins %s as %s, which no source feeds", v.Kind, j.View, name)
			}
		}
	}
	for _, t := range cat.Tests() {
		switch {
		case views[t.Kind] && !fed[t.Kind]:
			warn("test %s: no source feeds the view %s", t.ID, t.Kind)
		case !views[t.Kind] && !slices.Contains(known, string(t.Kind)):
			warn("test %s: no source has the kind %s%s", t.ID, t.Kind, nearest(string(t.Kind), known))
		}
	}
	for _, l := range criterionLines(cat) {
		if len(l.Tests)+len(l.Duties) == 0 {
			warn("criterion %s: neither a test nor a duty shows it", l.ID)
		}
	}
	slices.Sort(out)
	return out
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

// timelineResult is one timeline in `catalogue test --json`.
type timelineResult struct {
	File        string                `json:"file"`
	OK          bool                  `json:"ok"`
	Error       string                `json:"error,omitempty"`
	Differences []timeline.Difference `json:"differences,omitempty"`
}

func (a *app) catalogueTest(ctx context.Context, args []string, update bool) error {
	folder, err := a.ownFolder(args)
	if err != nil {
		return err
	}
	cat, err := laidOver(folder)
	if err != nil {
		return err
	}
	files, err := timelinesOf(folder)
	if err != nil {
		return err
	}
	seen := seenTests{map[string]bool{}, map[string]bool{}}
	results, wrong := []timelineResult{}, 0
	for _, file := range files {
		r, err := runTimeline(ctx, cat, file, update, seen)
		if err != nil {
			return err
		}
		if r.File, err = filepath.Rel(folder, file); err != nil {
			r.File = file
		}
		if results = append(results, r); !r.OK {
			wrong++
		}
	}
	untested := seen.missing(foreignTests(cat), cat)
	err = a.print(map[string]any{"timelines": results, "failed": wrong, "untested": untested}, func(w io.Writer) { timelineText(w, results, wrong, untested) })
	if err == nil && wrong > 0 {
		err = fmt.Errorf("%d of %d timelines came out otherwise", wrong, len(results))
	}
	return err
}

func timelinesOf(folder string) ([]string, error) {
	var files []string
	for _, pattern := range []string{"*.txtar", "timelines/*.txtar"} {
		found, err := filepath.Glob(filepath.Join(escapeGlob(folder), pattern))
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		return nil, usageError{fmt.Errorf("%s has no timelines: no *.txtar in it, or in its folder timelines", folder)}
	}
	return files, nil
}

// escapeGlob makes a path a pattern of itself.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// seenTests are the tests that a timeline shows failing, and passing.
type seenTests struct{ failing, passing map[string]bool }

func (s seenTests) take(res *result.Result) {
	for _, t := range res.Tests {
		s.failing[t.Test] = s.failing[t.Test] || strings.Contains(t.Days, string(result.DayFail))
		s.passing[t.Test] = s.passing[t.Test] || strings.Contains(t.Days, string(result.DayPass))
	}
}

// missing tells which of the user's own tests no timeline shows both ways.
func (s seenTests) missing(own []string, cat *catalogue.Catalogue) []string {
	out := []string{}
	for _, t := range cat.Tests() {
		if !slices.Contains(own, t.ID) {
			continue
		}
		for how, seen := range map[string]bool{"failing": s.failing[t.ID], "passing": s.passing[t.ID]} {
			if !seen {
				out = append(out, fmt.Sprintf("no timeline shows %s %s", t.ID, how))
			}
		}
	}
	slices.Sort(out)
	return out
}

// maxTimeline bounds a timeline, in bytes.
const maxTimeline = 16 << 20

func runTimeline(ctx context.Context, cat *catalogue.Catalogue, file string, update bool, seen seenTests) (r timelineResult, err error) {
	info, err := os.Stat(file)
	if err != nil {
		return r, err
	}
	if info.Size() > maxTimeline {
		return timelineResult{Error: fmt.Sprintf("larger than %d bytes", maxTimeline)}, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return r, err
	}
	tl, err := timeline.Parse(file, data)
	if err != nil {
		return timelineResult{Error: err.Error()}, nil
	}
	by, err := tl.Catalogue(cat)
	if err != nil {
		return timelineResult{Error: err.Error()}, nil
	}
	res, err := tl.Run(ctx, by)
	if err != nil {
		return timelineResult{Error: err.Error()}, ctx.Err()
	}
	seen.take(res)
	if update {
		return timelineResult{OK: true}, os.WriteFile(file, tl.Updated(res), info.Mode().Perm())
	}
	if !tl.Expects() {
		return timelineResult{Error: fmt.Sprintf("it expects nothing: add a section of %s; --update fills it", strings.Join(timeline.Sections, ", "))}, nil
	}
	r.Differences = tl.Compare(res)
	r.OK = len(r.Differences) == 0
	return r, nil
}

func timelineText(w io.Writer, results []timelineResult, wrong int, untested []string) {
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
