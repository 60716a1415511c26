package rest

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// collector implements collectors.Collector.
type collector struct {
	def             *Definition
	cfg             *Config
	env             collectors.Env
	auth            *auth
	unauthenticated error
}

// RootScope is the tenant.
func (c *collector) RootScope() evidence.Scope { return evidence.Scope(c.cfg.scope()) }

// Scopes is the tenant: everything is read from it.
func (c *collector) Scopes([]evidence.Record) []evidence.Scope {
	return []evidence.Scope{c.RootScope()}
}

// Session signs in and asks which tenant it is, and who asks.
func (c *collector) Session(ctx context.Context, scope evidence.Scope) (collectors.Session, error) {
	if scope != c.RootScope() {
		return nil, fmt.Errorf("scope %q is not %q", scope, c.RootScope())
	}
	if !c.env.Offline {
		if c.unauthenticated != nil {
			return nil, c.unauthenticated
		}
		if err := c.auth.check(c.cfg); err != nil {
			return nil, err
		}
	}
	settings := map[string]any{}
	for name, v := range c.cfg.settings {
		if v != "" {
			settings[name] = v
		}
	}
	s := &session{collector: c, vars: map[string]any{"settings": settings}}
	if err := s.introduce(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// introduce asks which tenant it is, and who asks.
func (s *session) introduce(ctx context.Context) error {
	a := s.def.Account
	doc, _, err := s.ask(ctx, &a.Request, question{env: s.vars})
	if err != nil {
		return err
	}
	s.vars["account"] = doc
	asked := &a.Request
	if a.Who != nil {
		asked = a.Who
		if doc, _, err = s.ask(ctx, a.Who, question{env: s.vars}); err != nil {
			return err
		}
	}
	if s.principal, err = a.Principal.textOf(ctx, doc, s.vars); err != nil {
		return err
	}
	if s.principal == "" {
		return collectors.Incomplete("%s does not say who asks", asked.Call.name)
	}
	return nil
}

// session implements collectors.Session.
type session struct {
	*collector
	vars      map[string]any
	principal string

	mu      sync.Mutex // guards token and expires
	token   string
	expires time.Time // zero: it does not end
}

// Principal is who asks, in the source's own words.
func (s *session) Principal() string { return s.principal }

// Collect reads one kind.
func (s *session) Collect(ctx context.Context, name evidence.Kind, w evidence.Window, out *collectors.Output) error {
	if string(name) == s.def.Account.Kind {
		return s.collectAccount(ctx, out)
	}
	for _, k := range s.def.Kinds {
		if k.Kind == string(name) {
			r := &reader{session: s, kind: k, window: w, out: out}
			return r.read(ctx)
		}
	}
	return fmt.Errorf("kind %s is not read by %s", name, s.def.Name)
}

// collectAccount makes the root record of what the session has read. Its name
// is the scope of all other streams.
func (s *session) collectAccount(ctx context.Context, out *collectors.Output) error {
	a := s.def.Account
	out.Page()
	rec, err := s.record(ctx, a.facts(), s.vars["account"], s.vars)
	if err != nil {
		return err
	}
	rec.Name = string(s.RootScope())
	return out.Emit(rec)
}

// facts is what makes a record of a row.
type facts struct {
	id, name, time *expression
	attributes     map[string]*expression
	required       []string
}

func (a *account) facts() facts {
	return facts{id: a.ID, attributes: a.Attributes, required: a.Required}
}

func (k *kind) facts() facts { return facts{k.ID, k.Name, k.Time, k.Attributes, k.Required} }

// record makes a record. What the row does not say is absent from it.
func (s *session) record(ctx context.Context, f facts, row any, env map[string]any) (r evidence.Record, err error) {
	if r.ID, err = f.id.textOf(ctx, row, env); err != nil {
		return r, err
	}
	if r.ID == "" {
		return r, collectors.Incomplete("a row has no %s, which is its id", f.id.text)
	}
	if r.Name, err = f.name.textOf(ctx, row, env); err != nil {
		return r, err
	}
	if r.Name == "" {
		r.Name = r.ID
	}
	if r.Effective, err = f.effective(ctx, row, env); err != nil {
		return r, err
	}
	r.Attributes = map[string]any{}
	for _, name := range names(f.attributes) {
		v, err := f.attributes[name].one(ctx, row, env)
		if err == nil {
			v, err = plain(v)
		}
		if err != nil {
			return r, fmt.Errorf("%s of %q: %w", name, r.ID, err)
		}
		if v != nil && v != "" { // an empty text says nothing either
			r.Attributes[name] = v
		}
	}
	for _, name := range f.required {
		if _, present := r.Attributes[name]; !present {
			return r, collectors.Incomplete("%q has no %s (%s): the source has changed, or hides it from us", r.ID, name, f.attributes[name].text)
		}
	}
	return r, nil
}

// effective returns the source's own time of a row.
func (f facts) effective(ctx context.Context, row any, env map[string]any) (*time.Time, error) {
	text, err := f.time.textOf(ctx, row, env)
	if err != nil || text == "" {
		return nil, err
	}
	stamp, ok := timeOf(text).(string)
	if !ok {
		return nil, collectors.Incomplete("%s is %.40q, which is not a time", f.time.text, text)
	}
	t, err := time.Parse(time.RFC3339, stamp)
	return &t, err
}

// reader reads one kind in one window.
type reader struct {
	*session
	kind   *kind
	window evidence.Window
	out    *collectors.Output
}

// read reads the tables, then the rows.
func (r *reader) read(ctx context.Context) error {
	env := maps.Clone(r.vars)
	for _, name := range names(r.kind.Tables) {
		rows, err := r.gather(ctx, r.kind.Tables[name], nil, env)
		if err != nil {
			return err
		}
		env[name] = rows
	}
	for _, l := range r.kind.Read {
		if err := r.walk(ctx, l, nil, env, r.emit); err != nil {
			return err
		}
	}
	return nil
}

// emit makes a record of a row; an event of another window is none of this one.
func (r *reader) emit(ctx context.Context, row any, env map[string]any) error {
	rec, err := r.record(ctx, r.kind.facts(), row, env)
	if err != nil {
		return err
	}
	if r.kind.Events != nil {
		if rec.Effective == nil {
			return collectors.Incomplete("event %q has no time (%s)", rec.ID, r.kind.Time.text)
		}
		if rec.Effective.Before(r.window.From) || !rec.Effective.Before(r.window.To) {
			return nil
		}
	}
	return r.out.Emit(rec)
}
