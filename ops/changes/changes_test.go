package changes

import (
	"bytes"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
)

var day = time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)

// memory is a log in memory.
type memory struct {
	runs  []evidence.Run
	blobs map[evidence.Hash][]byte
}

func (m *memory) Runs() iter.Seq2[evidence.Run, error] {
	return func(yield func(evidence.Run, error) bool) {
		for _, r := range m.runs {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (m *memory) Lines(ref evidence.Ref) iter.Seq2[evidence.Line, error] {
	return evidence.ReadRecordLines(bytes.NewReader(m.blobs[ref.Hash]), evidence.MaxLine, "")
}

// add writes down a complete reading at an hour of the second day; of events, of all that was before.
func (m *memory) add(t *testing.T, stream string, hour int, events bool, records ...evidence.Record) {
	t.Helper()
	st, err := evidence.ParseStream(stream)
	if err != nil {
		t.Fatal(err)
	}
	at := day.Add(time.Duration(24+hour) * time.Hour)
	for i := range records {
		records[i].Kind = st.Kind
	}
	b, err := evidence.Lines(records)
	if err != nil {
		t.Fatal(err)
	}
	ref := evidence.Ref{Hash: evidence.HashOf(append(b, stream...)), Size: int64(len(b)), Count: len(records)}
	m.blobs[ref.Hash] = b
	c := &evidence.Certificate{Complete: true, Ended: at}
	if events {
		c.Window = &evidence.Window{From: day, To: at}
	}
	m.runs = append(m.runs, evidence.Run{Slot: evidence.Slot{Stream: st, Due: at, Trigger: evidence.Scheduled}, Outcome: evidence.Collected, Certificate: c, Records: &ref})
}

func theLog(t *testing.T) Log {
	t.Helper()
	m := &memory{blobs: map[evidence.Hash][]byte{}}
	at := day.Add(10 * time.Hour)
	pull := func(n int, author, reviewer string) evidence.Record {
		return evidence.Record{ID: fmt.Sprint(n), Name: fmt.Sprintf("acme/app#%d", n), Scope: "acme/app", Effective: &at, Attributes: map[string]any{
			"repository": "acme/app", "number": int64(n), "title": "Work", "author": author, "contributors": []any{author}, "base": "main", "base_is_default": true,
			"merge_sha": fmt.Sprint("m", n), "landed": []any{fmt.Sprint("m", n)}, "head_sha": "h", "labels": []any{}, "reviews": []any{}, "tickets": []any{"NEW-1"}, "linked_issues": []any{},
			"approvals": []any{map[string]any{"reviewer": reviewer, "commit_id": "h", "covers_head": true, "can_push": true, "submitted_at": "2026-07-01T09:00:00Z"}},
			"checks":    []any{map[string]any{"name": "ci", "conclusion": "success", "completed_at": "2026-07-01T09:30:00Z"}}}}
	}
	person := func(login, name string) evidence.Record {
		return evidence.Record{ID: login, Name: name, Attributes: map[string]any{"type": "employee", "logins": map[string]any{"github": login}}}
	}
	m.add(t, "roster/roster.person/p.csv", 1, false, person("ann", "Ann Lee"), person("bob", "Bob Ray"))
	m.add(t, "github/github.branch/acme", 1, false, evidence.Record{ID: "1:main", Scope: "acme/app", Attributes: map[string]any{"repository": "acme/app", "branch": "main", "required_status_checks": []any{"ci"}}})
	m.add(t, "jira/jira.issue/acme", 1, false, evidence.Record{ID: "9", Name: "NEW-1", Attributes: map[string]any{"key": "NEW-1", "project": "NEW", "status": "Done", "created_at": "2026-06-01T00:00:00Z", "changes": []any{}}})
	m.add(t, "github/github.pull_request/acme", 2, true, pull(1, "ann", "bob"), pull(2, "ann", "ann"))
	m.add(t, "github/github.deployment/acme", 2, true, evidence.Record{ID: "d1", Scope: "acme/app", Effective: &at, Attributes: map[string]any{"repository": "acme/app", "environment": "production", "production": true, "sha": "m1"}})
	m.add(t, "roster/roster.person/p.csv", 3, false, person("ann", "Ann Lee"), person("bob", "Bob Ray"))
	cat, err := catalogue.Default()
	if err != nil {
		t.Fatal(err)
	}
	return Log{Evidence: m, Catalogue: cat, Period: result.Period{From: day, To: day.AddDate(0, 0, 2)}, AsOf: day.AddDate(0, 0, 2)}
}

func TestList(t *testing.T) {
	for _, tt := range []struct {
		req  api.ChangesRequest
		want string
	}{
		{api.ChangesRequest{}, "[acme/app#1 pass acme/app#2 fail]"},
		{api.ChangesRequest{Verdict: api.Fail}, "[acme/app#2 fail]"},
		{api.ChangesRequest{Repository: "ACME/App", Verdict: api.Pass}, "[acme/app#1 pass]"},
		{api.ChangesRequest{Repository: "acme/other"}, "[]"},
	} {
		l, err := List(t.Context(), theLog(t), tt.req)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range l.Changes {
			got = append(got, c.Name+" "+string(c.Verdict))
		}
		if fmt.Sprint(got) != tt.want {
			t.Errorf("%+v lists %v, want %s", tt.req, got, tt.want)
		}
	}
}

// TestShow: each part has its source, and each test its verdict.
func TestShow(t *testing.T) {
	d, err := Show(t.Context(), theLog(t), "acme/app#1")
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Contributors) != 1 || d.Contributors[0].Person != "Ann Lee" || d.Contributors[0].Role != "author" {
		t.Errorf("contributors %+v", d.Contributors)
	}
	if len(d.Approvals) != 1 || d.Approvals[0].Person != "Bob Ray" || d.Approvals[0].CoversHead == nil || !*d.Approvals[0].CoversHead || d.Approvals[0].At == nil {
		t.Errorf("approvals %+v", d.Approvals)
	}
	if len(d.Tickets) != 1 || d.Tickets[0].Source == nil || d.Tickets[0].Source.Stream != "jira/jira.issue/acme" || d.Tickets[0].Status != "Done" {
		t.Errorf("tickets %+v", d.Tickets)
	}
	if len(d.Deployments) != 1 || d.Deployments[0].Environment != "production" || d.Deployments[0].Source.ID != "d1" {
		t.Errorf("deployments %+v", d.Deployments)
	}
	if len(d.Checks) != 1 || d.Checks[0].On != "head" || d.Record.ReadAt.IsZero() {
		t.Errorf("checks %+v, record %+v", d.Checks, d.Record)
	}
	verdicts := map[string]api.Verdict{}
	for _, v := range d.Verdicts {
		verdicts[v.Test] = v.Verdict
	}
	for _, test := range []string{"github.pr.independent-approval", "github.pr.approved-last-push", "github.pr.checks-passed", "github.pr.ticket-linked", "change.ticket.first"} {
		if verdicts[test] != api.Pass {
			t.Errorf("%s says %q", test, verdicts[test])
		}
	}
	failed, err := Show(t.Context(), theLog(t), "ACME/app#2")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range failed.Verdicts {
		if v.Test == "github.pr.independent-approval" && (v.Verdict != api.Fail || v.Gap == "" || v.Reason == "") {
			t.Errorf("%+v", v)
		}
	}
	if _, err := Show(t.Context(), theLog(t), "acme/app#3"); api.CodeOf(err) != api.NotFound {
		t.Errorf("a change that is not there: %v", err)
	}
}
