package gap

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
)

func snapshotOf(t testing.TB, e *Engine) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := e.Snapshot(&b, []byte("mark")); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func restored(t testing.TB, snapshot []byte, cat *catalogue.Catalogue, p result.Period, opts ...Option) *Engine {
	t.Helper()
	e, mark, err := Restore(bytes.NewReader(snapshot), cat, p, opts...)
	if err != nil || string(mark) != "mark" {
		t.Fatalf("%q, %v", mark, err)
	}
	return e
}

// observedRun is one run with its records.
type observedRun struct {
	run     evidence.Run
	records func() iter.Seq2[evidence.Line, error]
}

// CheckSnapshots is for the tests that stand outside of the package.
func CheckSnapshots(t testing.TB, cat *catalogue.Catalogue, p result.Period, ev Evidence, asOf time.Time, acts []evidence.Act, opts ...Option) {
	var steps []observedRun
	for run, err := range ev.Runs() {
		if err != nil {
			t.Fatal(err)
		}
		if !run.Observed().After(asOf) {
			steps = append(steps, observedRun{run, func() iter.Seq2[evidence.Line, error] { return LinesOf(ev, run) }})
		}
	}
	checkSnapshots(t, cat, p, steps, asOf, acts, opts...)
}

// checkSnapshots reads a log by one engine, and by one that is written and
// restored after each run. After each run both have the same snapshot, so that
// wherever the log is cut, what follows is the same; and at the end the same
// result.
func checkSnapshots(t testing.TB, cat *catalogue.Catalogue, p result.Period, steps []observedRun, asOf time.Time, acts []evidence.Act, opts ...Option) {
	t.Helper()
	whole := NewEngine(cat, p, append(slices.Clone(opts), WithActs(acts))...)
	cut := NewEngine(cat, p, append(slices.Clone(opts), WithActs(acts))...)
	for i, s := range steps {
		for _, e := range []*Engine{whole, cut} {
			if err := e.Observe(s.run, s.records()); err != nil {
				t.Fatal(err)
			}
		}
		snapshot := snapshotOf(t, cut)
		if want := snapshotOf(t, whole); !bytes.Equal(want, snapshot) {
			t.Fatalf("after %d runs, the last one %s due %s, the restored engine has another state", i+1, s.run.Stream, s.run.Due)
		}
		if cut = restored(t, snapshot, cat, p, opts...); !bytes.Equal(snapshot, snapshotOf(t, cut)) {
			t.Fatalf("after %d runs, the last one %s due %s, a snapshot is another one once it is restored", i+1, s.run.Stream, s.run.Due)
		}
	}
	want, got := mustJSON(t, whole.Result(asOf)), mustJSON(t, cut.Result(asOf))
	if !bytes.Equal(want, got) {
		t.Fatalf("(-read whole +restored):\n%s", gocmp.Diff(string(want), string(got)))
	}
	for _, v := range cat.Views {
		wantRows, wantFrom := whole.Rows(v.Kind)
		gotRows, gotFrom := cut.Rows(v.Kind)
		if diff := gocmp.Diff(wantRows, gotRows) + gocmp.Diff(wantFrom, gotFrom); diff != "" {
			t.Fatalf("rows of %s (-read whole +restored):\n%s", v.Kind, diff)
		}
	}
}

func (w *world) stepsUntil(asOf time.Time) (steps []observedRun) {
	for _, run := range w.log.runs {
		if !run.Observed().After(asOf) {
			steps = append(steps, observedRun{run, func() iter.Seq2[evidence.Line, error] { return LinesOf(&w.log, run) }})
		}
	}
	return steps
}

// everyCatalogue has the tests of propertyControl and joinedCatalogue, and events
// that are joined with records.
func everyCatalogue() fstest.MapFS {
	all := maps.Clone(joinedCatalogue)
	all["one.yaml"] = &fstest.MapFile{Data: []byte(propertyControl)}
	all["views/thing.yaml"] = &fstest.MapFile{Data: []byte("kind: thing\ntitle: t\nfrom:\n  - {kind: aws.thing, fields: {ok: r.ok, key: id}}\n")}
	all["views/event.yaml"] = &fstest.MapFile{Data: []byte("kind: event\ntitle: t\nfrom:\n  - {kind: aws.event, fields: {on: r.on, key: '\"r\" + id'}}\njoin:\n  things: {view: thing, on: r.key, key: r.key}\n")}
	all["e.yaml"] = &fstest.MapFile{Data: []byte(`id: e
title: e
family: access
description: d
procedure: p
tests:
  - {id: i-joined, title: t, kind: event, pass: 'r.on || r.things.exists(t, t.ok)', criteria: [CC6.2], basis: own, severity: high, sla_days: 2}
  - {id: j-joined, title: t, kind: event, when: 'size(r.things) > 0', pass: 'r.things.all(t, t.ok)', criteria: [CC6.2], basis: own, severity: high, sla_days: 2}
`)}
	return all
}

