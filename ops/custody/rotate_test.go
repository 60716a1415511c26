package custody

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

// TestRotateInterrupted stops a change of the key after each of its steps; the
// next one who rotates, and the next one who writes, find one key that fits.
func TestRotateInterrupted(t *testing.T) {
	steps := []struct {
		name string
		do   func(*testing.T, *rotation)
	}{
		{"nothing", func(*testing.T, *rotation) {}},
		{"the new key is a file", func(t *testing.T, r *rotation) { must(t, r.next.WriteFile(nextKey(r.config))) }},
		{"the log has it", func(t *testing.T, r *rotation) {
			s, err := store.Open(r.config.Store.Path, store.Options{Key: r.old})
			must(t, err)
			must(t, s.Rotate(t.Context(), r.next))
			must(t, s.Close())
		}},
		{"the old file has another name", func(t *testing.T, r *rotation) {
			must(t, os.Link(r.config.Store.Key, r.config.Store.Key+".retired-20260101T000000Z"))
		}},
	}
	for done := range steps {
		for _, how := range []string{"rotate", "write"} {
			t.Run(fmt.Sprintf("%s, then %s", steps[done].name, how), func(t *testing.T) {
				r := newRotation(t)
				for _, s := range steps[:done+1] {
					s.do(t, r)
				}
				r.finish(t, how, done)
			})
		}
	}
}

type rotation struct {
	keeper    *Keeper
	said      *bytes.Buffer
	config    *config.Config
	old, next *store.Key
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newRotation(t *testing.T) *rotation {
	dir := t.TempDir()
	r := &rotation{said: new(bytes.Buffer), config: &config.Config{Store: config.Store{Path: filepath.Join(dir, "e.db"), Key: filepath.Join(dir, "e.key")}}}
	r.keeper = &Keeper{Config: r.config, Say: func(text string) { r.said.WriteString(text) }}
	for _, k := range []**store.Key{&r.old, &r.next} {
		var err error
		*k, err = store.NewKey("evidenced/test", nil)
		must(t, err)
	}
	must(t, r.old.WriteFile(r.config.Store.Key))
	s, _, err := r.keeper.OpenWithKey(store.Options{})
	must(t, err)
	must(t, s.Append(t.Context(), func(w evidence.Writer) error {
		_, err := w.Entry(evidence.Entry{Type: evidence.EntryAgent, Body: []byte(`{"event":"started"}`)})
		return err
	}))
	must(t, s.Close())
	return r
}

func (r *rotation) finish(t *testing.T, how string, done int) {
	if how == "rotate" {
		_, err := r.keeper.rotateFile(t.Context())
		must(t, err)
	}
	s, _, err := r.keeper.OpenWithKey(store.Options{})
	must(t, err)
	defer s.Close()
	key, err := store.ReadKey(r.config.Store.Key)
	must(t, err)
	switch {
	case key.Verifier != s.VerifierKey():
		t.Errorf("the file has %s, the log %s", key.Verifier, s.VerifierKey())
	case done > 0 && how == "rotate" || done > 1:
		if key.Verifier != r.next.Verifier || exists(nextKey(r.config)) {
			t.Errorf("it does not go on with the key that was begun with: %s", r.said)
		}
		kept, err := store.ReadKey(retiredOf(r.config))
		if err != nil || kept.Verifier != r.old.Verifier {
			t.Errorf("the old key is not kept: %v", err)
		}
		if !strings.Contains(r.said.String(), "interrupted") {
			t.Errorf("it does not say so: %q", r.said)
		}
	}
	report, err := s.Check(t.Context())
	if err != nil || !report.OK() {
		t.Errorf("%v %v", err, report.Problems)
	}
	keys, err := usedKeys(s)
	if want := map[bool]int{true: 2, false: 1}[how == "rotate" || done > 1]; err != nil || len(keys) != want {
		t.Errorf("%d keys, want %d: %v", len(keys), want, err)
	}
}
