package ops

import (
	"errors"
	"slices"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/store"
)

// rolledBack returns how a log differs from the one that its key has signed; nil
// if it does not. What somebody accepted is in the log itself.
func rolledBack(s Store) *store.RolledBack {
	var back *store.RolledBack
	if kept, ok := s.(interface{ RolledBack() error }); ok && errors.As(kept.RolledBack(), &back) {
		return back
	}
	return nil
}

// withRollback adds to a result the gap of a log that has gone back, which
// nothing in the log itself can tell.
func withRollback(res *result.Result, s Store) *result.Result {
	back := rolledBack(s)
	if back == nil {
		return res
	}
	out := *res
	r := &evidence.Rollback{Event: evidence.LogWentBack, Had: back.Had.Size, Has: back.Has.Size}
	out.Gaps = append(slices.Clip(res.Gaps), gap.RollbackGap(r, res.AsOf, res.AsOf))
	return &out
}
