package github

import (
	"cmp"
	"context"
	"strconv"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

func collaboratorKind() kind {
	return kind{
		KindSpec: state(kindCollaborator, "Someone who may use a repository, by whatever way, and the highest role held there."), listing: true,
		calls: []collectors.Call{reads("GET /repos/{owner}/{repo}/collaborators", "metadata: read", "who may use a repository; of those who may push to it")},
		read:  (*session).collectCollaborators,
	}
}

// collaborator is one account with access to a repository.
// https://docs.github.com/en/rest/collaborators/collaborators#list-repository-collaborators
type collaborator struct {
	account
	Role *string `json:"role_name"`
}

func (s *session) collectCollaborators(ctx context.Context, _ evidence.Window, out *collectors.Output) error {
	repos, unseen := s.repositories(ctx, out)
	err := s.eachRepository(ctx, out, repos, func(ctx context.Context, r repository) error {
		direct, err := s.collaborators(ctx, out, r, "direct")
		if err != nil {
			return err
		}
		all, err := s.collaborators(ctx, out, r, "all")
		if err != nil {
			return err
		}
		return emitCollaborators(out, r, all, direct)
	})
	return cmp.Or(unseen, err)
}

func (s *session) collaborators(ctx context.Context, out *collectors.Output, r repository, affiliation string) ([]collaborator, error) {
	return listAll(ctx, s.api, out, r.path("collaborators")+"?affiliation="+affiliation, func(c collaborator) error {
		if c.ID == 0 || c.Login == "" {
			return collectors.Incomplete("a collaborator of %s has no id or no login", r.FullName)
		}
		return nil
	})
}

func emitCollaborators(out *collectors.Output, r repository, all, direct []collaborator) error {
	named := map[int64]bool{}
	for _, c := range direct {
		named[c.ID] = true
	}
	for _, c := range all {
		a := collectors.Attributes{"repository": r.FullName, "login": c.Login, "direct": named[c.ID]}
		a.Text("role", c.Role)
		rec := evidence.Record{ID: r.id() + ":" + strconv.FormatInt(c.ID, 10), Name: c.Login + "@" + r.FullName, Scope: r.scope(), Attributes: a}
		if err := out.Emit(rec); err != nil {
			return err
		}
	}
	return nil
}
