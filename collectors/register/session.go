package register

import (
	"context"
	"fmt"
	"strings"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/sheet"
	"github.com/evidenced/evidenced/evidence"
)

// collector implements collectors.Collector.
type collector struct {
	door sheet.Door
	cfg  *Config
}

// RootScope is the registers.
func (c *collector) RootScope() evidence.Scope { return scope }

// Scopes is the registers: there is one place where they are kept.
func (c *collector) Scopes([]evidence.Record) []evidence.Scope { return []evidence.Scope{scope} }

// Session needs no credential.
func (c *collector) Session(_ context.Context, s evidence.Scope) (collectors.Session, error) {
	if s != scope {
		return nil, fmt.Errorf("scope %q is not %q", s, scope)
	}
	return session{c}, nil
}

// session implements collectors.Session.
type session struct{ *collector }

// Principal is the same for all files; whose each one is, its certificate says.
func (session) Principal() string { return "local files" }

// Collect reads the file of a register.
func (s session) Collect(ctx context.Context, kind evidence.Kind, _ evidence.Window, out *collectors.Output) error {
	if kind == kindFile {
		return s.collectFiles(out)
	}
	g, known := named(strings.TrimPrefix(string(kind), "register."))
	kept, configured := s.cfg.Registers[g.name]
	if !known || !configured {
		return fmt.Errorf("kind %s has no file under registers", kind)
	}
	t, err := s.cfg.sheet(g.name).Read(ctx, s.door, out)
	if err != nil {
		return err
	}
	if t.Owner != "" {
		out.Filter("owner", t.Owner)
	}
	all, err := g.records(t, kept.Values)
	if err != nil {
		return err
	}
	return emit(out, all)
}

// collectFiles tells which registers are kept. It reads none of them: that is
// what is configured, and a file that is broken hides no other.
func (s session) collectFiles(out *collectors.Output) error {
	var all []evidence.Record
	for _, g := range registers {
		kept, configured := s.cfg.Registers[g.name]
		if !configured {
			continue
		}
		a := collectors.Attributes{"register": g.name}
		a.Text("file", &kept.File)
		all = append(all, evidence.Record{ID: g.name, Name: kept.File, Attributes: a})
	}
	return emit(out, all)
}

func emit(out *collectors.Output, all []evidence.Record) error {
	out.Total(len(all))
	for _, r := range all {
		if err := out.Emit(r); err != nil {
			return fmt.Errorf("%w: %w", collectors.ErrIncomplete, err)
		}
	}
	out.Scope(scope, nil)
	return nil
}
