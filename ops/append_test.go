package ops

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

func emptyStore(t *testing.T) *store.Store {
	t.Helper()
	key, err := store.NewKey("evidenced/test", nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(filepath.Join(t.TempDir(), "e.db"), store.Options{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func agentEntry(w evidence.Writer) error {
	_, err := w.Entry(evidence.Entry{Type: evidence.EntryAgent, Body: []byte(`{"event":"heartbeat"}`)})
	return err
}

// TestDecisionsAtOnce: of many who each append only if nobody has, one does,
// while others append what has nothing to do with it.
func TestDecisionsAtOnce(t *testing.T) {
	s := emptyStore(t)
	taken := errors.New("somebody was faster")
	claim := func() error {
		return appendDecided(context.Background(), s, func() (func(evidence.Writer) error, error) {
			for e, err := range s.Entries(0) {
				if err != nil || e.Type == evidence.EntryDecision {
					return nil, errors.Join(err, taken)
				}
			}
			e := evidence.Entry{Type: evidence.EntryDecision, Body: []byte(`{}`)}
			return writeEntry(&e), nil
		})
	}
	var wg sync.WaitGroup
	won := make(chan error, 16)
	for range cap(won) {
		wg.Go(func() { won <- claim() })
	}
	for range 4 {
		wg.Go(func() {
			if err := s.Append(context.Background(), agentEntry); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	close(won)
	winners := 0
	for err := range won {
		switch {
		case err == nil:
			winners++
		case !errors.Is(err, taken):
			t.Error(err)
		}
	}
	if winners != 1 {
		t.Fatalf("%d appended it", winners)
	}
}

// TestDecisionThatNeverSettles: a log that grows at each look is a conflict, and no endless loop.
func TestDecisionThatNeverSettles(t *testing.T) {
	s := emptyStore(t)
	asked := 0
	err := appendDecided(context.Background(), s, func() (func(evidence.Writer) error, error) {
		asked++
		if err := s.Append(context.Background(), agentEntry); err != nil {
			return nil, err
		}
		return agentEntry, nil
	})
	if api.CodeOf(err) != api.Conflict || asked != maxTries {
		t.Fatalf("%v after %d tries", err, asked)
	}
}

func TestNameAndAddress(t *testing.T) {
	for text, want := range map[string][2]string{
		"Ann Lee":                     {"Ann Lee", ""},
		" ann@acme.example ":          {"", "ann@acme.example"},
		"Ann Lee <ann@acme.example>":  {"Ann Lee", "ann@acme.example"},
		"Ann Lee < ann@acme.example ": {"Ann Lee", "ann@acme.example"},
		"<ann@acme.example>":          {"", "ann@acme.example"},
	} {
		if name, address := nameAndAddress(text); name != want[0] || address != want[1] {
			t.Errorf("%q: %q %q", text, name, address)
		}
	}
	for _, same := range [][2]string{{"Xavier <XAVIER@acme.example>", "xavier@acme.example"}, {"Xavier <x@acme.example>", "xavier"}, {"ANN", "ann"}} {
		if !samePerson(same[0], same[1]) {
			t.Errorf("%q is not taken for %q", same[0], same[1])
		}
	}
	for _, other := range [][2]string{{"", ""}, {"ann", ""}, {"", "ann"}, {"ann@acme.example", "ann"}} {
		if samePerson(other[0], other[1]) {
			t.Errorf("%q is taken for %q", other[0], other[1])
		}
	}
}
