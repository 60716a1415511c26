package github

import (
	"cmp"
	"context"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

func releaseKind() kind {
	return kind{
		KindSpec: state(kindRelease, "A release of a repository."), listing: true,
		calls: []collectors.Call{reads("GET /repos/{owner}/{repo}/releases", "contents: read", "what was released, by whom")},
		read:  (*session).collectReleases,
	}
}

// release is one release. Their listing has no order that a window could rest on.
// https://docs.github.com/en/rest/releases/releases#list-releases
type release struct {
	ID          int64      `json:"id"`
	Tag         *string    `json:"tag_name"`
	Target      *string    `json:"target_commitish"`
	Draft       *bool      `json:"draft"`
	Prerelease  *bool      `json:"prerelease"`
	Author      *account   `json:"author"`
	CreatedAt   *time.Time `json:"created_at"`
	PublishedAt *time.Time `json:"published_at"`
}

func (s *session) collectReleases(ctx context.Context, _ evidence.Window, out *collectors.Output) error {
	repos, unseen := s.repositories(ctx, out)
	err := s.eachRepository(ctx, out, repos, func(ctx context.Context, r repository) error {
		return list(ctx, s.api, out, r.path("releases"), func(page []release) error {
			for _, v := range page {
				if err := out.Emit(v.record(r)); err != nil {
					return err
				}
			}
			return nil
		})
	})
	return cmp.Or(unseen, err)
}

func (v release) record(r repository) evidence.Record {
	a := collectors.Attributes{"repository": r.FullName}
	a.Text("tag", v.Tag)
	a.Text("target", v.Target)
	a.Bool("draft", v.Draft)
	a.Bool("prerelease", v.Prerelease)
	a.Text("author", v.Author.login())
	a.Time("created_at", v.CreatedAt)
	a.Time("published_at", v.PublishedAt)
	id := numbered(v.ID)
	return evidence.Record{ID: id, Name: r.FullName + " release " + id, Scope: r.scope(), Attributes: a}
}
