package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/evidenced/evidenced/cloud/aws"
	"github.com/evidenced/evidenced/cloud/gcp"
	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/all"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/schedule"
	"github.com/evidenced/evidenced/store"
)

// load reads the configuration.
func (a *app) load() (*config.Config, error) {
	if a.host != nil {
		c := *a.host.config
		return &c, nil
	}
	specs, err := a.specs()
	if err != nil {
		return nil, err
	}
	return config.Reader{Specs: specs, Checks: []config.Check{fires}, Vault: vault, Spare: !a.collects}.Load(a.config)
}

// vaultTime bounds how long a secret manager may take.
const vaultTime = 15 * time.Second

// vault asks a secret manager, with the credential that the host, the task or the pod has.
func vault(scheme, name string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), vaultTime)
	defer cancel()
	if scheme == "gcp-secret" {
		return gcp.NewSecrets().Get(ctx, name)
	}
	m, err := aws.NewSecrets(ctx)
	if err != nil {
		return "", err
	}
	return m.Get(ctx, name)
}

// specs are the sources that are known: ours, and those that the configuration's
// folder of definitions describes.
func (a *app) specs() ([]collectors.Spec, error) {
	folder := config.Definitions(a.config)
	if folder == "" {
		return all.Specs(), nil
	}
	specs, err := all.With(folder)
	if err != nil {
		return nil, usageError{err}
	}
	return specs, nil
}

// fires checks that the schedules of a source are such.
func fires(c collectors.Config) error {
	_, _, err := schedule.Specs(c.Base())
	return err
}

// logger writes warnings for a person to standard error.
func (a *app) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// sources opens every configured source.
func sources(c *config.Config, o transport.Options, log *slog.Logger) (out []*transport.Source, err error) {
	for _, s := range c.Sources {
		opened, err := transport.Open(s.Spec, s.Config, o, log)
		if err != nil {
			return nil, err
		}
		out = append(out, opened)
	}
	return out, nil
}

// reading opens the store to read it.
func reading(c *config.Config) (*store.Store, error) {
	seal, err := sealer(c.Store.Encryption)
	if err != nil {
		return nil, err
	}
	return store.Open(c.Store.Path, store.Options{Seal: seal})
}

// opened gives the configuration and the store, to read it.
func (a *app) opened() (*config.Config, *store.Store, error) {
	if a.host != nil {
		c, s, _ := a.host.lend()
		return c, s, nil
	}
	c, err := a.load()
	if err != nil {
		return nil, nil, err
	}
	s, err := reading(c)
	return c, s, err
}

// amending gives the configuration and the store, to append to what it holds:
// one that does not exist is not made.
func (a *app) amending() (*config.Config, *store.Store, error) {
	c, err := a.load()
	if err != nil {
		return nil, nil, err
	}
	if !exists(c.Store.Path) {
		_, err := reading(c) // says that there is none
		return nil, nil, err
	}
	s, err := a.writing(c, store.Options{})
	return c, s, err
}

// writing opens the store to append to it. The signing key must be there; only
// for a store that does not exist yet is one made.
func (a *app) writing(c *config.Config, o store.Options) (*store.Store, error) {
	s, _, err := a.signing(c, o)
	return s, err
}

// signing is writing, for who needs the key as well. It finishes a change of
// the key that was interrupted once the log had it. The configuration says what
// seals the store, if o does not.
func (a *app) signing(c *config.Config, o store.Options) (s *store.Store, key *store.Key, err error) {
	if a.host != nil {
		_, s, key = a.host.lend()
		return s, key, nil
	}
	if o.Seal == nil {
		if o.Seal, err = sealer(c.Store.Encryption); err != nil {
			return nil, nil, err
		}
	}
	if o.Key, err = signingKey(c); err != nil {
		return nil, nil, err
	}
	s, err = store.Open(c.Store.Path, o)
	if !errors.Is(err, store.ErrWrongKey) || c.Store.KeyText != "" || !exists(nextKey(c)) {
		return s, o.Key, err
	}
	return a.finishRotation(c, o, err)
}

