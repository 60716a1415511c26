package github

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/github/protection"
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
	all, errRules := s.branchRules(ctx, out, r, branch)
	if errRules != nil && !errors.Is(errRules, collectors.ErrDenied) {
		return errRules
	}
	sets, errSets := s.rulesetsOf(ctx, out, r, all)
	if errSets != nil && !errors.Is(errSets, collectors.ErrDenied) {
		return errSets
	}
	rules, err := protection.Facts{}, error(nil)
	if errRules == nil {
		rules, err = protection.FromRules(protection.InForce(all, sets))
	}
	if err != nil {
		return err
	}
	a := protection.Effective(classic, rules)
	a["repository"], a["branch"] = r.FullName, branch
	protection.AddBypass(a, classic, rules, sets)
	err = out.Emit(evidence.Record{ID: r.id() + ":" + branch, Name: r.FullName + "@" + branch, Scope: r.scope(), Attributes: a})
	return cmp.Or(err, errClassic, errRules, errSets)
}

var errNoBranch = errors.New("there is no such branch")

// classicProtection returns the classic protection of a branch as a source of
// facts: all "no" if GitHub says "Branch not protected", nothing known if it refuses.
// https://docs.github.com/en/rest/branches/branch-protection#get-branch-protection
func (s *session) classicProtection(ctx context.Context, out *collectors.Output, r repository, branch string) (protection.Facts, error) {
	var c protection.Classic
	_, err := s.api.get(ctx, r.path("branches", branch, "protection"), &c)
	switch {
	case answered(err, http.StatusNotFound, "Branch not protected"):
		out.Page()
		return protection.Unprotected(), nil
	case answered(err, http.StatusNotFound, "Branch not found"):
		return protection.Facts{}, errNoBranch
	case err != nil:
		return protection.Facts{}, err
	}
	out.Page()
	return c.Facts(), nil
}

// branchRules returns the rules that active rulesets of repository and organisation
// have for a branch. https://docs.github.com/en/rest/repos/rules#get-rules-for-a-branch
func (s *session) branchRules(ctx context.Context, out *collectors.Output, r repository, branch string) (all []protection.Rule, err error) {
	err = list(ctx, s.api, out, r.path("rules", "branches", branch), func(page []protection.Rule) error {
		all = append(all, page...)
		return nil
	})
	return all, err
}

// rulesetsOf returns the rulesets that rules are of, by id. One that is not named has the id 0, and is not among them.
// https://docs.github.com/en/rest/repos/rules#get-a-repository-ruleset
func (s *session) rulesetsOf(ctx context.Context, out *collectors.Output, r repository, rules []protection.Rule) (map[int64]protection.Ruleset, error) {
	sets := map[int64]protection.Ruleset{}
	for _, v := range rules {
		if _, read := sets[v.Ruleset]; read || v.Ruleset == 0 {
			continue
		}
		var set protection.Ruleset
		if _, err := s.api.get(ctx, r.path("rulesets", numbered(v.Ruleset)), &set); err != nil {
			return sets, err
		}
		out.Page()
		sets[v.Ruleset] = set
	}
	return sets, nil
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
