package lint

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/gap/timeline"
	"github.com/evidenced/evidenced/ops"
	"github.com/evidenced/evidenced/review"
)

// Found is what `catalogue lint --json` prints.
type Found struct {
	Folder   string   `json:"folder"`
	Controls int      `json:"controls"`
	Tests    int      `json:"tests"`
	Duties   int      `json:"duties"`
	Warnings []string `json:"warnings"`
}

// Catalogue checks the catalogue of a folder, laid over the program's: that
// it can be read, and that a source feeds it.
func Catalogue(path, named string) (*Found, error) {
	folder, err := ops.OwnFolder(path, named)
	if err != nil {
		return nil, err
	}
	cat, err := ops.LoadOverlay(folder)
	if err != nil {
		return nil, err
	}
	specs, err := ops.Specs(path)
	if err != nil {
		return nil, err
	}
	kinds := []string{string(review.KindRow), string(review.KindCampaign)}
	for _, s := range specs {
		for _, k := range s.Kinds {
			kinds = append(kinds, string(k.Kind))
		}
	}
	return &Found{folder, len(cat.Controls), len(cat.Tests()), len(cat.Duties()), leadsNowhere(cat, kinds)}, nil
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
				warn("view %s: no source has the kind %s%s", v.Kind, k, ops.Suggest(string(k), known))
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
			warn("test %s: no source has the kind %s%s", t.ID, t.Kind, ops.Suggest(string(t.Kind), known))
		}
	}
	for _, l := range ops.CriterionLines(cat) {
		if len(l.Tests)+len(l.Duties) == 0 {
			warn("criterion %s: neither a test nor a duty shows it", l.ID)
		}
	}
	slices.Sort(out)
	return out
}

// TimelineResult is one timeline in `catalogue test --json`.
type TimelineResult struct {
	File        string                `json:"file"`
	OK          bool                  `json:"ok"`
	Error       string                `json:"error,omitempty"`
	Differences []timeline.Difference `json:"differences,omitempty"`
}

// TimelineResults is what `catalogue test --json` prints.
type TimelineResults struct {
	Timelines []TimelineResult `json:"timelines"`
	Failed    int              `json:"failed"`
	Untested  []string         `json:"untested"`
}

// Timelines runs the timelines of a folder over its catalogue; with update
// it writes what comes out into the files.
func Timelines(ctx context.Context, path, named string, update bool) (*TimelineResults, error) {
	folder, err := ops.OwnFolder(path, named)
	if err != nil {
		return nil, err
	}
	cat, err := ops.LoadOverlay(folder)
	if err != nil {
		return nil, err
	}
	files, err := timelinesOf(folder)
	if err != nil {
		return nil, err
	}
	seen := seenTests{map[string]bool{}, map[string]bool{}}
	out := &TimelineResults{Timelines: []TimelineResult{}}
	for _, file := range files {
		r, err := runTimeline(ctx, cat, file, update, seen)
		if err != nil {
			return nil, err
		}
		if r.File, err = filepath.Rel(folder, file); err != nil {
			r.File = file
		}
		if out.Timelines = append(out.Timelines, r); !r.OK {
			out.Failed++
		}
	}
	out.Untested = seen.missing(ops.ForeignTests(cat), cat)
	return out, nil
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
		return nil, api.Errorf(api.Usage, "%s has no timelines: no *.txtar in it, or in its folder timelines", folder)
	}
	return files, nil
}

// escapeGlob makes a path a pattern of itself.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// seenTests are the tests that a timeline shows failing, and passing.
type seenTests struct{ failing, passing map[string]bool }

func (s seenTests) add(res *result.Result) {
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

func runTimeline(ctx context.Context, cat *catalogue.Catalogue, file string, update bool, seen seenTests) (r TimelineResult, err error) {
	info, err := os.Stat(file)
	if err != nil {
		return r, err
	}
	if info.Size() > maxTimeline {
		return TimelineResult{Error: fmt.Sprintf("larger than %d bytes", maxTimeline)}, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return r, err
	}
	tl, err := timeline.Parse(file, data)
	if err != nil {
		return TimelineResult{Error: err.Error()}, nil
	}
	by, err := tl.Catalogue(cat)
	if err != nil {
		return TimelineResult{Error: err.Error()}, nil
	}
	res, err := tl.Run(ctx, by)
	if err != nil {
		return TimelineResult{Error: err.Error()}, ctx.Err()
	}
	seen.add(res)
	if update {
		return TimelineResult{OK: true}, os.WriteFile(file, tl.Updated(res), info.Mode().Perm())
	}
	if !tl.Expects() {
		return TimelineResult{Error: fmt.Sprintf("it expects nothing: add a section of %s; --update fills it", strings.Join(timeline.Sections, ", "))}, nil
	}
	r.Differences = tl.Compare(res)
	r.OK = len(r.Differences) == 0
	return r, nil
}
