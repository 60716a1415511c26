package gap

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// propertyControl has one test of each sort.
const propertyControl = `id: one
title: One
family: test
description: d
procedure: p
tests:
  - {id: a-ok, title: ok, kind: aws.thing, pass: r.ok, criteria: [CC6.1], basis: own, severity: high, sla_days: 2}
  - {id: b-when, title: when, kind: aws.thing, when: r.on, pass: r.ok || r.also, criteria: [CC6.2], basis: own, severity: low, sla_days: 0}
  - {id: c-age, title: age, kind: aws.thing, pass: '!older_than(r.at, 5)', criteria: [CC6.3], basis: own, severity: low, sla_days: 9}
  - {id: d-now, title: now, kind: aws.thing, pass: 'timestamp(r.at) + duration("100h") > now', criteria: [CC6.3], basis: own, severity: low, sla_days: 9}
  - {id: e-exists, title: exists, mode: exists, kind: aws.thing, pass: r.ok, criteria: [CC6.1], basis: own, severity: high, sla_days: 2}
  - {id: f-most, title: most, mode: at_most, max: 2, kind: aws.thing, pass: r.ok, criteria: [CC6.1], basis: own, severity: high, sla_days: 2}
  - {id: g-event, title: event, kind: aws.event, when: r.on, pass: r.ok, criteria: [CC8.1], basis: own, severity: high, sla_days: 0}
  - {id: h-age-days, title: days, kind: aws.thing, pass: 'age_days(r.at) % 3 != 0', criteria: [CC6.3], basis: own, severity: low, sla_days: 1}
`

var start = time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)

// world makes random series: resources that change, come and go, runs that
// fail, scopes that appear and vanish, events that are read twice.
type world struct {
	*rand.Rand
	log    testLog
	things map[evidence.Scope]map[string]map[string]any
	scopes map[evidence.Scope]bool
	events []evidence.Record
	timed  bool // the source states its own time
}

func newWorld(t testing.TB, seed uint64, days int, timed bool) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 1)), things: map[evidence.Scope]map[string]map[string]any{}, scopes: map[evidence.Scope]bool{"s1": true, "s2": true}, timed: timed}
	for d := range days {
		due := start.Add(time.Duration(d)*result.Day + 6*time.Hour)
		w.step(due)
		w.root(t, due)
		for _, s := range slices.Sorted(maps.Keys(w.scopes)) {
			w.state(t, due, s)
			w.window(t, due, s)
		}
	}
	return w
}

func (w *world) odds(n int) bool { return w.IntN(n) == 0 }

// step changes the world between two ticks.
func (w *world) step(at time.Time) {
	if s := evidence.Scope(fmt.Sprintf("s%d", w.IntN(4)+1)); w.odds(5) {
		if w.scopes[s] = !w.scopes[s]; !w.scopes[s] {
			delete(w.scopes, s)
		}
	}
	for _, s := range []evidence.Scope{"s1", "s2", "s3", "s4"} {
		if w.things[s] == nil {
			w.things[s] = map[string]map[string]any{}
		}
		if w.odds(3) { // else the snapshot stays as it is
			continue
		}
		for i := range 4 {
			id := fmt.Sprintf("r%d", i)
			switch w.IntN(8) {
			case 0:
				delete(w.things[s], id)
			case 1, 2:
				w.things[s][id] = w.attributes(at)
			}
		}
	}
	if w.odds(2) {
		w.events = append(w.events, evidence.Record{Kind: "aws.event", ID: fmt.Sprint(len(w.events)), Name: "e", Effective: &at})
	}
}

func (w *world) attributes(at time.Time) map[string]any {
	m := map[string]any{"at": at.Add(-time.Duration(w.IntN(200)) * time.Hour).Format(time.RFC3339)}
	for _, k := range []string{"ok", "on", "also"} {
		if !w.odds(8) {
			m[k] = w.odds(2)
		}
	}
	return m
}

