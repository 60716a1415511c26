package github

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gh "github.com/google/go-github/v60/github"

	"github.com/evidenced/evidenced/collectors"
)

// people are who emulate knows; each has a token of his own.
var people = []string{"owner", "ann", "bob", "auditor"}

func tokenOf(login string) collectors.Secret { return collectors.Secret("github_pat_of_" + login) }

// startEmulate starts emulate with an organisation and its people, which its API
// cannot make; all else is seeded through it.
func startEmulate(t *testing.T) *world {
	t.Helper()
	tokens, users := document{}, []any{}
	for _, login := range people {
		tokens[tokenOf(login).Reveal()] = document{"login": login, "scopes": []string{"repo", "admin:org"}}
		users = append(users, document{"login": login})
	}
	members := []any{document{"login": "owner", "role": "admin"}, document{"login": "ann", "role": "member"}, document{"login": "bob", "role": "member"}}
	b, err := json.Marshal(document{"tokens": tokens, "github": document{"users": users, "orgs": []any{document{"login": "acme", "members": members}}}})
	file := filepath.Join(t.TempDir(), "seed.json")
	if err == nil {
		err = os.WriteFile(file, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, host: serve(t, "emulate/dist/index.js", "start", "--service", "github", "--seed", file), as: map[string]*gh.Client{}}
	for _, login := range people {
		w.as[login] = gh.NewClient(nil).WithAuthToken(tokenOf(login).Reveal())
		w.as[login].BaseURL = &url.URL{Scheme: "http", Host: w.host, Path: "/"}
	}
	return w
}

// world changes what emulate holds, through go-github and in the name of someone.
type world struct {
	t    *testing.T
	host string
	as   map[string]*gh.Client
	// began and seeded are when the first and the last change was made.
	began, seeded time.Time
}

func (w *world) ctx() context.Context { return w.t.Context() }

// must ends the test if a change was refused.
func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// repository makes one in which ann and bob write and the auditor reads.
func (w *world) repository(name string, init bool) {
	w.t.Helper()
	_, _, err := w.as["owner"].Repositories.Create(w.ctx(), "acme", &gh.Repository{Name: &name, AutoInit: &init})
	w.must(err)
	for login, permission := range map[string]string{"ann": "push", "bob": "push", "auditor": "pull"} {
		_, _, err := w.as["owner"].Repositories.AddCollaborator(w.ctx(), "acme", name, login, &gh.RepositoryAddCollaboratorOptions{Permission: permission})
		w.must(err)
	}
}

// protect demands one approval and the check "test", of administrators too.
func (w *world) protect(repo string) {
	w.t.Helper()
	_, _, err := w.as["owner"].Repositories.UpdateBranchProtection(w.ctx(), "acme", repo, "main", &gh.ProtectionRequest{
		RequiredStatusChecks:       &gh.RequiredStatusChecks{Strict: true, Contexts: &[]string{"test"}},
		RequiredPullRequestReviews: &gh.PullRequestReviewsEnforcementRequest{RequiredApprovingReviewCount: 1, DismissStaleReviews: true},
		EnforceAdmins:              true,
	})
	w.must(err)
}

// open opens a pull request of one commit on a branch of its own.
func (w *world) open(author, repo, base, title string) *gh.PullRequest {
	w.t.Helper()
	c := w.as[author]
	main, _, err := c.Git.GetRef(w.ctx(), "acme", repo, "heads/main")
	w.must(err)
	branch := strings.ReplaceAll(title, " ", "-")
	_, _, err = c.Git.CreateRef(w.ctx(), "acme", repo, &gh.Reference{Ref: gh.String("refs/heads/" + branch), Object: main.Object})
	w.must(err)
	_, _, err = c.Repositories.CreateFile(w.ctx(), "acme", repo, branch+".txt", &gh.RepositoryContentFileOptions{
		Message: &title, Content: []byte(title), Branch: &branch,
	})
	w.must(err)
	p, _, err := c.PullRequests.Create(w.ctx(), "acme", repo, &gh.NewPullRequest{Title: &title, Head: &branch, Base: &base})
	w.must(err)
	return p
}

// review says APPROVE, REQUEST_CHANGES or COMMENT of a pull request.
func (w *world) review(reviewer, repo string, p *gh.PullRequest, event string) *gh.PullRequestReview {
	w.t.Helper()
	r, _, err := w.as[reviewer].PullRequests.CreateReview(w.ctx(), "acme", repo, p.GetNumber(), &gh.PullRequestReviewRequest{Event: &event, Body: gh.String("seen")})
	w.must(err)
	return r
}

// test reports the check "test" of a pull request as passed.
func (w *world) test(repo string, p *gh.PullRequest) {
	w.t.Helper()
	_, _, err := w.as["owner"].Checks.CreateCheckRun(w.ctx(), "acme", repo, gh.CreateCheckRunOptions{
		Name: "test", HeadSHA: p.Head.GetSHA(), Status: gh.String("completed"), Conclusion: gh.String("success"),
	})
	w.must(err)
}

func (w *world) merge(who, repo string, p *gh.PullRequest) {
	w.t.Helper()
	_, _, err := w.as[who].PullRequests.Merge(w.ctx(), "acme", repo, p.GetNumber(), "", nil)
	w.must(err)
}

// seed makes four repositories: product is protected, site is not, empty has
// no branch yet, old is archived.
func (w *world) seed() {
	w.t.Helper()
	for _, name := range []string{"product", "site", "old"} {
		w.repository(name, true)
	}
	w.repository("empty", false)
	_, _, err := w.as["owner"].Repositories.Edit(w.ctx(), "acme", "old", &gh.Repository{Archived: gh.Bool(true)})
	w.must(err)
	w.protect("product")
	w.seedProduct()
	w.seedSite()
}

func (w *world) seedProduct() {
	w.t.Helper()
	p := w.open("ann", "product", "main", "ABC-1 reviewed")
	for range 101 { // more than one page of reviews
		w.review("bob", "product", p, "COMMENT")
	}
	w.review("bob", "product", p, "APPROVE")
	w.test("product", p)
	w.merge("owner", "product", p)

	p = w.open("ann", "product", "main", "ABC-2 approved by its author")
	w.review("ann", "product", p, "APPROVE")
	w.test("product", p)
	w.merge("ann", "product", p)

	w.merge("ann", "product", w.open("ann", "product", "release", "not into the default branch"))
}

func (w *world) seedSite() {
	w.t.Helper()
	w.merge("bob", "site", w.open("bob", "site", "main", "ABC-3 nobody looked"))

	p := w.open("bob", "site", "main", "ABC-4 approval withdrawn")
	r := w.review("ann", "site", p, "APPROVE")
	_, _, err := w.as["bob"].PullRequests.DismissReview(w.ctx(), "acme", "site", p.GetNumber(), r.GetID(), &gh.PullRequestReviewDismissalRequest{Message: gh.String("no")})
	w.must(err)
	w.merge("bob", "site", p)

	p = w.open("bob", "site", "main", "ABC-5 approved afterwards")
	w.merge("bob", "site", p)
	changed := w.open("bob", "site", "main", "ABC-6 approved, then changes requested")
	w.review("ann", "site", changed, "APPROVE")
	w.review("ann", "site", changed, "REQUEST_CHANGES")
	w.merge("bob", "site", changed)

	for i := range 101 { // more than one page of pull requests; none of these is merged
		c := w.as["bob"].PullRequests
		q, _, err := c.Create(w.ctx(), "acme", "site", &gh.NewPullRequest{Title: gh.String("dropped"), Head: gh.String(fmt.Sprint("drop", i)), Base: gh.String("main")})
		w.must(err)
		_, _, err = c.Edit(w.ctx(), "acme", "site", q.GetNumber(), &gh.PullRequest{State: gh.String("closed")})
		w.must(err)
	}
	w.review("ann", "site", p, "APPROVE")
}
