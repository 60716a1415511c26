package gap

import (
	"testing"
	"testing/fstest"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

const itemsControl = `
id: one
title: one
family: access
criteria: [CC6.1]
description: d
procedure: p
tests:
  - {id: a, title: a, kind: x.user, when: "r.left", pass: "r.off", severity: high, criteria: [CC6.1], basis: b, remediation: m}
  - {id: b, title: b, kind: x.user, when: "r.left || r.admin", pass: "r.off", severity: high, criteria: [CC6.1], basis: b, remediation: m}
`

// TestDistinctItems: what two tests read and find counts once, and the items of a
// sample are those to which one of them applies.
func TestDistinctItems(t *testing.T) {
	cat := testCatalogue(t, fstest.MapFS{"one.yaml": {Data: []byte(itemsControl)}})
	p := result.Period{From: start, To: start.Add(3 * result.Day)}
	e := NewEngine(cat, p)
	log := &testLog{}
	user := func(id string, left, admin, off bool) evidence.Record {
		return evidence.Record{Kind: "x.user", ID: id, Name: id, Attributes: map[string]any{"left": left, "admin": admin, "off": off}}
	}
	at := start.Add(time.Hour)
	users := []evidence.Record{user("ann", true, true, false), user("bob", false, false, false), user("cy", false, true, true), user("dee", true, false, true)}
	log.add(t, evidence.Run{Slot: evidence.Slot{Stream: evidence.Stream{Source: "x", Kind: "x.user", Scope: "1"}, Due: at, Trigger: evidence.Scheduled}, Outcome: evidence.Collected,
		Certificate: &evidence.Certificate{Complete: true, Rows: len(users), Started: at, Ended: at}}, users)
	run := log.runs[0]
	if err := e.Observe(run, LinesOf(log, run)); err != nil {
		t.Fatal(err)
	}
	r := e.Result(start.Add(2 * time.Hour)).Controls[0]
	if r.Population != 3 || r.Deviating != 1 || r.Open != 1 || r.Deviations != 2 || r.Coverage == nil || r.Activities != nil {
		t.Errorf("%+v", r)
	}
	applies := e.Applies("one")
	for id, want := range map[string]bool{"ann": true, "bob": false, "cy": true, "dee": true, "eve": false} {
		if got := applies(run.Stream.String(), "", id); got != want {
			t.Errorf("%s: %t", id, got)
		}
	}
	if applies("other", "", "ann") {
		t.Error("an item of a stream that no test reads")
	}
}
