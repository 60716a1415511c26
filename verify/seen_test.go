package verify_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/store"
	"github.com/evidenced/evidenced/verify"
)

// keepAll writes every checkpoint of a log to a folder, as an anchor does.
func keepAll(t *testing.T, s *store.Store, folder string) (n int) {
	t.Helper()
	for cp, err := range s.Checkpoints() {
		must(t, err)
		must(t, os.WriteFile(filepath.Join(folder, strings.ReplaceAll(t.Name(), "/", "-")+string(rune('a'+n))+".checkpoint"), cp.Signed, 0o600))
		n++
	}
	return n
}

// TestCheckpointsFromElsewhere: a log that was rewritten is not the one that others have seen.
func TestCheckpointsFromElsewhere(t *testing.T) {
	dir := t.TempDir()
	s, key := filled(t, 4, 3)
	bundle := write(t, s, key, 4)
	all := keepAll(t, s, dir)
	check := func(folder string) verify.Result {
		t.Helper()
		seen, err := verify.SeenIn(folder)
		must(t, err)
		return checkWith(t, bundle, verify.Options{Seen: seen})
	}
	if res := check(dir); !res.OK || res.Checked.Seen != all || res.Checked.Newer != 0 {
		t.Fatalf("%+v %+v", res.Checked, res.Failures)
	}
	newest, _, err := s.Checkpoint()
	must(t, err)
	lines := strings.SplitN(string(newest), "\n", 3)
	put := func(name, text string) { must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)) }
	put("newer.checkpoint", lines[0]+"\n9999\n"+lines[2])
	put("other.checkpoint", "another/log\n3\n"+lines[2])
	put("notes.txt", "x")
	if res := check(dir); res.OK || res.Checked.Seen != all || res.Checked.Newer != 1 || !strings.Contains(res.Failures[0].Detail, "calls itself complete") {
		t.Fatalf("%+v %+v", res.Checked, res.Failures)
	}
	must(t, os.Remove(filepath.Join(dir, "newer.checkpoint")))
	for name, text := range map[string]string{"another root": lines[0] + "\n" + lines[1] + "\n" + strings.Repeat("A", 43) + "=\n\n", "a size that was never signed": lines[0] + "\n0\n" + lines[2], "no size": lines[0] + "\nx\n" + lines[2]} {
		put("bad.checkpoint", text)
		if res := check(dir); len(res.Failures) != 1 || !strings.Contains(res.Failures[0].Detail, "bad.checkpoint") {
			t.Errorf("%s: %+v", name, res.Failures)
		}
	}
	alone := t.TempDir()
	must(t, os.WriteFile(filepath.Join(alone, "x.checkpoint"), []byte("another/log\n3\nx\n"), 0o600))
	if res := check(alone); !res.OK || res.ExitCode() != 3 || !strings.Contains(res.Unknown[0], "none is of this log") {
		t.Errorf("%+v", res)
	}
	for _, bad := range []string{t.TempDir(), filepath.Join(dir, "nowhere")} {
		if _, err := verify.SeenIn(bad); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}
