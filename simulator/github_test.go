package simulator

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"
)

// hub is the real client pointed at a company.
func hub(t *testing.T, c *Company) *github.Client {
	t.Helper()
	srv := httptest.NewServer(c.Handler())
	t.Cleanup(srv.Close)
	client := github.NewClient(nil).WithAuthToken(c.Token())
	client.BaseURL = must[*url.URL](t)(url.Parse(srv.URL + "/github/"))
	return client
}

// walk reads all pages of a listing with the real client's own paging.
func walk[T any](t *testing.T, read func(github.ListOptions) ([]T, *github.Response, error)) (out []T, pages int) {
	t.Helper()
	opt := github.ListOptions{PerPage: 100}
	for {
		list, resp, err := read(opt)
		if err != nil {
			t.Fatal(err)
		}
		out, pages = append(out, list...), pages+1
		if resp.NextPage == 0 {
			return out, pages
		}
		opt.Page = resp.NextPage
	}
}

func members(t *testing.T, client *github.Client, org, role, filter string) (logins []string, pages int) {
	t.Helper()
	list, pages := walk(t, func(o github.ListOptions) ([]*github.User, *github.Response, error) {
		return client.Organizations.ListMembers(t.Context(), org, &github.ListMembersOptions{Role: role, Filter: filter, ListOptions: o})
	})
	for _, u := range list {
		logins = append(logins, u.GetLogin())
	}
	return logins, pages
}

func TestMembers(t *testing.T) {
	c := New(Options{Seed: 2, Start: start, Days: 60})
	client := hub(t, c)
	c.people[7].second.set(c.start.Add(-day), false)
	all, pages := members(t, client, c.Organization(), "", "")
	admins, _ := members(t, client, c.Organization(), "admin", "")
	others, _ := members(t, client, c.Organization(), "member", "")
	without, _ := members(t, client, c.Organization(), "", "2fa_disabled")
	if len(all) < 24 || len(admins) != 3 || len(admins)+len(others) != len(all) || !slices.Equal(without, []string{c.people[7].login}) {
		t.Errorf("%d members, %d admins, %d others, without 2FA: %v", len(all), len(admins), len(others), without)
	}
	if want := (len(all) + memberPage - 1) / memberPage; pages != want {
		t.Errorf("%d members on %d pages, want %d", len(all), pages, want)
	}
	_, _, err := client.Organizations.ListMembers(t.Context(), c.Organization(), &github.ListMembersOptions{Filter: "nonsense"})
	wantStatus(t, err, http.StatusUnprocessableEntity)
}

func wantStatus(t *testing.T, err error, status int) {
	t.Helper()
	var e *github.ErrorResponse
	if !errors.As(err, &e) || e.Response.StatusCode != status {
		t.Errorf("got error %v, want status %d", err, status)
	}
}

func TestToken(t *testing.T) {
	c := grow(2, 30)
	client := hub(t, c)
	me, _, err := client.Users.Get(t.Context(), "")
	if err != nil || me.GetLogin() != "evidenced-bot" {
		t.Errorf("I am %v, %v", me, err)
	}
	stranger := github.NewClient(nil).WithAuthToken("ghp_wrong")
	stranger.BaseURL = client.BaseURL
	_, _, err = stranger.Users.Get(t.Context(), "")
	wantStatus(t, err, http.StatusUnauthorized)
	_, _, err = client.Organizations.Get(t.Context(), "somebody-else")
	wantStatus(t, err, http.StatusNotFound)
	_, _, err = client.Actions.GetActionsPermissions(t.Context(), c.Organization())
	wantStatus(t, err, http.StatusNotFound)
}

// seen reads what binds the default branch, with the real client where it can.
func seen(t *testing.T, client *github.Client, r *repository) effective {
	t.Helper()
	owner, _, _ := strings.Cut(r.full, "/")
	var p protection
	k, _, err := client.Repositories.GetBranchProtection(t.Context(), owner, r.name, r.branch)
	switch {
	case err == nil:
		p.classic = readClassic(k)
	case !errors.Is(err, github.ErrBranchNotProtected):
		t.Fatal(err)
	}
	p.rules = readRules(t, client, owner, r)
	return p.effect()
}

