package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// keptStore is a store whose newest checkpoint is kept beside its key.
type keptStore struct {
	*testing.T
	db, kept string
	key      *Key
}

func newKeptStore(t *testing.T) *keptStore {
	dir := t.TempDir()
	return &keptStore{t, filepath.Join(dir, "store", "e.db"), filepath.Join(dir, "e.key"+KeptSuffix), testKey(t, "a")}
}

func (k *keptStore) options() Options { return Options{Key: k.key, Kept: k.kept} }

// grow opens the store and appends runs.
func (k *keptStore) grow(texts ...string) {
	k.Helper()
	s, err := Open(k.db, k.options())
	mustDo(k, err)
	for n, text := range texts {
		addRun(k, s, n, text)
	}
	mustDo(k, s.KeptError())
	mustDo(k, s.Close())
}

// copied returns the bytes of a file, and put puts them back.
func (k *keptStore) copied(path string) []byte {
	k.Helper()
	b, err := os.ReadFile(path)
	mustDo(k, err)
	return b
}

func (k *keptStore) put(path string, b []byte) {
	k.Helper()
	mustDo(k, os.WriteFile(path, b, 0o600))
}

// rolledBack opens the store to append and to read, and returns what both say.
func (k *keptStore) rolledBack() (back *RolledBack) {
	k.Helper()
	s, err := Open(k.db, k.options())
	if err == nil {
		mustDo(k, s.Close())
	}
	r := open(k, k.db, Options{Kept: k.kept})
	mustCheck(k, r) // it can be read, and is sound by itself
	told := r.RolledBack()
	mustDo(k, r.Close())
	if (err == nil) != (told == nil) {
		k.Fatalf("who appends is told %v, who reads %v", err, told)
	}
	if err == nil {
		return nil
	}
	var toReader *RolledBack
	if !errors.As(err, &back) || !errors.As(told, &toReader) || toReader.Had.Size != back.Had.Size || toReader.Has.Size != back.Has.Size {
		k.Fatalf("who appends is told %v, who reads %v", err, told)
	}
	return back
}

func TestLogThatGrowsIsNotRolledBack(t *testing.T) {
	k := newKeptStore(t)
	for n := range 5 {
		k.grow(fmt.Sprint(n, "\n"))
		if back := k.rolledBack(); back != nil {
			t.Fatal(back)
		}
	}
	newest := k.copied(k.kept)
	for _, older := range [][]byte{nil, make([]byte, 80), newest} {
		k.put(k.kept, older) // as a power cut may leave it
		if back := k.rolledBack(); back != nil {
			t.Fatal(back)
		}
		k.grow("again\n")
	}
	mustDo(t, os.Remove(k.kept))
	k.grow() // a store that was made before checkpoints were kept
	if back := k.rolledBack(); back != nil || !strings.Contains(string(k.copied(k.kept)), "acme\n8\n") {
		t.Fatalf("%v, kept is %q", back, k.copied(k.kept))
	}
}

func TestOlderCopyPutBack(t *testing.T) {
	k := newKeptStore(t)
	k.grow("1\n", "2\n")
	older := k.copied(k.db)
	k.grow("3\n")
	k.put(k.db, older)
	back := k.rolledBack()
	if back == nil || back.Forked() || back.Had.Size != 3 || back.Has.Size != 2 || !strings.Contains(back.Error(), "signed 3 entries, and it has 2") {
		t.Fatalf("%+v", back)
	}
	if !strings.Contains(string(back.Had.Signed), "acme\n3\n") || !strings.Contains(string(back.Has.Signed), "acme\n2\n") {
		t.Errorf("had %q, has %q", back.Had.Signed, back.Has.Signed)
	}
	if again := k.rolledBack(); again == nil {
		t.Error("it is told once only")
	}
}

