package collectortest

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// Case is one source to hold to the suite.
type Case struct {
	Spec collectors.Spec
	// Config is complete but for its endpoint, which the suite sets.
	Config collectors.Config
	// Server answers every call the collector makes, rightly and always alike,
	// in the vendor's wire format.
	Server http.Handler
	// Now is the time of the run.
	Now time.Time
	// Window is read of event kinds.
	Window evidence.Window
	// Secrets are credentials that requests or answers carry. None may be kept.
	Secrets []string
	// Unused are declared calls that this case does not need.
	Unused []string
	// Loop changes an answer to x so that its listing never ends, and reports
	// whether x is a listing.
	Loop func(x evidence.Exchange, a *Answer) bool
}

// Answer is an answer that a fault may change.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Cut ends the body as a broken connection does.
	Cut bool
}

// maxBody bounds bodies in the suite, so that a longer one is cheap.
const maxBody = 1 << 20

// Run holds a collector to the suite.
func Run(t *testing.T, c Case) {
	srv := httptest.NewServer(c.Server)
	t.Cleanup(srv.Close)
	c.Config.Base().Endpoint = srv.URL
	s := &suite{Case: c}
	s.baseline = s.collect(t, nil)
	if t.Failed() {
		return
	}
	t.Run("complete", s.complete)
	t.Run("declared", s.declared)
	t.Run("secrets", s.secrets)
	t.Run("replay", s.replay)
	t.Run("faults", s.faults)
}

// stream names one capture of the suite.
type stream struct {
	scope evidence.Scope
	kind  evidence.Kind
}

type suite struct {
	Case
	log      lockedBuffer
	scopes   []evidence.Scope
	baseline map[stream]transport.Snapshot // the collection without faults
}

// lockedBuffer takes the log of concurrent captures.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// options are those of a door that waits for nothing.
func (s *suite) options(base http.RoundTripper) transport.Options {
	return transport.Options{
		Base: base, MaxBody: maxBody,
		Now:   func() time.Time { return s.Now },
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
}

func (s *suite) open(t *testing.T, opt transport.Options) *transport.Source {
	t.Helper()
	log := slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	src, err := transport.Open(s.Spec, s.Config, opt, log)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// collect reads every stream once, but those of the kinds that are left. With a fault it reads the streams that the
// collection without faults found.
func (s *suite) collect(t *testing.T, f *fault, left ...evidence.Kind) map[stream]transport.Snapshot {
	t.Helper()
	base := &http.Transport{}
	t.Cleanup(base.CloseIdleConnections)
	src := s.open(t, s.options(broken{base, f}))
	snaps := map[stream]transport.Snapshot{}
	root := src.Collector().RootScope()
	visit := src.Visit(t.Context(), root)
	top := visit.Capture(t.Context(), s.Spec.Root, s.window(s.Spec.Root))
	snaps[stream{root, s.Spec.Root}] = top
	if f == nil {
		s.scopes = src.Collector().Scopes(top.Records)
	}
	for _, scope := range s.scopes {
		if scope != root {
			visit = src.Visit(t.Context(), scope)
		}
		for _, k := range s.Spec.Kinds {
			if k.Kind != s.Spec.Root && !slices.Contains(left, k.Kind) {
				snaps[stream{scope, k.Kind}] = visit.Capture(t.Context(), k.Kind, s.window(k.Kind))
			}
		}
	}
	return snaps
}

func (s *suite) window(k evidence.Kind) evidence.Window {
	if ks, _ := s.Spec.Kind(k); ks.Mode == evidence.Event {
		return s.Window
	}
	return evidence.Window{}
}

// complete: without faults, every stream is read whole.
func (s *suite) complete(t *testing.T) {
	if len(s.scopes) == 0 {
		t.Error("the root gives no scopes")
	}
	for st, snap := range s.baseline {
		c := snap.Certificate
		if snap.Err != nil || !c.Complete || c.Principal == "" || c.Requests == 0 || len(c.Endpoints) != 1 {
			t.Errorf("%v: error %v, certificate %+v", st, snap.Err, c)
		}
		if len(snap.Records) == 0 {
			t.Errorf("%v: no records: the case shows nothing", st)
		}
		for _, r := range snap.Records {
			if r.Kind != st.kind {
				t.Errorf("%v gave a record of kind %s", st, r.Kind)
			}
		}
	}
}

// declared: what is asked is declared for the kind, and what is declared is asked.
func (s *suite) declared(t *testing.T) {
	asked := map[string]bool{}
	for st, snap := range s.baseline {
		for _, x := range snap.Exchanges {
			asked[x.Call] = true
			i := slices.IndexFunc(s.Spec.Calls, func(c collectors.Call) bool { return c.Name == x.Call })
			if kinds := s.Spec.Calls[i].Kinds; len(kinds) > 0 && !slices.Contains(kinds, st.kind) {
				t.Errorf("%s is not declared for %s", x.Call, st.kind)
			}
		}
	}
	for _, c := range s.Spec.Calls {
		if asked[c.Name] == slices.Contains(s.Unused, c.Name) {
			t.Errorf("%s: asked %v", c.Name, asked[c.Name])
		}
	}
}

// secrets: no credential is in anything that is kept, or in the log.
func (s *suite) secrets(t *testing.T) {
	if len(s.Secrets) == 0 {
		t.Fatal("the case plants no secret")
	}
	kept := s.log.b.String()
	for _, snap := range s.baseline {
		kept += text(t, snap.Exchanges) + text(t, snap.Records) + text(t, snap.Certificate)
	}
	for _, secret := range s.Secrets {
		if strings.Contains(kept, secret) {
			t.Errorf("the secret %q is kept", secret)
		}
	}
}

// replay: the recording alone gives the same records.
func (s *suite) replay(t *testing.T) {
	for st, want := range s.baseline {
		src := s.open(t, transport.Replay(want.Exchanges))
		got := src.Visit(t.Context(), st.scope).Capture(t.Context(), st.kind, s.window(st.kind))
		if got.Err != nil {
			t.Errorf("%v: %v", st, got.Err)
		}
		if g, w := text(t, got.Records), text(t, want.Records); g != w {
			t.Errorf("%v: got %s, want %s", st, g, w)
		}
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := evidence.Canonical(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
