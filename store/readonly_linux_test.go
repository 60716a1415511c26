package store

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// TestReadOnly: what may only be read can be read, and says so to who would write.
func TestReadOnly(t *testing.T) {
	for what, forbid := range map[string]func(folder, file string) error{
		"file":   func(_, file string) error { return os.Chmod(file, 0o444) },
		"folder": func(folder, _ string) error { return os.Chmod(folder, 0o555) },
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			mustDo(t, os.Chmod(filepath.Dir(dir), 0o755))
			path := filepath.Join(dir, "e.db")
			s := open(t, path, Options{Key: testKey(t, "a")})
			addRun(t, s, 0, "one\n")
			mustDo(t, s.Close())
			mustDo(t, os.Chmod(path, 0o644))
			before, err := os.ReadFile(path)
			mustDo(t, err)
			if what == "folder" { // another one's, in which the file itself could be written
				mustDo(t, os.Chmod(path, 0o666))
			}
			mustDo(t, forbid(dir, path))
			asNobody(t, func() {
				if _, err := Open(path, Options{Key: testKey(t, "a")}); !errors.Is(err, ErrReadOnly) || !strings.Contains(err.Error(), "can only be read here") {
					t.Errorf("to write: %v", err)
				}
				if _, _, err := Compact(t.Context(), path, CompactOptions{}); !errors.Is(err, ErrReadOnly) {
					t.Errorf("to compact: %v", err)
				}
				r, err := Open(path, Options{})
				if err != nil {
					t.Fatalf("to read: %v", err)
				}
				mustCheck(t, r)
				mustDo(t, r.Close())
			})
			if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
				t.Errorf("the file was changed (%v)", err)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// asNobody does what root is never refused with the rights of nobody, on a
// thread that is not used again.
func asNobody(t *testing.T, do func()) {
	t.Helper()
	if os.Getuid() != 0 {
		do()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err := syscall.Setfsuid(65534); err != nil {
			t.Error(err)
			return
		}
		do()
	}()
	<-done
}
