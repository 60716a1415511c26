package github

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

const (
	pulls  = "/repos/acme/product/pulls?direction=desc&sort=updated&state=closed"
	pulls2 = "/repos/acme/product/pulls?direction=desc&page=2&sort=updated&state=closed"
	listed = `{"id":500,"number":5,"updated_at":"2026-07-01T05:00:00Z","merged_at":"2026-07-01T04:00:00Z"}`
	whole  = `{"id":500,"number":5,"title":"ABC-12 faster","body":"Fixes OPS-1.","html_url":"https://github.com/acme/product/pull/5","user":{"id":1,"login":"ann"},"created_at":"2026-06-30T00:00:00Z","updated_at":"2026-07-01T05:00:00Z","merged_at":"2026-07-01T04:00:00Z","merged_by":{"id":2,"login":"bob"},"merge_commit_sha":"m1","commits":3,"head":{"ref":"abc-12","sha":"h1"},"base":{"ref":"main"}}`
)

// onePull serves a repository with the pull request 5 and all its parts.
func onePull() map[string][]reply {
	return with(map[string][]reply{
		repos:                                 {ok(`[{"id":10,"full_name":"acme/product","default_branch":"main"}]`)},
		pulls:                                 {ok("[" + listed + `,{"id":499,"number":4,"updated_at":"2026-06-30T05:59:59Z","merged_at":"2026-06-29T00:00:00Z"}]`)},
		"/repos/acme/product/pulls/5":         {ok(whole)},
		"/repos/acme/product/pulls/5/commits": {{status: 200, body: `[{"sha":"c1","author":{"id":3,"login":"cat"}},{"sha":"c2","author":{"id":1,"login":"ann"}}]`, next: "2"}},
		"/repos/acme/product/pulls/5/commits?page=2": {ok(`[{"sha":"h1","author":{"id":1,"login":"ann"}}]`)},
		"/repos/acme/product/pulls/5/reviews": {ok(`[
			{"user":{"id":2,"login":"bob"},"state":"CHANGES_REQUESTED","commit_id":"c1","submitted_at":"2026-07-01T01:00:00Z"},
			{"user":{"id":2,"login":"bob"},"state":"APPROVED","commit_id":"h1","submitted_at":"2026-07-01T03:00:00Z"},
			{"user":{"id":2,"login":"bob"},"state":"COMMENTED","commit_id":"h1","submitted_at":"2026-07-01T03:30:00Z"},
			{"user":{"id":3,"login":"cat"},"state":"APPROVED","commit_id":"c1","submitted_at":"2026-07-01T02:00:00Z"},
			{"user":{"id":3,"login":"cat"},"state":"DISMISSED","commit_id":"c1","submitted_at":"2026-07-01T02:30:00Z"},
			{"user":{"id":4,"login":"dan"},"state":"APPROVED","commit_id":"h1","submitted_at":"2026-07-01T04:00:01Z"},
			{"user":null,"state":"APPROVED","commit_id":"h1","submitted_at":"2026-07-01T03:00:00Z"},
			{"user":{"id":5,"login":"eve"},"state":"PENDING","commit_id":"h1"}]`)},
		"/repos/acme/product/commits/h1/check-runs": {ok(`{"total_count":2,"check_runs":[{"name":"test","status":"completed","conclusion":"success","completed_at":"2026-07-01T02:00:00Z"},{"name":"lint","status":"in_progress","conclusion":null,"completed_at":null}]}`)},
		"/repos/acme/product/commits/h1/status":     {ok(`{"state":"pending","total_count":2,"statuses":[{"context":"ci/build","state":"success","updated_at":"2026-07-01T02:30:00Z"},{"context":"ci/slow","state":"pending","updated_at":"2026-07-01T02:31:00Z"}]}`)},
	})
}

