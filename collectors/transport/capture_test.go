package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// twoPages serves three things on two pages.
func twoPages(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", "Wed, 01 Jul 2026 05:59:57 GMT")
	if r.URL.Query().Get("page") == "" {
		_, _ = io.WriteString(w, `{"things":[{"id":"2","name":"b"},{"id":"1","name":"a"}],"next":"p2","password":"hunter2"}`)
		return
	}
	_, _ = io.WriteString(w, `{"things":[{"id":"3","name":"`+strings.ReplaceAll(testToken, `"`, `\"`)+`"}]}`)
}

func TestCaptureComplete(t *testing.T) {
	r := newRig(t, twoPages, func(c *testConfig, _ *Options) {
		c.session = func(ctx context.Context, env collectors.Env) error {
			_, err := get(ctx, env, ctx.Value(endpointKey{}).(string)+"/whoami")
			return err
		}
	})
	s := r.capture(t)
	if s.Err != nil {
		t.Fatal(s.Err)
	}
	offset := int64(3000)
	same(t, s.Certificate, evidence.Certificate{
		Complete: true, Scopes: []evidence.ScopeResult{{Scope: "acme", Status: evidence.ScopeRead}},
		Pages: 2, Rows: 3, Requests: 3, Redactions: []string{"credential", "password"}, Principal: "reader",
		Endpoints: []string{strings.TrimPrefix(r.url, "http://")}, Started: r.clock.now, Ended: r.clock.now,
		ClockOffsetMS: &offset, Schema: schema(s.Records), Collector: "test/3", Rules: r.rules,
	})
	var names []string
	for _, rec := range s.Records {
		names = append(names, rec.ID+rec.Name)
	}
	if !slices.Equal(names, []string{"1a", "2b", "3[redacted]"}) {
		t.Errorf("records %v: want them sorted, and without the credential that the source echoed", names)
	}
	if s.Exchanges[2].Call != "GET /whoami" || len(s.Exchanges) != 3 {
		t.Errorf("exchanges %v, want the session's too", s.Exchanges)
	}
	noToken(t, s)
}

// noToken fails if anything of the snapshot holds the token.
func noToken(t *testing.T, s Snapshot) {
	t.Helper()
	b, err := evidence.Canonical(s.Exchanges)
	if err != nil {
		t.Fatal(err)
	}
	c, err := evidence.Canonical(s.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range secretForms(testToken) {
		if strings.Contains(string(b)+string(c)+fmt.Sprint(s.Err), form) {
			t.Errorf("the token is stored as %q", form)
		}
	}
}

// collectWith captures with a collect function and a server that answers {}.
func collectWith(t *testing.T, f func(ctx context.Context, out *collectors.Output) error) Snapshot {
	t.Helper()
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) }, func(c *testConfig, _ *Options) {
		c.collect = func(ctx context.Context, _ collectors.Env, _ evidence.Kind, out *collectors.Output) error {
			return f(ctx, out)
		}
	})
	return r.capture(t)
}

func emit(out *collectors.Output, scope evidence.Scope, ids ...string) error {
	for _, id := range ids {
		if err := out.Emit(evidence.Record{ID: id, Scope: scope, Attributes: map[string]any{"id": id}}); err != nil {
			return err
		}
	}
	return nil
}