func readClassic(k *github.Protection) *classic {
	out := &classic{admins: k.EnforceAdmins.Enabled, forcePush: k.AllowForcePushes.Enabled, deletion: k.AllowDeletions.Enabled}
	if v := k.RequiredPullRequestReviews; v != nil {
		out.reviews, out.approvals, out.dismissStale, out.lastPush = true, v.RequiredApprovingReviewCount, v.DismissStaleReviews, v.RequireLastPushApproval
	}
	if v := k.RequiredStatusChecks; v != nil {
		out.checks = *v.Contexts
	}
	return out
}

// readRules reads the rules by hand: v60 of the client gives up on the types it does not know.
func readRules(t *testing.T, client *github.Client, owner string, r *repository) *ruleset {
	t.Helper()
	var rules []struct {
		Type       string
		Parameters struct {
			Approvals int        `json:"required_approving_review_count"`
			Stale     bool       `json:"dismiss_stale_reviews_on_push"`
			LastPush  bool       `json:"require_last_push_approval"`
			Checks    []struct{} `json:"required_status_checks"`
		}
	}
	req := must[*http.Request](t)(client.NewRequest("GET", fmt.Sprintf("repos/%s/%s/rules/branches/%s", owner, r.name, r.branch), nil))
	if _, err := client.Do(t.Context(), req, &rules); err != nil {
		t.Fatal(err)
	}
	out := &ruleset{}
	for _, k := range rules {
		switch k.Type {
		case "deletion":
			out.deletion = true
		case "non_fast_forward":
			out.nonFastForward = true
		case "pull_request":
			out.reviews, out.approvals, out.dismissStale, out.lastPush = true, k.Parameters.Approvals, k.Parameters.Stale, k.Parameters.LastPush
		case "required_status_checks":
			out.checks = make([]string, len(k.Parameters.Checks))
		}
	}
	return out
}

// TestBranchesTellTheTruth reads every branch as the client sees it, just
// before and at every change, and compares with the truth.
func TestBranchesTellTheTruth(t *testing.T) {
	good := map[string]func(effective) bool{
		"github.branch.pr-required": func(e effective) bool { return e.reviewed }, "github.branch.force-push-blocked": func(e effective) bool { return e.history },
		"github.branch.stale-dismissed": func(e effective) bool { return e.fresh }, "github.branch.checks-required": func(e effective) bool { return e.checked },
		"github.branch.admins-bound": func(e effective) bool { return e.boundAdmins },
	}
	c := New(Options{Seed: 11, Start: start, Days: 120, Plant: true})
	client := hub(t, c)
	n := 0
	for _, p := range c.Truth() {
		pass, ok := good[p.Test]
		if !ok {
			continue
		}
		n++
		i := slices.IndexFunc(c.repos, func(r *repository) bool { return r.branchID() == p.Resource })
		for at, want := range map[time.Time]bool{p.Start.Add(-time.Second): true, p.Start: false, p.End.Add(-time.Second): false, p.End: true} {
			if at.Before(c.start) { // it never ended
				continue
			}
			c.SetNow(at)
			if got := pass(seen(t, client, c.repos[i])); got != want {
				t.Errorf("%s of %s at %v: %t, want %t", p.Test, p.Resource, at, got, want)
			}
		}
	}
	if n < 8 {
		t.Errorf("only %d gaps on branches", n)
	}
}

// TestUnknownRules makes sure that the rules hold a type that the client does not know.
func TestUnknownRules(t *testing.T) {
	c := New(Options{Seed: 2, Start: start, Days: 60})
	_, _, err := hub(t, c).Repositories.GetRulesForBranch(t.Context(), c.Organization(), c.repos[3].name, c.repos[3].branch)
	if err == nil || !strings.Contains(err.Error(), "not yet implemented") {
		t.Errorf("the client reads all rules: %v", err)
	}
}

