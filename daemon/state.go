package daemon

import (
	"context"
	"os"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/ops"
	"github.com/evidenced/evidenced/schedule"
)

// state is what operations in the daemon are performed on (ops.Backend): its
// store, its judge, and its schedule, by one configuration.
type state struct {
	config *config.Config
	// share returns the store for one operation, which closes it.
	share    func() ops.Store
	signer   ops.Signer
	schedule *schedule.Daemon
	judge    *ops.Judge
	problems func() []string
}

var _ ops.Backend = (*state)(nil)

// service waits until the daemon has read its log, and refuses a client that
// means another configuration.
func (d *daemon) service(ctx context.Context, config string) (ops.Service, error) {
	st, err := d.current(ctx)
	if err != nil {
		return nil, err
	}
	if config != "" && !samePath(config, st.config.Path) {
		return nil, api.Errorf(api.Usage, "the daemon that holds this store runs with %s: name that with --config", st.config.Path)
	}
	return ops.On(st, d.Now), nil
}

func samePath(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// Config implements ops.Backend.
func (s *state) Config(bool) (*config.Config, error) {
	c := *s.config
	return &c, nil
}

// OpenForRead implements ops.Backend.
func (s *state) OpenForRead(*config.Config) (ops.Store, error) { return s.share(), nil }

// OpenExistingForWrite implements ops.Backend.
func (s *state) OpenExistingForWrite(*config.Config) (ops.Store, error) { return s.share(), nil }

// OpenForWrite implements ops.Backend.
func (s *state) OpenForWrite(*config.Config) (ops.Store, ops.Signer, error) {
	return s.share(), s.signer, nil
}

// Judge implements ops.Backend.
func (s *state) Judge(*config.Config, ops.Store) *ops.Judge { return s.judge }

// OpenToSign implements ops.Backend.
func (s *state) OpenToSign(*config.Config) (ops.Store, ops.Signer, error) {
	return s.share(), s.signer, nil
}

// Collect implements ops.Backend.
func (s *state) Collect(ctx context.Context, _ *config.Config, _ ops.Store, _ *ops.Judge, names []string, ended schedule.Progress) ([]evidence.Run, error) {
	return s.schedule.Now(ctx, ended, names...)
}

// Problems implements ops.Backend.
func (s *state) Problems() []string { return s.problems() }