func TestCaptureIncomplete(t *testing.T) {
	denied := fmt.Errorf("%w: by the test", collectors.ErrDenied)
	tests := []struct {
		name    string
		collect func(ctx context.Context, out *collectors.Output) error
		want    error
		class   evidence.Class // of the first unread scope
		scopes  string
		rows    int
	}{
		{"error", func(_ context.Context, out *collectors.Output) error { return errors.Join(emit(out, "", "1"), denied) }, collectors.ErrDenied, evidence.Denied, "acme:denied", 1},
		{"total", func(_ context.Context, out *collectors.Output) error { out.Total(3); return emit(out, "", "1", "2") }, collectors.ErrIncomplete, evidence.Incomplete, "acme:failed", 2},
		{"duplicate", func(_ context.Context, out *collectors.Output) error { return emit(out, "", "1", "1") }, collectors.ErrIncomplete, evidence.Incomplete, "acme:failed", 2},
		{"unread scope and nil", func(_ context.Context, out *collectors.Output) error {
			out.Scope("acme/a", nil)
			out.Scope("acme/b", denied)
			return emit(out, "acme/a", "1")
		}, collectors.ErrDenied, evidence.Denied, "acme/a:read acme/b:denied", 1},
		{"error without an unread scope", func(_ context.Context, out *collectors.Output) error {
			out.Scope("acme/a", nil)
			return collectors.Incomplete("the listing ended early")
		}, collectors.ErrIncomplete, evidence.Incomplete, "acme:failed acme/a:read", 0},
		{"each scope", func(ctx context.Context, out *collectors.Output) error {
			return out.EachScope(ctx, []evidence.Scope{"acme/a", "acme/b", "acme/c"}, 2, func(_ context.Context, s evidence.Scope) error {
				switch s {
				case "acme/b":
					return denied
				case "acme/c":
					panic("a bad answer")
				}
				return emit(out, s, "1")
			})
		}, collectors.ErrDenied, evidence.Denied, "acme/a:read acme/b:denied acme/c:failed", 1},
		{"page loop", func(ctx context.Context, out *collectors.Output) error {
			return out.Pages(ctx, func(context.Context, string) (string, error) { return "again", nil })
		}, collectors.ErrIncomplete, evidence.Incomplete, "acme:failed", 0},
		{"panic", func(context.Context, *collectors.Output) error { panic("a bad answer") }, nil, evidence.Internal, "acme:failed", 0},
		{"secret in an error", func(context.Context, *collectors.Output) error { return collectors.Incomplete("saw %s", testToken) }, collectors.ErrIncomplete, evidence.Incomplete, "acme:failed", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := collectWith(t, tt.collect)
			if s.Err == nil || tt.want != nil && !errors.Is(s.Err, tt.want) {
				t.Errorf("error %v, want %v", s.Err, tt.want)
			}
			c := s.Certificate
			var scopes []string
			for _, sc := range c.Scopes {
				scopes = append(scopes, string(sc.Scope)+":"+string(sc.Status))
			}
			if got := strings.Join(scopes, " "); c.Complete || got != tt.scopes || c.Rows != tt.rows || len(s.Records) != tt.rows {
				t.Errorf("complete %v, scopes %s, rows %d; want %s, %d", c.Complete, got, c.Rows, tt.scopes, tt.rows)
			}
			if i := slices.IndexFunc(c.Scopes, func(r evidence.ScopeResult) bool { return r.Status != evidence.ScopeRead }); c.Scopes[i].Reason.Class != tt.class {
				t.Errorf("reason %v, want class %s", c.Scopes[i].Reason, tt.class)
			}
			noToken(t, s)
		})
	}
}

func TestCaptureTotalMet(t *testing.T) {
	s := collectWith(t, func(_ context.Context, out *collectors.Output) error {
		out.Total(1)
		out.Filter("state", "closed")
		return emit(out, "", "1")
	})
	if s.Err != nil || *s.Certificate.Total != 1 || s.Certificate.Filters["state"] != "closed" {
		t.Errorf("error %v, certificate %+v", s.Err, s.Certificate)
	}
}

func TestCaptureUnknownKind(t *testing.T) {
	r := newRig(t, twoPages)
	s := r.Visit(t.Context(), "acme").Capture(t.Context(), "test.other", evidence.Window{})
	if s.Err == nil || len(s.Exchanges) != 0 {
		t.Errorf("error %v, %d exchanges", s.Err, len(s.Exchanges))
	}
}

func TestCaptureKeepsWindow(t *testing.T) {
	r := newRig(t, twoPages)
	w := evidence.Window{From: r.clock.now.Add(-time.Hour), To: r.clock.now}
	ctx := context.WithValue(t.Context(), endpointKey{}, r.url)
	if s := r.Visit(ctx, "acme").Capture(ctx, "test.thing", w); s.Certificate.Window == nil || *s.Certificate.Window != w {
		t.Errorf("window %v", s.Certificate.Window)
	}
}

func TestVisitWithoutSession(t *testing.T) {
	for name, session := range map[string]func(ctx context.Context, env collectors.Env) error{
		"refused": func(ctx context.Context, env collectors.Env) error {
			resp, err := get(ctx, env, ctx.Value(endpointKey{}).(string)+"/whoami")
			if err == nil {
				err = fmt.Errorf("%w: status %d", collectors.ErrUnauthenticated, resp.StatusCode)
			}
			return err
		},
		"panic": func(ctx context.Context, env collectors.Env) error {
			_, _ = get(ctx, env, ctx.Value(endpointKey{}).(string)+"/whoami")
			panic("no session")
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) },
				func(c *testConfig, _ *Options) { c.session = session })
			ctx := context.WithValue(t.Context(), endpointKey{}, r.url)
			v := r.Visit(ctx, "acme")
			for _, kind := range []evidence.Kind{"test.org", "test.thing"} {
				s := v.Capture(ctx, kind, evidence.Window{})
				if s.Err == nil || s.Certificate.Complete || len(s.Exchanges) != 1 || s.Certificate.Requests != 1 || len(s.Certificate.Scopes) != 1 {
					t.Errorf("%s: error %v, certificate %+v", kind, s.Err, s.Certificate)
				}
			}
		})
	}
}

