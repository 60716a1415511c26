package github

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
)

// emulated are the kinds of which emulate has something.
var emulated = []evidence.Kind{kindOrg, kindMember, kindRepository, kindBranch, kindPullRequest}

// memory is a log in memory.
type memory struct {
	runs  []evidence.Run
	blobs map[evidence.Hash][]byte
}

// Runs implements gap.Evidence.
func (m *memory) Runs() iter.Seq2[evidence.Run, error] {
	return func(yield func(evidence.Run, error) bool) {
		for _, r := range m.runs {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Lines implements gap.Evidence.
func (m *memory) Lines(ref evidence.Ref) iter.Seq2[evidence.Line, error] {
	return evidence.ReadRecordLines(bytes.NewReader(m.blobs[ref.Hash]), evidence.MaxLine, "")
}

// add writes down how a slot ended. As the schedule does, it keeps no records
// of one of which no part was read whole.
func (m *memory) add(t *testing.T, kind evidence.Kind, due time.Time, s transport.Snapshot) {
	t.Helper()
	run := evidence.Run{Outcome: evidence.Collected, Certificate: &s.Certificate}
	run.Slot = evidence.Slot{Stream: evidence.Stream{Source: "github", Kind: kind, Scope: "acme"}, Due: due, Trigger: evidence.Scheduled}
	if s.Err != nil {
		reason := collectors.ReasonOf(s.Err)
		run.Outcome, run.Reason = evidence.Failed, &reason
		if slices.ContainsFunc(s.Certificate.Scopes, func(r evidence.ScopeResult) bool { return r.Status == evidence.ScopeRead }) {
			run.Outcome = evidence.Partial
		}
	}
	if run.Outcome != evidence.Failed {
		b, err := evidence.Lines(s.Records)
		if err != nil {
			t.Fatal(err)
		}
		run.Records = &evidence.Ref{Hash: evidence.HashOf(b), Size: int64(len(b)), Count: len(s.Records)}
		m.blobs[run.Records.Hash] = b
	}
	m.runs = append(m.runs, run)
}

// addRoster writes down who the people are behind logins.
func (m *memory) addRoster(t *testing.T, at time.Time, logins ...string) {
	t.Helper()
	people := map[string][]string{}
	for _, l := range logins {
		people[l] = []string{l}
	}
	m.addRosterOf(t, at, people)
}

// addRosterOf writes down who the people are, each with their logins.
func (m *memory) addRosterOf(t *testing.T, at time.Time, people map[string][]string) {
	t.Helper()
	var records []evidence.Record
	for _, name := range slices.Sorted(maps.Keys(people)) {
		var others []any
		for _, l := range people[name][1:] {
			others = append(others, "github:"+l)
		}
		records = append(records, evidence.Record{Kind: "roster.person", ID: name, Name: name, Attributes: map[string]any{"type": "employee", "logins": map[string]any{"github": people[name][0]},
			"emails": []any{people[name][0] + "@example.com"}, "other_logins": others}})
	}
	m.addState(t, evidence.Stream{Source: "roster", Kind: "roster.person", Scope: "people.csv"}, at, records...)
}

// addState writes down a complete reading of state.
func (m *memory) addState(t *testing.T, stream evidence.Stream, at time.Time, records ...evidence.Record) {
	t.Helper()
	b, err := evidence.Lines(records)
	if err != nil {
		t.Fatal(err)
	}
	ref := &evidence.Ref{Hash: evidence.HashOf(b), Size: int64(len(b)), Count: len(records)}
	m.blobs[ref.Hash] = b
	m.runs = append(m.runs, evidence.Run{Outcome: evidence.Collected, Records: ref, Certificate: &evidence.Certificate{Complete: true, Ended: at},
		Slot: evidence.Slot{Stream: stream, Due: at, Trigger: evidence.Scheduled}})
}

// verdicts returns what each test on this source says, and of which resource it
// says that it failed.
func (c collection) verdicts(t *testing.T) string {
	t.Helper()
	m := &memory{blobs: map[evidence.Hash][]byte{}}
	for _, k := range emulated {
		m.add(t, k, c.window.From, c.snaps[k])
	}
	m.addRoster(t, c.window.To, "ann", "bob", "owner")
	cat, err := catalogue.Default()
	if err != nil {
		t.Fatal(err)
	}
	res, err := gap.Evaluate(t.Context(), cat, m, result.Period{From: c.window.From, To: c.window.To}, c.window.To)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, tr := range res.Tests {
		if tr.Streams == 0 || strings.HasPrefix(tr.Test, "roster.") || strings.HasPrefix(tr.Test, "id.") {
			continue // of a kind that was not read
		}
		fmt.Fprintf(&b, "%s: %s\n", strings.TrimPrefix(tr.Test, "github."), tr.Period)
		for _, g := range res.Gaps {
			if g.Test == tr.Test && g.Kind == result.Deviation {
				fmt.Fprintf(&b, "\t%s: %s\n", g.Name, g.Reason)
			}
		}
	}
	return b.String()
}
