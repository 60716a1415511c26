//go:build unix

package mototest

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// server is a moto that runs.
type server struct {
	url   string
	log   bytes.Buffer // to be read once ended has spoken
	ended chan error
}

// Start runs a server until the end of t, and returns its address. Where there is
// no moto the test is skipped, loudly, and under CI it fails.
// https://docs.getmoto.org/en/latest/docs/server_mode.html
func Start(t *testing.T) (url string) {
	t.Helper()
	bin, port := binary(t), freePort(t)
	cmd := exec.CommandContext(whileRunning(t), bin, "-H", "127.0.0.1", "-p", port)
	// Nothing of this machine's configuration, and UTC, which moto takes local times for.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TZ=UTC", "AWS_EC2_METADATA_DISABLED=true"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	m := &server{url: "http://127.0.0.1:" + port, ended: make(chan error, 1)}
	cmd.Stdout, cmd.Stderr = &m.log, &m.log
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v", bin, err)
	}
	go func() { m.ended <- cmd.Wait() }()
	t.Cleanup(func() { <-m.ended }) // t's context has ended by now, and with it the whole group
	m.await(t)
	return m.url
}

// binary finds the server.
func binary(t *testing.T) string {
	t.Helper()
	if named := os.Getenv("MOTO_SERVER"); named != "" {
		return named // whoever names one wants no other
	}
	for _, name := range []string{filepath.Join(root(t), ".venv/bin/moto_server"), "moto_server"} {
		if bin, err := exec.LookPath(name); err == nil {
			return bin
		}
	}
	const why = "SKIPPED: nothing is tested against moto here, because there is no moto_server: `make .venv/moto.ok` installs it, or let MOTO_SERVER name one"
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
	return ""
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // for the server to take
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// whileRunning ends with t, or shortly before the deadline of the tests,
// after which nobody cleans up.
func whileRunning(t *testing.T) context.Context {
	end, limited := t.Deadline()
	if !limited {
		return t.Context()
	}
	ctx, cancel := context.WithDeadline(t.Context(), end.Add(-5*time.Second))
	t.Cleanup(cancel)
	return ctx
}

// await polls until the server answers or has ended. How long it takes to start
// depends on the machine: the deadline is that of the tests.
func (m *server) await(t *testing.T) {
	t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		if resp, err := http.Get(m.url + "/moto-api/"); err == nil {
			_ = resp.Body.Close() // that it answers is all
			return
		}
		select {
		case err := <-m.ended:
			m.ended <- err // for the cleanup
			t.Fatalf("moto_server ended at once: %v\n%s", err, m.log.Bytes())
		case <-again.C:
		}
	}
}

// root is the folder of the module, above that of the test.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	t.Fatalf("there is no go.mod above the test (%v)", err)
	return ""
}