func TestFork(t *testing.T) {
	for name, others := range map[string][]string{"of the same size": {"other\n"}, "that is larger": {"other\n", "and\n", "more\n"}} {
		t.Run(name, func(t *testing.T) {
			k := newKeptStore(t)
			k.grow("1\n", "2\n")
			older := k.copied(k.db)
			k.grow("3\n")
			had := k.copied(k.kept)
			k.put(k.db, older)
			mustDo(t, os.Remove(k.kept)) // whoever appends to the copy does not know of it
			k.grow(others...)
			k.put(k.kept, had)
			back := k.rolledBack()
			if back == nil || !back.Forked() || back.Had.Size != 3 || back.Has.Size != 2+uint64(len(others)) || !strings.Contains(back.Error(), "the first 3 are others") {
				t.Fatalf("%v", back)
			}
		})
	}
}

func TestStoreThatIsGone(t *testing.T) {
	k := newKeptStore(t)
	k.grow("1\n")
	mustDo(t, os.Remove(k.db))
	var back *RolledBack
	if _, err := Open(k.db, k.options()); !errors.As(err, &back) || back.Had.Size != 1 || back.Has.Size != 0 {
		t.Fatalf("%v", err)
	}
	if _, err := os.Stat(k.db); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("a new store was made: %v", err)
	}
	k.key = testKey(t, "b")
	if _, err := Open(k.db, k.options()); !errors.Is(err, ErrKept) {
		t.Fatalf("with a new key: %v", err)
	}
	mustDo(t, os.Remove(k.kept))
	k.grow("1\n")
}

// TestAcceptedRollback: a log that went back can go on, and says so with the
// signed checkpoint of what is missing, once.
func TestAcceptedRollback(t *testing.T) {
	k := newKeptStore(t)
	k.grow("1\n", "2\n")
	older := k.copied(k.db)
	k.grow("3\n")
	had := k.copied(k.kept)
	k.put(k.db, older)
	o := k.options()
	o.AcceptRollback = &Acceptance{By: "ann", Reason: "the disk failed"}
	s := open(t, k.db, o)
	var back *RolledBack
	if !errors.As(s.RolledBack(), &back) || string(k.copied(k.kept)) != string(had) {
		t.Fatalf("%v, kept is %q", s.RolledBack(), k.copied(k.kept))
	}
	addRun(t, s, 3, "4\n")
	addRun(t, s, 4, "5\n")
	mustCheck(t, s)
	var said []string
	for e, err := range s.Entries(2) {
		mustDo(t, err)
		said = append(said, string(e.Type)+" "+string(e.Body))
	}
	if len(said) != 3 || !strings.Contains(said[0], `"event":"log_went_back","had":3,"has":2`) || !strings.Contains(said[0], `acme\n3\n`) || said[1] != "run " || said[2] != "run " {
		t.Fatalf("%q", said)
	}
	mustDo(t, s.Close())
	if back := k.rolledBack(); back != nil {
		t.Fatal(back)
	}
	mustDo(t, os.Remove(k.db)) // nothing is left of it
	s = open(t, k.db, o)
	addRun(t, s, 0, "1\n")
	if size, err := s.Size(); err != nil || size != 2 {
		t.Fatalf("size %d, %v", size, err)
	}
}

func TestRollbackAcrossAChangeOfTheKey(t *testing.T) {
	k := newKeptStore(t)
	k.grow("1\n")
	older, first, before := k.copied(k.db), k.key, k.copied(k.kept)
	next := testKey(t, "b")
	s := open(t, k.db, k.options())
	mustDo(t, s.Rotate(context.Background(), next))
	mustDo(t, s.Close())
	k.key = next
	newer := k.copied(k.kept)
	k.put(k.kept, before) // the change was in the log, and the process died
	if back := k.rolledBack(); back != nil {
		t.Fatal(back)
	}
	k.put(k.kept, newer)
	k.grow("2\n")
	if back := k.rolledBack(); back != nil {
		t.Fatal(back)
	}
	k.put(k.db, older)
	var back *RolledBack
	if _, err := Open(k.db, k.options()); !errors.As(err, &back) || !errors.Is(err, ErrWrongKey) || back.Had.Size != 3 || back.Has.Size != 1 {
		t.Fatalf("with the new key: %v", err)
	}
	k.key = first
	if _, err := Open(k.db, k.options()); !errors.Is(err, ErrKept) {
		t.Fatalf("with the old key: %v", err)
	}
}

