package github

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/simulator/graphql"
)

// inOne serves one repository, of which GraphQL knows the rest.
func inOne() map[string][]reply {
	return with(map[string][]reply{repos: {ok(`[{"id":10,"node_id":"R_10","full_name":"acme/product","default_branch":"main"}]`)}})
}

func TestPullRequest(t *testing.T) {
	older := thePull(4, "2026-06-29T00:00:00Z", "2026-06-30T05:59:59Z")
	s := captureFrom(t, inOne(), product10(t, pull5(), older), kindPullRequest)
	expect(t, s, true, `500 acme/product#5 [acme/product] {"approvals":[{"can_push":true,"commit_id":"h1","covers_head":true,"reviewer":"bob","submitted_at":"2026-07-01T03:00:00Z"}],"author":"ann","author_is_bot":false,"auto_merge":false,"base":"main","base_is_default":true,"base_protected":false,"base_ref":"main",`+
		`"checks":[{"completed_at":"2026-07-01T02:30:00Z","conclusion":"success","name":"ci/build"},{"name":"ci/slow"},{"name":"lint"},{"completed_at":"2026-07-01T02:00:00Z","conclusion":"success","name":"test"}],`+
		`"co_author_emails":[],"commit_authors":["ann","cat"],"contributors":["ann","cat"],"created_at":"2026-06-30T00:00:00Z","default_branch":"main","head_approvers":["bob"],"head_committer":"ann","head_ref":"abc-12","head_sha":"h1","labels":[],"landed":["m1"],"linked_issues":[],"merge_commit_sha":"m1","merge_method":"squash_or_rebase","merge_queue":false,"merge_sha":"m1","merged_at":"2026-07-01T04:00:00Z","merged_by":"bob","number":5,"repository":"acme/product",`+
		`"reviews":[{"commit_id":"h1","reviewer":"eve","state":"PENDING"},{"commit_id":"c1","reviewer":"bob","state":"CHANGES_REQUESTED","submitted_at":"2026-07-01T01:00:00Z"},{"commit_id":"c1","reviewer":"cat","state":"APPROVED","submitted_at":"2026-07-01T02:00:00Z"},{"commit_id":"c1","reviewer":"cat","state":"DISMISSED","submitted_at":"2026-07-01T02:30:00Z"},{"commit_id":"h1","reviewer":"bob","state":"APPROVED","submitted_at":"2026-07-01T03:00:00Z"},{"commit_id":"h1","state":"APPROVED","submitted_at":"2026-07-01T03:00:00Z"},{"commit_id":"h1","reviewer":"bob","state":"COMMENTED","submitted_at":"2026-07-01T03:30:00Z"},{"commit_id":"h1","reviewer":"dan","state":"APPROVED","submitted_at":"2026-07-01T04:00:01Z"}],`+
		`"ticket_keys":["ABC-12","OPS-1"],"tickets":["ABC-12","OPS-1"],"title":"ABC-12 faster","unsigned_by":["ann","cat"],"url":"https://github.com/acme/product/pull/5"}
acme/product read`)
	if at := s.Records[0].Effective; at == nil || !at.Equal(time.Date(2026, 7, 1, 4, 0, 0, 0, time.UTC)) {
		t.Errorf("effective %v, want the merge", at)
	}
	if s.Certificate.Window == nil || s.Certificate.Filters["pull requests"] == "" {
		t.Errorf("certificate %+v", s.Certificate)
	}
}

