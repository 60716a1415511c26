package roster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

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
	k := &keeper{file: s.cfg.File, columns: s.cfg.Columns}
	f, err := s.read(ctx, collectors.FileRead{Name: s.cfg.File, Shape: map[string]any{"columns": s.cfg.Columns}, Keep: k.keep})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.owner = f.Owner
	s.mu.Unlock()
	out.Page()
	out.Filter("file", fmt.Sprintf("%s, SHA-256 %s, %d bytes of %s", s.cfg.File, f.SHA256, f.Size, f.Modified.UTC().Format(time.RFC3339)))
	t, err := readTable(s.cfg, f.Text)
	if err != nil {
		return err
	}
	out.Filter("columns", t.columns())
	people, err := t.people()
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

// columns says which column of the file each field was read from.
func (t *table) columns() string {
	var said []string
	for _, f := range slices.Sorted(maps.Keys(t.at)) {
		said = append(said, f+" from "+t.column(f))
	}
	return strings.Join(said, ", ")
}
