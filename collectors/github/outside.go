package github

import (
	"context"
	"strconv"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

func outsideKind() kind {
	return kind{
		KindSpec: state(kindOutside, "Someone who is no member and may use a repository, with second factor."),
		calls:    []collectors.Call{reads("GET /orgs/{org}/outside_collaborators", "members: read", "who is no member and has access, who of them has no second factor")},
		read:     (*session).collectOutside,
	}
}

// collectOutside reads the outside collaborators. As with members, only owners
// may ask who has no second factor; others get a part of the scope that was denied.
// https://docs.github.com/en/rest/orgs/outside-collaborators#list-outside-collaborators-for-an-organization
func (s *session) collectOutside(ctx context.Context, _ evidence.Window, out *collectors.Output) error {
	path := "orgs/" + s.org + "/outside_collaborators"
	all, err := s.accounts(ctx, out, path)
	if err != nil {
		return err
	}
	out.Scope(s.RootScope(), nil)
	without, unknown := s.withoutSecondFactor(ctx, out, path, all)
	for _, m := range all {
		a := collectors.Attributes{"login": m.Login}
		if unknown == nil {
			a["two_factor"] = !without[m.ID]
		}
		if err := out.Emit(evidence.Record{ID: strconv.FormatInt(m.ID, 10), Name: m.Login, Attributes: a}); err != nil {
			return err
		}
	}
	return unknown
}
