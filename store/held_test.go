package store

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// meddler has something happen while the file is being copied.
type meddler struct {
	*os.File
	then func()
}

// ReadAt implements io.ReaderAt.
func (m meddler) ReadAt(p []byte, at int64) (int, error) {
	if half := len(p) / 2; half > pageSize {
		n, err := m.File.ReadAt(p[:half], at)
		if m.then(); err != nil {
			return n, err
		}
		more, err := m.File.ReadAt(p[half:], at+int64(half))
		return n + more, err
	}
	return m.File.ReadAt(p, at)
}

// TestCopyWhileCommitting: what was copied across a commit is copied again;
// what an append has not committed yet does not matter.
func TestCopyWhileCommitting(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "e.db"), Options{Key: testKey(t, "a")})
	c := newCompany(1)
	for day := range 5 {
		add(t, s, day, evidence.Collected, c.snapshot())
	}
	appending := func(then func()) {
		mustDo(t, s.Append(context.Background(), func(w evidence.Writer) error {
			_, err := w.Blob(evidence.Series{Stream: users, Content: evidence.ContentRecords}, strings.NewReader(c.snapshot()), 1)
			then()
			return err
		}))
	}
	commits := 0
	for _, meddle := range []func(){func() {}, func() { addRun(t, s, 9, "x\n"); commits++ }} {
		path := filepath.Join(dir, "copy.db")
		to, err := os.Create(path)
		mustDo(t, err)
		before := commits
		steady, err := copyOnce(to, meddler{s.raw, meddle})
		mustDo(t, err)
		if err := to.Close(); err != nil || steady != (commits == before) {
			t.Fatalf("%d commits while it was copied: steady %t (%v)", commits-before, steady, err)
		}
		if steady {
			mustCheck(t, open(t, path, Options{Wait: time.Second}))
		}
	}
	if commits == 0 {
		t.Fatal("nothing was committed meanwhile")
	}
	appending(func() {
		to, err := os.Create(filepath.Join(dir, "within.db"))
		mustDo(t, err)
		steady, err := copyOnce(to, s.raw)
		if mustDo(t, err); !steady {
			t.Fatal("an append that has not committed disturbs the copy")
		}
		mustDo(t, to.Close())
	})
	mustCheck(t, open(t, filepath.Join(dir, "within.db"), Options{}))
}

// TestACopyStaysAsItIs: what is appended later is not in it, and nothing can be appended to it.
func TestACopyStaysAsItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e.db")
	s := open(t, path, Options{Key: testKey(t, "a")})
	addRun(t, s, 0, "one\n")
	if held := s.Held(); held != "" {
		t.Errorf("the writer says that %q holds it", held)
	}
	r := open(t, path, Options{Wait: time.Millisecond})
	addRun(t, s, 1, "two\n")
	if n, err := r.Size(); err != nil || n != 1 || r.Held() == "" {
		t.Errorf("%d entries, held by %q, %v", n, r.Held(), err)
	}
	if err := r.Append(context.Background(), func(evidence.Writer) error { return nil }); err == nil {
		t.Error("appended to a copy")
	}
	mustCheck(t, r)
}
