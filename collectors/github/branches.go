package github

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// collectBranches reads the effective protection of each default branch.
func (s *session) collectBranches(ctx context.Context, _ evidence.Window, out *collectors.Output) error {
	repos, unseen := s.repositories(ctx, out)
	out.Filter("branches", "the default branch of each repository that is not archived")
	var live []repository
	for _, r := range repos {
		if r.DefaultBranch != nil && *r.DefaultBranch != "" && (r.Archived == nil || !*r.Archived) {
			live = append(live, r)
		}
	}
	err := s.eachRepository(ctx, out, live, func(ctx context.Context, r repository) error {
		return s.collectBranch(ctx, out, r, *r.DefaultBranch)
	})
	return cmp.Or(unseen, err)
}

// collectBranch emits what is known even if one of the two sources was not
// read; the error then makes the repository an unread scope.
func (s *session) collectBranch(ctx context.Context, out *collectors.Output, r repository, branch string) error {
	classic, errClassic := s.classicProtection(ctx, out, r, branch)
	if errors.Is(errClassic, errNoBranch) {
		return nil // an empty repository: the default branch does not exist yet
	}
	if errClassic != nil && !errors.Is(errClassic, collectors.ErrDenied) {
		return errClassic
	}
	rules, errRules := s.branchRules(ctx, out, r, branch)
	if errRules != nil && !errors.Is(errRules, collectors.ErrDenied) {
		return errRules
	}
	a := effective(classic, rules)
	a["repository"], a["branch"] = r.FullName, branch
	errBypass := s.addBypass(ctx, out, r, rules, a)
	if errBypass != nil && !errors.Is(errBypass, collectors.ErrDenied) {
		return errBypass
	}
	err := out.Emit(evidence.Record{ID: r.id() + ":" + branch, Name: r.FullName + "@" + branch, Scope: r.scope(), Attributes: a})
	return cmp.Or(err, errClassic, errRules, errBypass)
}

var errNoBranch = errors.New("there is no such branch")

// classicProtection returns the classic protection of a branch as a source of
// facts: all "no" if GitHub says "Branch not protected", nothing known if it refuses.
// https://docs.github.com/en/rest/branches/branch-protection#get-branch-protection
func (s *session) classicProtection(ctx context.Context, out *collectors.Output, r repository, branch string) (protection, error) {
	var c classic
	_, err := s.api.get(ctx, r.path("branches", branch, "protection"), &c)
	switch {
	case answered(err, http.StatusNotFound, "Branch not protected"):
		out.Page()
		return unprotected(), nil
	case answered(err, http.StatusNotFound, "Branch not found"):
		return protection{}, errNoBranch
	case err != nil:
		return protection{}, err
	}
	out.Page()
	return c.protection(), nil
}

// branchRules returns what the active rulesets of repository and organisation
// together demand of a branch.
// https://docs.github.com/en/rest/repos/rules#get-rules-for-a-branch
func (s *session) branchRules(ctx context.Context, out *collectors.Output, r repository, branch string) (protection, error) {
	var all []rule
	err := list(ctx, s.api, out, r.path("rules", "branches", branch), func(page []rule) error {
		all = append(all, page...)
		return nil
	})
	if err != nil {
		return protection{}, err
	}
	return fromRules(all)
}

// addBypass adds who may bypass a ruleset that is in force on the branch. GitHub
// shows it to those only who may change the ruleset; if it hides it of one, it
// is not known. https://docs.github.com/en/rest/repos/rules#get-a-repository-ruleset
func (s *session) addBypass(ctx context.Context, out *collectors.Output, r repository, rules protection, a collectors.Attributes) error {
	actors, hidden := []string{}, !rules.read
	for _, id := range rules.rulesets {
		var set struct {
			Bypass *[]bypass `json:"bypass_actors"`
		}
		if id == 0 {
			hidden = true
			continue
		}
		if _, err := s.api.get(ctx, r.path("rulesets", numbered(id)), &set); err != nil {
			return err
		}
		out.Page()
		if set.Bypass == nil {
			hidden = true
			continue
		}
		for _, b := range *set.Bypass {
			actors = append(actors, b.text())
		}
	}
	if !hidden {
		a.Set("bypass_actors", actors)
	}
	return nil
}

// bypass is who may go around a ruleset: a role, a team, an app, and when.
type bypass struct {
	Type string `json:"actor_type"`
	ID   int64  `json:"actor_id"`
	Mode string `json:"bypass_mode"`
}

func (b bypass) text() string {
	return strings.Join(strings.Fields(b.Type+" "+numbered(b.ID)+" "+b.Mode), " ")
}

func branchKind() kind {
	return kind{
		KindSpec: state(kindBranch, "The default branch of a repository, with its effective protection: classic or by rulesets."), listing: true,
		calls: []collectors.Call{
			reads("GET /repos/{owner}/{repo}/branches/{branch}/protection", "administration: read", "classic branch protection"),
			reads("GET /repos/{owner}/{repo}/rules/branches/{branch}", "metadata: read", "rules of active rulesets"),
			reads("GET /repos/{owner}/{repo}/rulesets/{ruleset_id}", "metadata: read", "who may bypass a ruleset; shown to those only who may change it"),
		},
		read: (*session).collectBranches,
	}
}
