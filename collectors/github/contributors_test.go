package github

import (
	"reflect"
	"testing"

	"github.com/evidenced/evidenced/simulator/graphql"
)

// onWeb makes a commit one that GitHub made and signed.
func onWeb(k object) object {
	c := k["commit"].(object)
	c["committedViaWeb"], c["committer"] = true, object{"email": "noreply@github.com", "user": user("web-flow")}
	c["signature"] = object{"isValid": true, "wasSignedByGitHub": true, "signer": user("web-flow")}
	return k
}

// signedBy signs a commit with somebody's own key.
func signedBy(k object, login string) object {
	k["commit"].(object)["signature"] = object{"isValid": true, "wasSignedByGitHub": false, "signer": user(login)}
	return k
}

func withParents(k object, parents ...string) object {
	var all []object
	for _, p := range parents {
		all = append(all, object{"oid": p})
	}
	k["commit"].(object)["parents"] = graphql.Listed(all)
	return k
}

func committedBy(k object, login string) object {
	k["commit"].(object)["committer"] = author(login)
	return k
}

// TestContributors: who had a hand in what was merged, and what an approval covers.
func TestContributors(t *testing.T) {
	update := onWeb(withParents(theCommit("h1", "bob"), "c1", "base"))
	forced := func(after string) object {
		return happened("HeadRefForcePushedEvent", "02:00:00", object{"actor": user("dan"), "afterCommit": object{"oid": after}})
	}
	covers := func(yes bool, commit string) []any {
		return []any{map[string]any{"reviewer": "bob", "commit_id": commit, "covers_head": yes, "can_push": true, "submitted_at": "2026-07-01T03:00:00Z"}}
	}
	for name, tt := range map[string]struct {
		commits []object
		change  func(p object)
		want    map[string]any
	}{
		"the reviewer updates the branch": {commits: []object{theCommit("c1", "ann"), update},
			want: map[string]any{"contributors": []any{"ann"}, "possible_contributors": nil, "approvals": covers(true, "c1")}},
		"the name of GitHub without its signature": {commits: []object{theCommit("c1", "ann"), func() object {
			k := onWeb(withParents(theCommit("h1", "bob"), "c1", "base"))
			k["commit"].(object)["signature"] = nil
			return k
		}()}, want: map[string]any{"contributors": []any{"ann", "bob", "web-flow"}, "unsigned_by": []any{"ann", "bob", "web-flow"}, "approvals": covers(false, "c1")}},
		"a merge of the base that was pushed": {commits: []object{theCommit("c1", "ann"), withParents(theCommit("h1", "bob"), "c1", "base")},
			want: map[string]any{"contributors": []any{"ann", "bob"}, "approvals": covers(false, "c1")}},
		"an edit on the web": {commits: []object{theCommit("c1", "ann"), onWeb(withParents(theCommit("h1", "bob"), "c1"))},
			want: map[string]any{"contributors": []any{"ann", "bob"}, "unsigned_by": []any{"ann"}, "approvals": covers(false, "c1")}},
		"a branch of the change is merged on the web": {commits: []object{theCommit("c1", "ann"), theCommit("x1", "ann"), onWeb(withParents(theCommit("h1", "bob"), "c1", "x1"))},
			want: map[string]any{"contributors": []any{"ann"}, "possible_contributors": []any{"bob"}, "approvals": covers(false, "c1")}},
		"a suggestion is accepted": {commits: []object{theCommit("c1", "ann"), onWeb(theCommit("h1", "ann", "bob"))},
			want: map[string]any{"contributors": []any{"ann"}}},
		"written together, in a trailer": {commits: []object{theCommit("h1", "ann", "bob")},
			want: map[string]any{"contributors": []any{"ann", "bob"}}},
		"a trailer of a tool": {commits: []object{func() object {
			k := theCommit("h1", "ann")
			k["commit"].(object)["authors"] = graphql.Listed([]object{author("ann"), {"email": "Noreply@Anthropic.com", "user": nil}})
			return k
		}()}, want: map[string]any{"contributors": []any{"ann"}, "contributor_emails": nil, "tool_trailers": []any{"noreply@anthropic.com"}}},
		"a tool's address as the author": {commits: []object{func() object {
			k := theCommit("h1", "ann")
			k["commit"].(object)["authors"] = graphql.Listed([]object{{"email": "noreply@anthropic.com", "user": nil}})
			return k
		}()}, want: map[string]any{"contributors": []any{"ann"}, "contributor_emails": []any{"noreply@anthropic.com"}, "unsigned_by": []any{"ann", "noreply@anthropic.com"}}},
		"an address of no account": {commits: []object{theCommit("h1", "ann", "")},
			want: map[string]any{"contributors": []any{"ann"}, "contributor_emails": []any{"dev@laptop.local"}}},
		"the committer is another one": {commits: []object{committedBy(theCommit("h1", "ann"), "bob")},
			want: map[string]any{"contributors": []any{"ann", "bob"}, "unsigned_by": []any{"ann", "bob"}}},
		"signed by another one": {commits: []object{signedBy(theCommit("h1", "ann"), "bob")},
			want: map[string]any{"contributors": []any{"ann", "bob"}, "unsigned_by": nil}},
		"pushed by force": {commits: []object{theCommit("h1", "ann")}, change: func(p object) { p["timelineItems"] = graphql.Listed([]object{forced("h1")}) },
			want: map[string]any{"contributors": []any{"ann", "dan"}}},
		"pushed by force, and replaced": {commits: []object{theCommit("h1", "ann")}, change: func(p object) { p["timelineItems"] = graphql.Listed([]object{forced("gone")}) },
			want: map[string]any{"contributors": []any{"ann"}}},
		"rebased on the web": {commits: []object{onWeb(theCommit("h1", "ann"))}, change: func(p object) { p["timelineItems"] = graphql.Listed([]object{forced("h1")}) },
			want: map[string]any{"contributors": []any{"ann"}, "possible_contributors": []any{"dan"}}},
		"opened by an account that is gone": {commits: []object{theCommit("h1", "ann")}, change: func(p object) { p["author"] = nil },
			want: map[string]any{"contributors": nil, "some_contributors": []any{"ann"}}},
		"a commit of nobody": {commits: []object{theCommit("h1")}, want: map[string]any{"contributors": nil, "some_contributors": []any{"ann"}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := pull5()
			p["commits"], p["checks"] = graphql.Listed(tt.commits), nil
			p["reviews"] = graphql.Listed([]object{theReview("R1", "bob", "APPROVED", "c1", "03:00:00")})
			if tt.change != nil {
				tt.change(p)
			}
			wantAttributes(t, p, tt.want)
		})
	}
}

