package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// ask sends one GET through the door, as a collector would, and returns what was recorded.
func (r *rig) ask(ctx context.Context, method, address string) ([]byte, []evidence.Exchange, error) {
	rec := &recorder{}
	req, err := http.NewRequestWithContext(withRecorder(ctx, rec), method, address, nil)
	if err != nil {
		return nil, nil, err
	}
	resp, err := r.gateway.client().Do(req)
	if err != nil {
		return nil, rec.exchanges(), err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return b, rec.exchanges(), err
}

func TestDoorRefuses(t *testing.T) {
	var asked atomic.Int64
	r := newRig(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	tests := []struct{ name, method, url string }{
		{"undeclared path", "GET", r.url + "/secrets"},
		{"write", "POST", r.url + "/things"},
		{"delete", "DELETE", r.url + "/things/1"},
		{"path that is not clean", "GET", r.url + "/x/../things"},
		{"subtree", "GET", r.url + "/things/1/2"},
		{"other host", "GET", "https://example.com/things"},
		{"plain http off this machine", "GET", "http://10.0.0.1/things"},
		{"other scheme", "GET", "ftp://127.0.0.1/things"},
		{"climbing segment", "GET", r.url + "/things/%2e%2e"},
		{"dot segment", "GET", r.url + "/things/%2E"},
		{"climbing within a segment", "GET", r.url + "/things/a%2F..%2Fb"},
		{"climbing out of a segment", "GET", r.url + "/things/..%2fsecrets"},
		{"backslash", "GET", r.url + "/things/a%5cb"},
		{"NUL", "GET", r.url + "/things/a%00"},
		{"malformed query", "GET", r.url + "/things?a=%zz"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, xs, err := r.ask(t.Context(), tt.method, tt.url)
			if !errors.Is(err, collectors.ErrForbidden) || len(xs) != 0 {
				t.Errorf("error %v, %d exchanges; want ErrForbidden and none", err, len(xs))
			}
		})
	}
	t.Run("without a recorder", func(t *testing.T) {
		if _, err := r.gateway.client().Get(r.url + "/things"); !errors.Is(err, collectors.ErrForbidden) {
			t.Errorf("error %v, want ErrForbidden", err)
		}
	})
	t.Run("foreign Host header", func(t *testing.T) {
		req, _ := http.NewRequestWithContext(withRecorder(t.Context(), &recorder{}), "GET", r.url+"/things", nil)
		req.Host = "example.com"
		if _, err := r.gateway.client().Do(req); !errors.Is(err, collectors.ErrForbidden) {
			t.Errorf("error %v, want ErrForbidden", err)
		}
	})
	for _, name := range []string{"X-HTTP-Method", "X-Http-Method-Override", "x-method-override"} {
		t.Run(name, func(t *testing.T) {
			req, _ := http.NewRequestWithContext(withRecorder(t.Context(), &recorder{}), "GET", r.url+"/things", nil)
			req.Header[name] = []string{""}
			if _, err := r.gateway.client().Do(req); !errors.Is(err, collectors.ErrForbidden) {
				t.Errorf("error %v, want ErrForbidden", err)
			}
		})
	}
	t.Run("opaque address", func(t *testing.T) {
		req, _ := http.NewRequestWithContext(withRecorder(t.Context(), &recorder{}), "GET", r.url+"/things", nil)
		req.URL.Opaque = "//" + req.URL.Host + "/secrets"
		if _, err := r.gateway.client().Do(req); !errors.Is(err, collectors.ErrForbidden) {
			t.Errorf("error %v, want ErrForbidden", err)
		}
	})
	if n := asked.Load(); n != 0 {
		t.Errorf("%d requests reached the server", n)
	}
}

// TestDoorLeavesNamesAlone: a slash, dots and percent signs in a name are no path.
func TestDoorLeavesNamesAlone(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) })
	for _, name := range []string{"feature%2Fx", "a..b", "...", "v1.2", "100%25", "%2525", "a%20b"} {
		if _, _, err := r.ask(t.Context(), "GET", r.url+"/things/"+name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDoorRetries(t *testing.T) {
	type step func(w http.ResponseWriter)
	status := func(code int, headers ...string) step {
		return func(w http.ResponseWriter) {
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(code)
		}
	}
	ok := func(w http.ResponseWriter) { _, _ = io.WriteString(w, "{}") }
	cutBody := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "{")
	}
	hangUp := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	slow := func(w http.ResponseWriter) {
		w.WriteHeader(400)
		_, _ = io.WriteString(w, "slow down")
	}
	tests := []struct {
		name     string
		steps    []step // the last one repeats
		want     error
		attempts int
		slept    []time.Duration
	}{
		{"at once", []step{ok}, nil, 1, nil},
		{"429 without a word", []step{status(429), ok}, nil, 2, []time.Duration{time.Second}},
		{"429 with seconds", []step{status(429, "Retry-After", "7"), ok}, nil, 2, []time.Duration{7 * time.Second}},
		{"429 with a date", []step{status(429, "Date", "Wed, 01 Jul 2026 06:00:00 GMT", "Retry-After", "Wed, 01 Jul 2026 06:01:30 GMT"), ok}, nil, 2, []time.Duration{90 * time.Second}},
		{"403 is not retried", []step{status(403)}, nil, 1, nil},
		{"401 is not retried", []step{status(401)}, nil, 1, nil},
		{"429 with a reset", []step{status(429, "Date", "Wed, 01 Jul 2026 06:00:00 GMT", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1782885620"), ok}, nil, 2, []time.Duration{20 * time.Second}},
		{"reset counts only at 0", []step{status(429, "X-RateLimit-Remaining", "9", "X-RateLimit-Reset", "1782885620"), ok}, nil, 2, []time.Duration{time.Second}},
		{"503", []step{status(503), status(503), ok}, nil, 3, []time.Duration{time.Second, 2 * time.Second}},
		{"502 for ever", []step{status(502)}, collectors.ErrUnreachable, 6, nil},
		{"by the source's own word", []step{slow, ok}, nil, 2, []time.Duration{time.Second}},
		{"throttled for ever", []step{status(429)}, collectors.ErrThrottled, 14, nil},
		{"longer than patience", []step{status(429, "Retry-After", "301")}, collectors.ErrThrottled, 1, nil},
		{"absurd Retry-After", []step{status(429, "Retry-After", "99999999999999999999")}, collectors.ErrThrottled, 14, nil},
		{"hung up", []step{hangUp, ok}, nil, 2, []time.Duration{time.Second}},
		{"hung up for ever", []step{hangUp}, collectors.ErrUnreachable, 6, nil},
		{"cut once", []step{cutBody, ok}, nil, 2, []time.Duration{time.Second}},
		{"cut for ever", []step{cutBody}, collectors.ErrIncomplete, 6, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var n atomic.Int64
			r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
				tt.steps[min(int(n.Add(1)), len(tt.steps))-1](w)
			}, func(_ *testConfig, o *Options) { o.Base = &http.Transport{DisableKeepAlives: true} })
			_, xs, err := r.ask(t.Context(), "GET", r.url+"/things")
			if !errors.Is(err, tt.want) || len(xs) != tt.attempts || int(n.Load()) != tt.attempts {
				t.Fatalf("error %v, %d exchanges, %d requests; want %v, %d", err, len(xs), n.Load(), tt.want, tt.attempts)
			}
			for i, x := range xs {
				if x.Attempt != i+1 || (x.Error == "") != (i == len(xs)-1 && tt.want == nil) {
					t.Errorf("exchange %d: attempt %d, error %q", i, x.Attempt, x.Error)
				}
			}
			if tt.slept != nil && !equal(r.clock.slept, tt.slept) {
				t.Errorf("slept %v, want %v", r.clock.slept, tt.slept)
			}
		})
	}
}

