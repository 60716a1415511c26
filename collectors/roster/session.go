package roster

import (
	"context"
	"fmt"
	"sync"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// collector implements collectors.Collector.
type collector struct {
	read func(context.Context, collectors.FileRead) (collectors.FileReply, error)
	cfg  *Config
}

// RootScope is the roster.
func (c *collector) RootScope() evidence.Scope { return scope }

// Scopes is the roster: there is one.
func (c *collector) Scopes([]evidence.Record) []evidence.Scope { return []evidence.Scope{scope} }

// Session needs no credential.
func (c *collector) Session(_ context.Context, s evidence.Scope) (collectors.Session, error) {
	if s != scope {
		return nil, fmt.Errorf("scope %q is not %q", s, scope)
	}
	return &session{collector: c}, nil
}

// session implements collectors.Session.
type session struct {
	*collector

	mu    sync.Mutex // guards owner
	owner string
}

// Principal is the owner of the file, once it was read.
func (s *session) Principal() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner == "" {
		return "local file"
	}
	return "local file of " + s.owner
}

// Collect reads the file.
func (s *session) Collect(ctx context.Context, kind evidence.Kind, _ evidence.Window, out *collectors.Output) error {
	if kind != kindPerson {
		return fmt.Errorf("kind %s is not read by roster", kind)
	}
	t, err := s.cfg.sheet().Read(ctx, s.read, out)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.owner = t.Owner
	s.mu.Unlock()
	people, err := people(s.cfg, t)
	if err != nil {
		return err
	}
	out.Total(len(people))
	for _, p := range people {
		if err := out.Emit(p); err != nil {
			return fmt.Errorf("%w: %w", collectors.ErrIncomplete, err)
		}
	}
	out.Scope(scope, nil)
	return nil
}