func TestCapturesDoNotMix(t *testing.T) {
	r := newRig(t, twoPages)
	ctx := context.WithValue(t.Context(), endpointKey{}, r.url)
	v := r.Visit(ctx, "acme")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if s := v.Capture(ctx, "test.thing", evidence.Window{}); s.Err != nil || len(s.Exchanges) != 2 || len(s.Records) != 3 {
				t.Errorf("error %v, %d exchanges, %d records", s.Err, len(s.Exchanges), len(s.Records))
			}
		})
	}
	wg.Wait()
}

// TestPanicGivesTheTurnBack: a transport that panics ends its capture only.
func TestPanicGivesTheTurnBack(t *testing.T) {
	r := newRig(t, twoPages, func(_ *testConfig, o *Options) {
		o.Concurrency, o.Base = 1, panicking{}
	})
	for range 2 {
		if s := r.capture(t); s.Err == nil || collectors.ReasonOf(s.Err).Class != evidence.Internal {
			t.Errorf("error %v", s.Err)
		}
	}
}

type panicking struct{}

func (panicking) RoundTrip(*http.Request) (*http.Response, error) { panic("a bad transport") }

func TestConcealLater(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"x":"session-token-1"}`) },
		func(c *testConfig, _ *Options) {
			c.session = func(_ context.Context, env collectors.Env) error {
				env.Conceal("session-token-1", time.Time{})
				return nil
			}
		})
	if s := r.capture(t); s.Err != nil || s.Exchanges[0].Body != `{"x":"[redacted]"}` {
		t.Errorf("error %v, exchanges %v", s.Err, s.Exchanges)
	}
}

func TestReplay(t *testing.T) {
	var n atomic.Int64
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		switch n.Add(1) {
		case 1:
			w.WriteHeader(503)
		case 2:
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"things":[`)
		default:
			twoPages(w, r)
		}
	})
	first := r.capture(t)
	if first.Err != nil || len(first.Exchanges) != 4 {
		t.Fatalf("error %v, %d exchanges", first.Err, len(first.Exchanges))
	}
	again := &rig{url: r.url}
	var err error
	if again.Source, err = Open(testSpec, r.cfg, Replay(first.Exchanges), nil); err != nil {
		t.Fatal(err)
	}
	second := again.capture(t)
	if second.Err != nil {
		t.Fatal(second.Err)
	}
	same(t, second.Records, first.Records)
	if third := again.capture(t); !errors.Is(third.Err, collectors.ErrIncomplete) {
		t.Errorf("a recording that is used up gives %v", third.Err)
	}
}

func TestClockOffset(t *testing.T) {
	at := time.Date(2026, 7, 1, 6, 0, 0, 0, time.UTC)
	x := func(ended time.Time, date string) evidence.Exchange {
		return evidence.Exchange{Ended: ended, Header: map[string]string{"Date": date}}
	}
	const date = "Wed, 01 Jul 2026 06:00:00 GMT"
	got := clockOffset([]evidence.Exchange{x(at.Add(time.Hour), date), x(at.Add(-2*time.Second), date), x(at.Add(time.Second), date), x(at, "yesterday")})
	if got == nil || *got != 1000 {
		t.Errorf("offset %v, want the median", got)
	}
	if clockOffset([]evidence.Exchange{{}}) != nil {
		t.Error("an offset without a Date")
	}
}

func TestSchema(t *testing.T) {
	rec := func(attrs map[string]any) []evidence.Record { return []evidence.Record{{Attributes: attrs}} }
	a := schema(rec(map[string]any{"a": "x", "n": 1, "l": []any{map[string]any{"s": "y"}}}))
	if b := schema(rec(map[string]any{"a": "z", "n": int64(9), "l": []any{map[string]any{"s": ""}}})); a != b || len(a) != 16 {
		t.Errorf("%q and %q: want the same, whatever the values", a, b)
	}
	if b := schema(rec(map[string]any{"a": true, "n": 1, "l": []any{}})); a == b {
		t.Error("another type has the same fingerprint")
	}
	if schema(nil) != "" {
		t.Error("a fingerprint of nothing")
	}
}

// TestPanicIsEvidence: it tells where, and nothing of the machine.
func TestPanicIsEvidence(t *testing.T) {
	r := newRig(t, nil, func(c *testConfig, _ *Options) { c.collect = beyond })
	s := r.capture(t)
	if s.Err == nil || strings.ContainsAny(s.Err.Error(), "\n") || strings.Contains(s.Err.Error(), ".go") || strings.Contains(s.Err.Error(), "0x") {
		t.Errorf("error %v", s.Err)
	}
	for _, want := range []string{"panic while collecting, in transport.beyond, line ", "index out of range"} {
		if detail := s.Certificate.Scopes[0].Reason.Detail; !strings.Contains(detail, want) {
			t.Errorf("%q does not hold %q", detail, want)
		}
	}
}

func beyond(context.Context, collectors.Env, evidence.Kind, *collectors.Output) error {
	return errors.New(strings.Split("one", ",")[1])
}
