package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"testing"

	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// TestPast: what is kept of the runs, at any of them, and taken up again from its
// JSON, lets a runner go on as one does that has read the log.
func TestPast(t *testing.T) {
	r := newRig(t, &world{scopes: []evidence.Scope{"a"}, fail: map[evidence.Kind]error{}})
	r.tick(day(1, 6))
	r.scopes = []evidence.Scope{"a", "b"}
	r.tick(day(2, 6))
	r.fail["w.root"] = errors.New("defect")
	r.tick(day(5, 6)) // three days were missed
	delete(r.fail, "w.root")
	r.scopes = []evidence.Scope{"b"}
	r.tick(day(6, 6))
	var runs []evidence.Run
	for run, err := range r.store.Runs() {
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, run)
	}
	roots := map[string]evidence.Kind{"w": "w.root"}
	whole, err := PastOf(r.store, roots)
	if err != nil {
		t.Fatal(err)
	}
	want := r.runner.source("w").ledger
	for cut := range len(runs) + 1 {
		past := NewPast(roots)
		for _, run := range runs[:cut] {
			past.Add(run)
		}
		text, err := json.Marshal(past)
		if err != nil {
			t.Fatal(err)
		}
		again := new(Past)
		if err := json.Unmarshal(text, again); err != nil {
			t.Fatal(err)
		}
		for _, run := range runs[cut:] {
			again.Add(run)
		}
		mine, err := json.Marshal(again)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := json.Marshal(whole)
		if err != nil || string(mine) != string(theirs) {
			t.Fatalf("cut at %d: %s, want %s", cut, mine, theirs)
		}
		c, err := Continue([]*transport.Source{r.runner.sources[0].Source}, r.store, again, r.store.Records, Options{Begin: r.begin})
		if err != nil {
			t.Fatal(err)
		}
		got := c.source("w").ledger
		if !maps.Equal(got.Ended, want.Ended) || !maps.Equal(got.Read, want.Read) || !maps.Equal(got.Began, want.Began) {
			t.Fatalf("cut at %d: another ledger", cut)
		}
		a, b := c.Outstanding(day(9, 9), day(30, 0)), r.runner.Outstanding(day(9, 9), day(30, 0))
		if len(a) != len(b) {
			t.Fatalf("cut at %d: %d outstanding, want %d", cut, len(a), len(b))
		}
	}
}

// TestActorOfDemand: a collection that somebody asked for names who did; what
// was due, and what was missed, names nobody.
func TestActorOfDemand(t *testing.T) {
	r := newRig(t, &world{scopes: []evidence.Scope{"a"}})
	r.tick(day(1, 6))
	r.now = day(1, 8)
	ann := evidence.Actor{User: "ann", Established: evidence.ByOperatingSystem}
	ctx := evidence.WithActor(context.Background(), ann)
	if _, err := r.runner.Now(ctx, "w"); err != nil {
		t.Fatal(err)
	}
	r.now = day(4, 8) // two days were missed
	if _, err := r.runner.Now(ctx, "w"); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for e, err := range r.store.Entries(0) {
		switch {
		case err != nil:
			t.Fatal(err)
		case e.Run == nil:
		case e.Run.Trigger == evidence.OnDemand:
			if asked++; e.Actor == nil || *e.Actor != ann {
				t.Errorf("entry %d names %v", e.Index, e.Actor)
			}
		case e.Actor != nil:
			t.Errorf("entry %d, which was due, names %v", e.Index, e.Actor)
		}
	}
	if asked == 0 {
		t.Fatal("nothing was collected on demand")
	}
}