// TestPullAttributes: what each word of GitHub's becomes.
func TestPullAttributes(t *testing.T) {
	forced := happened("HeadRefForcePushedEvent", "02:00:00", object{"actor": user("cat"), "afterCommit": object{"oid": "h1"}})
	for name, tt := range map[string]struct {
		change func(p object)
		want   map[string]any // nil: absent
	}{
		"ghosts": {func(p object) { p["author"], p["mergedBy"] = nil, nil }, map[string]any{"author": nil, "author_is_bot": nil, "merged_by": nil}},
		"a bot":  {func(p object) { p["author"] = user("dependabot[bot]") }, map[string]any{"author": "dependabot[bot]", "author_is_bot": true}},
		"a merge": {func(p object) {
			p["mergeCommit"].(object)["parents"] = graphql.Listed([]object{{"oid": "m0", "associatedPullRequests": graphql.Listed(nil)}, {"oid": "h1"}})
		}, map[string]any{"merge_method": "merge"}},
		"no merge commit": {func(p object) { p["mergeCommit"] = nil }, map[string]any{"merge_sha": nil, "merge_method": nil}},
		"issues": {func(p object) {
			p["closingIssuesReferences"] = graphql.Listed([]object{{"number": 7, "repository": object{"nameWithOwner": "acme/site"}}})
		}, map[string]any{"linked_issues": []any{"acme/site#7"}}},
		"another branch":         {func(p object) { p["baseRefName"] = "release" }, map[string]any{"base_is_default": false, "base_ref": "release"}},
		"nobody says who pushed": {func(object) {}, map[string]any{"last_pusher": nil}},
		"a forced push":          {func(p object) { p["timelineItems"] = graphql.Listed([]object{forced}) }, map[string]any{"last_pusher": "cat"}},
		"a forced push before": {func(p object) {
			p["timelineItems"] = graphql.Listed([]object{happened("HeadRefForcePushedEvent", "02:00:00", object{"actor": user("cat"), "afterCommit": object{"oid": "c9"}})})
		}, map[string]any{"last_pusher": nil}},
		"made on the web": {func(p object) {
			c := theCommit("h1", "dan", "ann")
			onWeb(c)
			p["commits"] = graphql.Listed([]object{c})
		}, map[string]any{"last_pusher": "dan", "contributors": []any{"ann", "dan"}, "head_committer": "web-flow", "commit_authors": []any{"ann", "dan"}, "co_author_emails": []any{"ann@example.com"}}},
		"auto merge": {func(p object) {
			p["timelineItems"] = graphql.Listed([]object{happened("AutoSquashEnabledEvent", "03:00:00", nil)})
		}, map[string]any{"auto_merge": true, "merge_queue": false}},
		"auto merge turned off": {func(p object) {
			p["timelineItems"] = graphql.Listed([]object{happened("AutoMergeEnabledEvent", "03:00:00", nil), happened("AutoMergeDisabledEvent", "03:10:00", nil)})
		}, map[string]any{"auto_merge": false}},
		"by way of a queue": {func(p object) {
			p["timelineItems"] = graphql.Listed([]object{happened("AddedToMergeQueueEvent", "03:00:00", nil)})
		}, map[string]any{"merge_queue": true}},
		"the queue merged": {func(p object) { p["mergedBy"] = user("github-merge-queue[bot]") }, map[string]any{"merge_queue": true, "merged_by": "github-merge-queue[bot]"}},
		"dismissed after the merge": {func(p object) {
			p["reviews"] = graphql.Listed([]object{theReview("R1", "bob", "DISMISSED", "h1", "03:00:00")})
			p["timelineItems"] = graphql.Listed([]object{happened("ReviewDismissedEvent", "05:00:00", object{"previousReviewState": "APPROVED", "review": object{"id": "R1"}})})
		}, map[string]any{"head_approvers": []any{"bob"}, "approvals": []any{map[string]any{"can_push": true, "commit_id": "h1", "covers_head": true, "reviewer": "bob", "submitted_at": "2026-07-01T03:00:00Z"}},
			"reviews": []any{map[string]any{"commit_id": "h1", "reviewer": "bob", "submitted_at": "2026-07-01T03:00:00Z", "state": "DISMISSED", "state_before": "APPROVED", "dismissed_at": "2026-07-01T05:00:00Z"}}}},
		"dismissed before the merge": {func(p object) {
			p["reviews"] = graphql.Listed([]object{theReview("R1", "bob", "DISMISSED", "h1", "03:00:00")})
			p["timelineItems"] = graphql.Listed([]object{happened("ReviewDismissedEvent", "03:30:00", object{"previousReviewState": "APPROVED", "review": object{"id": "R1"}})})
		}, map[string]any{"approvals": []any{}, "head_approvers": []any{}}},
		"no checks":            {func(p object) { p["checks"] = []object{} }, map[string]any{"checks": []any{}}},
		"another head":         {func(p object) { p["headRefOid"] = "h2" }, map[string]any{"checks": nil, "head_committer": nil}},
		"no commits":           {func(p object) { p["commits"] = graphql.Listed(nil) }, map[string]any{"checks": nil, "commit_authors": []any{}}},
		"a commit with nobody": {func(p object) { p["commits"] = graphql.Listed([]object{theCommit("h1")}) }, map[string]any{"commit_authors": nil, "some_commit_authors": []any{}}},
		"a bot's commit":       {func(p object) { p["commits"] = graphql.Listed([]object{theCommit("h1", "dependabot[bot]")}) }, map[string]any{"commit_authors": []any{"dependabot[bot]"}}},
		"an address of no one": {func(p object) { p["commits"] = graphql.Listed([]object{theCommit("h1", "ann", "")}) }, map[string]any{"commit_authors": nil, "some_commit_authors": []any{"ann"}, "co_author_emails": []any{"dev@laptop.local"}}},
		"a failed status": {func(p object) {
			p["checks"] = []object{stated("ci", "ERROR", "02:00:00"), stated("x", "EXPECTED", "02:00:00")}
		}, map[string]any{"checks": []any{map[string]any{"name": "ci", "conclusion": "error", "completed_at": "2026-07-01T02:00:00Z"}, map[string]any{"name": "x"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := pull5()
			tt.change(p)
			s := captureFrom(t, inOne(), product10(t, p), kindPullRequest)
			if s.Err != nil || len(s.Records) != 1 {
				t.Fatalf("error %v, %d records", s.Err, len(s.Records))
			}
			for name, want := range tt.want {
				if got, present := s.Records[0].Attributes[name]; present != (want != nil) || present && !reflect.DeepEqual(got, want) {
					t.Errorf("%s is %v, want %v", name, got, want)
				}
			}
		})
	}
}

// many returns n of something.
func many[T any](n int, one func(i int) T) (all []T) {
	for i := range n {
		all = append(all, one(i))
	}
	return all
}

// TestLargePulls: parts of more than a page are read to their end, or it is said that they were not.
func TestLargePulls(t *testing.T) {
	commits := func(n int) graphql.Connection {
		all := many(n, func(i int) object { return theCommit(fmt.Sprint("c", i), "ann") })
		all[n/2], all[n-1] = theCommit("c", "bob"), theCommit("h1", "ann")
		return graphql.Listed(all)
	}
	for name, tt := range map[string]struct {
		change   func(p object)
		lists    map[string]int
		requests int
	}{
		"commits":       {func(p object) { p["commits"] = commits(230) }, map[string]int{"commit_authors": 2}, 4},
		"commits, just": {func(p object) { p["commits"] = commits(250) }, map[string]int{"commit_authors": 2}, 4},
		"reviews": {func(p object) {
			p["reviews"] = graphql.Listed(many(101, func(i int) object { return theReview(fmt.Sprint("R", i), "bob", "COMMENTED", "h1", "01:00:00") }))
		}, map[string]int{"reviews": 101}, 3},
		"checks": {func(p object) {
			p["checks"] = many(120, func(i int) object { return ran(fmt.Sprint("c", i), "SUCCESS", "01:00:00") })
		}, map[string]int{"checks": 120}, 3},
		"labels": {func(p object) {
			p["labels"] = graphql.Listed(many(21, func(i int) object { return object{"name": fmt.Sprint("l", i)} }))
		}, map[string]int{"labels": 21}, 2},
		"all of it": {func(p object) {
			p["commits"] = commits(130)
			p["reviews"] = graphql.Listed(many(230, func(i int) object { return theReview(fmt.Sprint("R", i), "bob", "COMMENTED", "h1", "01:00:00") }))
			p["checks"] = many(110, func(i int) object { return ran(fmt.Sprint("c", i), "SUCCESS", "01:00:00") })
		}, map[string]int{"commit_authors": 2, "reviews": 230, "checks": 110}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			p := pull5()
			tt.change(p)
			g := product10(t, p)
			s := captureFrom(t, inOne(), g, kindPullRequest)
			if s.Err != nil || len(s.Records) != 1 || g.asked[opMerged] != tt.requests {
				t.Fatalf("error %v, %d records, %d requests", s.Err, len(s.Records), g.asked[opMerged])
			}
			for name, n := range tt.lists {
				if list, _ := s.Records[0].Attributes[name].([]any); len(list) != n {
					t.Errorf("%s has %d, want %d", name, len(list), n)
				}
			}
		})
	}
}

// cutCommits makes GitHub list only the first 250 commits, as it does.
func cutCommits(stated int) func(graphql.Request, *graphql.Answer) {
	return func(_ graphql.Request, a *graphql.Answer) {
		nodes, _ := a.Data["nodes"].([]any)
		for _, n := range nodes {
			if list, ok := n.(map[string]any)["commits"].(map[string]any); ok {
				list["totalCount"] = stated
			}
		}
	}
}

// TestMoreCommitsThanAreListed: who wrote the change is not known, and the window is whole.
func TestMoreCommitsThanAreListed(t *testing.T) {
	p := pull5()
	p["commits"] = graphql.Listed(many(250, func(i int) object { return theCommit(fmt.Sprint("c", i), "ann") }))
	g := product10(t, p)
	g.change = cutCommits(4000)
	s := captureFrom(t, inOne(), g, kindPullRequest)
	if s.Err != nil || len(s.Records) != 1 {
		t.Fatalf("error %v, %d records", s.Err, len(s.Records))
	}
	a := s.Records[0].Attributes
	if _, present := a["commit_authors"]; present || !reflect.DeepEqual(a["some_commit_authors"], any([]any{"ann"})) {
		t.Errorf("attributes %v", a)
	}
	if _, present := a["checks"]; present {
		t.Errorf("checks of %v, which is not the head", a["checks"])
	}
}

// TestShortAnswers: an answer that is short in any way is not taken for the whole.
func TestShortAnswers(t *testing.T) {
	list := func(a *graphql.Answer) map[string]any {
		return a.Data["nodes"].([]any)[0].(map[string]any)["pullRequests"].(map[string]any)
	}
	part := func(name string, change func(map[string]any)) func(graphql.Request, *graphql.Answer) {
		return func(q graphql.Request, a *graphql.Answer) {
			if q.Operation == opMerged {
				change(a.Data["nodes"].([]any)[0].(map[string]any)[name].(map[string]any))
			}
		}
	}
	counted := func(v map[string]any) { v["totalCount"] = v["totalCount"].(int) + 1 }
	changed := func(change func(q graphql.Request, a *graphql.Answer)) func(graphql.Request, *graphql.Answer) {
		return change
	}
	for name, tt := range map[string]struct {
		change func(graphql.Request, *graphql.Answer)
		want   error
	}{
		"fewer than counted": {changed(func(q graphql.Request, a *graphql.Answer) {
			if q.Operation == opChanged {
				counted(list(a))
			}
		}), collectors.ErrIncomplete},
		"not counted": {changed(func(q graphql.Request, a *graphql.Answer) {
			if q.Operation == opChanged {
				delete(list(a), "totalCount")
			}
		}), collectors.ErrIncomplete},
		"not in order": {changed(func(q graphql.Request, a *graphql.Answer) {
			if q.Operation == opChanged {
				slices.Reverse(list(a)["nodes"].([]any))
			}
		}), collectors.ErrIncomplete},
		"another repository": {changed(func(q graphql.Request, a *graphql.Answer) {
			if q.Operation == opChanged {
				a.Data["nodes"].([]any)[0].(map[string]any)["databaseId"] = 11
			}
		}), collectors.ErrIncomplete},
		"null": {changed(func(_ graphql.Request, a *graphql.Answer) { a.Data["nodes"] = []any{nil} }), collectors.ErrIncomplete},
		"null for a reason": {changed(func(_ graphql.Request, a *graphql.Answer) {
			a.Data["nodes"].([]any)[0] = nil
			a.Errors = []graphql.Error{{Type: "NOT_FOUND", Path: []any{"nodes", 0}}}
		}), collectors.ErrDenied},
		"a part is refused": {changed(func(q graphql.Request, a *graphql.Answer) {
			if q.Operation == opMerged {
				a.Errors = []graphql.Error{{Type: "FORBIDDEN", Message: "Resource not accessible by integration", Path: []any{"nodes", 0, "reviews"}}}
			}
		}), collectors.ErrDenied},
		"no data": {changed(func(_ graphql.Request, a *graphql.Answer) {
			a.Data, a.Errors = nil, []graphql.Error{{Type: "FORBIDDEN", Message: "Resource protected by organization SAML enforcement."}}
		}), collectors.ErrDenied},
		"nothing at all":   {changed(func(_ graphql.Request, a *graphql.Answer) { a.Data = nil }), collectors.ErrIncomplete},
		"fewer nodes":      {changed(func(_ graphql.Request, a *graphql.Answer) { a.Data["nodes"] = []any{} }), collectors.ErrIncomplete},
		"fewer reviews":    {part("reviews", counted), collectors.ErrIncomplete},
		"fewer commits":    {part("commits", counted), collectors.ErrIncomplete},
		"a commit is null": {part("commits", func(v map[string]any) { v["nodes"].([]any)[0] = nil }), collectors.ErrIncomplete},
		"an unknown error": {changed(func(_ graphql.Request, a *graphql.Answer) {
			a.Data, a.Errors = nil, []graphql.Error{{Message: "Field 'x' doesn't exist"}}
		}), collectors.ErrIncomplete},
		"another pull request": {changed(func(q graphql.Request, a *graphql.Answer) {
			if q.Operation == opMerged {
				a.Data["nodes"].([]any)[0].(map[string]any)["id"] = "PR_6"
			}
		}), collectors.ErrIncomplete},
	} {
		t.Run(name, func(t *testing.T) {
			g := product10(t, pull5(), thePull(4, "2026-06-30T10:00:00Z", "2026-06-30T11:00:00Z"))
			g.change = tt.change
			s := captureFrom(t, inOne(), g, kindPullRequest)
			if !errors.Is(s.Err, tt.want) || s.Certificate.Complete || s.Certificate.Scopes[0].Scope != "acme/product" {
				t.Errorf("error %v, want %v, scopes %v", s.Err, tt.want, s.Certificate.Scopes)
			}
		})
	}
}

// TestIssuesRefused: issues that may not be read are not known, and the rest is read.
func TestIssuesRefused(t *testing.T) {
	refused := graphql.Error{Type: "FORBIDDEN", Message: "Resource not accessible by integration"}
	for name, tt := range map[string]struct {
		issues any
		want   any
	}{
		"all of them": {refused, nil},
		"one of them": {graphql.Connection{N: 2, At: func(i int) object {
			if i == 0 {
				return nil
			}
			return object{"number": 7, "repository": object{"nameWithOwner": "acme/site"}}
		}}, []any{"acme/site#7"}},
	} {
		p := pull5()
		p["closingIssuesReferences"] = tt.issues
		s := captureFrom(t, inOne(), product10(t, p), kindPullRequest)
		if s.Err != nil || len(s.Records) != 1 {
			t.Fatalf("%s: error %v, %d records", name, s.Err, len(s.Records))
		}
		if got := s.Records[0].Attributes["linked_issues"]; !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// TestNullReview: a review that is null is no review, and none is left out.
func TestNullReview(t *testing.T) {
	g := product10(t, pull5())
	g.change = func(q graphql.Request, a *graphql.Answer) {
		if q.Operation == opMerged {
			a.Data["nodes"].([]any)[0].(map[string]any)["reviews"].(map[string]any)["nodes"].([]any)[0] = nil
		}
	}
	if s := captureFrom(t, inOne(), g, kindPullRequest); !errors.Is(s.Err, collectors.ErrIncomplete) || len(s.Records) != 0 {
		t.Errorf("error %v, %d records", s.Err, len(s.Records))
	}
}

// TestUnreadableInTheMiddle: one repository that may not be read leaves the others read, and is named.
func TestUnreadableInTheMiddle(t *testing.T) {
	g := product10(t, pull5())
	g.repos["R_11"] = &graphRepo{id: 11, err: &graphql.Error{Type: "NOT_FOUND", Message: "Could not resolve to a node"}}
	g.repos["R_12"] = &graphRepo{id: 12}
	rs := with(map[string][]reply{"/orgs/acme": {stating(0, 3)}, repos: {ok(`[{"id":10,"node_id":"R_10","full_name":"acme/a"},{"id":11,"node_id":"R_11","full_name":"acme/b"},{"id":12,"node_id":"R_12","full_name":"acme/c"}]`)}})
	s := captureFrom(t, rs, g, kindPullRequest)
	if got := text(t, s); !errors.Is(s.Err, collectors.ErrDenied) || len(s.Records) != 1 || !strings.HasSuffix(got, "acme/a read\nacme/b denied denied\nacme/c read\n") {
		t.Errorf("error %v, %s", s.Err, got)
	}
}

// TestThrottledByGraphQL: status 200, and an error that asks to slow down.
func TestThrottledByGraphQL(t *testing.T) {
	for name, body := range map[string]string{
		"primary":   `{"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded for user ID 1."}]}`,
		"newer":     `{"errors":[{"type":"RATE_LIMIT","code":"graphql_rate_limit","message":"API rate limit already exceeded for user ID 1."}]}`,
		"secondary": `{"data":null,"errors":[{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}]}`,
	} {
		g := product10(t, pull5())
		left := 2
		g.meddle = func(graphql.Request) *reply {
			if left--; left < 0 {
				return nil
			}
			return &reply{status: 200, body: body, header: map[string]string{"Retry-After": "1"}}
		}
		if s := captureFrom(t, inOne(), g, kindPullRequest); s.Err != nil || len(s.Records) != 1 || g.asked[opChanged] != 3 {
			t.Errorf("%s: error %v, asked %v", name, s.Err, g.asked)
		}
	}
	p := pull5()
	p["title"] = `"errors":[{"type":"RATE_LIMITED"}] secondary rate limit`
	if s := captureFrom(t, inOne(), product10(t, p), kindPullRequest); s.Err != nil || len(s.Records) != 1 {
		t.Errorf("a title that speaks of limits: %v", s.Err)
	}
}

// ids returns the ids that are asked for.
func idsOf(q graphql.Request) []any { ids, _ := q.Variables["ids"].([]any); return ids }

// merges returns n pull requests, merged a minute apart, the newest first.
func merges(n int) []object {
	return many(n, func(i int) object {
		at := start.Add(-time.Duration(i+1) * time.Minute).Format(time.RFC3339)
		return thePull(n-i, at, at)
	})
}

// TestTooMuchAtOnce: a query at which GitHub fails is made smaller.
func TestTooMuchAtOnce(t *testing.T) {
	for name, a := range map[string]reply{
		"502":     {status: 502},
		"timeout": ok(`{"data":null,"errors":[{"message":"Something went wrong while executing your query. This may be the result of a timeout, or it could be a GitHub bug."}]}`),
	} {
		g := product10(t, merges(120)...)
		g.meddle = func(q graphql.Request) *reply {
			if q.Operation == opMerged && len(idsOf(q)) > 15 {
				return &a
			}
			return nil
		}
		if s := captureFrom(t, inOne(), g, kindPullRequest); s.Err != nil || len(s.Records) != 120 {
			t.Errorf("%s: error %v, %d records", name, s.Err, len(s.Records))
		}
	}
}

// TestStoppedOnTheWay: when GitHub stops answering, the window ends where the
// reading did, and the next one begins there: nothing is lost or read twice.
func TestStoppedOnTheWay(t *testing.T) {
	for name, a := range map[string]reply{
		"throttled": {status: 200, body: `{"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded"}]}`, header: map[string]string{"Retry-After": "3000"}},
		"down":      {status: 503},
	} {
		t.Run(name, func(t *testing.T) {
			g := product10(t, merges(700)...)
			g.meddle = func(q graphql.Request) *reply {
				if q.Operation == opMerged && slices.Contains(idsOf(q), any("PR_610")) {
					return &a
				}
				return nil
			}
			s := captureFrom(t, inOne(), g, kindPullRequest)
			n := len(s.Records) // the batches before the third, or those that were asked for before GitHub stopped answering
			end := start.Add(-time.Duration(700-n) * time.Minute)
			if s.Err != nil || !s.Certificate.Complete || n == 0 || n > 600 || n%300 != 0 || !s.Certificate.Window.To.Equal(end) {
				t.Fatalf("error %v, %d records, window %v", s.Err, len(s.Records), s.Certificate.Window)
			}
			g.meddle = nil
			w := *s.Certificate.Window
			w.From, w.To = w.To, start
			rest := open(t, inOne(), g).Visit(t.Context(), "acme").Capture(t.Context(), kindPullRequest, w)
			seen := map[string]bool{}
			for _, r := range append(s.Records, rest.Records...) {
				if seen[r.ID] {
					t.Errorf("%s is read twice", r.ID)
				}
				seen[r.ID] = true
			}
			if rest.Err != nil || len(seen) != 700 {
				t.Errorf("error %v, %d in both windows", rest.Err, len(seen))
			}
		})
	}
	g := product10(t, merges(20)...)
	g.meddle = func(q graphql.Request) *reply {
		if q.Operation == opMerged {
			return &reply{status: 403, body: `{"message":"secondary rate limit"}`, header: map[string]string{"Retry-After": "3000"}}
		}
		return nil
	}
	if s := captureFrom(t, inOne(), g, kindPullRequest); !errors.Is(s.Err, collectors.ErrThrottled) || len(s.Records) != 0 {
		t.Errorf("stopped at the first: error %v, %d records", s.Err, len(s.Records))
	}
}

// TestLongListing: a listing of many pages is read to the window's beginning, no further.
func TestLongListing(t *testing.T) {
	all := merges(350)
	for i := range 400 {
		all = append(all, thePull(1000+i, "2025-01-01T00:00:00Z", "2026-06-29T00:00:00Z"))
	}
	g := product10(t, all...)
	s := captureFrom(t, inOne(), g, kindPullRequest)
	if s.Err != nil || len(s.Records) != 350 || g.asked[opOlder] != 4 || g.asked[opChanged] != 2 || g.asked[opMerged] != 4 {
		t.Errorf("error %v, %d records, asked %v", s.Err, len(s.Records), g.asked)
	}
}

// TestPullsMoveWhileListed: between the pages an update moves a pull request
// from a later page to the head of the first, which was read already.
func TestPullsMoveWhileListed(t *testing.T) {
	g := product10(t, merges(60)...)
	r := g.repos["R_10"]
	last := r.pulls[59]
	moved := false
	g.change = func(q graphql.Request, _ *graphql.Answer) {
		if q.Operation == opChanged && !moved {
			moved = true
			last["updatedAt"] = start.Format(time.RFC3339)
			r.pulls = append([]object{last}, r.pulls[:59]...)
		}
	}
	s := captureFrom(t, inOne(), g, kindPullRequest)
	if s.Err != nil || len(s.Records) != 60 {
		t.Fatalf("error %v, %d records", s.Err, len(s.Records))
	}
	n := 0
	g.change = func(q graphql.Request, a *graphql.Answer) {
		n++
		p := maps.Clone(r.pulls[0])
		p["id"], p["updatedAt"] = fmt.Sprint("PR_new", n), start.Add(time.Duration(n)*time.Second).Format(time.RFC3339)
		r.pulls = append([]object{p}, r.pulls...)
	}
	if s := captureFrom(t, inOne(), g, kindPullRequest); !errors.Is(s.Err, collectors.ErrIncomplete) {
		t.Errorf("a listing that never rests: %v", s.Err)
	}
}

// TestOnlyTheDeclaredQuery: the door lets no other document through, be it a query.
func TestOnlyTheDeclaredQuery(t *testing.T) {
	c := graphQLCall()
	if err := c.CheckRead(); err != nil {
		t.Fatal(err)
	}
	var shape map[string]any
	if err := json.Unmarshal([]byte(c.Body), &shape); err != nil || shape["query"] != changesQuery {
		t.Errorf("the declared document is another one, or %v", err)
	}
	for _, word := range []string{"mutation", "subscription"} {
		if strings.Contains(changesQuery, word) {
			t.Errorf("the document has a %s", word)
		}
	}
}
