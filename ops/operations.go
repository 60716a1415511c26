package ops

import (
	"context"
	"log/slog"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/ops/custody"
	"github.com/evidenced/evidenced/schedule"
	"github.com/evidenced/evidenced/store"
)

// Backend is where operations are performed: a process of its own, or the
// daemon that holds the store.
type Backend interface {
	// Config returns the configuration, which the caller may change. collects
	// tells that the credentials of the sources are needed.
	Config(collects bool) (*config.Config, error)
	// OpenForRead opens the store, OpenExistingForWrite one that must exist, and
	// OpenForWrite one that is made where there is none; it returns what signs for the log, too.
	OpenForRead(*config.Config) (Store, error)
	OpenExistingForWrite(*config.Config) (Store, error)
	OpenForWrite(*config.Config) (Store, Signer, error)
	// OpenToSign opens the store to read it, with what signs for the log.
	OpenToSign(*config.Config) (Store, Signer, error)
	// Judge returns the judge of the store.
	Judge(*config.Config, Store) *Judge
	// Collect collects the named sources, or all, into the store; ended is called
	// for each collection that ended. It returns those that were made. The judge is that of the store.
	Collect(ctx context.Context, c *config.Config, s Store, j *Judge, names []string, ended schedule.Progress) ([]evidence.Run, error)
	// Problems are what stands in the way of the daemon.
	Problems() []string
}

// Operations perform what Service describes on a backend.
type Operations struct {
	backend Backend
	now     func() time.Time
}

var _ Service = (*Operations)(nil)

// On returns the operations on a backend. now is the clock; nil means time.Now.
func On(b Backend, now func() time.Time) *Operations {
	if now == nil {
		now = time.Now
	}
	return &Operations{b, now}
}

// Process is the backend of a process of its own.
type Process struct {
	// Path is that of the configuration.
	Path string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Say tells a person something beside the result; it may be nil.
	Say func(text string)
	// Log takes warnings; it may be nil.
	Log *slog.Logger
}

// Config implements Backend.
func (p *Process) Config(collects bool) (*config.Config, error) { return Load(p.Path, collects) }

func (p *Process) keeper(c *config.Config) *custody.Keeper {
	return &custody.Keeper{Config: c, Now: p.Now, Say: p.Say}
}

// OpenForRead implements Backend.
func (p *Process) OpenForRead(c *config.Config) (Store, error) {
	s, err := p.keeper(c).OpenReadOnly()
	if err == nil && p.Say != nil {
		if why := custody.RollbackProblem(s); why != "" {
			p.Say(why)
		}
	}
	return orNil(s, err)
}

// OpenExistingForWrite implements Backend.
func (p *Process) OpenExistingForWrite(c *config.Config) (Store, error) {
	return orNil(p.keeper(c).OpenExisting())
}

// OpenForWrite implements Backend.
func (p *Process) OpenForWrite(c *config.Config) (Store, Signer, error) {
	s, key, err := p.keeper(c).OpenWithKey(store.Options{})
	if err != nil {
		return nil, Signer{}, err
	}
	return s, SignerOf(key), nil
}

// OpenToSign implements Backend.
func (p *Process) OpenToSign(c *config.Config) (Store, Signer, error) {
	s, key, err := p.keeper(c).OpenToSign()
	if err != nil {
		return nil, Signer{}, err
	}
	return s, SignerOf(key), nil
}

// SignerOf returns what signs with a key.
func SignerOf(k *store.Key) Signer { return Signer{k.Verifier, k.Sign} }

// orNil returns no Store where there is none: a nil *store.Store would be one.
func orNil(s *store.Store, err error) (Store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Judge implements Backend.
func (p *Process) Judge(c *config.Config, s Store) *Judge {
	return NewJudge(c, s, s, func(past *schedule.Past, asOf time.Time) ([]evidence.Run, error) { return missedBy(c, s, past, asOf) })
}

// missedBy returns, as missed, the collections due by asOf that a log does not tell of.
func missedBy(c *config.Config, s Store, past *schedule.Past, asOf time.Time) ([]evidence.Run, error) {
	sources, err := OpenSources(c, transport.Options{Offline: true}, nil)
	if err != nil {
		return nil, err
	}
	r, err := schedule.Continue(sources, nil, past, s.Records, schedule.Options{Begin: c.Period.From})
	if err != nil {
		return nil, err
	}
	return r.Outstanding(asOf, c.Period.To), nil
}

// Collect implements Backend.
func (p *Process) Collect(ctx context.Context, c *config.Config, s Store, j *Judge, names []string, ended schedule.Progress) ([]evidence.Run, error) {
	if err := Declare(ctx, s, c, j); err != nil {
		return nil, err
	}
	sources, err := OpenSources(c, transport.Options{}, p.Log)
	if err != nil {
		return nil, err
	}
	past, err := j.Past(ctx)
	if err != nil {
		return nil, err
	}
	r, err := schedule.Continue(sources, s, past, s.Records, schedule.Options{Begin: c.Period.From, Now: p.Now, Progress: ended})
	if err != nil {
		return nil, err
	}
	return r.Now(ctx, names...)
}

// Problems implements Backend.
func (p *Process) Problems() []string { return nil }

// session is a configuration and an open store.
type session struct {
	config *config.Config
	Store
	judge *Judge
	now   func() time.Time
}

func (o *Operations) session(c *config.Config, s Store, err error) (*session, error) {
	if err != nil {
		return nil, err
	}
	return &session{c, s, o.backend.Judge(c, s), o.now}, nil
}

// openForRead opens the store to read it.
func (o *Operations) openForRead() (*session, error) {
	c, err := o.backend.Config(false)
	if err != nil {
		return nil, err
	}
	s, err := o.backend.OpenForRead(c)
	return o.session(c, s, err)
}

// openExistingForWrite opens the store to append to what it holds: one that does not exist is not made.
func (o *Operations) openExistingForWrite() (*session, error) {
	c, err := o.backend.Config(false)
	if err != nil {
		return nil, err
	}
	s, err := o.backend.OpenExistingForWrite(c)
	return o.session(c, s, err)
}

// at returns the instant that a request speaks of: now, or one that has been.
func (o *Operations) at(asOf time.Time) (time.Time, error) {
	now := o.now().UTC()
	switch {
	case asOf.IsZero():
		return now, nil
	case asOf.After(now):
		return now, api.Errorf(api.Usage, "--as-of %s lies ahead: what will be then is not known", asOf.UTC().Format(time.RFC3339))
	}
	return asOf.UTC(), nil
}

// result judges the whole log as it stood at asOf, zero for now, with the
// collections that were due by then and that no agent was there to miss.
func (o *Operations) result(ctx context.Context, s *session, asOf time.Time) (*result.Result, error) {
	at, err := o.at(asOf)
	if err != nil {
		return nil, err
	}
	res, err := s.judge.Result(ctx, at)
	if err != nil {
		return nil, err
	}
	return withRollback(res, s.Store), nil
}

// closed reports a gap that was seen fixed.
func closed(g result.Gap) bool { return g.State == result.FixedInSLA || g.State == result.FixedLate }

// notFound returns the error of a gap that is not there.
func notFound(res *result.Result, id string) error {
	var ids []string
	for _, g := range res.Gaps {
		ids = append(ids, g.ID)
	}
	return api.Errorf(api.NotFound, "there is no gap %s in this period%s; `evidenced gaps --all` lists them", id, Suggest(id, ids))
}
