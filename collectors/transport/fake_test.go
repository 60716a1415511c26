package transport

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// testToken is the secret of the test source; it must never be stored.
const testToken = "tok3n/with+odd\"chars<&>"

// thing is one resource of the test source.
type thing struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// testConfig is the configuration of a source that lists things.
type testConfig struct {
	base    collectors.Base
	Token   collectors.Secret
	hosts   []string
	collect func(ctx context.Context, env collectors.Env, kind evidence.Kind, out *collectors.Output) error
	session func(ctx context.Context, env collectors.Env) error
}

func (c *testConfig) Base() *collectors.Base { return &c.base }
func (c *testConfig) Validate() error        { return collectors.ValidEndpoint(c.base.Endpoint) }
func (c *testConfig) Hosts() []string        { return c.hosts }
func (c *testConfig) Open(env collectors.Env) (collectors.Collector, error) {
	return &testCollector{c, env}, nil
}

type testCollector struct {
	cfg *testConfig
	env collectors.Env
}

func (c *testCollector) RootScope() evidence.Scope                 { return "acme" }
func (c *testCollector) Scopes([]evidence.Record) []evidence.Scope { return []evidence.Scope{"acme"} }
func (c *testCollector) Principal() string                         { return "reader" }
func (c *testCollector) Session(ctx context.Context, _ evidence.Scope) (collectors.Session, error) {
	if c.cfg.session != nil {
		return c, c.cfg.session(ctx, c.env)
	}
	return c, nil
}
func (c *testCollector) Collect(ctx context.Context, kind evidence.Kind, _ evidence.Window, out *collectors.Output) error {
	return c.cfg.collect(ctx, c.env, kind, out)
}

var testSpec = collectors.Spec{
	Name: "test", Version: 3, Root: "test.org",
	Kinds:  []collectors.KindSpec{{Kind: "test.org", Mode: evidence.State}, {Kind: "test.thing", Mode: evidence.State}},
	Calls:  []collectors.Call{{Name: "GET /whoami"}, {Name: "GET /things"}, {Name: "GET /things/{id}"}},
	Redact: []string{"password"},
	Throttled: func(status int, _ http.Header, body []byte) bool {
		return status == 400 && string(body) == "slow down"
	},
}

// clock is a simulated clock: to sleep is to move it.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func newClock() *clock { return &clock{now: time.Date(2026, 7, 1, 6, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.slept = append(c.slept, d)
	return ctx.Err()
}

// rig is a source in front of a test server.
type rig struct {
	*Source
	clock *clock
	url   string
	cfg   *testConfig
}

// newRig serves h and opens a source that collects with collect.
func newRig(t *testing.T, h http.HandlerFunc, change ...func(*testConfig, *Options)) *rig {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c := newClock()
	cfg := &testConfig{base: collectors.Base{Endpoint: srv.URL}, Token: testToken, hosts: []string{"127.0.0.1"}, collect: getThings}
	opt := Options{Now: c.Now, Sleep: c.Sleep, Jitter: func() float64 { return 1 }}
	for _, f := range change {
		f(cfg, &opt)
	}
	s, err := Open(testSpec, cfg, opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &rig{s, c, srv.URL, cfg}
}

// capture collects the things once.
func (r *rig) capture(t *testing.T) Snapshot {
	t.Helper()
	ctx := context.WithValue(t.Context(), endpointKey{}, r.url)
	return r.Visit(ctx, "acme").Capture(ctx, "test.thing", evidence.Window{})
}

// get asks for path and gives body and error.
func get(ctx context.Context, env collectors.Env, address string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return env.HTTP.Do(req)
}

// endpointOf lets collect functions find the server through the context.
type endpointKey struct{}

// getThings lists /things, one page, and emits each.
func getThings(ctx context.Context, env collectors.Env, _ evidence.Kind, out *collectors.Output) error {
	base, _ := ctx.Value(endpointKey{}).(string)
	return out.Pages(ctx, func(ctx context.Context, token string) (string, error) {
		resp, err := get(ctx, env, base+"/things?page="+url.QueryEscape(token))
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		if resp.StatusCode == http.StatusForbidden {
			return "", fmt.Errorf("%w: listing things", collectors.ErrDenied)
		}
		var page struct {
			Things []thing
			Next   string
		}
		if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
			return "", collectors.Incomplete("things: %v", err)
		}
		for _, th := range page.Things {
			if err := out.Emit(evidence.Record{ID: th.ID, Name: th.Name, Attributes: map[string]any{"name": th.Name}}); err != nil {
				return "", err
			}
		}
		return page.Next, nil
	})
}
