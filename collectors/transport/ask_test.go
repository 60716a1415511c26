package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// passing opens a door to a server, and returns a way to ask it.
func passing(t *testing.T, spec collectors.Spec, opt Options, h http.HandlerFunc, endpoint string) func(ctx context.Context, path string) ([]evidence.Exchange, error) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	opt.Sleep = func(context.Context, time.Duration) error { return nil }
	cfg := &testConfig{hosts: []string{collectors.EndpointHost(srv.URL)}}
	if endpoint != "" {
		cfg.base.Endpoint = srv.URL + endpoint
	}
	d, err := newGateway(spec, cfg, opt, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context, path string) ([]evidence.Exchange, error) {
		rec := &recorder{}
		r, err := http.NewRequestWithContext(withRecorder(ctx, rec), http.MethodGet, srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := d.client().Do(r)
		if err == nil {
			_ = resp.Body.Close()
		}
		return rec.exchanges(), err
	}
}

// TestTries: who can ask for less is told sooner that the source fails, and that it was the source.
func TestTries(t *testing.T) {
	ask := passing(t, collectors.Spec{Name: "x", Calls: []collectors.Call{{Name: "GET /a"}}}, Options{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "")
	for ctx, want := range map[context.Context]int{t.Context(): maxFailed, collectors.Tries(t.Context(), 2): 2} {
		if xs, err := ask(ctx, "/a"); len(xs) != want || !errors.Is(err, collectors.ErrServer) || !errors.Is(err, collectors.ErrUnreachable) || collectors.ReasonOf(err).Class != evidence.Unreachable {
			t.Errorf("%d tries, want %d; %v", len(xs), want, err)
		}
	}
}

// TestThrottledWithStatus200: a source may say to slow down in an answer that looks like one.
func TestThrottledWithStatus200(t *testing.T) {
	n := 0
	spec := collectors.Spec{Name: "x", Calls: []collectors.Call{{Name: "GET /a"}}, Throttled: func(status int, _ http.Header, body []byte) bool {
		return status == http.StatusOK && string(body) == "slow down"
	}}
	ask := passing(t, spec, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		if n++; n <= 2 {
			w.Header().Set("Retry-After", "7")
			_, _ = io.WriteString(w, "slow down")
		}
	}, "")
	if xs, err := ask(t.Context(), "/a"); err != nil || len(xs) != 3 || !strings.HasPrefix(xs[0].Error, collectors.ErrThrottled.Error()) {
		t.Errorf("%d exchanges, error %v", len(xs), err)
	}
}

// TestBeside: a path beside that of the endpoint is a declared one only if the source says so.
func TestBeside(t *testing.T) {
	spec := collectors.Spec{Name: "x", Calls: []collectors.Call{{Name: "GET /a"}, {Name: "GET /graph"}}, VendorPath: func(endpoint, path string) (string, bool) {
		return "/graph", endpoint == "/api/v3" && path == "/api/graph"
	}}
	ask := passing(t, spec, Options{}, func(http.ResponseWriter, *http.Request) {}, "/api/v3/")
	for path, call := range map[string]string{"/api/v3/a": "GET /a", "/api/graph": "GET /graph", "/api/v3/graph": "GET /graph", "/api/other": "", "/graph": "", "/api/graph/x": ""} {
		xs, err := ask(t.Context(), path)
		if (err == nil) != (call != "") || call != "" && xs[0].Call != call || call == "" && !errors.Is(err, collectors.ErrForbidden) {
			t.Errorf("%s: %v, %v", path, xs, err)
		}
	}
}

// TestReplayEndsAsItDid: where the recorded run gave up, the replayed one does, for the same reason.
func TestReplayEndsAsItDid(t *testing.T) {
	for _, class := range []error{collectors.ErrThrottled, collectors.ErrUnreachable} {
		p := Replay([]evidence.Exchange{{Call: "GET /a", Method: "GET", URL: "https://x.example/a", Attempt: 1, Error: fmt.Sprintf("%s: GET /a answered 502", class)}}).Base
		asked := evidence.Exchange{Call: "GET /a", Method: "GET", URL: "https://x.example/a"}
		ctx := context.WithValue(t.Context(), requestKey{}, asked)
		var errs []error
		for range 3 {
			_, err := p.RoundTrip(httptest.NewRequestWithContext(ctx, http.MethodGet, "https://x.example/a", nil))
			errs = append(errs, err)
		}
		if errs[0] == nil || !errors.Is(errs[1], class) || !errors.Is(errs[2], class) || errors.Is(errs[1], collectors.ErrIncomplete) {
			t.Errorf("%v", errs)
		}
	}
}
