package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
	if c, err := Dial(t.Context(), path, ""); c != nil || err != nil {
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
	if c, err := Dial(t.Context(), path, ""); c != nil || err != nil {
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

// daemonAt serves run on a socket.
func daemonAt(t *testing.T, run Runner) *Client {
	path := socketIn(t)
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	s := Server((&Local{Run: run, Reload: func(context.Context) error { return errors.New("no") }, Health: func() Health { return Health{} }}).Handler())
	go func() { _ = s.Serve(l) }() // ends with Close
	t.Cleanup(func() { _ = s.Close() })
	c, err := Dial(t.Context(), path, "")
	if err != nil || c == nil {
		t.Fatalf("%v %v", c, err)
	}
	return c
}

// TestRun: what a command prints comes as it printed it, and its exit code.
func TestRun(t *testing.T) {
	c := daemonAt(t, func(_ context.Context, call Call) int {
		fmt.Fprintf(call.Stdout, "%v in %s\xff", call.Args, call.Folder)
		call.Progress(Progress{"p", 1, 2})
		fmt.Fprint(call.Stderr, "said")
		return 3
	})
	var out, said bytes.Buffer
	var seen []Progress
	exit, err := c.Run(t.Context(), Call{Args: []string{"a", "--b"}, Folder: "/f", Stdout: &out, Stderr: &said, Progress: func(p Progress) { seen = append(seen, p) }})
	if err != nil || exit != 3 || out.String() != "[a --b] in /f\xff" || said.String() != "said" || len(seen) != 1 || seen[0].Total != 2 {
		t.Fatalf("%d %v %q %q %v", exit, err, out.String(), said.String(), seen)
	}
}

// TestEnds: a client that goes away ends its command, and a daemon that dies ends
// its client.
func TestEnds(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan struct{})
	c := daemonAt(t, func(ctx context.Context, _ Call) int {
		close(begun)
		<-ctx.Done()
		close(ended)
		return 1
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }()
	if _, err := c.Run(ctx, Call{Stdout: io.Discard, Stderr: io.Discard}); err == nil {
		t.Fatal("it ended well")
	}
	<-ended
	c = daemonAt(t, func(_ context.Context, call Call) int {
		fmt.Fprint(call.Stdout, "half")
		panic(http.ErrAbortHandler)
	})
	if _, err := c.Run(t.Context(), Call{Stdout: io.Discard, Stderr: io.Discard}); !errors.Is(err, errCut) {
		t.Fatal(err)
	}
}

func TestPublic(t *testing.T) {
	h := Health{Live: true, Problems: []string{}}
	m := NewMetrics("1")
	m.Slot("aws", "collected")
	m.Sources(map[string]time.Time{"old": time.Unix(9, 0)})
	m.Sources(map[string]time.Time{"aws": time.Unix(5, 0), "okta": time.Unix(0, 0)}) // a source that is gone is told of no more
	m.Gaps(map[string]int{"high": 2})
	p := &Public{Health: func() Health { return h }, Status: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") }, Metrics: m.Handler(func() {}), Hosts: []string{"ev.internal"}}
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
		{"GET", "/debug/pprof/", "localhost", 404}, {"GET", "/metrics", "localhost", 200},
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
	m.Tell("READY=1")
	m.Beat()
	m.Beat() // too soon to be told again
	m.Tell("STOPPING=1")
	for _, want := range []string{"READY=1", "WATCHDOG=1", "STOPPING=1"} {
		if got := read(); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
	env["WATCHDOG_PID"] = "1"
	if Notified(func(k string) string { return env[k] }).Every() != 0 {
		t.Error("the watchdog of another process is beaten")
	}
	Notified(func(string) string { return "" }).Tell("READY=1") // nobody is there
}

// FuzzRun: whatever is asked, the daemon goes on.
func FuzzRun(f *testing.F) {
	f.Add([]byte(`{"args":["status"]}`))
	f.Add([]byte(`{"args":null,"x":1}`))
	l := &Local{Run: func(context.Context, Call) int { return 0 }, Health: func() Health { return Health{} }}
	h := l.Handler()
	f.Fuzz(func(t *testing.T, body []byte) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/v1/run", bytes.NewReader(body)))
		if w.Code != 200 && w.Code != 400 || w.Code == 400 && !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}
