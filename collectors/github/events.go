package github

import (
	"cmp"
	"context"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

func events(k evidence.Kind, doc string, late time.Duration) collectors.KindSpec {
	return collectors.KindSpec{Kind: k, Mode: evidence.Event, Doc: doc, Late: late}
}

// dated returns the time of an event, and its id; "" if it has none.
type dated interface {
	when() (id string, at *time.Time)
}

// newestFirst reads the events of a listing that gives the newest first, down to
// the beginning of the window. Those that come while it is read move others to
// the next page, where they are seen again. GitHub does not promise the order of
// every listing: one that is found not to keep it is read to its end.
func newestFirst[E dated](ctx context.Context, s *session, out *collectors.Output, path string, w evidence.Window, use func(context.Context, E) error) error {
	seen, ordered := map[string]bool{}, true
	var last time.Time
	return walk(ctx, s.api, out, path, func(page []E) (bool, error) {
		more := true
		for _, e := range page {
			id, at := e.when()
			if id == "" || at == nil {
				return false, collectors.Incomplete("GET /%s: an event has no id or no time", path)
			}
			again := seen[id]
			ordered = ordered && (last.IsZero() || again || !at.After(last))
			seen[id], last, more = true, *at, !ordered || !at.Before(w.From)
			if !w.Holds(*at) || again {
				continue
			}
			if err := use(ctx, e); err != nil {
				return false, err
			}
		}
		return more, nil
	})
}

// eachDefaultBranch reads something of every repository that has a default branch.
func (s *session) eachDefaultBranch(ctx context.Context, out *collectors.Output, read func(ctx context.Context, r repository, branch string) error) error {
	repos, unseen := s.repositories(ctx, out)
	err := s.eachRepository(ctx, out, repos, func(ctx context.Context, r repository) error {
		if r.DefaultBranch == nil || *r.DefaultBranch == "" {
			return nil
		}
		return read(ctx, r, *r.DefaultBranch)
	})
	return cmp.Or(unseen, err)
}
