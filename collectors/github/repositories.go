package github

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// repository is the part of a repository that is evidence.
type repository struct {
	ID            int64      `json:"id"`
	FullName      string     `json:"full_name"`
	Visibility    *string    `json:"visibility"`
	Private       *bool      `json:"private"`
	Archived      *bool      `json:"archived"`
	Fork          *bool      `json:"fork"`
	DefaultBranch *string    `json:"default_branch"`
	CreatedAt     *time.Time `json:"created_at"`
	PushedAt      *time.Time `json:"pushed_at"`
}

func (r repository) id() string            { return strconv.FormatInt(r.ID, 10) }
func (r repository) scope() evidence.Scope { return evidence.Scope(r.FullName) }

// path gives the repository's path in the API, with more segments, escaped.
func (r repository) path(segments ...string) string {
	owner, name, _ := strings.Cut(r.FullName, "/")
	p := "repos/" + url.PathEscape(owner) + "/" + url.PathEscape(name)
	for _, s := range segments {
		p += "/" + url.PathEscape(s)
	}
	return p
}

// repositories lists all repositories of the organisation.
// https://docs.github.com/en/rest/repos/repos#list-organization-repositories
func (s *session) repositories(ctx context.Context, out *collectors.Output) ([]repository, error) {
	var all []repository
	err := list(ctx, s.api, out, "orgs/"+s.org+"/repos?type=all&sort=full_name", func(page []repository) error {
		for _, r := range page {
			if r.ID == 0 || !strings.Contains(r.FullName, "/") {
				return collectors.Incomplete("a repository has no id or no full name")
			}
		}
		all = append(all, page...)
		return nil
	})
	return all, err
}

func (s *session) collectRepositories(ctx context.Context, out *collectors.Output) error {
	repos, err := s.repositories(ctx, out)
	if err != nil {
		return err
	}
	for _, r := range repos {
		a := collectors.Attributes{"full_name": r.FullName}
		a.Text("visibility", r.Visibility)
		a.Bool("private", r.Private)
		a.Bool("archived", r.Archived)
		a.Bool("fork", r.Fork)
		a.Text("default_branch", r.DefaultBranch)
		a.Time("created_at", r.CreatedAt)
		a.Time("pushed_at", r.PushedAt)
		if err := out.Emit(evidence.Record{ID: r.id(), Name: r.FullName, Scope: r.scope(), Attributes: a}); err != nil {
			return err
		}
	}
	return nil
}

// eachRepository reads every repository that want selects, several at a time.
func (s *session) eachRepository(ctx context.Context, out *collectors.Output, repos []repository, read func(context.Context, repository) error) error {
	byScope := map[evidence.Scope]repository{}
	var scopes []evidence.Scope
	for _, r := range repos {
		if _, twice := byScope[r.scope()]; twice {
			return collectors.Incomplete("the repository %s is listed twice", r.FullName)
		}
		byScope[r.scope()] = r
		scopes = append(scopes, r.scope())
	}
	return out.EachScope(ctx, scopes, s.parallel, func(ctx context.Context, sc evidence.Scope) error {
		return read(ctx, byScope[sc])
	})
}