func TestPullRequest(t *testing.T) {
	s := capture(t, onePull(), kindPullRequest)
	expect(t, s, true, `500 acme/product#5 [acme/product] {"approvals":[{"commit_id":"h1","reviewer":"bob","submitted_at":"2026-07-01T03:00:00Z"}],"author":"ann","base":"main","base_is_default":true,`+
		`"checks":[{"completed_at":"2026-07-01T02:30:00Z","conclusion":"success","name":"ci/build"},{"name":"ci/slow"},{"name":"lint"},{"completed_at":"2026-07-01T02:00:00Z","conclusion":"success","name":"test"}],`+
		`"co_author_emails":[],"commit_authors":["ann","cat"],"created_at":"2026-06-30T00:00:00Z","head_ref":"abc-12","head_sha":"h1","labels":[],"merge_sha":"m1","merged_at":"2026-07-01T04:00:00Z","merged_by":"bob","number":5,"repository":"acme/product",`+
		`"reviews":[{"commit_id":"h1","reviewer":"eve","state":"PENDING"},{"commit_id":"c1","reviewer":"bob","state":"CHANGES_REQUESTED","submitted_at":"2026-07-01T01:00:00Z"},{"commit_id":"c1","reviewer":"cat","state":"APPROVED","submitted_at":"2026-07-01T02:00:00Z"},{"commit_id":"c1","reviewer":"cat","state":"DISMISSED","submitted_at":"2026-07-01T02:30:00Z"},{"commit_id":"h1","reviewer":"bob","state":"APPROVED","submitted_at":"2026-07-01T03:00:00Z"},{"commit_id":"h1","state":"APPROVED","submitted_at":"2026-07-01T03:00:00Z"},{"commit_id":"h1","reviewer":"bob","state":"COMMENTED","submitted_at":"2026-07-01T03:30:00Z"},{"commit_id":"h1","reviewer":"dan","state":"APPROVED","submitted_at":"2026-07-01T04:00:01Z"}],`+
		`"tickets":["ABC-12","OPS-1"],"title":"ABC-12 faster","url":"https://github.com/acme/product/pull/5"}
acme/product read`)
	if at := s.Records[0].Effective; at == nil || !at.Equal(time.Date(2026, 7, 1, 4, 0, 0, 0, time.UTC)) {
		t.Errorf("effective %v, want the merge", at)
	}
	if s.Certificate.Window == nil || s.Certificate.Filters["pull requests"] == "" {
		t.Errorf("certificate %+v", s.Certificate)
	}
}

func TestDeletedUsersAreAbsent(t *testing.T) {
	rs := onePull()
	rs["/repos/acme/product/pulls/5"] = []reply{ok(strings.NewReplacer(`"user":{"id":1,"login":"ann"}`, `"user":null`, `"merged_by":{"id":2,"login":"bob"}`, `"merged_by":null`).Replace(whole))}
	s := capture(t, rs, kindPullRequest)
	if s.Err != nil {
		t.Fatal(s.Err)
	}
	for _, name := range []string{"author", "merged_by"} {
		if v, said := s.Records[0].Attributes[name]; said {
			t.Errorf("%s is %v, want it absent", name, v)
		}
	}
}

func TestPullRequestParts(t *testing.T) {
	for name, tt := range map[string]struct {
		path  string
		reply reply
		want  error
		rows  int
	}{
		"few of many commits": {"/repos/acme/product/pulls/5", ok(strings.Replace(whole, `"commits":3`, `"commits":251`, 1)), collectors.ErrIncomplete, 0},
		"fewer commits":       {"/repos/acme/product/pulls/5/commits?page=2", ok(`[]`), collectors.ErrIncomplete, 0},
		"fewer, one unlinked": {"/repos/acme/product/pulls/5/commits", ok(`[{"sha":"c1","author":null}]`), collectors.ErrIncomplete, 0},
		"reviews denied":      {"/repos/acme/product/pulls/5/reviews", no(404, "Not Found"), collectors.ErrDenied, 0},
		"check runs missing":  {"/repos/acme/product/commits/h1/check-runs", ok(`{}`), collectors.ErrIncomplete, 0},
		"check runs short":    {"/repos/acme/product/commits/h1/check-runs", ok(`{"total_count":3,"check_runs":[]}`), collectors.ErrIncomplete, 0},
		"statuses short":      {"/repos/acme/product/commits/h1/status", ok(`{"total_count":3,"statuses":[]}`), collectors.ErrIncomplete, 0},
		"another one":         {"/repos/acme/product/pulls/5", ok(strings.Replace(whole, `"id":500`, `"id":501`, 1)), collectors.ErrIncomplete, 0},
		"listing is no list":  {pulls, ok(`{"message":"x"}`), collectors.ErrIncomplete, 0},
		"listing without ids": {pulls, ok(`[{}]`), collectors.ErrIncomplete, 0},
	} {
		t.Run(name, func(t *testing.T) {
			rs := onePull()
			rs[tt.path] = []reply{tt.reply}
			s := capture(t, rs, kindPullRequest)
			if !errors.Is(s.Err, tt.want) || len(s.Records) != tt.rows || s.Certificate.Scopes[0].Scope != "acme/product" {
				t.Errorf("error %v, %d records, scopes %v", s.Err, len(s.Records), s.Certificate.Scopes)
			}
		})
	}
}

