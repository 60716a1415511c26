package store

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/evidenced/evidenced/evidence"
)

// recovered runs do and returns what it panicked with.
func recovered(do func()) (value any) {
	defer func() { value = recover() }()
	do()
	return nil
}

// TestPanicOfTheCallerIsNoDamage: a mistake in the code that appends is not
// taken for a damaged file, and the store goes on.
func TestPanicOfTheCallerIsNoDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e.db")
	s := open(t, path, Options{Key: testKey(t, "a")})
	addRun(t, s, 0, "one\n")
	var none map[string]int
	for name, add := range map[string]func(evidence.Writer) error{
		"a value":         func(evidence.Writer) error { panic("boom") },
		"a runtime error": func(evidence.Writer) error { none["x"]++; return nil },
		"after an entry": func(w evidence.Writer) error {
			if _, err := w.Entry(evidence.Entry{Type: evidence.EntryAgent}); err != nil {
				return err
			}
			panic("boom")
		},
	} {
		var err error
		p := recovered(func() { err = s.Append(context.Background(), add) })
		if p == nil || errors.Is(err, ErrDamaged) {
			t.Errorf("%s: panic %v, error %v", name, p, err)
		}
	}
	addRun(t, s, 1, "two\n")
	if r := mustCheck(t, s); r.Entries != 2 {
		t.Fatalf("%d entries", r.Entries)
	}
	mustDo(t, s.Close())
	mustCheck(t, open(t, path, Options{Key: testKey(t, "a")}))
}

// TestPanicOfTheStoreIsDamage: what bbolt panics with on its way through code of
// the caller is damage, and nothing is committed even if that code goes on.
func TestPanicOfTheStoreIsDamage(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "e.db"), Options{Key: testKey(t, "a")})
	addRun(t, s, 0, "one\n")
	var broken error
	err := s.append(context.Background(), func(w *writer) error {
		return w.callOut(func(out evidence.Writer) error {
			tx := w.tx
			w.tx = &bolt.Tx{} // panics as a page does that is none
			_, broken = out.Entry(evidence.Entry{Type: evidence.EntryAgent})
			w.tx = tx
			return nil
		})
	})
	if !errors.Is(broken, ErrDamaged) || !errors.Is(err, ErrDamaged) {
		t.Fatalf("the writer says %v, the store %v", broken, err)
	}
	addRun(t, s, 1, "two\n")
	if r := mustCheck(t, s); r.Entries != 2 {
		t.Fatalf("%d entries", r.Entries)
	}
}

type panickingWriter struct{}

func (panickingWriter) Write([]byte) (int, error) { panic("boom") }

type panickingSealer struct{ Sealer }

func (panickingSealer) Unwrap(context.Context, []byte) ([]byte, error) { panic("boom") }

// TestPanicOutsideOfAppend: the same holds for what is written to and asked
// within other transactions, and the lock of the file is not left behind.
func TestPanicOutsideOfAppend(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e.db")
	seal, err := NewSealer(make([]byte, keySize))
	mustDo(t, err)
	s := open(t, path, Options{Key: testKey(t, "a"), Seal: seal})
	addRun(t, s, 0, "one\n")
	if p := recovered(func() { _, err = s.Backup(context.Background(), panickingWriter{}) }); p != "boom" {
		t.Errorf("backup: panic %v, error %v", p, err)
	}
	addRun(t, s, 1, "two\n")
	mustDo(t, s.Close())
	if p := recovered(func() { _, err = Open(path, Options{Key: testKey(t, "a"), Seal: panickingSealer{seal}}) }); p != "boom" {
		t.Errorf("open: panic %v, error %v", p, err)
	}
	mustCheck(t, open(t, path, Options{Key: testKey(t, "a"), Seal: seal}))
}

// TestAppendIfThroughASharedStore: who shares a store appends to the same log.
func TestAppendIfThroughASharedStore(t *testing.T) {
	ctx := context.Background()
	s := open(t, filepath.Join(t.TempDir(), "e.db"), Options{Key: testKey(t, "a")})
	other := s.Share()
	add := func(w evidence.Writer) error {
		_, err := w.Entry(evidence.Entry{Type: evidence.EntryAgent})
		return err
	}
	mustDo(t, s.AppendIf(ctx, 0, add))
	if err := other.AppendIf(ctx, 0, add); !errors.Is(err, evidence.ErrMoved) {
		t.Fatalf("got %v", err)
	}
	mustDo(t, other.AppendIf(ctx, 1, add))
	mustDo(t, other.Close())
	if err := s.AppendIf(ctx, 1, add); !errors.Is(err, evidence.ErrMoved) {
		t.Fatalf("got %v", err)
	}
	if r := mustCheck(t, s); r.Entries != 2 {
		t.Fatalf("%d entries", r.Entries)
	}
}
