//go:build unix

package aws

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// startMoto runs a server, as others wrote it, until the end of t, and gives its address.
// https://docs.getmoto.org/en/latest/docs/server_mode.html
func startMoto(t *testing.T) string {
	t.Helper()
	bin, port := motoBinary(t), freePort(t)
	cmd := exec.CommandContext(whileRunning(t), bin, "-H", "127.0.0.1", "-p", port)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TZ=UTC", "AWS_EC2_METADATA_DISABLED=true"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var log bytes.Buffer // to be read once ended has spoken
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v", bin, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { <-ended }) // t's context has ended by now, and with it the whole group
	url := "http://127.0.0.1:" + port
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for late := time.After(time.Minute); ; {
		if resp, err := http.Get(url + "/moto-api/"); err == nil {
			_ = resp.Body.Close() // that it answers is all
			return url
		}
		select {
		case err := <-ended:
			ended <- err // for the cleanup
			t.Fatalf("moto_server ended at once: %v\n%s", err, log.Bytes())
		case <-late:
			t.Fatal("moto_server does not answer within a minute")
		case <-again.C:
		}
	}
}

// motoBinary finds the server.
func motoBinary(t *testing.T) string {
	t.Helper()
	if named := os.Getenv("MOTO_SERVER"); named != "" {
		return named // whoever names one wants no other
	}
	for _, name := range []string{"../../.venv/bin/moto_server", "moto_server"} {
		if bin, err := exec.LookPath(name); err == nil {
			return bin
		}
	}
	const why = "SKIPPED: AWS KMS is not tested against moto, because there is no moto_server: `make .venv/moto.ok` installs it, or let MOTO_SERVER name one"
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
