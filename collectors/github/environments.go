package github

import (
	"cmp"
	"context"
	"strconv"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

func environmentKind() kind {
	return kind{
		KindSpec: state(kindEnvironment, "An environment that is deployed to, and who must approve."), listing: true,
		calls: []collectors.Call{reads("GET /repos/{owner}/{repo}/environments", "actions: read", "environments and their required reviewers")},
		read:  (*session).collectEnvironments,
	}
}

// environment is one environment with its rules.
// https://docs.github.com/en/rest/deployments/environments#list-environments
type environment struct {
	ID           int64             `json:"id"`
	Name         string            `json:"name"`
	AdminsBypass *bool             `json:"can_admins_bypass"`
	Rules        []environmentRule `json:"protection_rules"`
	Policy       *struct {
		Protected *bool `json:"protected_branches"`
		Custom    *bool `json:"custom_branch_policies"`
	} `json:"deployment_branch_policy"`
}

type environmentRule struct {
	Type       string `json:"type"`
	Wait       *int   `json:"wait_timer"`
	SelfReview *bool  `json:"prevent_self_review"`
	Reviewers  []struct {
		Type     string `json:"type"`
		Reviewer struct {
			Login string `json:"login"`
			Slug  string `json:"slug"`
		} `json:"reviewer"`
	} `json:"reviewers"`
}

func (s *session) collectEnvironments(ctx context.Context, _ evidence.Window, out *collectors.Output) error {
	type page struct {
		Total        *int           `json:"total_count"`
		Environments *[]environment `json:"environments"`
	}
	repos, unseen := s.repositories(ctx, out)
	err := s.eachRepository(ctx, out, repos, func(ctx context.Context, r repository) error {
		read, total := 0, 0
		err := list(ctx, s.api, out, r.path("environments"), func(p page) error {
			if p.Environments == nil || p.Total == nil {
				return collectors.Incomplete("the answer for %s holds no environments or does not count them", r.FullName)
			}
			read, total = read+len(*p.Environments), *p.Total
			for _, e := range *p.Environments {
				if err := out.Emit(e.record(r)); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil && read != total {
			err = collectors.Incomplete("%s has %d environments, read %d", r.FullName, total, read)
		}
		return err
	})
	return cmp.Or(unseen, err)
}

func (e environment) record(r repository) evidence.Record {
	a := collectors.Attributes{"repository": r.FullName, "environment": e.Name, "wait_minutes": int64(0)}
	a.Bool("admins_bypass", e.AdminsBypass)
	var reviewers, types []string
	for _, rule := range e.Rules {
		types = append(types, rule.Type)
		for _, v := range rule.Reviewers {
			reviewers = append(reviewers, cmp.Or(v.Reviewer.Login, v.Reviewer.Slug))
		}
		a.Bool("prevent_self_review", rule.SelfReview)
		a.Int("wait_minutes", rule.Wait)
	}
	a.Set("rules", types)
	a.Set("reviewers", reviewers)
	a["branches"] = "all"
	if p := e.Policy; p != nil {
		a["branches"] = "custom"
		if p.Protected != nil && *p.Protected {
			a["branches"] = "protected"
		}
	}
	return evidence.Record{ID: strconv.FormatInt(e.ID, 10), Name: r.FullName + " " + e.Name, Scope: r.scope(), Attributes: a}
}
