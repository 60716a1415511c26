package serve

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const nobody = 65534

// TestMain is also the process of another user that listens at a socket.
func TestMain(m *testing.M) {
	path := os.Getenv("EVIDENCED_LISTEN_AT")
	if path == "" {
		os.Exit(m.Run())
	}
	if _, err := Listen(path); err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString("listening\n")
	_, _ = io.Copy(io.Discard, os.Stdin) // until its end
}

// strangerAt has another user listen at path.
func strangerAt(t *testing.T, path string) {
	t.Helper()
	if err := os.Chmod(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(filepath.Dir(path), "t") // where others may read it
	b, err := os.ReadFile(os.Args[0])
	if err = errors.Join(err, os.WriteFile(program, b, 0o755)); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program)
	c.Env = append(os.Environ(), "EVIDENCED_LISTEN_AT="+path)
	c.Dir = filepath.Dir(path)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = c.Wait() })
	if said, err := bufio.NewReader(out).ReadString('\n'); said != "listening\n" {
		t.Fatalf("%q, %v", said, err)
	}
}

// TestStranger: a socket of another user is not asked, unless the store is theirs.
func TestStranger(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can have another user listen; TestBelieve says whom to believe")
	}
	path := socketIn(t)
	strangerAt(t, path)
	store := filepath.Join(filepath.Dir(path), "evidence.db")
	if err := os.WriteFile(store, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := Dial(t.Context(), path, store, ""); c != nil || !errors.Is(err, ErrStranger) || !strings.Contains(err.Error(), path+" is ") {
		t.Fatalf("%v, %v", c, err)
	}
	if err := os.Chown(store, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if c, err := Dial(t.Context(), path, store, ""); c == nil || err != nil {
		t.Fatalf("the owner of the store: %v", err)
	}
}

func TestBelieve(t *testing.T) {
	store := filepath.Join(t.TempDir(), "evidence.db")
	if err := os.WriteFile(store, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	mine := uint32(os.Getuid())
	for name, tt := range map[string]struct {
		uid, self uint32
		store     string
		ok        bool
	}{
		"oneself":            {1000, 1000, store, true},
		"root":               {0, 1000, store, true},
		"owner of the store": {mine, 1000, store, true},
		"another":            {1001, 1000, store, false},
		"another of root":    {1001, 0, store, false},
		"no store":           {1001, 1000, store + "x", false},
	} {
		if err := believe(tt.uid, tt.self, "s", tt.store); (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrStranger) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
