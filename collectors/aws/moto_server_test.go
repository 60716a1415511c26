//go:build unix

package aws

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// moto is an AWS that others wrote, as a server of its own.
// https://docs.getmoto.org/en/latest/docs/server_mode.html
type moto struct {
	url   string
	log   bytes.Buffer // to be read once ended has spoken
	ended chan error
}

// startMoto runs a server until the end of t.
func startMoto(t *testing.T) *moto {
	t.Helper()
	bin, port := motoBinary(t), freePort(t)
	cmd := exec.CommandContext(whileRunning(t), bin, "-H", "127.0.0.1", "-p", port)
	// Nothing of this machine's configuration, and UTC, which moto takes local times for.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TZ=UTC", "AWS_EC2_METADATA_DISABLED=true"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	m := &moto{url: "http://127.0.0.1:" + port, ended: make(chan error, 1)}
	cmd.Stdout, cmd.Stderr = &m.log, &m.log
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v", bin, err)
	}
	go func() { m.ended <- cmd.Wait() }()
	t.Cleanup(func() { <-m.ended }) // t's context has ended by now, and with it the whole group
	m.await(t)
	return m
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
	const why = "SKIPPED: the AWS collector is not tested against moto, because there is no moto_server: `make .venv/moto.ok` installs it, or let MOTO_SERVER name one"
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

// await polls until the server answers.
func (m *moto) await(t *testing.T) {
	t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for late := time.After(time.Minute); ; {
		if resp, err := http.Get(m.url + "/moto-api/"); err == nil {
			_ = resp.Body.Close() // that it answers is all
			return
		}
		select {
		case err := <-m.ended:
			m.ended <- err // for the cleanup
			t.Fatalf("moto_server ended at once: %v\n%s", err, m.log.Bytes())
		case <-late:
			t.Fatal("moto_server does not answer within a minute")
		case <-again.C:
		}
	}
}

// control posts to moto's own API.
func (m *moto) control(t *testing.T, path, body string) {
	t.Helper()
	resp, err := http.Post(m.url+"/moto-api/"+path, "application/octet-stream", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	if text, err := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || err != nil {
		t.Fatalf("moto answers %s with %d %s, %v", path, resp.StatusCode, text, err)
	}
}

// enforce makes moto check signatures and policies, or let everyone do everything.
func (m *moto) enforce(t *testing.T, on bool) {
	t.Helper()
	unchecked := "inf" // how many requests are let through first
	if on {
		unchecked = "0"
	}
	m.control(t, "reset-auth", unchecked)
}

// run runs one subtest on an empty AWS.
func (m *moto) run(t *testing.T, name string, test func(*moto, *testing.T)) {
	t.Run(name, func(t *testing.T) {
		m.control(t, "reset", "")
		m.enforce(t, false)
		test(m, t)
	})
}

// credential is an access key, with the token of a session if it is one.
type credential struct{ id, secret, token string }

func (c credential) provider() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(c.id, c.secret, c.token)
}

// anyone is a credential that moto did not give out: one of motoAccount, which
// may do everything while nothing is enforced.
var anyone = credential{id: "AKIDPLANTED", secret: secretKey}

const motoAccount = "123456789012"

// seed gives the SDK for writing, past the door.
func (m *moto) seed(t *testing.T) seed {
	return seed{t, aws.Config{Region: "us-east-1", BaseEndpoint: &m.url, Credentials: anyone.provider()}}
}
