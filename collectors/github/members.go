package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// account is a user as listings show it.
type account struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
}

// login returns nil for a deleted user.
func (a *account) login() *string {
	if a == nil || a.Login == "" {
		return nil
	}
	return &a.Login
}

// accounts lists accounts that all have an id and a login.
// https://docs.github.com/en/rest/orgs/members#list-organization-members
func (s *session) accounts(ctx context.Context, out *collectors.Output, path string) ([]account, error) {
	return listAll(ctx, s.api, out, path, func(m account) error {
		if m.ID == 0 || m.Login == "" {
			return collectors.Incomplete("GET /%s: an account has no id or no login", path)
		}
		return nil
	})
}

// collectMembers reads who is a member in which role, and who of them has no
// second factor. Only owners may ask the latter; others get the members, and a
// part of the scope that was denied.
func (s *session) collectMembers(ctx context.Context, _ evidence.Window, out *collectors.Output) error {
	path := "orgs/" + s.org + "/members"
	roles := []string{"admin", "member"}
	lists := make([][]account, len(roles))
	for i, role := range roles {
		var err error
		if lists[i], err = s.accounts(ctx, out, path+"?role="+role); err != nil {
			return err
		}
	}
	out.Scope(s.RootScope(), nil)
	without, unknown := s.withoutSecondFactor(ctx, out, path, slices.Concat(lists...))
	for i, role := range roles {
		for _, m := range lists[i] {
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

// withoutSecondFactor returns the ids of those of all in a listing without one.
func (s *session) withoutSecondFactor(ctx context.Context, out *collectors.Output, path string, all []account) (map[int64]bool, error) {
	accounts, err := s.filtered(ctx, out, path, "2fa_disabled")
	ids := map[int64]bool{}
	for _, m := range accounts {
		ids[m.ID] = true
	}
	if err == nil && len(all) > 0 && !slices.ContainsFunc(all, func(m account) bool { return !ids[m.ID] }) {
		err = s.heedsFilters(ctx, out, path)
	}
	out.Scope(s.RootScope()+"/2fa_disabled", err)
	return ids, err
}

// heedsFilters tells an organisation in which nobody has a second factor from
// a server that gives the same list whatever the filter is: who has none has
// no insecure one either. A server that refuses this filter knows its filters.
func (s *session) heedsFilters(ctx context.Context, out *collectors.Output, path string) error {
	insecure, err := s.filtered(ctx, out, path, "2fa_insecure")
	var r *refusal
	switch {
	case errors.As(err, &r) && r.status == http.StatusUnprocessableEntity:
		return nil
	case err == nil && len(insecure) > 0:
		return collectors.Incomplete("everyone is listed as without a second factor, and %d as with an insecure one: the filter is not heeded", len(insecure))
	}
	return err
}

// filtered lists those that a filter selects. To refuse a filter, GitHub
// says 422 "Only owners can use this filter", or 403.
func (s *session) filtered(ctx context.Context, out *collectors.Output, path, filter string) ([]account, error) {
	accounts, err := s.accounts(ctx, out, path+"?filter="+filter)
	var r *refusal
	if errors.As(err, &r) && r.status == http.StatusUnprocessableEntity {
		err = fmt.Errorf("%w: %w", collectors.ErrDenied, err)
	}
	return accounts, err
}

func memberKind() kind {
	return kind{
		KindSpec: state(kindMember, "A member, with role and second factor."),
		calls:    []collectors.Call{reads("GET /orgs/{org}/members", "members: read", "members, roles, who has no second factor")},
		read:     (*session).collectMembers,
	}
}
