package github

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// pull is a pull request; listings leave out MergedBy and Commits.
// https://docs.github.com/en/rest/pulls/pulls
type pull struct {
	ID        int64      `json:"id"`
	Number    int        `json:"number"`
	Title     *string    `json:"title"`
	Body      *string    `json:"body"`
	URL       *string    `json:"html_url"`
	User      *account   `json:"user"`
	CreatedAt *time.Time `json:"created_at"`
	UpdatedAt *time.Time `json:"updated_at"`
	MergedAt  *time.Time `json:"merged_at"`
	MergedBy  *account   `json:"merged_by"`
	MergeSHA  *string    `json:"merge_commit_sha"`
	Commits   *int       `json:"commits"`
	Labels    []label    `json:"labels"`
	Head      ref        `json:"head"`
	Base      ref        `json:"base"`
}

type label struct {
	Name string `json:"name"`
}

type ref struct {
	Ref *string `json:"ref"`
	SHA *string `json:"sha"`
}

// login gives nil for a deleted user.
func (a *account) login() *string {
	if a == nil || a.Login == "" {
		return nil
	}
	return &a.Login
}

func (s *session) collectPullRequests(ctx context.Context, w evidence.Window, out *collectors.Output) error {
	repos, unseen := s.repositories(ctx, out)
	out.Filter("pull requests", "merged in the window")
	err := s.eachRepository(ctx, out, repos, func(ctx context.Context, r repository) error {
		merged, err := s.merged(ctx, out, r, w)
		if err != nil {
			return err
		}
		return s.collectPulls(ctx, out, r, merged)
	})
	return cmp.Or(unseen, err)
}

// merged lists the pull requests of a repository that were merged in the
// window. The listing is by last update, newest first: what was merged in the
// window was updated in it or later. An update while the listing is read moves
// a pull request ahead of the page being read, so a listing of several pages
// is begun again until its first page holds nothing new.
func (s *session) merged(ctx context.Context, out *collectors.Output, r repository, w evidence.Window) ([]pull, error) {
	seen := map[int]bool{}
	var found []pull
	for round := range 5 {
		pages := 0
		err := walk(ctx, s.api, out, r.path("pulls")+"?state=closed&sort=updated&direction=desc", func(page []pull) (bool, error) {
			if len(page) == 0 {
				return true, nil // not the last page, if it names a next one
			}
			pages++
			before := len(seen)
			for _, p := range page {
				if p.ID == 0 || p.Number == 0 || p.UpdatedAt == nil {
					return false, collectors.Incomplete("a pull request of %s has no id, number or time of update", r.FullName)
				}
				if !seen[p.Number] && p.MergedAt != nil && w.Holds(*p.MergedAt) {
					found = append(found, p)
				}
				seen[p.Number] = true
			}
			more := !page[len(page)-1].UpdatedAt.Before(w.From)
			return more && (round == 0 || len(seen) > before), nil
		})
		if err != nil || pages <= 1 {
			return found, err
		}
	}
	return nil, collectors.Incomplete("the pull requests of %s change faster than they can be listed", r.FullName)
}

// collectPulls reads the parts of each pull request, several at a time.
func (s *session) collectPulls(ctx context.Context, out *collectors.Output, r repository, merged []pull) error {
	errs := collectors.Each(ctx, len(merged), s.parallel, func(ctx context.Context, i int) error {
		return s.collectPull(ctx, out, r, merged[i])
	})
	failed := slices.DeleteFunc(errs, func(e error) bool { return e == nil })
	if len(failed) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d pull requests not read whole, the first because: %w", len(failed), len(merged), failed[0])
}

// collectPull reads one pull request with all its parts.
func (s *session) collectPull(ctx context.Context, out *collectors.Output, r repository, p pull) error {
	number := strconv.Itoa(p.Number)
	full := pull{}
	if _, err := s.api.get(ctx, r.path("pulls", number), &full); err != nil {
		return err
	}
	out.Page()
	if full.ID != p.ID || full.MergedAt == nil {
		return collectors.Incomplete("pull request %s#%s is not the one that was listed", r.FullName, number)
	}
	a := full.attributes(r, s)
	if err := s.addAuthors(ctx, out, r, full, a); err != nil {
		return err
	}
	if err := s.addReviews(ctx, out, r, full, a); err != nil {
		return err
	}
	if err := s.addChecks(ctx, out, r, full, a); err != nil {
		return err
	}
	return out.Emit(evidence.Record{
		ID: strconv.FormatInt(p.ID, 10), Name: r.FullName + "#" + number, Scope: r.scope(), Effective: utc(*full.MergedAt), Attributes: a,
	})
}

func utc(t time.Time) *time.Time { t = t.UTC(); return &t }

// attributes gives what the pull request itself says.
func (p pull) attributes(r repository, s *session) collectors.Attributes {
	a := collectors.Attributes{"repository": r.FullName, "number": int64(p.Number)}
	a.Text("title", p.Title)
	a.Text("url", p.URL)
	a.Text("author", p.User.login())
	a.Text("base", p.Base.Ref)
	a.Text("head_ref", p.Head.Ref)
	a.Text("head_sha", p.Head.SHA)
	a.Text("merge_sha", p.MergeSHA)
	a.Text("merged_by", p.MergedBy.login())
	a.Time("created_at", p.CreatedAt)
	a.Time("merged_at", p.MergedAt)
	if p.Base.Ref != nil && r.DefaultBranch != nil {
		a["base_is_default"] = *p.Base.Ref == *r.DefaultBranch
	}
	var labels []string
	for _, l := range p.Labels {
		labels = append(labels, l.Name)
	}
	a.Set("labels", labels)
	a.Set("tickets", s.ticketsIn(p.Title, p.Head.Ref, p.Body))
	return a
}

func (s *session) ticketsIn(texts ...*string) (keys []string) {
	for _, t := range texts {
		if t != nil {
			keys = append(keys, s.tickets.FindAllString(*t, -1)...)
		}
	}
	return keys
}

func pullRequestKind() kind {
	return kind{
		KindSpec: collectors.KindSpec{Kind: kindPullRequest, Mode: evidence.Event, Doc: "A merged pull request, with reviews, checks and tickets.", Late: time.Hour}, listing: true,
		calls: []collectors.Call{
			reads("GET /repos/{owner}/{repo}/pulls", "pull_requests: read", "list of pull requests"),
			reads("GET /repos/{owner}/{repo}/pulls/{number}", "pull_requests: read", "who merged"),
			reads("GET /repos/{owner}/{repo}/pulls/{number}/commits", "pull_requests: read", "who wrote the change"),
			reads("GET /repos/{owner}/{repo}/pulls/{number}/reviews", "pull_requests: read", "who approved, and what"),
			reads("GET /repos/{owner}/{repo}/commits/{ref}/check-runs", "checks: read", "checks of the merged commit"),
			reads("GET /repos/{owner}/{repo}/commits/{ref}/status", "statuses: read", "commit statuses of the merged commit"),
		},
		read: (*session).collectPullRequests,
	}
}
