package custody

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

// keptCheckpoint is where the newest checkpoint is kept outside of the store:
// beside the signing key or, where that is a secret of the environment, beside
// the store.
func keptCheckpoint(c *config.Config) string {
	if c.Store.KeyText != "" || c.Store.Key == "" {
		return c.Store.Path + store.KeptSuffix
	}
	return c.Store.Key + store.KeptSuffix
}

// advised adds to the error of a log that went back what is to be done.
func advised(err error) error {
	var back *store.RolledBack
	if !errors.As(err, &back) {
		return err
	}
	return fmt.Errorf("%w; put the newer store back or, if it is lost, run `evidenced store accept-rollback --by YOU --reason WHY`", err)
}

// RollbackProblem says that the log is not the one that its key has signed; empty
// if it is.
func RollbackProblem(s *store.Store) string {
	if err := s.RolledBack(); err != nil {
		return advised(err).Error()
	}
	return ""
}

// AcceptedRollback says which log was gone on with.
type AcceptedRollback struct {
	// Had is how many entries the key had signed, Has how many there were.
	Had uint64 `json:"had"`
	Has uint64 `json:"has"`
}

// AcceptRollback goes on with a log that has gone back. The log says so, who
// decided it and why; what is missing stays a critical gap.
func (k *Keeper) AcceptRollback(ctx context.Context, by, reason string) (done AcceptedRollback, err error) {
	by, reason = strings.TrimSpace(by), strings.TrimSpace(reason)
	if by == "" || reason == "" {
		return done, api.Errorf(api.Usage, "say who accepts that the log went back, and why: --by and --reason")
	}
	s, _, err := k.OpenWithKey(store.Options{AcceptRollback: &store.Acceptance{By: by, Reason: reason, Actor: evidence.ActorFrom(ctx)}})
	if err != nil {
		return done, err
	}
	var back *store.RolledBack
	if !errors.As(s.RolledBack(), &back) {
		return done, errors.Join(api.Errorf(api.Usage, "the log has not gone back: there is nothing to accept"), s.Close())
	}
	done = AcceptedRollback{back.Had.Size, back.Has.Size}
	return done, errors.Join(s.Append(ctx, func(evidence.Writer) error { return nil }), s.Close())
}