func equal(a, b []time.Duration) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestDoorHoldsEveryoneBack(t *testing.T) {
	var n atomic.Int64
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) == 1 {
			w.Header().Set("Retry-After", "40")
			w.WriteHeader(429)
		}
	})
	r.gateway.limits.hold(strings.TrimPrefix(r.url, "http://"), r.clock.now.Add(25*time.Second))
	_, _, err := r.ask(t.Context(), "GET", r.url+"/things")
	if err != nil || !equal(r.clock.slept, []time.Duration{25 * time.Second, 40 * time.Second}) {
		t.Errorf("error %v, slept %v", err, r.clock.slept)
	}
}

func TestDoorBounds(t *testing.T) {
	t.Run("over-long body", func(t *testing.T) {
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 101)) },
			func(_ *testConfig, o *Options) { o.MaxBody = 100 })
		_, xs, err := r.ask(t.Context(), "GET", r.url+"/things")
		if !errors.Is(err, collectors.ErrIncomplete) || len(xs) != 1 || xs[0].Body != "" {
			t.Errorf("error %v, exchanges %v", err, xs)
		}
	})
	t.Run("slow answer", func(t *testing.T) {
		free := make(chan struct{})
		r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-free:
			case <-r.Context().Done():
			}
		}, func(_ *testConfig, o *Options) { o.AttemptTimeout = 5 * time.Millisecond })
		defer close(free)
		_, xs, err := r.ask(t.Context(), "GET", r.url+"/things")
		if !errors.Is(err, collectors.ErrUnreachable) || len(xs) != 6 {
			t.Errorf("error %v, %d exchanges", err, len(xs))
		}
	})
	t.Run("cancelled run", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { cancel(); w.WriteHeader(503) })
		_, _, err := r.ask(ctx, "GET", r.url+"/things")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want the cancellation", err)
		}
	})
	t.Run("deadline while throttled", func(t *testing.T) {
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7200")
			w.WriteHeader(429)
		}, func(_ *testConfig, o *Options) { o.Sleep, o.Patience = sleepRealTime, 3*time.Hour })
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, xs, err := r.ask(ctx, "GET", r.url+"/things")
		if !errors.Is(err, collectors.ErrThrottled) || len(xs) != 1 {
			t.Errorf("error %v after %d attempts, want ErrThrottled at once: the wait would pass the deadline", err, len(xs))
		}
	})
}

