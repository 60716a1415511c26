package github

import (
	"context"
	"strconv"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// organization is the part of an organisation that is evidence. Most settings
// are shown to owners only, and null to others.
// https://docs.github.com/en/rest/orgs/orgs#get-an-organization
type organization struct {
	ID             int64      `json:"id"`
	Login          string     `json:"login"`
	TwoFactor      *bool      `json:"two_factor_requirement_enabled"`
	BasePermission *string    `json:"default_repository_permission"`
	PublicRepos    *bool      `json:"members_can_create_public_repositories"`
	CreatedAt      *time.Time `json:"created_at"`
	Plan           *struct {
		Name *string `json:"name"`
	} `json:"plan"`
}

func (s *session) collectOrg(ctx context.Context, _ evidence.Window, out *collectors.Output) error {
	var o organization
	if _, err := s.api.get(ctx, "orgs/"+s.org, &o); err != nil {
		return err
	}
	out.Page()
	if o.ID == 0 || o.Login == "" {
		return collectors.Incomplete("GET /orgs/%s has no id or no login", s.org)
	}
	a := collectors.Attributes{"login": o.Login}
	a.Bool("two_factor_required", o.TwoFactor)
	a.Text("default_repository_permission", o.BasePermission)
	a.Bool("members_can_create_public_repositories", o.PublicRepos)
	a.Time("created_at", o.CreatedAt)
	if o.Plan != nil {
		a.Text("plan", o.Plan.Name)
	}
	return out.Emit(evidence.Record{ID: strconv.FormatInt(o.ID, 10), Name: o.Login, Attributes: a})
}

func orgKind() kind {
	return kind{KindSpec: state(kindOrg, "The organisation and its settings."), read: (*session).collectOrg}
}