// run returns a run of a random outcome.
func (w *world) run(due time.Time, kind, scope string) evidence.Run {
	r := evidence.Run{Slot: evidence.Slot{Stream: evidence.Stream{Source: "aws", Kind: evidence.Kind(kind), Scope: evidence.Scope(scope)}, Due: due},
		Outcome: []evidence.Outcome{evidence.Collected, evidence.Collected, evidence.Collected, evidence.Collected, evidence.Late, evidence.Partial, evidence.Failed, evidence.Missed}[w.IntN(8)]}
	if r.Outcome.Complete() || r.Outcome == evidence.Partial {
		r.Certificate = &evidence.Certificate{Complete: r.Outcome.Complete() && !w.odds(20), Ended: due.Add(time.Duration(w.IntN(300)+1) * time.Second)}
	} else if w.odds(2) {
		r.Reason = &evidence.Reason{Class: []evidence.Class{evidence.Denied, evidence.Throttled}[w.IntN(2)], Detail: "x"}
	}
	return r
}

func (w *world) root(t testing.TB, due time.Time) {
	var recs []evidence.Record
	for _, s := range slices.Sorted(maps.Keys(w.scopes)) {
		recs = append(recs, evidence.Record{Kind: "aws.account", ID: string(s), Name: "n", Attributes: map[string]any{}})
	}
	w.log.add(t, w.run(due, "aws.account", "org"), recs)
}

func (w *world) state(t testing.TB, due time.Time, s evidence.Scope) {
	r := w.run(due, "aws.thing", string(s))
	var recs []evidence.Record
	for _, id := range slices.Sorted(maps.Keys(w.things[s])) { // the same seed is the same series
		attrs := w.things[s][id]
		if r.Outcome != evidence.Partial || w.odds(2) {
			rec := evidence.Record{Kind: "aws.thing", ID: id, Name: id, Attributes: maps.Clone(attrs)}
			if w.timed { // as a report is
				at := due.Add(-time.Duration(w.IntN(300)) * time.Minute)
				rec.Effective = &at
			}
			if rec.Attributes["noise"] = "same"; w.odds(3) {
				rec.Attributes["noise"] = due.String()
			}
			recs = append(recs, rec)
		}
	}
	w.log.add(t, r, recs)
}

func (w *world) window(t testing.TB, due time.Time, s evidence.Scope) {
	r := w.run(due, "aws.event", string(s))
	if r.Certificate == nil {
		w.log.add(t, r, nil)
		return
	}
	win := evidence.Window{From: due.Add(-time.Duration(20+w.IntN(30)) * time.Hour), To: due}
	r.Certificate.Window = &win
	var recs []evidence.Record
	for _, ev := range w.events {
		if win.Holds(*ev.Effective) {
			ev.Attributes = w.attributes(due)
			recs = append(recs, ev)
		}
	}
	w.log.add(t, r, recs)
}

// TestIncrementalEqualsWhole: for random series, five engines give the same
// bytes: whole, in steps with results in between, without knowing that a
// snapshot is the one before, with every line decoded, and without remembering
// any verdict.
func TestIncrementalEqualsWhole(t *testing.T) {
	cat := testCatalogue(t, fstest.MapFS{"one.yaml": {Data: []byte(propertyControl)}})
	gaps := 0
	for seed := range uint64(60) {
		w := newWorld(t, seed, 30, seed%3 == 2)
		p := result.Period{From: start.Add(3 * result.Day), To: start.Add(25 * result.Day)}
		asOf := start.Add(time.Duration(20+seed%12) * result.Day)
		opt := WithRoots(map[string]evidence.Kind{"aws": "aws.account"})
		whole, err := Evaluate(context.Background(), cat, &w.log, p, asOf, opt)
		if err != nil {
			t.Fatal(err)
		}
		checkInvariants(t, whole)
		gaps += len(whole.Gaps)
		want := mustJSON(t, whole)
		for name, e := range map[string]func(*Engine, evidence.Run) error{"in steps": w.steps, "no hash": w.noHash, "every line decoded": w.decoded, "no memory": w.noMemory} {
			if got := w.replay(t, NewEngine(cat, p, opt), asOf, e); !bytes.Equal(got, want) {
				t.Fatalf("seed %d: %s differs from whole:\n%s", seed, name, gocmp.Diff(string(want), string(got)))
			}
		}
	}
	if gaps < 2000 {
		t.Errorf("only %d gaps: the series say too little", gaps)
	}
}