func TestDoorStaysOnHost(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("left the host") }))
	defer other.Close()
	for name, h := range map[string]http.HandlerFunc{
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/things", http.StatusFound)
		},
		"next link": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", `<`+other.URL+`/things?page=2>; rel="next"`)
		},
		"next link by scheme": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", `<https://`+r.Host+`/things?page=2>; rel="next"`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, h)
			if _, _, err := r.ask(t.Context(), "GET", r.url+"/things"); !errors.Is(err, collectors.ErrIncomplete) {
				t.Errorf("error %v, want ErrIncomplete", err)
			}
		})
	}
	t.Run("redirect to what is not declared", func(t *testing.T) {
		r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/things" {
				t.Errorf("%s was asked", r.URL.Path)
			}
			http.Redirect(w, r, "/login", http.StatusFound)
		})
		if _, _, err := r.ask(t.Context(), "GET", r.url+"/things"); !errors.Is(err, collectors.ErrIncomplete) || errors.Is(err, collectors.ErrForbidden) {
			t.Errorf("error %v, want ErrIncomplete", err)
		}
	})
	moved := func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/things":
			http.Redirect(w, r, "/things/1", http.StatusMovedPermanently)
		case "/things/1":
			http.Redirect(w, r, "/things/2", http.StatusMovedPermanently)
		}
	}
	t.Run("redirect to the same call", func(t *testing.T) {
		r := newRig(t, moved)
		_, xs, err := r.ask(t.Context(), "GET", r.url+"/things/1")
		if err != nil || len(xs) != 2 || xs[1].Call != "GET /things/{id}" {
			t.Errorf("error %v, exchanges %v", err, xs)
		}
	})
	t.Run("redirect to another call", func(t *testing.T) {
		r := newRig(t, moved)
		_, xs, err := r.ask(t.Context(), "GET", r.url+"/things")
		if !errors.Is(err, collectors.ErrIncomplete) || len(xs) != 1 {
			t.Errorf("error %v, exchanges %v: the answer of one call was taken for that of another", err, xs)
		}
	})
	t.Run("next link to another call", func(t *testing.T) {
		r := newRig(t, func(http.ResponseWriter, *http.Request) { t.Error("it was followed") })
		_, xs, err := r.ask(collectors.ForCall(t.Context(), "GET /things/{id}"), "GET", r.url+"/things")
		if !errors.Is(err, collectors.ErrIncomplete) || len(xs) != 0 {
			t.Errorf("error %v, exchanges %v", err, xs)
		}
	})
}

func TestDoorRecords(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Date", "Wed, 01 Jul 2026 06:00:00 GMT")
		h.Set("Content-Type", "application/json")
		h.Set("X-GitHub-Request-Id", "ABCD:1")
		h.Set("Set-Cookie", "session="+testToken)
		h.Set("X-Secret", testToken)
		h.Set("Link", `<`+"http://"+r.Host+`/things?token=zzz&page=2>; rel="next"`)
		_, _ = io.WriteString(w, `{"password": "hunter2", "n": 1}`)
	})
	body, xs, err := r.ask(t.Context(), "GET", r.url+"/things?b=2&a=1&access_token=abc")
	if err != nil {
		t.Fatal(err)
	}
	if string(body) != `{"password": "hunter2", "n": 1}` {
		t.Errorf("the collector sees %s, want the body as it came", body)
	}
	x := xs[0]
	want := evidence.Exchange{
		Call: "GET /things", Method: "GET", URL: r.url + "/things?a=1&b=2", Status: 200, Attempt: 1,
		Body: `{"password": "[redacted]", "n": 1}`, RequestID: "ABCD:1", Started: x.Started, Ended: x.Ended,
		Redacted: []string{"access_token", "password"},
		Header: map[string]string{
			"Content-Type": "application/json", "Date": "Wed, 01 Jul 2026 06:00:00 GMT", "X-Github-Request-Id": "ABCD:1",
			"Link": "<" + r.url + `/things?page=2>; rel="next"`,
		},
	}
	same(t, x, want)
}

// same compares two values by their canonical JSON.
func same(t *testing.T, got, want any) {
	t.Helper()
	g, err := evidence.Canonical(got)
	if err != nil {
		t.Fatal(err)
	}
	w, err := evidence.Canonical(want)
	if err != nil {
		t.Fatal(err)
	}
	if string(g) != string(w) {
		t.Errorf("got  %s\nwant %s", g, w)
	}
}