var worldRoots = map[string]evidence.Kind{"aws": "aws.account"}

func TestSnapshotsOfRandomSeries(t *testing.T) {
	cat := testCatalogue(t, everyCatalogue())
	p := result.Period{From: start.Add(3 * result.Day), To: start.Add(25 * result.Day)}
	for seed := range uint64(15) {
		w := newWorld(t, seed, 30, seed%3 == 2)
		asOf := start.Add(time.Duration(20+seed%12) * result.Day)
		checkSnapshots(t, cat, p, w.stepsUntil(asOf), asOf, nil, WithRoots(worldRoots))
	}
}

// TestRestoredEnginesGoOn cuts each series once at every run, and reads the rest.
func TestRestoredEnginesGoOn(t *testing.T) {
	cat := testCatalogue(t, everyCatalogue())
	p := result.Period{From: start.Add(3 * result.Day), To: start.Add(25 * result.Day)}
	for seed := range uint64(6) {
		w := newWorld(t, 100+seed, 20, seed%3 == 2)
		asOf := start.Add(25 * result.Day)
		whole, err := Evaluate(context.Background(), cat, &w.log, p, asOf, WithRoots(worldRoots))
		if err != nil {
			t.Fatal(err)
		}
		want := mustJSON(t, whole)
		e := NewEngine(cat, p, WithRoots(worldRoots))
		for i, run := range w.log.runs {
			cut := restored(t, snapshotOf(t, e), cat, p, WithRoots(worldRoots))
			for _, rest := range w.log.runs[i:] {
				if err := cut.Observe(rest, LinesOf(&w.log, rest)); err != nil {
					t.Fatal(err)
				}
			}
			if got := mustJSON(t, cut.Result(asOf)); !bytes.Equal(want, got) {
				t.Fatalf("seed %d, cut before run %d:\n%s", seed, i, gocmp.Diff(string(want), string(got)))
			}
			if err := e.Observe(run, LinesOf(&w.log, run)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestSnapshotsOfJoins(t *testing.T) {
	cat := testCatalogue(t, joinedCatalogue)
	for seed := range uint64(40) {
		days := lives(seed, 15, seed%2 == 0)
		log := logOf(t, days, seed)
		p := result.Period{From: start, To: start.AddDate(0, 0, len(days))}
		CheckSnapshots(t, cat, p, &log, p.To, nil)
	}
}

// TestSnapshotsOfJoinedEvents: as TestPlainCELChangesNothing, some runs are partial.
func TestSnapshotsOfJoinedEvents(t *testing.T) {
	cat := testCatalogue(t, nil)
	p := result.Period{From: start, To: start.AddDate(0, 0, 20)}
	for name, log := range map[string]joined{"accounts": accounts(40, 20), "changes": changes(12, 10)} {
		t.Run(name, func(t *testing.T) {
			var steps []observedRun
			for run := range log.runs {
				if run.Due.Day()%9 == 0 {
					run.Outcome, run.Certificate.Complete = evidence.Partial, false
				}
				steps = append(steps, observedRun{run, func() iter.Seq2[evidence.Line, error] { return decoded(log.records(*run.Records)) }})
			}
			checkSnapshots(t, cat, p, steps, p.To, nil)
		})
	}
}

// goldenSnapshot hashes states and results of fixed logs, by snapshotFormat and
// engineVersion.
var goldenSnapshot = map[[2]int]string{{1, 1}: "94472475a87bfce2", {1, 2}: "b306e7358cab61d4"}

// TestVersionsOfSnapshots fails where a change of the engine must not read the
// snapshots of before: then engineVersion, or snapshotFormat, is the next one.
func TestVersionsOfSnapshots(t *testing.T) {
	cat := testCatalogue(t, everyCatalogue())
	p := result.Period{From: start, To: start.Add(60 * result.Day)}
	w := newWorld(t, 7, 60, false)
	e := NewEngine(cat, p, WithRoots(worldRoots))
	for _, run := range w.log.runs {
		if err := e.Observe(run, LinesOf(&w.log, run)); err != nil {
			t.Fatal(err)
		}
	}
	joins := NewEngine(testCatalogue(t, joinedCatalogue), p)
	lived := logOf(t, lives(3, 40, false), 3)
	for _, run := range lived.runs {
		if err := joins.Observe(run, LinesOf(&lived, run)); err != nil {
			t.Fatal(err)
		}
	}
	text := slices.Concat(bodyOf(t, e, nil), mustJSON(t, e.Result(p.To)), bodyOf(t, joins, nil), mustJSON(t, joins.Result(p.To)))
	sum := evidence.HashOf(text)
	if got, want := hex.EncodeToString(sum[:8]), goldenSnapshot[[2]int{snapshotFormat, engineVersion}]; got != want {
		t.Errorf("the fixed log has state and result %s, and %q is that of version %d.%d: if the change is meant, raise engineVersion (or snapshotFormat) and add it here",
			got, want, snapshotFormat, engineVersion)
	}
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile(`cel\.dev/cel-go (\S+)`).FindSubmatch(mod); m == nil || string(m[1]) != celVersion {
		t.Errorf("go.mod has another CEL than celVersion, %s", celVersion)
	}
}

func TestStaleSnapshots(t *testing.T) {
	cat := testCatalogue(t, fstest.MapFS{"one.yaml": {Data: []byte(propertyControl)}})
	other := testCatalogue(t, joinedCatalogue)
	p := result.Period{From: start, To: start.Add(20 * result.Day)}
	longer := result.Period{From: start, To: start.Add(21 * result.Day)}
	b := snapshotOf(t, NewEngine(cat, p, WithRoots(worldRoots)))
	for name, restore := range map[string]func() (*Engine, []byte, error){
		"catalogue": func() (*Engine, []byte, error) { return Restore(bytes.NewReader(b), other, p, WithRoots(worldRoots)) },
		"period": func() (*Engine, []byte, error) {
			return Restore(bytes.NewReader(b), cat, longer, WithRoots(worldRoots))
		},
		"roots": func() (*Engine, []byte, error) { return Restore(bytes.NewReader(b), cat, p) },
		"root": func() (*Engine, []byte, error) {
			return Restore(bytes.NewReader(b), cat, p, WithRoots(map[string]evidence.Kind{"aws": "aws.thing"}))
		},
	} {
		if _, _, err := restore(); !errors.Is(err, ErrSnapshotStale) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	if _, _, err := Restore(bytes.NewReader(b), cat, p, WithRoots(worldRoots)); err != nil {
		t.Error(err)
	}
}

// TestDamagedSnapshots: each byte that is changed, and each end that is torn off,
// is noticed.
func TestDamagedSnapshots(t *testing.T) {
	cat := testCatalogue(t, fstest.MapFS{"one.yaml": {Data: []byte(propertyControl)}})
	p := result.Period{From: start, To: start.Add(5 * result.Day)}
	b := snapshotOf(t, observed(t, cat, p, 5))
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		bad := slices.Clone(b)
		i := rnd.IntN(len(bad))
		bad[i] ^= byte(1 + rnd.IntN(255))
		for _, bad := range [][]byte{bad, b[:i]} {
			if _, _, err := Restore(bytes.NewReader(bad), cat, p, WithRoots(worldRoots)); !errors.Is(err, ErrSnapshotDamaged) {
				t.Fatalf("byte %d of %d: %v", i, len(b), err)
			}
		}
	}
}

func observed(t testing.TB, cat *catalogue.Catalogue, p result.Period, days int) *Engine {
	w := newWorld(t, 11, days, true)
	e := NewEngine(cat, p, WithRoots(worldRoots), WithActs([]evidence.Act{
		{Entry: 3, At: start, Upload: &evidence.Upload{Title: "t", Duties: []string{"d"}, By: "ann", Effective: start}},
		{Entry: 4, At: start, Decision: &evidence.Decision{Verb: evidence.Respond, Gap: "G-1", Reason: "r", Approver: "ann"}}}))
	for _, run := range w.log.runs {
		if err := e.Observe(run, LinesOf(&w.log, run)); err != nil {
			t.Fatal(err)
		}
	}
	return e
}
