package gap

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/evidenced/evidenced/evidence"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata/*.txtar")

// A timeline is an archive of
//
//	setup   lines "period FROM TO", "as-of TIME", "root SOURCE KIND", "accept ID UNTIL AT" and
//	        "only GLOB" (the gaps to print)
//	runs    a run a line, then its records, indented:
//	          DUE[..DUE][+DURATION] STREAM OUTCOME [class[:detail]] [demanded] [uncertified] [window=FROM,TO] [kept=DAYS]
//	            ID [name=NAME] [at=TIME] [in=SCOPE] {JSON attributes}
//	        A range of days repeats the run each day; +DURATION is when it was
//	        observed, one minute after it was due where not stated.
//	*.yaml  a control file, in place of the embedded catalogue
//	gaps    the gaps that are expected
//	tests   the test results, where stated, controls the control results, slots the counts
//
// Times are "07-01T06:00" of 2026; "07-01" is 06:00 of that day, "07-01T00:00" midnight.
type timeline struct {
	period Period
	asOf   time.Time
	opts   []Option
	only   string
	// interleaved: the runs stand by stream, and are logged by the time of their observation.
	interleaved bool
	acts        []evidence.Act
	log         testLog
	cat         *Catalogue
}

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
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tl := parseTimeline(t, ar)
	res, err := Evaluate(context.Background(), tl.cat, &tl.log, tl.period, tl.asOf, tl.opts...)
	if err != nil {
		t.Fatal(err)
	}
	checkInvariants(t, res)
	got := map[string]string{"gaps": gapText(res, tl.only), "tests": testText(res), "controls": controlText(res), "duties": dutyText(res), "slots": slotText(res)}
	for i, f := range ar.Files {
		want, ok := got[f.Name]
		if !ok {
			continue
		}
		if *update {
			ar.Files[i].Data = []byte(want)
		} else if diff := gocmp.Diff(string(f.Data), want); diff != "" {
			t.Errorf("%s (-want +got):\n%s", f.Name, diff)
		}
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tl.inSteps(t, res)
}

