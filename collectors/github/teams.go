package github

import (
	"context"
	"net/url"
	"strconv"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

func teamKind() kind {
	return kind{
		KindSpec: state(kindTeam, "A team, with its members and what it may do in which repository."),
		calls: []collectors.Call{
			reads("GET /orgs/{org}/teams", "members: read", "list of teams"),
			reads("GET /orgs/{org}/teams/{team_slug}/members", "members: read", "who is in a team"),
			reads("GET /orgs/{org}/teams/{team_slug}/repos", "members: read", "what a team may do"),
		},
		read: (*session).collectTeams,
	}
}

// team is one team of a listing.
// https://docs.github.com/en/rest/teams/teams#list-teams
type team struct {
	ID      int64   `json:"id"`
	Slug    string  `json:"slug"`
	Name    *string `json:"name"`
	Privacy *string `json:"privacy"`
	Parent  *struct {
		Slug *string `json:"slug"`
	} `json:"parent"`
}

func (s *session) collectTeams(ctx context.Context, _ evidence.Window, out *collectors.Output) error {
	teams, err := listAll(ctx, s.api, out, "orgs/"+s.org+"/teams", func(t team) error {
		if t.ID == 0 || t.Slug == "" {
			return collectors.Incomplete("a team has no id or no slug")
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, err := range collectors.Each(ctx, len(teams), s.parallel, func(ctx context.Context, i int) error { return s.collectTeam(ctx, out, teams[i]) }) {
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *session) collectTeam(ctx context.Context, out *collectors.Output, t team) error {
	path := "orgs/" + s.org + "/teams/" + url.PathEscape(t.Slug)
	members, err := s.accounts(ctx, out, path+"/members")
	if err != nil {
		return err
	}
	granted, err := s.grants(ctx, out, path+"/repos")
	if err != nil {
		return err
	}
	a := collectors.Attributes{"slug": t.Slug, "repositories": granted}
	a.Text("name", t.Name)
	a.Text("privacy", t.Privacy)
	if t.Parent != nil {
		a.Text("parent", t.Parent.Slug)
	}
	a.Set("members", logins(members))
	return out.Emit(evidence.Record{ID: strconv.FormatInt(t.ID, 10), Name: t.Slug, Attributes: a})
}

func logins(accounts []account) (names []string) {
	for _, m := range accounts {
		names = append(names, m.Login)
	}
	return names
}

// grants lists repositories with the role that is held in each.
func (s *session) grants(ctx context.Context, out *collectors.Output, path string) ([]any, error) {
	type grant struct {
		FullName string  `json:"full_name"`
		Role     *string `json:"role_name"`
	}
	all, err := listAll(ctx, s.api, out, path, func(g grant) error {
		if g.FullName == "" {
			return collectors.Incomplete("GET /%s: a repository has no name", path)
		}
		return nil
	})
	return entries(all, func(g grant) collectors.Attributes {
		e := collectors.Attributes{"repository": g.FullName}
		e.Text("role", g.Role)
		return e
	}), err
}
