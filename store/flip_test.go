package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// TestEveryFlippedBit flips bits of a small store, one at a time. The store is
// refused, or Check finds it; or the bit is in none of what the store holds:
// then all of it reads as before, and it goes on being a sound store. EVIDENCED_SOAK
// flips every bit, otherwise one in some hundreds.
func TestEveryFlippedBit(t *testing.T) {
	stride := 1201 * slow
	if soak {
		stride = 1
	}
	whole := smallStore(t)
	want := dump(t, whole)
	var next, found, idle atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			path := filepath.Join(t.TempDir(), "e.db")
			for {
				bit := int(next.Add(1)-1) * stride
				if bit >= len(whole)*8 || t.Failed() {
					return
				}
				b := append([]byte(nil), whole...)
				b[bit/8] ^= 1 << (bit % 8)
				if err := os.WriteFile(path, b, 0o600); err != nil {
					t.Error(err)
					return
				}
				switch err := flipped(path, want); {
				case errors.Is(err, errUnseen):
					idle.Add(1)
				case err != nil:
					t.Errorf("bit %d of byte %d: %v", bit%8, bit/8, err)
				default:
					found.Add(1)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("of %d bits flipped, %d were found, %d are in nothing that the store holds", found.Load()+idle.Load(), found.Load(), idle.Load())
	if found.Load() == 0 {
		t.Fatal("no flip was found")
	}
}

var errUnseen = errors.New("not found, and without effect")

// flipped is nil if the damage was found. It gives up on a store that does not
// answer.
func flipped(path, want string) error {
	done := make(chan error, 1)
	go func() { done <- examine(path, want) }()
	select {
	case err := <-done:
		return err
	case <-time.After(20 * time.Second):
		return errors.New("it hangs")
	}
}

func examine(path, want string) error {
	s, err := Open(path, Options{})
	if err != nil {
		return nil
	}
	r, err := s.Check(context.Background())
	if err != nil || !r.OK() {
		return s.Close()
	}
	got, err := dumpOf(s)
	if err = errors.Join(err, s.Close()); err != nil {
		return fmt.Errorf("nothing was found, and it does not read: %w", err)
	}
	if got != want {
		return errors.New("nothing was found, and it reads otherwise")
	}
	return goesOn(path)
}

// goesOn appends to a store, and checks it.
func goesOn(path string) error {
	s, err := Open(path, Options{Key: writerKey()})
	if err != nil {
		return fmt.Errorf("nothing was found, and it cannot be written to: %w", err)
	}
	defer s.Close()
	for i := range 3 {
		if err := s.Append(context.Background(), func(w evidence.Writer) error {
			_, err := w.Blob(evidence.Series{Stream: users, Content: evidence.ContentExchanges}, strings.NewReader(fmt.Sprint(i, "\n")), 1)
			if err != nil {
				return err
			}
			_, err = w.Entry(evidence.Entry{Type: evidence.EntryUpload, Blobs: []evidence.Ref{{Hash: evidence.HashOf([]byte(fmt.Sprint(i, "\n"))), Size: 2}}})
			return err
		}); err != nil {
			return fmt.Errorf("nothing was found, and it cannot be appended to: %w", err)
		}
	}
	if r, err := s.Check(context.Background()); err != nil || !r.OK() {
		return fmt.Errorf("nothing was found before an append, and after it: %v %q", err, r.Problems)
	}
	return errUnseen
}

// smallStore has something in every bucket, and free pages.
func smallStore(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "e.db")
	clk := &clock{start}
	s, err := Open(path, Options{Key: testKey(t, "a"), Now: clk.now})
	mustDo(t, err)
	c := newCompany(3)
	for day := range 8 {
		clk.t = start.AddDate(0, 0, day)
		add(t, s, day, evidence.Collected, c.snapshot())
	}
	_, err = s.Erase(context.Background(), Retention{Policy: "3 days", Before: start.AddDate(0, 0, 3)})
	mustDo(t, err)
	mustDo(t, s.Rotate(context.Background(), writerKey()))
	mustCheck(t, s)
	mustDo(t, s.Close())
	b, err := os.ReadFile(path)
	mustDo(t, err)
	return b
}

func dump(t *testing.T, whole []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "e.db")
	mustDo(t, os.WriteFile(path, whole, 0o600))
	s, err := Open(path, Options{})
	mustDo(t, err)
	defer s.Close()
	out, err := dumpOf(s)
	mustDo(t, err)
	return out
}

// dumpOf returns all that a store holds.
func dumpOf(s *Store) (string, error) {
	var out strings.Builder
	fmt.Fprintln(&out, s.VerifierKey())
	for leaf, err := range s.Leaves(0) {
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "%s\n", leaf)
	}
	for cp, err := range s.Checkpoints() {
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "%d %s\n", cp.Size, cp.Signed)
	}
	for e, err := range s.Entries(0) {
		if err != nil {
			return "", err
		}
		for _, ref := range e.Refs() {
			text, err := readAll(s, ref.Hash)
			if errors.Is(err, evidence.ErrErased) {
				text, err = "erased", nil
			}
			if err != nil {
				return "", err
			}
			fmt.Fprintln(&out, ref.Hash, text)
		}
	}
	for i := range 40 {
		for st, err := range s.History(users, "", fmt.Sprintf("u%02d", i)) {
			if err != nil {
				return "", err
			}
			fmt.Fprintln(&out, i, st.Entry, st.Record != nil)
		}
	}
	return out.String(), nil
}

func readAll(s *Store, h evidence.Hash) (string, error) {
	r, err := s.Blob(h)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return string(b), err
}
