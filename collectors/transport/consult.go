package transport

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// The door's fourth entrance asks a server that does not speak HTTP: a
// directory. The collector does the asking, and decides what of it is kept; the
// door holds it to the declared calls and hosts, bounds it in bytes and time,
// records it, and answers from a recording instead.

// consult implements Env.Consult.
func (g *gateway) consult(ctx context.Context, c collectors.Consultation) (string, error) {
	x, rec, err := g.admitConsultation(ctx, c)
	if err != nil {
		return "", err
	}
	if err := g.limits.acquire(ctx, x.URL); err != nil {
		return "", fmt.Errorf("waiting to ask %s: %w", x.URL, err)
	}
	defer g.limits.release(x.URL, false)
	x.Started = g.opt.Now()
	text, err := g.askWithin(ctx, x, c)
	x.Ended = g.opt.Now()
	if err = g.classifyConsultationError(ctx, c, err); err != nil {
		x.Error = g.redact.text(err.Error())
		rec.add(x)
		return "", err
	}
	done := 0
	kept, removed := g.redact.body("application/json", []byte(text))
	x.Exit, x.Body, x.Redacted = &done, strings.ToValidUTF8(string(kept), "\uFFFD"), removed
	rec.add(x)
	g.log.Debug("asked", "call", c.Call, "url", x.URL)
	return x.Body, nil
}

// admitConsultation returns the exchange as far as it is known before the answer.
func (g *gateway) admitConsultation(ctx context.Context, c collectors.Consultation) (x evidence.Exchange, rec *recorder, err error) {
	if rec = recorderOf(ctx); rec == nil {
		return x, nil, fmt.Errorf("%w: %s outside of a capture", collectors.ErrForbidden, c.Call)
	}
	if err := rec.room(g.opt.MaxCapture); err != nil {
		return x, nil, fmt.Errorf("%w: %w", collectors.ErrIncomplete, err)
	}
	if !g.consultations[c.Call] {
		return x, nil, fmt.Errorf("%w: %.100q is not a declared call", collectors.ErrForbidden, c.Call)
	}
	if err := g.admitServer(c.URL); err != nil {
		return x, nil, err
	}
	x.Scope = collectors.ScopeFromContext(ctx)
	x.Call, x.Method, x.URL, x.Request, x.Attempt = c.Call, strings.TrimSpace(collectors.DirectoryCall), c.URL, g.redact.text(c.Request), 1
	return x, rec, nil
}

// admitServer allows known hosts by known schemes.
func (g *gateway) admitServer(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Host == "" || u.RawQuery != "" {
		return fmt.Errorf("%w: the address %.100q", collectors.ErrForbidden, address)
	}
	for _, s := range g.schemes {
		for _, h := range g.hosts {
			if u.Scheme == s && strings.EqualFold(h, u.Host) {
				return nil
			}
		}
	}
	return fmt.Errorf("%w: %s is not one of %s", collectors.ErrForbidden, u.Redacted(), strings.Join(firstFew(g.hosts), ", "))
}

func (g *gateway) askWithin(ctx context.Context, x evidence.Exchange, c collectors.Consultation) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, requestKey{}, x), g.opt.AttemptTimeout)
	defer cancel()
	text, err := g.opt.Consult(ctx, c)
	if err == nil && int64(len(text)) > g.opt.MaxBody {
		err = fmt.Errorf("%w: over %d bytes", errTooLong, g.opt.MaxBody)
	}
	if err == nil {
		err = withinBudget([]byte(text))
	}
	return text, err
}

func (g *gateway) classifyConsultationError(ctx context.Context, c collectors.Consultation, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", c.Call, ctx.Err())
	case collectors.Classified(err) && !errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, errTooLong), errors.Is(err, errTooMuch):
		return fmt.Errorf("%w: %s: %w", collectors.ErrIncomplete, c.Call, err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %s: no answer within %s", collectors.ErrUnreachable, c.Call, g.opt.AttemptTimeout.Round(time.Second))
	}
	return fmt.Errorf("%w: %s: %w", collectors.ErrUnreachable, c.Call, err)
}

// askServer is what a door does whose options name nothing else.
func askServer(ctx context.Context, c collectors.Consultation) (string, error) { return c.Ask(ctx) }

// consult answers for a server.
func (p *recording) consult(ctx context.Context, _ collectors.Consultation) (string, error) {
	x, err := p.next(ctx)
	switch {
	case err != nil:
		return "", err
	case x.Exit == nil:
		return "", collectors.ParseError(x.Error)
	}
	return x.Body, nil
}