// commitsBy serves the commits of pull request 5, by ann but for the second, on
// pages of 100; the pull request states so many.
func commitsBy(second string, listed, stated int) map[string][]reply {
	rs := onePull()
	rs["/repos/acme/product/pulls/5"] = []reply{ok(strings.Replace(whole, `"commits":3`, fmt.Sprintf(`"commits":%d`, stated), 1))}
	var all []string
	for range listed {
		all = append(all, `{"sha":"x","author":{"login":"ann"}}`)
	}
	all[1] = `{"sha":"x","author":` + second + `}`
	key := "/repos/acme/product/pulls/5/commits"
	for n := 2; len(all) > 0; n++ {
		page := all[:min(100, len(all))]
		all = all[len(page):]
		r := ok("[" + strings.Join(page, ",") + "]")
		if len(all) > 0 {
			r.next = fmt.Sprint(n)
		}
		rs[key] = []reply{r}
		key = fmt.Sprintf("/repos/acme/product/pulls/5/commits?page=%d", n)
	}
	return rs
}

// TestCommitAuthors: who wrote the change is said only if it is known of every
// commit; a merge of which it is not leaves the window whole.
func TestCommitAuthors(t *testing.T) {
	const bob, all, some = `{"login":"bob"}`, "commit_authors", "some_commit_authors"
	for name, tt := range map[string]struct {
		commits map[string][]reply
		said    string
		authors []any
	}{
		"all":             {commitsBy(bob, 120, 120), all, []any{"ann", "bob"}},
		"just not cut":    {commitsBy(bob, 250, 250), all, []any{"ann", "bob"}},
		"cut":             {commitsBy(bob, 250, 251), some, []any{"ann", "bob"}},
		"much cut":        {commitsBy(bob, 250, 4000), some, []any{"ann", "bob"}},
		"no account":      {commitsBy(`null`, 3, 3), some, []any{"ann"}},
		"an empty one":    {commitsBy(`{}`, 3, 3), some, []any{"ann"}},
		"a bot's account": {commitsBy(`{"login":"dependabot[bot]"}`, 2, 2), all, []any{"ann", "dependabot[bot]"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := capture(t, tt.commits, kindPullRequest)
			if s.Err != nil || !s.Certificate.Complete || len(s.Records) != 1 {
				t.Fatalf("error %v, %d records", s.Err, len(s.Records))
			}
			a := s.Records[0].Attributes
			for _, name := range []string{all, some} {
				if got, said := a[name]; said != (name == tt.said) || said && !reflect.DeepEqual(got, any(tt.authors)) {
					t.Errorf("%s: %v", name, got)
				}
			}
		})
	}
}

// TestPullsMoveWhileListed: between the pages an update moves pull request 5
// from the second page to the head of the first, which was read already.
func TestPullsMoveWhileListed(t *testing.T) {
	page := func(items ...string) string { return "[" + strings.Join(items, ",") + "]" }
	item := func(n int, updated string) string {
		return fmt.Sprintf(`{"id":%d,"number":%d,"updated_at":"2026-07-01T%sZ"}`, n*100, n, updated)
	}
	rs := onePull()
	rs[pulls] = []reply{
		{status: 200, body: page(item(8, "05:50:00"), item(7, "05:40:00")), next: "2"},
		{status: 200, body: page(listed, item(8, "05:50:00")), next: "2"},
	}
	rs[pulls2] = []reply{{status: 200, body: page(item(7, "05:40:00"), item(6, "00:00:00"))}}
	s := capture(t, maps.Clone(rs), kindPullRequest)
	if s.Err != nil || len(s.Records) != 1 || s.Records[0].ID != "500" {
		t.Fatalf("error %v, records %v", s.Err, s.Records)
	}
	never := []reply{}
	for i := range 20 {
		never = append(never, reply{status: 200, body: page(item(100+i, "05:50:00")), next: "2"})
	}
	rs[pulls] = never
	if s := capture(t, rs, kindPullRequest); !errors.Is(s.Err, collectors.ErrIncomplete) {
		t.Errorf("a listing that never rests: %v", s.Err)
	}
}

// TestEmptyPage: a page that holds nothing is not the last one if it names a
// next one. Such pages do not make a listing look as if it changed.
func TestEmptyPage(t *testing.T) {
	for name, first := range map[string]string{"at the head": `[]`, "in the middle": `[{"id":900,"number":9,"updated_at":"2026-07-01T05:59:00Z"}]`} {
		rs := onePull()
		rs[pulls] = []reply{{status: 200, body: first, next: "2"}}
		rs[pulls2] = []reply{{status: 200, body: `[]`, next: "3"}}
		rs[strings.Replace(pulls2, "page=2", "page=3", 1)] = []reply{ok("[" + listed + "]")}
		if s := capture(t, rs, kindPullRequest); s.Err != nil || len(s.Records) != 1 || s.Records[0].ID != "500" {
			t.Errorf("%s: error %v, records %v", name, s.Err, s.Records)
		}
	}
}
