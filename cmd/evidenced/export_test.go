package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/store"
)

// TestNoBundleByAnotherKey: a bundle is signed by the key that signed its log, or not at all.
func TestNoBundleByAnotherKey(t *testing.T) {
	dir := t.TempDir()
	right, err := store.NewKey("evidenced/acme", nil)
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := store.NewKey("evidenced/acme", nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(filepath.Join(dir, "e.db"), store.Options{Key: right})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Append(t.Context(), func(w evidence.Writer) error {
		_, err := w.Entry(evidence.Entry{Type: evidence.EntryAgent, Body: []byte("{}")})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	a, out := &app{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}, filepath.Join(dir, "b.zip")
	_, err = a.writeBundle(context.Background(), out, &config.Config{}, s, wrong, &result.Result{})
	if _, there := os.Stat(out); !errors.Is(err, store.ErrWrongKey) || there == nil {
		t.Fatalf("%v, written: %t", err, there == nil)
	}
}
