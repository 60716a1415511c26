package transport

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// Visit is one session for one scope. Its captures may run concurrently.
type Visit struct {
	source  *Source
	scope   evidence.Scope
	session collectors.Session
	err     error
	rec     recorder

	mu     sync.Mutex // guards shared
	shared map[string]*shared
}

// Snapshot is the result of one capture.
type Snapshot struct {
	Certificate evidence.Certificate
	// Records in canonical order. If Err is not nil they are what was read before.
	Records []evidence.Record
	// Exchanges of the session and of the capture, in canonical order.
	Exchanges []evidence.Exchange
	// Err is why the snapshot is not complete; nil means that it is.
	Err error
}

// Visit opens a session for scope. It never fails: if the session cannot be
// opened, every capture has that error, with the exchanges that led to it.
func (s *Source) Visit(ctx context.Context, scope evidence.Scope) *Visit {
	v := &Visit{source: s, scope: scope}
	v.session, v.err = withDeadline(ctx, func() (collectors.Session, error) { return s.collector.Session(withRecorder(ctx, &v.rec), scope) })
	switch {
	case v.err == nil && v.session == nil:
		v.err = fmt.Errorf("opening a session for %s: the collector gave none", scope)
	case v.err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		v.err = fmt.Errorf("%w: timeout: opening a session for %s took too long: %w", collectors.ErrUnreachable, scope, v.err)
	case v.err != nil:
		v.err = fmt.Errorf("opening a session for %s: %w", scope, v.err)
	}
	return v
}

// Capture reads one kind, whole, into a snapshot. The window is zero for state kinds.
func (v *Visit) Capture(ctx context.Context, kind evidence.Kind, w evidence.Window) Snapshot {
	now := v.source.gateway.opt.Now
	rec, out := &recorder{}, collectors.NewOutput(kind)
	started := now()
	err := v.collect(collectors.WithSharer(withRecorder(ctx, rec), v), kind, w, out)
	ended := now()
	if errors.Is(err, errAbandoned) {
		out = collectors.NewOutput(kind) // the other may still be written to
	}

	read, err := v.finish(out, err)
	xs := slices.Concat(v.rec.exchanges(), rec.exchanges())
	evidence.SortExchanges(xs)
	s := Snapshot{Records: read.Records, Exchanges: xs, Err: v.source.gateway.redact.err(err)}
	s.Certificate = v.certificate(read, s)
	s.Certificate.Started, s.Certificate.Ended = started, ended
	if s.Certificate.Window = read.Window(w); s.Certificate.Window != nil {
		k, _ := v.source.Spec.Kind(kind)
		s.Certificate.KeptDays = int(k.Kept.Hours() / 24)
	}
	return s
}

func (v *Visit) collect(ctx context.Context, kind evidence.Kind, w evidence.Window, out *collectors.Output) error {
	if v.err != nil {
		return v.err
	}
	if _, ok := v.source.Spec.Kind(kind); !ok {
		return fmt.Errorf("source %s does not know the kind %s", v.source.Spec.Name, kind)
	}
	_, err := withDeadline(ctx, func() (struct{}, error) { return struct{}{}, v.session.Collect(ctx, kind, w, out) })
	return err
}

// finish checks what was read. It makes the scopes in out agree with the
// error: an error without an unread scope makes the whole stream's scope unread.
func (v *Visit) finish(out *collectors.Output, err error) (collectors.Reading, error) {
	read := out.Reading()
	read.Records = v.source.gateway.redact.cleanRecords(read.Records)
	if dup := evidence.SortRecords(read.Records); err == nil && dup != nil {
		err = fmt.Errorf("%w: %w", collectors.ErrIncomplete, dup)
	}
	if n := read.Total; err == nil && n != nil && *n != len(read.Records) {
		err = collectors.Incomplete("source says %d, read %d", *n, len(read.Records))
	}
	unread := slices.IndexFunc(read.Scopes, func(s evidence.ScopeResult) bool { return s.Status.Unread() })
	switch {
	case err == nil && unread >= 0:
		err = unreadError(read.Scopes[unread])
	case err != nil && unread < 0, len(read.Scopes) == 0:
		out.Scope(v.scope, err)
		read.Scopes = out.Reading().Scopes
	}
	return read, err
}

// cleanRecords returns the records without known secrets. It changes lists and
// maps in place.
func (r *redactor) cleanRecords(records []evidence.Record) []evidence.Record {
	for i := range records {
		rec := &records[i]
		rec.ID, rec.Name = r.text(rec.ID), r.text(rec.Name)
		r.value(rec.Attributes)
	}
	return records
}

// unreadError is the error of a collector that named an unread scope and yet returned nil.
func unreadError(s evidence.ScopeResult) error {
	if class := collectors.ErrorOf(s.Reason.Class); class != nil {
		return fmt.Errorf("%w: scope %s not read: %s", class, s.Scope, s.Reason.Detail)
	}
	return fmt.Errorf("scope %s not read: %s", s.Scope, s.Reason.Detail)
}

// certificate states what was asked and what came. Times and window are set by Capture.
func (v *Visit) certificate(read collectors.Reading, s Snapshot) evidence.Certificate {
	d := v.source.gateway
	c := evidence.Certificate{
		Complete: s.Err == nil, Scopes: read.Scopes,
		Pages: read.Pages, Rows: len(s.Records), Requests: len(s.Exchanges), Total: read.Total, Mark: read.Mark,
		Redactions: redactions(s.Exchanges), Endpoints: endpoints(s.Exchanges),
		ClockOffsetMS: clockOffset(s.Exchanges), Schema: schema(s.Records),
		Collector: fmt.Sprintf("%s/%d", v.source.Spec.Name, v.source.Spec.Version), Rules: v.source.rules,
	}
	for _, sc := range c.Scopes {
		if sc.Reason != nil {
			sc.Reason.Detail = d.redact.text(sc.Reason.Detail)
		}
	}
	if len(read.Filters) > 0 {
		c.Filters = read.Filters
	}
	if v.session != nil {
		c.Principal = d.redact.text(v.session.Principal())
	}
	return c
}

// concealed is an error whose text was cleaned of secrets.
type concealed struct {
	text string
	err  error
}

func (c concealed) Error() string { return c.text }
func (c concealed) Unwrap() error { return c.err }

func (r *redactor) err(err error) error {
	if err == nil {
		return nil
	}
	text := r.text(err.Error())
	if text == err.Error() {
		return err
	}
	return concealed{text, err}
}
