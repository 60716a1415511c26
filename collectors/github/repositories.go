package github

import (
	"cmp"
	"context"
	"fmt"
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
	NodeID        string     `json:"node_id"`
	FullName      string     `json:"full_name"`
	Visibility    *string    `json:"visibility"`
	Private       *bool      `json:"private"`
	Archived      *bool      `json:"archived"`
	Fork          *bool      `json:"fork"`
	DefaultBranch *string    `json:"default_branch"`
	CreatedAt     *time.Time `json:"created_at"`
	PushedAt      *time.Time `json:"pushed_at"`
	// Analysis is shown to those only who administer the repository.
	Analysis map[string]struct {
		Status *string `json:"status"`
	} `json:"security_and_analysis"`
}

// analyses are those whose being on is evidence, as GitHub and the records name them.
var analyses = []string{"advanced_security", "dependabot_security_updates", "secret_scanning", "secret_scanning_push_protection"}

func (r repository) id() string            { return strconv.FormatInt(r.ID, 10) }
func (r repository) scope() evidence.Scope { return evidence.Scope(r.FullName) }

// path returns the repository's path in the API, with more segments, escaped.
func (r repository) path(segments ...string) string {
	owner, name, _ := strings.Cut(r.FullName, "/")
	p := "repos/" + url.PathEscape(owner) + "/" + url.PathEscape(name)
	for _, s := range segments {
		p += "/" + url.PathEscape(s)
	}
	return p
}

// visible is what the credential sees of the organisation's repositories.
type visible struct {
	repos []repository
	out   *collectors.Output
	err   error
}

// repositories returns the repositories of the organisation, read once for all
// kinds that rest on them. With an error it returns what was listed nevertheless.
func (s *session) repositories(ctx context.Context, out *collectors.Output) ([]repository, error) {
	all, err := collectors.Shared(ctx, "repositories", func(ctx context.Context) (visible, error) {
		own := collectors.NewOutput(kindRepository)
		repos, err := s.readRepositories(ctx, own)
		return visible{repos, own, err}, nil
	})
	if err != nil {
		return nil, err
	}
	out.Adopt(all.out)
	return all.repos, all.err
}

// readRepositories returns the repositories of the organisation. To a credential that
// sees only some of them GitHub lists those, and says nothing of the others, so
// the list must be as long as the organisation itself says. If the two differ
// twice (the first time, one may have been made meanwhile), or nothing is said,
// the error tells so, and what was listed is given nevertheless.
func (s *session) readRepositories(ctx context.Context, out *collectors.Output) ([]repository, error) {
	for round := 1; ; round++ {
		stated, unseen := s.countRepositories(ctx, out)
		repos, err := s.listRepositories(ctx, out)
		switch {
		case err != nil:
			return nil, err
		case unseen == nil && stated == len(repos):
			return repos, nil
		case unseen == nil && round == 1:
			continue
		case unseen == nil:
			unseen = collectors.Incomplete("the organisation states %d repositories, the credential sees %d: it must have access to all of them", stated, len(repos))
		}
		out.Scope(s.RootScope(), unseen)
		return repos, unseen
	}
}

// countRepositories returns the organisation's own count. Those that are
// internal count as private. The private ones are counted for those only who
// may see the organisation's settings.
// https://docs.github.com/en/rest/orgs/orgs#get-an-organization
func (s *session) countRepositories(ctx context.Context, out *collectors.Output) (int, error) {
	var org struct {
		Public  *int `json:"public_repos"`
		Private *int `json:"total_private_repos"`
		Owned   *int `json:"owned_private_repos"`
	}
	if _, err := s.api.get(ctx, "orgs/"+s.org, &org); err != nil {
		return 0, fmt.Errorf("how many repositories the organisation has: %w", err)
	}
	out.Page()
	private := cmp.Or(org.Private, org.Owned)
	if org.Public == nil || private == nil {
		return 0, collectors.Incomplete("the organisation does not state to this credential how many repositories it has: it needs organization_administration: read")
	}
	return *org.Public + *private, nil
}

// listRepositories lists the repositories that the credential sees.
// https://docs.github.com/en/rest/repos/repos#list-organization-repositories
func (s *session) listRepositories(ctx context.Context, out *collectors.Output) ([]repository, error) {
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

func (s *session) collectRepositories(ctx context.Context, _ evidence.Window, out *collectors.Output) error {
	repos, unseen := s.repositories(ctx, out)
	if unseen == nil {
		out.Total(len(repos)) // as many as the organisation states
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
		for _, name := range analyses {
			if status := r.Analysis[name].Status; status != nil {
				a[name] = *status == "enabled"
			}
		}
		if err := out.Emit(evidence.Record{ID: r.id(), Name: r.FullName, Scope: r.scope(), Attributes: a}); err != nil {
			return err
		}
	}
	return unseen
}

// eachRepository reads every repository that want selects, several at a time.
func (s *session) eachRepository(ctx context.Context, out *collectors.Output, repos []repository, read func(context.Context, repository) error) error {
	if err := once(repos); err != nil {
		return err
	}
	byScope := map[evidence.Scope]repository{}
	var scopes []evidence.Scope
	for _, r := range repos {
		byScope[r.scope()] = r
		scopes = append(scopes, r.scope())
	}
	return out.EachScope(ctx, scopes, s.parallel, func(ctx context.Context, sc evidence.Scope) error {
		return read(ctx, byScope[sc])
	})
}

// once reports a repository that is listed twice.
func once(repos []repository) error {
	seen := map[evidence.Scope]bool{}
	for _, r := range repos {
		if seen[r.scope()] {
			return collectors.Incomplete("the repository %s is listed twice", r.FullName)
		}
		seen[r.scope()] = true
	}
	return nil
}

func repositoryKind() kind {
	k := kind{KindSpec: state(kindRepository, "A repository, and which analyses are on."), listing: true, read: (*session).collectRepositories}
	k.Volatile = []string{"pushed_at"}
	return k
}
