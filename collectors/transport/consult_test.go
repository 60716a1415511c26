package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// connectedConfig is a configuration of a source that asks a directory.
type connectedConfig struct{ testConfig }

func (c *connectedConfig) Schemes() []string { return []string{"ldaps"} }

func oracle(t *testing.T, opt Options) *Source {
	t.Helper()
	cfg := &connectedConfig{testConfig{Token: testToken, hosts: []string{"dc:636"}}}
	spec := testSpec
	spec.Calls = []collectors.Call{{Name: "LDAP bind"}, {Name: "GET /things"}}
	d, err := newGateway(spec, cfg, opt, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return &Source{Spec: spec, Config: cfg, gateway: d}
}

func asked(s *Source, ctx context.Context, c collectors.Consultation) (string, []evidence.Exchange, error) {
	rec := &recorder{}
	text, err := s.gateway.consult(withRecorder(ctx, rec), c)
	return text, rec.exchanges(), err
}

func saying(text string, err error) collectors.Consultation {
	return collectors.Consultation{Call: "LDAP bind", URL: "ldaps://dc:636", Request: "as " + testToken, Ask: func(context.Context) (string, error) { return text, err }}
}

func TestConsult(t *testing.T) {
	s := oracle(t, Options{})
	text, xs, err := asked(s, t.Context(), saying(`{"password":"p","said":"x"}`, nil))
	if want := `{"password":"[redacted]","said":"x"}`; err != nil || text != want || len(xs) != 1 || xs[0].Body != want || xs[0].Request != "as [redacted]" || xs[0].Method != "LDAP" || !xs[0].Answered() {
		t.Fatalf("%s, %v, %+v", text, err, xs)
	}
	again, _, err := asked(oracle(t, Replay(xs)), t.Context(), saying("not asked", nil))
	if err != nil || again != text {
		t.Errorf("played back: %s, %v", again, err)
	}
}

func TestConsultRefused(t *testing.T) {
	s := oracle(t, Options{})
	for name, set := range map[string]func(*collectors.Consultation){
		"undeclared": func(c *collectors.Consultation) { c.Call = "LDAP search users" }, "another sort": func(c *collectors.Consultation) { c.Call = "GET /things" },
		"another host": func(c *collectors.Consultation) { c.URL = "ldaps://other:636" }, "another port": func(c *collectors.Consultation) { c.URL = "ldaps://dc:389" },
		"another scheme": func(c *collectors.Consultation) { c.URL = "ldap://dc:636" }, "a user": func(c *collectors.Consultation) { c.URL = "ldaps://me@dc:636" },
	} {
		c := saying("x", nil)
		set(&c)
		if _, xs, err := asked(s, t.Context(), c); !errors.Is(err, collectors.ErrForbidden) || len(xs) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.gateway.consult(t.Context(), saying("x", nil)); !errors.Is(err, collectors.ErrForbidden) {
		t.Errorf("outside of a capture: %v", err)
	}
}

func TestConsultTroubles(t *testing.T) {
	waits := saying("", nil)
	waits.Ask = func(ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() }
	for name, tt := range map[string]struct {
		c    collectors.Consultation
		want error
	}{
		"slow": {waits, collectors.ErrUnreachable}, "broken": {saying("", errors.New("reset")), collectors.ErrUnreachable}, "denied": {saying("", fmt.Errorf("%w: no", collectors.ErrDenied)), collectors.ErrDenied},
		"too long": {saying(strings.Repeat("x", 1001), nil), collectors.ErrIncomplete},
	} {
		s := oracle(t, Options{AttemptTimeout: 20 * time.Millisecond, MaxBody: 1000})
		_, xs, err := asked(s, t.Context(), tt.c)
		if !errors.Is(err, tt.want) || len(xs) != 1 || xs[0].Answered() || xs[0].Error == "" {
			t.Errorf("%s: %v, %+v", name, err, xs)
		}
		if _, _, err := asked(oracle(t, Replay(xs)), t.Context(), tt.c); !errors.Is(err, tt.want) {
			t.Errorf("%s, played back: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := asked(oracle(t, Options{}), ctx, waits); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
