package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/evidence"
)

var (
	users  = evidence.Stream{Source: "okta", Kind: "okta.user", Scope: "acme"}
	groups = evidence.Stream{Source: "okta", Kind: "okta.group", Scope: "a \"quoted\"\nscope"}
)

func begun(t *testing.T, a *attempts, st evidence.Stream) int {
	t.Helper()
	died, err := a.Begin(st)
	if err != nil {
		t.Fatal(err)
	}
	return died
}

func opened(t *testing.T, path string) *attempts {
	t.Helper()
	a, err := openAttempts(path)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestAttempts: readings that a killed process began are counted until one of them ends;
// those of a process that was stopped are not.
func TestAttempts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e.db"+AttemptsSuffix)
	for killed := range 4 {
		a := opened(t, path)
		if died := begun(t, a, users); died != killed {
			t.Fatalf("%d readings died, want %d", died, killed)
		}
		if died := begun(t, a, groups); died != 0 {
			t.Fatalf("%d readings of what ended", died)
		}
		a.End(groups)
		_ = a.file.Close() // killed: nothing is written down
	}
	a := opened(t, path)
	begun(t, a, users)
	a.End(users)
	if died := begun(t, a, users); died != 0 {
		t.Errorf("%d readings died before the one that ended", died)
	}
	if err := a.Close(); err != nil { // stopped
		t.Fatal(err)
	}
	if died := begun(t, opened(t, path), users); died != 0 {
		t.Errorf("%d: stopping is no death", died)
	}
	if err := os.WriteFile(path, []byte("?\x00\n+\n+ x\n- y\n+ "+strings.Repeat("z", 1<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	if died := begun(t, opened(t, path), users); died != 0 {
		t.Errorf("%d readings in a file of no form", died)
	}
	if fi, err := os.Stat(path); err != nil || fi.Size() > 200 {
		t.Errorf("the file grows: %v %v", fi, err)
	}
}