// TestKeptThatIsNone: a file that holds no checkpoint of this log is neither taken
// for one nor overlooked.
func TestKeptThatIsNone(t *testing.T) {
	k := newKeptStore(t)
	k.grow("1\n", "2\n")
	good := string(k.copied(k.kept))
	foreign := testKey(t, "b")
	other, err := foreign.Sign(strings.SplitAfter(good, "\n\n")[0][:len(strings.SplitAfter(good, "\n\n")[0])-1])
	mustDo(t, err)
	for name, text := range map[string]string{
		"garbage":     "what?",
		"another key": string(other),
		"a size more": strings.Replace(good, "acme\n2\n", "acme\n3\n", 1),
		"a size less": strings.Replace(good, "acme\n2\n", "acme\n1\n", 1),
		"no size":     strings.Replace(good, "acme\n2\n", "acme\n-2\n", 1),
		"a log less":  strings.Replace(good, "acme\n", "acne\n", 1),
		"a huge one":  good + strings.Repeat("\n", maxKept),
	} {
		k.put(k.kept, []byte(text))
		if _, err := Open(k.db, k.options()); !errors.Is(err, ErrKept) || !strings.Contains(err.Error(), k.kept) {
			t.Errorf("%s: who appends is told %v", name, err)
		}
		r := open(t, k.db, Options{Kept: k.kept})
		if err := r.RolledBack(); !errors.Is(err, ErrKept) {
			t.Errorf("%s: who reads is told %v", name, err)
		}
		mustDo(t, r.Close())
		if left := string(k.copied(k.kept)); left != text {
			t.Errorf("%s: it became %q", name, left)
		}
	}
}

// TestKeptWhereNothingCanBeWritten: an append does not fail for it.
func TestKeptWhereNothingCanBeWritten(t *testing.T) {
	k := newKeptStore(t)
	k.kept = filepath.Join(filepath.Dir(k.kept), "nowhere", "e.key"+KeptSuffix)
	s := open(t, k.db, k.options())
	addRun(t, s, 0, "1\n")
	if err := s.KeptError(); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("got %v", err)
	}
	mustDo(t, os.Mkdir(filepath.Dir(k.kept), 0o700))
	addRun(t, s, 1, "2\n")
	mustDo(t, s.KeptError())
	mustDo(t, s.Close())
	if back := k.rolledBack(); back != nil {
		t.Fatal(back)
	}
}

// TestReadersWhileTheLogGrows: who reads a copy of a store that another process
// writes to takes no growth for a rollback.
func TestReadersWhileTheLogGrows(t *testing.T) {
	k := newKeptStore(t)
	k.grow("0\n")
	s := open(t, k.db, k.options())
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				r, err := Open(k.db, Options{Kept: k.kept, Wait: time.Millisecond})
				if err == nil {
					err = errors.Join(r.RolledBack(), r.Close())
				}
				if err != nil && !errors.Is(err, ErrHeld) {
					t.Error(err)
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for n := range 60 {
		mustDo(t, s.Append(context.Background(), func(w evidence.Writer) error {
			e, err := evidence.WithBody(evidence.EntryAgent, map[string]any{"event": fmt.Sprint(n)})
			if err == nil {
				_, err = w.Entry(e)
			}
			return err
		}))
	}
	close(stop)
	wg.Wait()
}

// FuzzKept: what was signed is what is read.
func FuzzKept(f *testing.F) {
	note, err := testKey(f, "a").Sign(checkpointText("acme", 2, evidence.Hash{1}))
	mustDo(f, err)
	f.Add(string(note))
	f.Add("acme\n1\nx\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		k := &kept{}
		k.Signed = []byte(text)
		if k.parse() == nil && k.signedBy(testKey(t, "a").Verifier) && !strings.HasPrefix(text, checkpointText(k.origin, k.Size, k.root)) {
			t.Fatalf("%q was taken for a checkpoint of %d", text, k.Size)
		}
	})
}