// TestPullsTellTheTruth reads every merge with the real client and judges it as the tests do.
func TestPullsTellTheTruth(t *testing.T) {
	c := New(Options{Seed: 12, Start: start, Days: 60, Plant: true})
	c.SetNow(c.end)
	client := hub(t, c)
	found := map[string]bool{}
	var unknown []time.Time // the merges of which nobody knows who wrote them
	for _, r := range c.repos {
		list, _ := walk(t, func(o github.ListOptions) ([]*github.PullRequest, *github.Response, error) {
			return client.PullRequests.List(t.Context(), c.Organization(), r.name, &github.PullRequestListOptions{State: "closed", Sort: "updated", Direction: "desc", ListOptions: o})
		})
		if !slices.IsSortedFunc(list, func(a, b *github.PullRequest) int { return b.GetUpdatedAt().Compare(a.GetUpdatedAt().Time) }) {
			t.Errorf("the pull requests of %s are out of order", r.name)
		}
		for _, p := range list {
			if at := p.GetMergedAt(); at.Before(c.start) || p.MergedAt == nil || p.GetBase().GetRef() != r.branch {
				continue
			}
			broken, known := judgePull(t, client, c.Organization(), r.name, p)
			if !known {
				unknown = append(unknown, p.GetMergedAt().UTC())
			}
			for _, test := range broken {
				found[fmt.Sprintf("%s %d %v", test, p.GetID(), p.GetMergedAt().UTC())] = true
			}
		}
	}
	if len(unknown) == 0 {
		t.Fatal("it is known of every merge who wrote it")
	}
	found[fmt.Sprintf("github.pr.independent-approval  %v", slices.MinFunc(unknown, time.Time.Compare))] = true
	for _, p := range c.Truth() {
		key := fmt.Sprintf("%s %s %v", p.Test, p.Resource, p.Start)
		if p.Stream.Kind == "github.pull_request" && !found[key] {
			t.Errorf("planted, but not to be found: %s", key)
		}
		delete(found, key)
	}
	for key := range found {
		t.Errorf("found, but not planted: %s", key)
	}
}

func judgePull(t *testing.T, client *github.Client, org, repo string, p *github.PullRequest) (broken []string, known bool) {
	t.Helper()
	reviews, _ := walk(t, func(o github.ListOptions) ([]*github.PullRequestReview, *github.Response, error) {
		return client.PullRequests.ListReviews(t.Context(), org, repo, p.GetNumber(), &o)
	})
	commits, _ := walk(t, func(o github.ListOptions) ([]*github.RepositoryCommit, *github.Response, error) {
		return client.PullRequests.ListCommits(t.Context(), org, repo, p.GetNumber(), &o)
	})
	wrote := map[string]bool{p.GetUser().GetLogin(): true}
	for _, k := range commits {
		wrote[k.GetAuthor().GetLogin()] = true
	}
	last := map[string]*github.PullRequestReview{}
	for _, v := range reviews {
		if v.GetState() != "COMMENTED" && !v.GetSubmittedAt().After(p.GetMergedAt().Time) {
			last[v.GetUser().GetLogin()] = v
		}
	}
	independent, fresh := false, false
	for login, v := range last {
		yes := v.GetState() == "APPROVED"
		independent = independent || yes && !wrote[login]
		fresh = fresh || yes && v.GetCommitID() == p.GetHead().GetSHA()
	}
	for test, ok := range map[string]bool{
		"github.pr.independent-approval": independent, "github.pr.approved-last-push": fresh,
		"github.pr.checks-passed": checksPass(t, client, org, repo, p.GetHead().GetSHA()),
		"github.pr.ticket-linked": ticketPattern().MatchString(p.GetTitle() + "\n" + p.GetBody() + "\n" + p.GetHead().GetRef()),
	} {
		if !ok {
			broken = append(broken, test)
		}
	}
	return broken, !independent || !wrote[""]
}

func checksPass(t *testing.T, client *github.Client, org, repo, sha string) bool {
	t.Helper()
	runs, _, err := client.Checks.ListCheckRunsForRef(t.Context(), org, repo, sha, nil)
	if err != nil {
		t.Fatal(err)
	}
	status, _, err := client.Repositories.GetCombinedStatus(t.Context(), org, repo, sha, nil)
	if err != nil {
		t.Fatal(err)
	}
	good := runs.GetTotal()+status.GetTotalCount() > 0
	for _, k := range runs.CheckRuns {
		good = good && slices.Contains([]string{"success", "neutral", "skipped"}, k.GetConclusion())
	}
	return good && (status.GetTotalCount() == 0 || status.GetState() == "success")
}

// TestStatusHistory: /statuses keeps what /status has forgotten.
func TestStatusHistory(t *testing.T) {
	c := New(Options{Seed: 3, Start: start, Days: 60})
	c.SetNow(c.end)
	client := hub(t, c)
	for _, r := range c.repos {
		for _, p := range r.pulls {
			if len(p.statuses) == 0 || p.statuses[0].sha != p.final() {
				continue
			}
			all, _, err := client.Repositories.ListStatuses(t.Context(), c.Organization(), r.name, p.final(), nil)
			if err != nil || len(all) != 2 || all[0].GetState() != "success" || all[1].GetState() != "pending" {
				t.Fatalf("%v, %v", all, err)
			}
			return
		}
	}
	t.Fatal("no pull request has a status")
}
