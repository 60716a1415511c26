package gap

import (
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
)

// TestOnDemandIsNotCoverage: collections that nobody expected do not make up
// for slots that were missed.
func TestOnDemandIsNotCoverage(t *testing.T) {
	cat, err := catalogue.Default()
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	e := NewEngine(cat, result.Period{From: from, To: from.AddDate(0, 0, 20)})
	run := evidence.Run{Slot: evidence.Slot{Stream: evidence.Stream{Source: "aws", Kind: "aws.iam.account", Scope: "1"}}}
	observe := func() {
		if err := e.Observe(run, func(func(evidence.Line, error) bool) {}); err != nil {
			t.Fatal(err)
		}
	}
	for d := range 10 {
		run.Due, run.Trigger, run.Outcome = from.AddDate(0, 0, d), evidence.Scheduled, evidence.Missed
		observe()
	}
	for n := range 90 {
		at := from.AddDate(0, 0, 10).Add(time.Duration(n) * time.Second)
		run.Due, run.Trigger, run.Outcome = at, evidence.OnDemand, evidence.Collected
		run.Certificate = &evidence.Certificate{Complete: true, Started: at, Ended: at}
		observe()
	}
	r := e.Result(from.AddDate(0, 0, 11))
	if r.Slots.Expected != 10 || r.Slots.Missed != 10 || r.Streams[0].Coverage != 0 {
		t.Fatalf("slots %+v, coverage %v %%", r.Slots, r.Streams[0].Coverage)
	}
}
