package gap_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/gap/timeline"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata/*.txtar")

func TestTimelines(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d timelines, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runTimeline(t, file) })
	}
}

func runTimeline(t *testing.T, file string) {
	tl, cat, res := judge(t, file)
	gap.CheckInvariants(t, res)
	if *update {
		if err := os.WriteFile(file, tl.Updated(res), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if !tl.Expects() {
		t.Error("it expects nothing")
	} else {
		for _, d := range tl.Compare(res) {
			t.Errorf("%s:%d: %s (- is expected, + is said):\n%s", file, d.Line, d.Section, d.Diff)
		}
	}
	steps, err := tl.Steps(cat)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := canonical(t, res), canonical(t, steps); !bytes.Equal(a, b) {
		t.Errorf("in steps differs from whole:\n%s\n%s", a, b)
	}
}

// TestSnapshotsOfTimelines: a restored engine goes on like the one that was written.
func TestSnapshotsOfTimelines(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			tl, cat, _ := judge(t, file)
			gap.CheckSnapshots(t, cat, tl.Period, tl.Log(), tl.AsOf, tl.Acts(), gap.WithRoots(tl.Roots()))
		})
	}
}

// judge reads a timeline and runs it whole.
func judge(t *testing.T, file string) (*timeline.Timeline, *catalogue.Catalogue, *result.Result) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tl, err := timeline.Parse(file, data)
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalogue.Default()
	if err != nil {
		t.Fatal(err)
	}
	if cat, err = tl.Catalogue(cat); err != nil {
		t.Fatal(err)
	}
	res, err := tl.Run(context.Background(), cat)
	if err != nil {
		t.Fatal(err)
	}
	return tl, cat, res
}

func canonical(t *testing.T, v any) []byte {
	t.Helper()
	b, err := evidence.Canonical(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestTimelinesCoverCatalogue demands a timeline in which each test is seen
// failing, and one in which it is not.
func TestTimelinesCoverCatalogue(t *testing.T) {
	files, _ := filepath.Glob("testdata/control-*.txtar")
	failed, passed := map[string]bool{}, map[string]bool{}
	for _, file := range files {
		_, _, res := judge(t, file)
		for _, ts := range res.Tests {
			if ts.Duty {
				continue
			}
			failed[ts.Test] = failed[ts.Test] || strings.Contains(ts.Days, string(result.DayFail))
			passed[ts.Test] = passed[ts.Test] || strings.Contains(ts.Days, string(result.DayPass))
		}
	}
	cat, err := catalogue.Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, ts := range cat.Tests() {
		if !failed[ts.ID] || !passed[ts.ID] {
			t.Errorf("no timeline shows %s failing (%v) and passing (%v)", ts.ID, failed[ts.ID], passed[ts.ID])
		}
	}
	if len(failed) != len(cat.Tests()) {
		t.Errorf("%d tests judged, the catalogue has %d", len(failed), len(cat.Tests()))
	}
}