// wantAttributes holds the record of a pull request to some attributes; nil is absent.
func wantAttributes(t *testing.T, p object, want map[string]any) {
	t.Helper()
	s := captureFrom(t, inOne(), product10(t, p), kindPullRequest)
	if s.Err != nil || len(s.Records) != 1 {
		t.Fatalf("error %v, %d records", s.Err, len(s.Records))
	}
	for name, want := range want {
		if got, present := s.Records[0].Attributes[name]; present != (want != nil) || present && !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

// TestLanded: which commits of the base a merge became, by GitHub's association alone.
func TestLanded(t *testing.T) {
	of := func(ids ...string) graphql.Connection {
		var all []object
		for _, id := range ids {
			all = append(all, object{"id": id})
		}
		return graphql.Listed(all)
	}
	history := func(p object, commits ...string) {
		var all []object
		for _, c := range commits {
			oid, id := c[:2], c[3:]
			all = append(all, object{"oid": oid, "associatedPullRequests": of(id)})
		}
		p["mergeCommit"].(object)["history"] = graphql.Listed(all)
	}
	parent := func(p object, pulls any) {
		p["mergeCommit"].(object)["parents"] = graphql.Listed([]object{{"oid": "m0", "associatedPullRequests": pulls}})
	}
	for name, tt := range map[string]struct {
		change func(p object)
		want   any
	}{
		"squashed":                   {func(p object) { parent(p, of("PR_4")) }, []any{"m1"}},
		"rebased":                    {func(p object) { parent(p, of("PR_5")); history(p, "r3:PR_5", "r2:PR_5", "r1:PR_5", "m0:PR_4") }, []any{"r1", "r2", "r3"}},
		"a direct push lies between": {func(p object) { parent(p, of("PR_5")); history(p, "r3:PR_5", "ev:", "r1:PR_5") }, []any{"r3"}},
		"merged": {func(p object) {
			p["mergeCommit"].(object)["parents"] = graphql.Listed([]object{{"oid": "m0", "associatedPullRequests": of("PR_4")}, {"oid": "h1"}})
		}, []any{"m1"}},
		"the base was moved to the head": {func(p object) { p["mergeCommit"].(object)["oid"] = "h1" }, []any{"c1", "c2", "h1"}},
		"no association is shown":        {func(p object) { parent(p, nil) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := pull5()
			tt.change(p)
			wantAttributes(t, p, map[string]any{"landed": tt.want})
		})
	}
}

// TestTickets: what is configured, and what is the name of something else.
func TestTickets(t *testing.T) {
	for _, tt := range []struct {
		key      string
		projects []string
		want     bool
	}{
		{"ENG-1", nil, true}, {"UTF-8", nil, false}, {"SHA-256", nil, false}, {"CVE-2024", nil, false}, {"ISO-27001", nil, false},
		{"ENG-1", []string{"ENG"}, true}, {"eng-1", []string{"ENG"}, true}, {"OPS-1", []string{"ENG"}, false}, {"SHA-256", []string{"SHA"}, true},
	} {
		if got := (&collector{projects: tt.projects}).isTicket(tt.key); got != tt.want {
			t.Errorf("%s with %v: %v", tt.key, tt.projects, got)
		}
	}
}

// TestProtected: patterns stand for branches with slashes too, and for nothing by chance.
func TestProtected(t *testing.T) {
	c := &collector{protected: []string{"release/*", "production"}}
	for branch, want := range map[string]bool{"release/1.x": true, "release/a/b": true, "production": true, "main": false, "my-release/1": false, "release": false} {
		if got := c.protects(branch); got != want {
			t.Errorf("%s: %v", branch, got)
		}
	}
	for _, bad := range []string{"", "*", "**", "["} {
		cfg := newConfig()
		cfg.Organization, cfg.ProtectedBranches = "acme", []string{bad}
		if cfg.Validate() == nil {
			t.Errorf("%q is taken for a pattern", bad)
		}
	}
}

// TestMergeQueueChecks: what checked the merge commit before it became the base counts, and nothing later.
func TestMergeQueueChecks(t *testing.T) {
	p := pull5()
	p["checks"] = nil
	p["mergeCommit"].(object)["statusCheckRollup"] = object{"contexts": graphql.Listed([]object{ran("queue", "SUCCESS", "03:59:00"), ran("deploy", "FAILURE", "04:30:00"), ran("slow", "", "")})}
	wantAttributes(t, p, map[string]any{"checks": []any{}, "merge_checks": []any{map[string]any{"name": "queue", "conclusion": "success", "completed_at": "2026-07-01T03:59:00Z"}}})
}
