package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// account is a user as listings show it.
type account struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
}

// members lists the members that a query selects.
// https://docs.github.com/en/rest/orgs/members#list-organization-members
func (s *session) members(ctx context.Context, out *collectors.Output, query string) ([]account, error) {
	var all []account
	err := list(ctx, s.api, out, "orgs/"+s.org+"/members?"+query, func(page []account) error {
		for _, m := range page {
			if m.ID == 0 || m.Login == "" {
				return collectors.Incomplete("a member has no id or no login")
			}
		}
		all = append(all, page...)
		return nil
	})
	return all, err
}

// collectMembers reads who is a member in which role, and who of them has no
// second factor. Only owners may ask the latter; others get the members, and a
// part of the scope that was denied.
func (s *session) collectMembers(ctx context.Context, out *collectors.Output) error {
	roles := map[string][]account{}
	for _, role := range []string{"admin", "member"} {
		var err error
		if roles[role], err = s.members(ctx, out, "role="+role); err != nil {
			return err
		}
	}
	out.Scope(s.RootScope(), nil)
	without, unknown := s.withoutSecondFactor(ctx, out)
	for role, accounts := range roles {
		for _, m := range accounts {
			a := collectors.Attributes{"login": m.Login, "role": role}
			if unknown == nil {
				a["two_factor"] = !without[m.ID]
			}
			if err := out.Emit(evidence.Record{ID: strconv.FormatInt(m.ID, 10), Name: m.Login, Attributes: a}); err != nil {
				return err
			}
		}
	}
	return unknown
}

// withoutSecondFactor gives the ids of members without one. The refusal of the
// filter is 422 "Only owners can use this filter", or 403.
func (s *session) withoutSecondFactor(ctx context.Context, out *collectors.Output) (map[int64]bool, error) {
	accounts, err := s.members(ctx, out, "filter=2fa_disabled")
	var r *refusal
	if errors.As(err, &r) && r.status == http.StatusUnprocessableEntity {
		err = fmt.Errorf("%w: %w", collectors.ErrDenied, err)
	}
	out.Scope(s.RootScope()+"/2fa_disabled", err)
	ids := map[int64]bool{}
	for _, m := range accounts {
		ids[m.ID] = true
	}
	return ids, err
}
