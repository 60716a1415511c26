package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/notify"
	"github.com/evidenced/evidenced/serve"
	"github.com/evidenced/evidenced/store"
)

// serveCommands are what the scripts of the daemon need.
func serveCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){"await": await, "leave": leave, "socket": socket, "get": get, "occupy": occupy, "signal": signalAll, "api": askAPI, "stopwatch": stopwatch, "hanging": hanging, "hook": hook, "agentlog": agentLog}
}

func mustAbs(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		panic(err)
	}
	return abs
}

// patient calls done until it says so.
func patient(ts *testscript.TestScript, what string, done func() bool) {
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	give := time.After(20 * time.Second)
	for !done() {
		select {
		case <-t.C:
		case <-give:
			ts.Fatalf("in vain: %s", what)
		}
	}
}

// await waits until a file holds a text: await FILE TEXT; or until the daemon at
// a socket is ready: await SOCKET.
func await(ts *testscript.TestScript, neg bool, args []string) {
	path := ts.MkAbs(args[0])
	patient(ts, strings.Join(args, " "), func() bool {
		if len(args) == 1 {
			h, ok := healthAt(path)
			return ok && h.Ready
		}
		b, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(b), args[1]) != neg
	})
}

func healthAt(socket string) (h serve.Health, ok bool) {
	b, err := over(socket, "/v1/health")
	return h, err == nil && json.Unmarshal(b, &h) == nil
}

// over asks at a socket.
func over(socket, path string) ([]byte, error) {
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	resp, err := c.Get("http://daemon" + path)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// socket asks a daemon at its socket, and writes the answer to a file: socket SOCKET PATH OUT.
func socket(ts *testscript.TestScript, _ bool, args []string) {
	b, err := over(ts.MkAbs(args[0]), args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), b, 0o600))
}

// leave leaves a socket behind, as a process that was killed does.
func leave(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: ts.MkAbs(args[0]), Net: "unix"})
	ts.Check(err)
	l.SetUnlinkOnClose(false)
	ts.Check(l.Close())
}

// signalAll sends a signal to what runs in the background: signal HUP|TERM|KILL.
func signalAll(ts *testscript.TestScript, _ bool, args []string) {
	known := map[string]os.Signal{"HUP": syscall.SIGHUP, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL}
	for _, c := range ts.BackgroundCmds() {
		ts.Check(c.Process.Signal(known[args[0]]))
	}
}

// stopwatch holds what comes between two of it to a time: stopwatch; stopwatch 10s.
func stopwatch(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 0 {
		ts.Setenv("STOPWATCH", time.Now().Format(time.RFC3339Nano))
		return
	}
	most, err := time.ParseDuration(args[0])
	ts.Check(err)
	begun, err := time.Parse(time.RFC3339Nano, ts.Getenv("STOPWATCH"))
	ts.Check(err)
	if took := time.Since(begun); took > most {
		ts.Fatalf("it took %s, at most %s were to be", took, most)
	}
}

// hanging puts the address of a server that never answers into a variable; FILE
// is written at the first request: hanging NAME FILE.
func hanging(ts *testscript.TestScript, _ bool, args []string) {
	over := make(chan struct{})
	file := ts.MkAbs(args[1])
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = os.WriteFile(file, []byte("asked"), 0o600) // the script looks for it
		select {
		case <-r.Context().Done():
		case <-over:
		}
	}))
	ts.Defer(func() { close(over); srv.Close() })
	ts.Setenv(args[0], srv.URL)
}

// hook puts the address of a webhook into a variable, which answers with a status
// that is the text of FILE, and adds what it gets to GOT, once its signature is
// right: hook NAME SECRET FILE GOT.
func hook(ts *testscript.TestScript, _ bool, args []string) {
	answer, got := ts.MkAbs(args[2]), ts.MkAbs(args[3])
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		status, serr := os.ReadFile(answer)
		code, cerr := strconv.Atoi(strings.TrimSpace(string(status)))
		if err := errors.Join(err, serr, cerr); err != nil {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		sent, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Evidenced-Signature"), "t="), ",")
		at, _ := strconv.ParseInt(sent, 10, 64) // 0 makes no right signature
		if r.Header.Get("Evidenced-Signature") != notify.Sign(args[1], time.Unix(at, 0), body) {
			code = http.StatusForbidden
		}
		if code == http.StatusOK {
			before, _ := os.ReadFile(got) // there may be none
			_ = os.WriteFile(got, append(append(before, body...), '\n'), 0o600)
		}
		w.WriteHeader(code)
	}))
	ts.Defer(srv.Close)
	ts.Setenv(args[0], srv.URL+"/s3cret-path")
}

// agentLog writes what a store says of the agent, a line an entry: agentlog STORE OUT.
func agentLog(ts *testscript.TestScript, _ bool, args []string) {
	s, err := store.Open(ts.MkAbs(args[0]), store.Options{})
	ts.Check(err)
	defer s.Close()
	var out []byte
	for e, err := range s.Entries(0) {
		ts.Check(err)
		if e.Type == evidence.EntryAgent {
			out = append(append(out, e.Body...), '\n')
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), out, 0o600))
}

// occupy listens on a port of this machine until the script ends, and puts the
// address into a variable: occupy NAME.
func occupy(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
	ts.Setenv(args[0], l.Addr().String())
}

// get asks the daemon whose log is FILE over HTTP, by a name, and writes the answer to a
// file: get LOG PATH HOST OUT.
func get(ts *testscript.TestScript, neg bool, args []string) {
	req, err := http.NewRequest(http.MethodGet, "http://"+addressIn(ts, args[0])+args[1], nil)
	ts.Check(err)
	if args[2] != "" {
		req.Host = args[2]
	}
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[3]), b, 0o600))
	if (resp.StatusCode != http.StatusOK) != neg {
		ts.Fatalf("%s: %s: %s", args[1], resp.Status, b)
	}
}

// addressIn finds in a log where the daemon listens.
func addressIn(ts *testscript.TestScript, log string) (address string) {
	b, err := os.ReadFile(ts.MkAbs(log))
	ts.Check(err)
	for line := range strings.SplitSeq(string(b), "\n") {
		var l struct{ HTTP string }
		if json.Unmarshal([]byte(line), &l) == nil && l.HTTP != "" {
			address = l.HTTP
		}
	}
	if address == "" {
		ts.Fatalf("%s does not say where it listens:\n%s", filepath.Base(log), b)
	}
	return address
}
