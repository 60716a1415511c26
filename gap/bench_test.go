package gap

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/gap/rule"
)

// year is a year of daily snapshots, made as they are read, as text: of each
// stream, 1 % of the resources change a day in what tests read, and 20 % in what
// they do not.
type year struct {
	streams []evidence.Stream
	things  [][]thing // by stream
	blobs   map[evidence.Hash][]byte
	days    int
	// every so many days something changes; on the others the snapshot is the one before.
	every int
	rnd   *rand.Rand
}

// thing is a resource, with ten attributes that tests read.
type thing struct {
	id, at string
	a      [10]bool
	used   uint64
}

func newYear(kinds, resources, days, every int) *year {
	y := &year{blobs: map[evidence.Hash][]byte{}, days: days, every: every, rnd: rand.New(rand.NewPCG(1, 2))}
	for k := range kinds {
		y.streams = append(y.streams, evidence.Stream{Source: "aws", Kind: kindOf(k), Scope: "1"})
		things := make([]thing, resources/kinds)
		for i := range things {
			things[i].id = fmt.Sprintf("arn:aws:thing:%s:%06d", kindOf(k), i)
			things[i].at = start.Add(-time.Duration(y.rnd.IntN(80*24)) * time.Hour).Format(time.RFC3339)
			for a := range things[i].a {
				things[i].a[a] = y.rnd.IntN(1000) > 0
			}
		}
		y.things = append(y.things, things)
	}
	return y
}

func kindOf(k int) evidence.Kind { return evidence.Kind(fmt.Sprintf("aws.thing%d", k)) }

func (y *year) Runs() iter.Seq2[evidence.Run, error] {
	return func(yield func(evidence.Run, error) bool) {
		for d := range y.days {
			for k, st := range y.streams {
				due := start.Add(time.Duration(d)*result.Day + 6*time.Hour)
				if d%y.every == 0 {
					y.live(k)
				}
				run := evidence.Run{Slot: evidence.Slot{Stream: st, Due: due}, Outcome: evidence.Collected,
					Certificate: &evidence.Certificate{Complete: true, Ended: due.Add(time.Minute)},
					Records:     &evidence.Ref{Hash: evidence.HashOf(fmt.Append(nil, st.Kind, d/y.every)), Count: len(y.things[k])}}
				y.blobs[run.Records.Hash] = y.blob(k)
				if !yield(run, nil) {
					return
				}
				delete(y.blobs, run.Records.Hash)
			}
		}
	}
}

// live changes some things of stream k.
func (y *year) live(k int) {
	things := y.things[k]
	for range len(things) / 100 {
		things[y.rnd.IntN(len(things))].a[y.rnd.IntN(10)] = y.rnd.IntN(1000) > 0
	}
	for range len(things) / 5 {
		things[y.rnd.IntN(len(things))].used = y.rnd.Uint64()
	}
}

// blob returns the text of a snapshot.
func (y *year) blob(k int) []byte {
	blob, kind := make([]byte, 0, 320*len(y.things[k])), kindOf(k)
	for _, t := range y.things[k] {
		blob = append(blob, `{"attributes":{`...)
		for i, a := range t.a {
			blob = append(append(blob, '"', 'a', byte('0'+i)), `":`...)
			blob = append(strconv.AppendBool(blob, a), ',')
		}
		blob = append(append(blob, `"at":"`...), t.at...)
		blob = append(blob, `","list":["a","b"],"region":"eu-west-1","used":"`...)
		blob = append(strconv.AppendUint(blob, t.used, 16), `"},"id":"`...)
		blob = append(append(blob, t.id...), `","kind":"`...)
		blob = append(append(blob, kind...), `","name":"`...)
		blob = append(append(blob, t.id...), "\"}\n"...)
	}
	return blob
}

func (y *year) Lines(ref evidence.Ref) iter.Seq2[evidence.Line, error] {
	return evidence.ReadRecordLines(bytes.NewReader(y.blobs[ref.Hash]), evidence.MaxLine, "")
}

// yearCatalogue has so many tests on each of so many kinds, like those of the
// embedded catalogue: booleans, lists, dates; a tenth depend on the time.
func yearCatalogue(b testing.TB, kinds, tests int) *catalogue.Catalogue {
	var s strings.Builder
	s.WriteString("id: one\ntitle: One\nfamily: test\ndescription: d\nprocedure: p\ntests:\n")
	for k := range kinds {
		for i := range tests / kinds {
			pass := []string{"r.a%d", "r.a%d || r.region == 'us'", "r.a%d && size(r.list) > 0"}[i%3]
			pass = fmt.Sprintf(pass, i%10)
			if i%10 == 9 {
				pass = "!older_than(r.at, 90) || !r.a9"
			}
			fmt.Fprintf(&s, "  - {id: t%d-%d, title: t, kind: %s, pass: \"%s\", criteria: [CC6.1], basis: own, severity: high, sla_days: 7}\n", k, i, kindOf(k), pass)
		}
	}
	return testCatalogue(b, fstest.MapFS{"one.yaml": {Data: []byte(s.String())}})
}

// BenchmarkYear is the whole evaluation of 10,000 resources x 365 days x 100 tests.
func BenchmarkYear(b *testing.B) {
	for _, c := range []struct {
		name         string
		kinds, every int
	}{{"ten kinds, changes daily", 10, 1}, {"ten kinds, changes weekly", 10, 7}, {"one kind, changes daily", 1, 1}} {
		cat := yearCatalogue(b, c.kinds, 100)
		p := result.Period{From: start, To: start.Add(365 * result.Day)}
		b.Run(c.name, func(b *testing.B) {
			var making time.Duration
			for b.Loop() {
				making += timeMaking(newYear(c.kinds, 10_000, 365, c.every))
				res, err := Evaluate(context.Background(), cat, newYear(c.kinds, 10_000, 365, c.every), p, p.To)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(res.Gaps)), "gaps")
			}
			b.ReportMetric((b.Elapsed()-2*making).Seconds()/float64(b.N), "engine-s/op")
			b.ReportMetric(making.Seconds()/float64(b.N), "making-s/op")
		})
	}
}

