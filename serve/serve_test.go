package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/ops"
)

// socketIn gives a path that is short enough for a socket.
func socketIn(t *testing.T) string {
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "d.sock")
}

func TestSocket(t *testing.T) {
	path := socketIn(t)
	if c, err := Dial(t.Context(), path, "", ""); c != nil || err != nil {
		t.Fatalf("a daemon where there is none: %v %v", c, err)
	}
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", fi.Mode(), err)
	}
	if _, err := Listen(path); !errors.Is(err, ErrServed) {
		t.Fatalf("a second one took it: %v", err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if c, err := Dial(t.Context(), path, "", ""); c != nil || err != nil {
		t.Fatalf("a daemon at a socket left behind: %v %v", c, err)
	}
	if l, err = Listen(path); err != nil {
		t.Fatalf("a socket left behind is in the way: %v", err)
	}
	_ = l.Close()
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path); err == nil {
		t.Fatal("a file was taken for a socket")
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "mine" {
		t.Fatal("the file is gone")
	}
}

func TestPublic(t *testing.T) {
	h := Health{Live: true, Problems: []string{}}
	m := NewMetrics("1")
	m.Slot("aws", "collected")
	m.Sources(map[string]time.Time{"old": time.Unix(9, 0)})
	m.Sources(map[string]time.Time{"aws": time.Unix(5, 0), "okta": time.Unix(0, 0)}) // a source that is gone is told of no more
	m.Gaps(map[string]int{"high": 2})
	p := &Public{Health: func() Health { return h }, Status: func(context.Context) (*api.Status, error) { return &api.Status{Problems: []string{"s3cret"}}, nil }, Metrics: m.Handler(func() {}), Hosts: []string{"ev.internal"}}
	ask := func(method, path, host string) (int, string) {
		r := httptest.NewRequest(method, path, nil)
		r.Host = host
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	for _, c := range []struct {
		method, path, host string
		want               int
	}{
		{"GET", "/healthz", "127.0.0.1:8470", 200}, {"GET", "/healthz", "localhost", 200}, {"GET", "/healthz", "[::1]:8470", 200}, {"GET", "/healthz", "EV.internal:1", 200},
		{"GET", "/healthz", "10.1.2.3", 200}, {"GET", "/status", "evil.example", 421}, {"GET", "/metrics", "127.0.0.1.evil.example:8470", 421}, {"GET", "/status", "", 421},
		{"GET", "/readyz", "localhost", 503}, {"POST", "/status", "localhost", 405}, {"GET", "/v1/health", "localhost", 404}, {"POST", "/v1/run", "localhost", 404},
		{"GET", "/debug/pprof/", "localhost", 404}, {"GET", "/metrics", "localhost", 200}, {"GET", "/status", "localhost", 200},
	} {
		if got, body := ask(c.method, c.path, c.host); got != c.want {
			t.Errorf("%s %s by %q: %d, want %d: %s", c.method, c.path, c.host, got, c.want, body)
		}
	}
	h.Problems, h.Parts = []string{"store: open /srv/s3cret: no space"}, map[string]string{"store": Failing}
	for _, path := range []string{"/readyz", "/healthz"} {
		if _, body := ask("GET", path, "10.1.2.3"); strings.Contains(body, "s3cret") || !strings.Contains(body, `"store":"failing"`) {
			t.Errorf("%s tells anybody %s", path, body)
		}
	}
	if _, body := ask("GET", "/status", "localhost"); strings.Contains(body, "s3cret") || !strings.Contains(body, `"open_gaps"`) {
		t.Errorf("/status tells anybody %s", body)
	}
	h.Ready = true
	if got, _ := ask("GET", "/readyz", "localhost"); got != 200 {
		t.Error(got)
	}
	h.Live = false
	if got, _ := ask("GET", "/healthz", "localhost"); got != 503 {
		t.Error(got)
	}
	p.Profile = true
	if got, _ := ask("GET", "/debug/pprof/", "localhost"); got != 200 {
		t.Error(got)
	}
	_, text := ask("GET", "/metrics", "localhost")
	for _, want := range []string{`evidenced_slots_total{outcome="collected",source="aws"} 1`, `evidenced_last_complete_timestamp_seconds{source="aws"} 5`, `evidenced_open_gaps{severity="high"} 2`,
		`evidenced_open_gaps{severity="low"} 0`, `evidenced_build_info{version="1"} 1`, "process_resident_memory_bytes", "go_goroutines"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestListenPublic(t *testing.T) {
	for address, anywhere := range map[string]bool{"127.0.0.1:0": false, "[::1]:0": false, "localhost:0": false, "0.0.0.0:0": true, ":0": true} {
		l, err := ListenPublic(address, anywhere)
		if err != nil && strings.HasPrefix(address, "[::1]") {
			t.Logf("no IPv6 here: %v", err)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		_ = l.Close()
		if _, err := ListenPublic(address, false); anywhere && err == nil {
			t.Errorf("%s needs no permission", address)
		}
	}
}

// TestManager: the service manager is told, and the watchdog in time.
func TestManager(t *testing.T) {
	path := socketIn(t)
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	env := map[string]string{"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": fmt.Sprint(os.Getpid())}
	m := Notified(func(k string) string { return env[k] })
	if m.Every() != time.Second {
		t.Fatal(m.Every())
	}
	read := func() string {
		b := make([]byte, 100)
		_ = l.SetReadDeadline(time.Now().Add(5 * time.Second)) // it fails below, then
		n, err := l.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	m.State("READY=1")
	m.Watchdog()
	m.Watchdog() // too soon to be told again
	m.State("STOPPING=1")
	for _, want := range []string{"READY=1", "WATCHDOG=1", "STOPPING=1"} {
		if got := read(); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
	env["WATCHDOG_PID"] = "1"
	if Notified(func(k string) string { return env[k] }).Every() != 0 {
		t.Error("the watchdog of another process is beaten")
	}
	Notified(func(string) string { return "" }).State("READY=1") // nobody is there
}

// FuzzRequests: whatever is asked, every route answers with JSON, and goes on.
func FuzzRequests(f *testing.F) {
	f.Add("as_of=2026-01-01&all=true", "application/json", []byte(`{"name":"x"}`))
	f.Add("limit=-1", "multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n{}\r\n--x--\r\n"))
	l := &Local{Service: func(context.Context, string) (ops.Service, error) { return nil, api.Errorf(api.Conflict, "not now") }}
	h := l.Handler()
	f.Fuzz(func(t *testing.T, query, kind string, body []byte) {
		for _, o := range operations {
			method, path, _ := strings.Cut(o.Pattern, " ")
			path = strings.NewReplacer("{id}", "7", "{name}", "n").Replace(path)
			r := httptest.NewRequest(method, path, bytes.NewReader(body))
			r.URL.RawQuery = query
			r.Header.Set("Content-Type", kind)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code < 400 || w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
				t.Fatalf("%s: %d %s", o.Pattern, w.Code, w.Body)
			}
		}
	})
}
