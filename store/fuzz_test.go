package store

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/evidence"
)

// FuzzStore writes bytes over some place of a store's file: what reads it may
// fail, or find problems, but neither panics nor goes on for ever.
func FuzzStore(f *testing.F) {
	golden := golden(f, "testdata/format2.db.gz", filepath.Join(f.TempDir(), "g.db"))
	f.Add(uint32(0), []byte{1, 2, 3, 4})
	for page := uint32(2); page < 20; page++ {
		f.Add(page*pageSize+8, []byte{1, 0, 255, 255, 255, 255, 0, 0})
		f.Add(page*pageSize+16, []byte{0, 0, 0, 0, 255, 255, 255, 255, 8, 0, 0, 0, 255, 255, 0, 0})
	}
	f.Fuzz(func(t *testing.T, at uint32, over []byte) {
		b := append([]byte(nil), golden...)
		copy(b[at%uint32(len(b)):], over)
		path := filepath.Join(t.TempDir(), "e.db")
		mustDo(t, os.WriteFile(path, b, 0o600))
		s, err := Open(path, Options{})
		if err != nil {
			return
		}
		defer s.Close()
		if _, err := s.Check(context.Background()); err != nil {
			t.Fatal(err)
		}
		for e, err := range s.Entries(0) {
			if err != nil {
				break
			}
			for _, ref := range e.Refs() {
				if r, err := s.Blob(ref.Hash); err == nil {
					_, _ = io.Copy(io.Discard, r)
					_ = r.Close()
				}
			}
		}
		for _, err := range s.History(users, "", "u01") {
			_ = err
		}
	})
}

// FuzzText: the texts that are read beside the pages are taken, or refused.
func FuzzText(f *testing.F) {
	f.Add(writerKey().secret + "\n" + writerKey().Verifier)
	f.Add("process 1, evidenced, since now")
	var c compressor
	var u decompressor
	packed, err := c.entry([]byte(`{"index":0}`))
	mustDo(f, err)
	f.Add(string(packed))
	f.Fuzz(func(t *testing.T, text string) {
		if k, err := ParseKey(text); err == nil && !strings.Contains(text, k.Verifier) {
			t.Fatalf("the key %s was not in the text", k.Verifier)
		}
		if leaf, err := u.entry(nil, []byte(text)); err == nil && len(leaf) > evidence.MaxLine {
			t.Fatalf("a leaf of %d bytes", len(leaf))
		}
		_, _ = unsummed(bucketCuts, nil, []byte(text))
		_, _ = unwrap(context.Background(), []byte(text), nil)
	})
}