// inSteps observes run by run and asks for the result after each one: the
// engine must not be disturbed by it, and must end where the whole does.
func (tl *timeline) inSteps(t *testing.T, want *Result) {
	e := NewEngine(tl.cat, tl.period, tl.opts...)
	for run := range tl.log.Runs() {
		if run.Observed().After(tl.asOf) {
			continue
		}
		if err := e.Observe(run, RecordsOf(&tl.log, run)); err != nil {
			t.Fatal(err)
		}
		e.Result(run.Observed())
	}
	if a, b := mustJSON(t, want), mustJSON(t, e.Result(tl.asOf)); !bytes.Equal(a, b) {
		t.Errorf("in steps differs from whole:\n%s\n%s", a, b)
	}
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := evidence.Canonical(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// checkInvariants holds for every result whatsoever.
func checkInvariants(t testing.TB, r *Result) {
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
		if events := strings.HasSuffix(ts.Test, "-event"); ts.Period == Pass && !ts.Duty && (ts.Deviations > 0 || !events && ts.Coverage < MinCoverage) {
			t.Errorf("%s passed with %d deviations and %v%% coverage", ts.Test, ts.Deviations, ts.Coverage)
		}
	}
}

const short = "01-02T15:04"

func gapText(r *Result, only string) string {
	var b strings.Builder
	for _, g := range r.Gaps {
		if ok, _ := filepath.Match(cmp.Or(only, "*"), cmp.Or(g.Test, string(g.Kind))); !ok {
			continue
		}
		fmt.Fprintf(&b, "%s %s %s %s\n", g.Kind, cmp.Or(g.Test, "-"), g.Stream, cmp.Or(g.Resource, "-"))
		fmt.Fprintf(&b, "  after %s seen %s..%s fixed %s due %s %s\n", shortTime(g.NotBefore), g.FirstSeen.Format(short),
			g.LastSeen.Format(short), shortTime(g.FixedBy), shortTime(g.SLADue), g.State)
		fmt.Fprintf(&b, "  %s\n", g.Reason)
	}
	return b.String()
}

func shortTime(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Format(short)
}

func testText(r *Result) string {
	var b strings.Builder
	for _, t := range r.Tests {
		if t.Streams > 0 || t.Population > 0 {
			fmt.Fprintf(&b, "%s now %s period %s: %d of %d, %d gaps, %d open, %d unknown, %v%% %s\n", t.Test, t.Now, t.Period,
				t.Deviating, t.Population, t.Deviations, t.Open, t.Unknown, t.Coverage, t.Days)
		}
	}
	return b.String()
}

// controlText leaves out the controls of which the timeline says nothing, so
// that a new one changes no other's timeline.
func controlText(r *Result) string {
	var b strings.Builder
	for _, c := range r.Controls {
		if c.Now == ManualEvidence && c.Status == ManualEvidence && c.Population == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s %s %s: %d of %d, %d gaps %s, %v%% %s\n", c.Control, c.Now, c.Status, c.Deviating, c.Population, c.Deviations, c.Nature, c.Coverage, c.Days)
	}
	return b.String()
}

func dutyText(r *Result) string {
	var b strings.Builder
	for _, o := range r.Duties {
		fmt.Fprintf(&b, "%s %s %s: %s..%s late %s, done %s\n", o.Duty, o.Label, o.State, o.From.Format("06-01-02"), o.Due.Format("06-01-02"), o.Late.Format("06-01-02"), shortTime(o.Performed))
	}
	return b.String()
}

func slotText(r *Result) string {
	var b strings.Builder
	for _, s := range r.Streams {
		fmt.Fprintf(&b, "%s %v%% last %s\n", s.Stream, s.Coverage, shortTime(s.LastComplete))
	}
	fmt.Fprintf(&b, "%+v\n", r.Slots)
	return b.String()
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

func (l *testLog) Records(ref evidence.Ref) iter.Seq2[evidence.Record, error] {
	l.reads++
	return evidence.ReadLines[evidence.Record](bytes.NewReader(l.blobs[ref.Hash]))
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

func parseTimeline(t *testing.T, ar *txtar.Archive) *timeline {
	tl := new(timeline)
	roots := map[string]evidence.Kind{}
	controls := fstest.MapFS{}
	for _, f := range ar.Files {
		switch {
		case f.Name == "setup":
			for line := range strings.Lines(string(f.Data)) {
				tl.set(t, strings.Fields(line), roots)
			}
		case f.Name == "runs":
			tl.parseRuns(t, string(f.Data))
		case strings.HasSuffix(f.Name, ".yaml"):
			controls[f.Name] = &fstest.MapFile{Data: f.Data}
		}
	}
	if tl.interleaved {
		slices.SortStableFunc(tl.log.runs, func(a, b evidence.Run) int { return a.Observed().Compare(b.Observed()) })
	}
	tl.opts = append(tl.opts, WithRoots(roots), WithActs(tl.acts))
	tl.cat = testCatalogue(t, controls)
	return tl
}

// testCatalogue is the embedded catalogue, or the criteria with these controls.
func testCatalogue(t testing.TB, controls fstest.MapFS) *Catalogue {
	t.Helper()
	load := Default
	if len(controls) > 0 {
		b, err := embedded.ReadFile("catalog/" + criteriaFile)
		if err != nil {
			t.Fatal(err)
		}
		with := maps.Clone(controls)
		with[criteriaFile] = &fstest.MapFile{Data: b}
		load = func() (*Catalogue, error) { return Load(with) }
	}
	c, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (tl *timeline) set(t *testing.T, f []string, roots map[string]evidence.Kind) {
	switch {
	case len(f) == 3 && f[0] == "period":
		tl.period = Period{moment(t, f[1]), moment(t, f[2])}
	case len(f) == 2 && f[0] == "as-of":
		tl.asOf = moment(t, f[1])
	case len(f) == 3 && f[0] == "root":
		roots[f[1]] = evidence.Kind(f[2])
	case len(f) == 1 && f[0] == "interleaved":
		tl.interleaved = true
	case len(f) == 2 && f[0] == "only":
		tl.only = f[1]
	case len(f) == 4 && f[0] == "accept":
		until := moment(t, f[2])
		tl.acts = append(tl.acts, evidence.Act{At: moment(t, f[3]), Decision: &evidence.Decision{Verb: evidence.Accept, Gap: f[1], Reason: "known", Approver: "ann", Until: &until}})
	case len(f) >= 4 && f[0] == "done":
		tl.acts = append(tl.acts, doneAct(t, f))
	default:
		t.Fatalf("setup line %q", f)
	}
}

// doneAct is the line "done DUTY EFFECTIVE RECORDED [for=LABEL] [until=TIME]".
func doneAct(t *testing.T, f []string) evidence.Act {
	u := &evidence.Upload{Title: "t", By: "bob", Duties: []string{f[1]}, Effective: moment(t, f[2])}
	for _, w := range f[4:] {
		switch k, v, _ := strings.Cut(w, "="); k {
		case "for":
			u.Occurrence = v
		case "until":
			at := moment(t, v)
			u.Expires = &at
		}
	}
	return evidence.Act{At: moment(t, f[3]), Upload: u}
}

func moment(t testing.TB, s string) time.Time {
	t.Helper()
	if len(s) == len("07-01") {
		s += "T06:00"
	}
	at, err := time.Parse("2006-"+short, "2026-"+s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func (tl *timeline) parseRuns(t *testing.T, text string) {
	var head string
	var recs []string
	flush := func() {
		if head != "" {
			tl.addRuns(t, strings.Fields(head), recs)
		}
		recs = nil
	}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(strings.TrimRight(line, "\n"), "# ")
		switch {
		case strings.TrimSpace(line) == "":
		case line[0] == ' ':
			recs = append(recs, strings.TrimSpace(line))
		default:
			flush()
			head = line
		}
	}
	flush()
}

func (tl *timeline) addRuns(t *testing.T, f []string, recs []string) {
	when, after, delayed := strings.Cut(f[0], "+")
	lag := time.Minute
	if delayed {
		var err error
		if lag, err = time.ParseDuration(after); err != nil {
			t.Fatal(err)
		}
	}
	first, last, ranged := strings.Cut(when, "..")
	from := moment(t, first)
	to := from
	if ranged {
		to = moment(t, last)
	}
	for due := from; !due.After(to); due = due.Add(day) {
		tl.addRun(t, due, lag, f, recs)
	}
}

func (tl *timeline) addRun(t *testing.T, due time.Time, lag time.Duration, f []string, lines []string) {
	st, err := evidence.ParseStream(f[1])
	if err != nil {
		t.Fatal(err)
	}
	run := evidence.Run{Slot: evidence.Slot{Stream: st, Due: due, Trigger: evidence.Scheduled}, Outcome: evidence.Outcome(f[2])}
	if run.Outcome.Complete() || run.Outcome == evidence.Partial {
		run.Certificate = &evidence.Certificate{Complete: run.Outcome.Complete(), Started: due, Ended: due.Add(lag)}
	}
	for _, word := range f[3:] {
		if w, ok := strings.CutPrefix(word, "window="); ok {
			from, to, _ := strings.Cut(w, ",")
			run.Certificate.Window = &evidence.Window{From: moment(t, from), To: moment(t, to)}
		} else if n, ok := strings.CutPrefix(word, "kept="); ok {
			fmt.Sscan(n, &run.Certificate.KeptDays)
		} else if word == "demanded" {
			run.Trigger = evidence.OnDemand
		} else if word == "uncertified" {
			run.Certificate.Complete = false
		} else {
			class, detail, _ := strings.Cut(word, ":")
			run.Reason = &evidence.Reason{Class: evidence.Class(class), Detail: detail}
		}
	}
	var recs []evidence.Record
	for _, line := range lines {
		recs = append(recs, parseRecord(t, st.Kind, line))
	}
	tl.log.add(t, run, recs)
}

var recordLine = regexp.MustCompile(`^(\S+)((?: +(?:name|at|in)=\S+)*) *(\{.*\})?$`)

func parseRecord(t *testing.T, kind evidence.Kind, line string) evidence.Record {
	m := recordLine.FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("record %q", line)
	}
	r := evidence.Record{Kind: kind, ID: m[1], Name: m[1], Attributes: map[string]any{}}
	for _, w := range strings.Fields(m[2]) {
		switch k, v, _ := strings.Cut(w, "="); k {
		case "name":
			r.Name = v
		case "at":
			at := moment(t, v)
			r.Effective = &at
		case "in":
			r.Scope = evidence.Scope(v)
		}
	}
	if m[3] != "" {
		if err := json.Unmarshal([]byte(m[3]), &r.Attributes); err != nil {
			t.Fatalf("record %q: %v", line, err)
		}
	}
	return r
}

// TestTimelinesCoverCatalogue demands a timeline in which each test is seen
// failing, and one in which it is not.
func TestTimelinesCoverCatalogue(t *testing.T) {
	files, _ := filepath.Glob("testdata/control-*.txtar")
	failed, passed := map[string]bool{}, map[string]bool{}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tl := parseTimeline(t, ar)
		res, err := Evaluate(context.Background(), tl.cat, &tl.log, tl.period, tl.asOf, tl.opts...)
		if err != nil {
			t.Fatal(err)
		}
		for _, ts := range res.Tests {
			if ts.Duty {
				continue
			}
			failed[ts.Test] = failed[ts.Test] || strings.Contains(ts.Days, string(DayFail))
			passed[ts.Test] = passed[ts.Test] || strings.Contains(ts.Days, string(DayPass))
		}
	}
	cat := testCatalogue(t, nil)
	for _, ts := range cat.Tests() {
		if !failed[ts.ID] || !passed[ts.ID] {
			t.Errorf("no timeline shows %s failing (%v) and passing (%v)", ts.ID, failed[ts.ID], passed[ts.ID])
		}
	}
	if n := len(slices.Collect(maps.Keys(failed))); n != len(cat.Tests()) {
		t.Errorf("%d tests judged, the catalogue has %d", n, len(cat.Tests()))
	}
}
