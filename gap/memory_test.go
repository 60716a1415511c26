package gap

import (
	"bytes"
	"iter"
	"maps"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
)

// CheckInvariants is for the tests that stand outside of the package.
var CheckInvariants = checkInvariants

// checkInvariants holds for every result whatsoever.
func checkInvariants(t testing.TB, r *result.Result) {
	t.Helper()
	seen := map[string]bool{}
	for _, g := range r.Gaps {
		switch {
		case seen[g.ID]:
			t.Errorf("two gaps share the id %s", g.ID)
		case g.LastSeen.Before(g.FirstSeen):
			t.Errorf("%s: last seen %v before first seen %v", g.ID, g.LastSeen, g.FirstSeen)
		case g.NotBefore != nil && g.NotBefore.After(g.FirstSeen):
			t.Errorf("%s: not before %v, but first seen %v", g.ID, g.NotBefore, g.FirstSeen)
		case g.FixedBy != nil && !g.FixedBy.After(g.LastSeen):
			t.Errorf("%s: fixed by %v, but last seen %v", g.ID, g.FixedBy, g.LastSeen)
		case g.Reason == "" || g.State == "" || g.Criteria == nil:
			t.Errorf("%s: incomplete: %+v", g.ID, g)
		}
		seen[g.ID] = true
	}
	for _, ts := range r.Tests {
		if events := strings.HasSuffix(ts.Test, "-event"); ts.Period == result.Pass && !ts.Duty && (ts.Deviations > 0 || !events && ts.Coverage < result.MinCoverage) {
			t.Errorf("%s passed with %d deviations and %v%% coverage", ts.Test, ts.Deviations, ts.Coverage)
		}
	}
}

const short = "01-02T15:04"

func shortTime(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Format(short)
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := evidence.Canonical(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// testLog is a log in memory.
type testLog struct {
	runs  []evidence.Run
	blobs map[evidence.Hash][]byte
	reads int
}

func (l *testLog) Runs() iter.Seq2[evidence.Run, error] {
	return func(yield func(evidence.Run, error) bool) {
		for _, r := range l.runs {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (l *testLog) Lines(ref evidence.Ref) iter.Seq2[evidence.Line, error] {
	l.reads++
	return evidence.ReadRecordLines(bytes.NewReader(l.blobs[ref.Hash]), evidence.MaxLine, "")
}

func (l *testLog) add(t testing.TB, run evidence.Run, recs []evidence.Record) {
	t.Helper()
	if run.Certificate != nil {
		if err := evidence.SortRecords(recs); err != nil {
			t.Fatal(err)
		}
		b, err := evidence.Lines(recs)
		if err != nil {
			t.Fatal(err)
		}
		ref := evidence.Ref{Hash: evidence.HashOf(b), Size: int64(len(b)), Count: len(recs)}
		if l.blobs == nil {
			l.blobs = map[evidence.Hash][]byte{}
		}
		l.blobs[ref.Hash], run.Records = b, &ref
	}
	l.runs = append(l.runs, run)
}

// decoded returns records as lines that need no decoding.
func decoded(records iter.Seq2[evidence.Record, error]) iter.Seq2[evidence.Line, error] {
	return func(yield func(evidence.Line, error) bool) {
		for r, err := range records {
			if !yield(evidence.LineOf(r), err) {
				return
			}
		}
	}
}

// testCatalogue is the embedded catalogue, or the criteria with these controls.
func testCatalogue(t testing.TB, controls fstest.MapFS) *catalogue.Catalogue {
	t.Helper()
	load := catalogue.Default
	if len(controls) > 0 {
		b, err := os.ReadFile("catalogue/catalog/criteria.yaml")
		if err != nil {
			t.Fatal(err)
		}
		with := maps.Clone(controls)
		with["criteria.yaml"] = &fstest.MapFile{Data: b}
		load = func() (*catalogue.Catalogue, error) { return catalogue.Load(with) }
	}
	c, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}