// declare appends the configuration and the catalogue in force, if they are
// not those that the log holds already.
func declare(ctx context.Context, s *store.Store, c *config.Config, cat *gap.Catalogue) error {
	text, err := c.Redacted()
	if err != nil {
		return err
	}
	want := map[evidence.EntryType]any{
		evidence.EntryConfig:    map[string]any{"yaml": string(text), "digest": evidence.HashOf(text).String()},
		evidence.EntryCatalogue: map[string]any{"digest": cat.Digest().String()},
	}
	have := map[evidence.EntryType]json.RawMessage{}
	for e, err := range s.Entries(0) {
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		have[e.Type] = e.Body
	}
	return s.Append(ctx, func(w evidence.Writer) error {
		for _, t := range []evidence.EntryType{evidence.EntryConfig, evidence.EntryCatalogue} {
			body, err := evidence.Canonical(want[t])
			if err != nil {
				return err
			}
			if bytes.Equal(body, have[t]) {
				continue
			}
			if _, err := w.Entry(evidence.Entry{Type: t, Body: body}); err != nil {
				return err
			}
		}
		return nil
	})
}

// period gives the engine's period of a configuration.
func period(c *config.Config) gap.Period { return gap.Period{From: c.Period.From, To: c.Period.To} }

// rootKinds names, per source, the kind whose records are its scopes.
func rootKinds(c *config.Config) map[string]evidence.Kind {
	m := map[string]evidence.Kind{}
	for _, s := range c.Sources {
		m[s.Spec.Name] = s.Spec.Root
	}
	return m
}

// evaluate judges the whole log as it stood at the time the command speaks of,
// and the slots that were due by then but that no agent was there to miss.
func (a *app) evaluate(ctx context.Context, c *config.Config, s *store.Store) (*gap.Result, error) {
	if res, ok, err := a.live(); ok {
		return res, err
	}
	r, err := ledger(c, s, nil)
	if err != nil {
		return nil, err
	}
	return a.judge(ctx, c, withSilence{s, r.Outstanding(a.at(), c.Period.To)})
}

// judge judges evidence as of the time that the command speaks of.
func (a *app) judge(ctx context.Context, c *config.Config, e judged) (*gap.Result, error) {
	cat, err := catalogue(c)
	if err != nil {
		return nil, err
	}
	acts, err := evidence.Acts(e.Entries(0))
	if err != nil {
		return nil, err
	}
	return gap.Evaluate(ctx, cat, e, period(c), a.at(), gap.WithRoots(rootKinds(c)), gap.WithActs(acts))
}

// catalogue gives the controls that a configuration asks for: ours with its own
// laid over them, in its categories.
func catalogue(c *config.Config) (*gap.Catalogue, error) {
	load := gap.Default
	if c.Catalogue != "" {
		own, err := config.Folder(c.Catalogue)
		if err != nil {
			return nil, usageError{fmt.Errorf("catalogue %s: %w", c.Catalogue, err)}
		}
		load = func() (*gap.Catalogue, error) { return gap.LoadOver(own) }
	}
	cat, err := load()
	if err != nil {
		return nil, usageError{fmt.Errorf("in folder %s: %w", c.Catalogue, err)}
	}
	return cat.For(c.Period.Criteria), nil
}

// judged is a log as it is judged: its evidence, and what people did.
type judged interface {
	gap.Evidence
	Entries(from uint64) iter.Seq2[evidence.Entry, error]
}

// ledger opens the slot ledger of the store without any credential. Only with
// a log can it be settled.
func ledger(c *config.Config, s *store.Store, log evidence.Log) (*schedule.Runner, error) {
	srcs, err := sources(c, transport.Options{Offline: true}, nil)
	if err != nil {
		return nil, err
	}
	return schedule.New(srcs, log, s, schedule.Options{Begin: c.Period.From})
}

// withSilence is a log, followed by the slots that it does not tell of.
type withSilence struct {
	*store.Store
	missed []evidence.Run
}

// Runs implements gap.Evidence.
func (w withSilence) Runs() iter.Seq2[evidence.Run, error] {
	return func(yield func(evidence.Run, error) bool) {
		for r, err := range w.Store.Runs() {
			if !yield(r, err) || err != nil {
				return
			}
		}
		for _, r := range w.missed {
			if !yield(r, nil) {
				return
			}
		}
	}
}
