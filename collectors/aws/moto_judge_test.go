//go:build unix

package aws

import (
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
)

// ledger is evidence in memory: one slot of every stream.
type ledger struct {
	runs    []evidence.Run
	records map[evidence.Hash][]evidence.Record
}

// Runs implements gap.Evidence.
func (l *ledger) Runs() iter.Seq2[evidence.Run, error] {
	return func(yield func(evidence.Run, error) bool) {
		for _, r := range l.runs {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Lines implements gap.Evidence.
func (l *ledger) Lines(ref evidence.Ref) iter.Seq2[evidence.Line, error] {
	return func(yield func(evidence.Line, error) bool) {
		for _, r := range l.records[ref.Hash] {
			if !yield(evidence.LineOf(r), nil) {
				return
			}
		}
	}
}

// add ends a slot the way the schedule does: a snapshot of which no part was
// read whole keeps no records.
func (l *ledger) add(t *testing.T, st evidence.Stream, s transport.Snapshot) {
	t.Helper()
	c := s.Certificate
	run := evidence.Run{Slot: evidence.Slot{Stream: st, Due: c.Started, Trigger: evidence.Scheduled}, Certificate: &c, Outcome: evidence.Collected}
	if s.Err != nil {
		reason := collectors.ReasonOf(s.Err)
		run.Reason, run.Outcome = &reason, evidence.Failed
		if slices.ContainsFunc(c.Scopes, func(r evidence.ScopeResult) bool { return r.Status == evidence.ScopeRead }) {
			run.Outcome = evidence.Partial
		}
	}
	if run.Outcome != evidence.Failed {
		b, err := evidence.Lines(s.Records)
		if err != nil {
			t.Fatal(err)
		}
		run.Records = &evidence.Ref{Hash: evidence.HashOf(b), Size: int64(len(b)), Count: len(s.Records)}
		l.records[run.Records.Hash] = s.Records
	}
	l.runs = append(l.runs, run)
}

// judge asks the catalogue what the snapshots mean, with the day around them as the period.
func judge(t *testing.T, all snapshots) *result.Result {
	t.Helper()
	l := &ledger{records: map[evidence.Hash][]evidence.Record{}}
	var at time.Time
	for st, s := range all {
		l.add(t, st, s)
		at = s.Certificate.Ended
	}
	cat, err := catalogue.Default()
	if err != nil {
		t.Fatal(err)
	}
	p := result.Period{From: at.Add(-12 * time.Hour), To: at.Add(12 * time.Hour)}
	r, err := gap.Evaluate(t.Context(), cat, l, p, p.To)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// drawn are the names that moto draws by lot: what sort they are of is all that is fixed.
var (
	drawn    = regexp.MustCompile(`^(vol-|i-|vpc-)[0-9a-f]{17}$`)
	drawnKey = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	ofPolicy = regexp.MustCompile(`^arn:aws:iam::[0-9]{12}:policy/`)
)

func withoutLot(name string) string {
	return ofPolicy.ReplaceAllString(drawnKey.ReplaceAllString(drawn.ReplaceAllString(name, "$1"), "key"), "")
}

// says compares the verdicts with what is expected: test, verdict, and the
// names of what was seen failing, a line each.
func says(t *testing.T, r *result.Result, want string) {
	t.Helper()
	failing := map[string][]string{}
	for _, g := range r.Gaps {
		if g.Kind == result.Deviation {
			failing[g.Test] = append(failing[g.Test], withoutLot(g.Name))
		}
	}
	var b strings.Builder
	for _, ts := range r.Tests {
		if ts.Streams > 0 {
			slices.Sort(failing[ts.Test])
			fmt.Fprintf(&b, "%s %s %v\n", ts.Test, ts.Now, failing[ts.Test])
		}
	}
	if diff := cmp.Diff(strings.TrimSpace(want), strings.TrimSpace(b.String())); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
}
