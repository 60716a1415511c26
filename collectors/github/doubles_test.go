package github

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
)

// doublesDir holds servers that others wrote; `make doubles` installs them.
const doublesDir = "testdata/doubles"

// doubles returns the path of node, once the servers are installed in the
// versions that package.json names. Otherwise it skips, but never in CI.
func doubles(t *testing.T) (node string) {
	t.Helper()
	absent := func(why string) {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s; run: make doubles", why)
		}
		t.Skipf("SKIPPED, the GitHub collector is NOT tested against servers that others wrote: %s; run: make doubles", why)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		absent("node is not here")
	}
	var pinned, have struct {
		Version      string            `json:"version"`
		Dependencies map[string]string `json:"dependencies"`
	}
	readJSON(t, filepath.Join(doublesDir, "package.json"), &pinned)
	for name, version := range pinned.Dependencies {
		file := filepath.Join(doublesDir, "node_modules", name, "package.json")
		if _, err := os.Stat(file); err != nil {
			absent(name + " is not installed")
		}
		if readJSON(t, file, &have); have.Version != version {
			absent(name + " is " + have.Version + " and not " + version)
		}
	}
	return node
}

func readJSON(t *testing.T, file string, v any) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// serve starts a server and gives the host and port on which it answers. It
// ends with the test. Should this process be killed, the server sees the end
// of its input, and ends as well: see listen.cjs.
func serve(t *testing.T, script string, args ...string) (host string) {
	t.Helper()
	node := doubles(t)
	cmd := exec.Command(node, append([]string{"--require", "./listen.cjs", filepath.Join("node_modules", script)}, args...)...)
	cmd.Dir = doublesDir
	cmd.Env = append(os.Environ(), "NODE_ENV=test", "NO_COLOR=1")
	present := &output{port: make(chan string, 1)}
	cmd.Stdout, cmd.Stderr = present, present
	input, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = input.Close()
		_ = cmd.Process.Kill() // at the latest now
		<-ended
		if t.Failed() {
			t.Logf("%s said: %s", script, present)
		}
	})
	select {
	case port := <-present.port:
		return "127.0.0.1:" + port
	case err := <-ended:
		ended <- err
		t.Fatalf("%s ended before it listened: %v", script, err)
	}
	return ""
}

// output keeps what a server says, and finds the port in it.
type output struct {
	mu   sync.Mutex
	b    bytes.Buffer
	port chan string
	done bool
}

var listening = regexp.MustCompile(`(?m)^listening on port (\d+)$`)

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.b.Write(p)
	if m := listening.FindSubmatch(o.b.Bytes()); m != nil && !o.done {
		o.done = true
		o.port <- string(m[1])
	}
	return len(p), nil
}

// String returns all that was said.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
