package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/evidenced/evidenced/evidence"
)

// TestReplacedWhileOpen: nothing is written to a file that nobody will find again.
func TestReplacedWhileOpen(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"removed":  os.Remove,
		"replaced": func(path string) error { return os.Rename(filepath.Join(filepath.Dir(path), "other"), path) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "e.db")
			s := open(t, path, Options{Key: testKey(t, "a")})
			addRun(t, s, 0, "{}\n")
			mustDo(t, os.WriteFile(filepath.Join(filepath.Dir(path), "other"), []byte("x"), 0o600))
			mustDo(t, change(path))
			err := s.Append(context.Background(), func(w evidence.Writer) error {
				t.Error("it was asked what to append")
				return nil
			})
			if !errors.Is(err, ErrReplaced) {
				t.Error(err)
			}
		})
	}
}
