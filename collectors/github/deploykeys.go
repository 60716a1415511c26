package github

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

func deployKeyKind() kind {
	k := kind{
		KindSpec: state(kindDeployKey, "A deploy key of a repository, and whether it may write."), listing: true,
		calls: []collectors.Call{reads("GET /repos/{owner}/{repo}/keys", "administration: read", "deploy keys")},
		read:  (*session).collectDeployKeys,
	}
	k.Volatile = []string{"last_used"}
	return k
}

// deployKey is one key; the key itself, which is public, is not kept as an attribute.
// https://docs.github.com/en/rest/deploy-keys/deploy-keys#list-deploy-keys
type deployKey struct {
	ID        int64      `json:"id"`
	Title     *string    `json:"title"`
	ReadOnly  *bool      `json:"read_only"`
	Verified  *bool      `json:"verified"`
	Enabled   *bool      `json:"enabled"`
	AddedBy   *string    `json:"added_by"`
	CreatedAt *time.Time `json:"created_at"`
	LastUsed  *time.Time `json:"last_used"`
}

func (s *session) collectDeployKeys(ctx context.Context, _ evidence.Window, out *collectors.Output) error {
	repos, unseen := s.repositories(ctx, out)
	err := s.eachRepository(ctx, out, repos, func(ctx context.Context, r repository) error {
		return list(ctx, s.api, out, r.path("keys"), func(page []deployKey) error {
			for _, k := range page {
				if err := out.Emit(k.record(r)); err != nil {
					return err
				}
			}
			return nil
		})
	})
	return cmp.Or(unseen, err)
}

func (k deployKey) record(r repository) evidence.Record {
	a := collectors.Attributes{"repository": r.FullName}
	a.Text("title", k.Title)
	a.Bool("read_only", k.ReadOnly)
	a.Bool("verified", k.Verified)
	a.Bool("enabled", k.Enabled)
	a.Text("added_by", k.AddedBy)
	a.Time("created_at", k.CreatedAt)
	a.Time("last_used", k.LastUsed)
	id := strconv.FormatInt(k.ID, 10)
	return evidence.Record{ID: id, Name: r.FullName + " key " + id, Scope: r.scope(), Attributes: a}
}