// timeMaking is what it costs to make the evidence and read it once, which is not the engine's.
func timeMaking(y *year) time.Duration {
	from := time.Now()
	for run := range y.Runs() {
		for range y.Lines(*run.Records) {
		}
	}
	return time.Since(from)
}

// BenchmarkSlot is one new slot of 10,000 records on an engine that holds a year, and its result.
func BenchmarkSlot(b *testing.B) {
	cat := yearCatalogue(b, 1, 100)
	p := result.Period{From: start, To: start.Add(365 * result.Day)}
	e := NewEngine(cat, p)
	y := newYear(1, 10_000, 30, 1)
	var last evidence.Run
	for run := range y.Runs() {
		if err := e.Observe(run, y.Lines(*run.Records)); err != nil {
			b.Fatal(err)
		}
		last = run
	}
	for b.Loop() {
		b.StopTimer()
		y.live(0)
		last.Due = last.Due.Add(time.Minute)
		last.Certificate.Ended = last.Due
		ref := evidence.Ref{Hash: evidence.HashOf(fmt.Append(nil, last.Due))}
		last.Records, y.blobs[ref.Hash] = &ref, y.blob(0)
		b.StartTimer()
		if err := e.Observe(last, y.Lines(ref)); err != nil {
			b.Fatal(err)
		}
		e.Result(last.Due)
	}
}

// BenchmarkRestore writes and restores what half a year of 2,000 people with two
// accounts each, and of 5,000 merges, their commits and tickets leaves.
func BenchmarkRestore(b *testing.B) {
	cat := testCatalogue(b, nil)
	const days = 180
	p := result.Period{From: start, To: start.AddDate(0, 0, days)}
	e := NewEngine(cat, p)
	for _, log := range []joined{accounts(2000, days), changes(days, 28)} {
		for run := range log.runs {
			if err := e.Observe(run, decoded(log.records(*run.Records))); err != nil {
				b.Fatal(err)
			}
		}
	}
	snapshot := snapshotOf(b, e)
	want := len(e.Result(p.To).Gaps)
	b.Run("snapshot", func(b *testing.B) {
		for b.Loop() {
			snapshotOf(b, e)
		}
		b.ReportMetric(float64(len(snapshot)), "bytes")
	})
	b.Run("restore", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if got := len(restored(b, snapshot, cat, p).Result(p.To).Gaps); got != want {
				b.Fatal(got)
			}
		}
	})
}

// BenchmarkEvents evaluates a million merged changes and reports what the engine keeps of them.
func BenchmarkEvents(b *testing.B) {
	cat := testCatalogue(b, nil)
	p := result.Period{From: start, To: start.Add(365 * result.Day)}
	days := pick(testing.Short(), 5, 100)
	for b.Loop() {
		e := NewEngine(cat, p)
		for d := range days {
			if err := e.Observe(merges(d, 10_000)); err != nil {
				b.Fatal(err)
			}
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "heap-MB")
		if n := testOf(b, e.Result(p.To), "github.pr.ticket-linked").Population; n != days*10_000 {
			b.Fatal(n)
		}
	}
}

// testOf finds the result of a test by its id.
func testOf(b *testing.B, r *result.Result, id string) result.TestResult {
	b.Helper()
	i := slices.IndexFunc(r.Tests, func(t result.TestResult) bool { return t.Test == id })
	if i < 0 {
		b.Fatalf("the result has no test %s", id)
	}
	return r.Tests[i]
}

func merges(d, n int) (evidence.Run, iter.Seq2[evidence.Line, error]) {
	from := start.Add(time.Duration(d) * result.Day)
	run := evidence.Run{Slot: evidence.Slot{Stream: evidence.Stream{Source: "github", Kind: "github.pull_request", Scope: "acme"}, Due: from.Add(result.Day)},
		Outcome: evidence.Collected, Certificate: &evidence.Certificate{Complete: true, Ended: from.Add(result.Day + time.Minute), Window: &evidence.Window{From: from, To: from.Add(result.Day)}}}
	return run, func(yield func(evidence.Line, error) bool) {
		for i := range n {
			at := from.Add(time.Duration(i) * time.Second)
			if !yield(evidence.LineOf(evidence.Record{Kind: "github.pull_request", ID: fmt.Sprint(d*n + i), Name: "acme/app#1", Scope: "acme/app", Effective: &at, Attributes: merge}), nil) {
				return
			}
		}
	}
}

var merge = map[string]any{"base_is_default": true, "author": "ann", "commit_authors": []any{"ann"}, "head_sha": "s", "tickets": []any{"ENG-1"},
	"approvals": []any{map[string]any{"reviewer": "bob", "commit_id": "s"}}, "checks": []any{map[string]any{"name": "ci", "conclusion": "success"}}}

// BenchmarkJudge is one evaluation of one predicate.
func BenchmarkJudge(b *testing.B) {
	cat := testCatalogue(b, nil)
	rec := evidence.Record{Kind: "github.pull_request", ID: "1", Attributes: merge}
	e, r := NewEngine(cat, result.Period{}), cat.Rule("github.pr.ticket-linked")
	for b.Loop() {
		e.eval.SetRecord(&rec, evidence.Stream{Source: "x", Scope: "acme"})
		if j := r.Evaluate(&e.eval); j.Answer != rule.Pass {
			b.Fatal(j)
		}
	}
}