func (w *world) replay(t testing.TB, e *Engine, asOf time.Time, observe func(*Engine, evidence.Run) error) []byte {
	for _, r := range w.log.runs {
		if !r.Observed().After(asOf) {
			if err := observe(e, r); err != nil {
				t.Fatal(err)
			}
		}
	}
	return mustJSON(t, e.Result(asOf))
}

func (w *world) steps(e *Engine, r evidence.Run) error {
	defer func() { e.Result(r.Observed()) }()
	return e.Observe(r, LinesOf(&w.log, r))
}

func (w *world) decoded(e *Engine, r evidence.Run) error {
	return e.Observe(r, decoded(evidence.DecodeLines(LinesOf(&w.log, r))))
}

func (w *world) noHash(e *Engine, r evidence.Run) error {
	recs := LinesOf(&w.log, r)
	r.Records = nil
	return e.Observe(r, recs)
}

// noMemory forgets the limits up to which verdicts hold, and what records said.
func (w *world) noMemory(e *Engine, r evidence.Run) error {
	for _, st := range e.streams {
		st.lastHash = nil
		for _, res := range st.resources {
			res.validUntil = 0
			for i := range res.cells {
				res.cells[i].validUntil = 0
			}
			for i := range res.values {
				res.values[i] = struct{ never int }{}
			}
		}
	}
	return e.Observe(r, LinesOf(&w.log, r))
}

// TestAgainstOracle compares the deviations of one test with those that a few
// plain loops over each resource's observations find.
func TestAgainstOracle(t *testing.T) {
	cat := testCatalogue(t, fstest.MapFS{"one.yaml": {Data: []byte(propertyControl)}})
	n := 0
	for seed := range uint64(60) {
		w := newWorld(t, seed, 30, false)
		res, err := Evaluate(context.Background(), cat, &w.log, result.Period{From: start, To: start.Add(30 * result.Day)}, start.Add(31*result.Day))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, g := range res.Gaps {
			if g.Test == "a-ok" && g.Kind == result.Deviation {
				got = append(got, fmt.Sprint(g.Stream, g.Resource, shortTime(g.NotBefore), g.FirstSeen.Format(short), g.LastSeen.Format(short), shortTime(g.FixedBy)))
			}
		}
		want := w.oracle(t)
		slices.Sort(got)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d (-oracle +engine):\n%s", seed, diff)
		}
		n += len(want)
	}
	if n < 400 {
		t.Errorf("only %d deviations: the series say too little", n)
	}
}

// oracle finds the deviations of "r.ok" the slow way.
func (w *world) oracle(t testing.TB) []string {
	var out []string
	for _, s := range []evidence.Scope{"s1", "s2", "s3", "s4"} {
		for i := range 4 {
			out = append(out, w.history(t, s, fmt.Sprintf("r%d", i))...)
		}
	}
	slices.Sort(out)
	return out
}

func (w *world) history(t testing.TB, s evidence.Scope, id string) (out []string) {
	var fine, first, last *time.Time // last time known not failing, first and last failing
	end := func(at *time.Time) {
		if first != nil {
			out = append(out, fmt.Sprint("aws/aws.thing/"+string(s), id, shortTime(fine), first.Format(short), last.Format(short), shortTime(at)))
		}
		first, last = nil, nil
	}
	for _, r := range w.log.runs {
		if r.Stream.Kind != "aws.thing" || r.Stream.Scope != s || r.Certificate == nil {
			continue
		}
		at := r.Observed()
		rec, found := find(t, evidence.DecodeLines(LinesOf(&w.log, r)), id)
		ok, said := rec.Attributes["ok"].(bool)
		switch {
		case !found && r.Certificate.Complete, said && ok:
			end(&at)
			fine = &at
		case said && first == nil:
			first, last = &at, &at
		case said:
			last = &at
		}
	}
	end(nil)
	return out
}

func find(t testing.TB, recs iter.Seq2[evidence.Record, error], id string) (evidence.Record, bool) {
	for rec, err := range recs {
		if err != nil {
			t.Fatal(err)
		}
		if rec.ID == id {
			return rec, true
		}
	}
	return evidence.Record{}, false
}
