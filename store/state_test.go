package store

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

// loads fails the test unless the store has this state, or none.
func loads(t *testing.T, s *Store, why string, size uint64, state string) {
	t.Helper()
	n, got := s.LoadState()
	if n != size || string(got) != state || state == "" && got != nil {
		t.Errorf("%s: the state of %d entries %q, want %d and %q", why, n, got, size, state)
	}
}

func TestStateIsBelievedOnlyIfSigned(t *testing.T) {
	sealer, err := NewSealer(bytes.Repeat([]byte{3}, keySize))
	mustDo(t, err)
	for name, seal := range map[string]Sealer{"plain": nil, "sealed": sealer} {
		t.Run(name, func(t *testing.T) { testState(t, seal) })
	}
}

func testState(t *testing.T, seal Sealer) {
	path := filepath.Join(t.TempDir(), "e.db")
	s := open(t, path, Options{Key: testKey(t, "a"), Seal: seal})
	addRun(t, s, 0, "{}\n")
	addRun(t, s, 1, "{}\n")
	loads(t, s, "nothing was kept", 0, "")
	if err := s.SaveState(3, text("of the future")); err == nil {
		t.Error("the state of entries that are not there was kept")
	}
	mustDo(t, s.SaveState(1, text("first")))
	loads(t, s, "kept", 1, "first")
	mustDo(t, s.SaveState(2, text("secret text")))
	addRun(t, s, 2, "{}\n")
	loads(t, s, "the log has grown since", 2, "secret text")
	file, err := os.ReadFile(path + StateSuffix)
	mustDo(t, err)
	if bytes.Contains(file, []byte("secret text")) != (seal == nil) {
		t.Error("the state of a sealed store is readable, or that of a plain one is not")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		torn := slices.Clone(file)
		torn[rng.IntN(len(torn))] ^= 1 << rng.IntN(8)
		mustDo(t, os.WriteFile(path+StateSuffix, torn, 0o600))
		if n, got := s.LoadState(); got != nil && (n != 2 || string(got) != "secret text") { // a bit that base64 does not use changes nothing
			t.Errorf("a bit was flipped: the state of %d entries %q", n, got)
		}
		mustDo(t, os.WriteFile(path+StateSuffix, file[:rng.IntN(len(file))], 0o600))
		loads(t, s, "torn", 0, "")
	}
	mustDo(t, os.WriteFile(path+StateSuffix, file, 0o600))
	loads(t, s, "put back", 2, "secret text")
	mustDo(t, s.Rotate(context.Background(), testKey(t, "b")))
	loads(t, s, "another key signs now", 0, "")
	reader := open(t, filepath.Join(t.TempDir(), "none"), Options{Key: testKey(t, "a"), Seal: seal})
	addRun(t, reader, 5, "another log\n")
	addRun(t, reader, 6, "another log\n")
	mustDo(t, os.WriteFile(reader.path+StateSuffix, file, 0o600))
	loads(t, reader, "that of another log with the same key", 0, "")
}

// TestStateGoesWithWhatIsErased: what is erased, or is to be sealed, must not stay beside the store.
func TestStateGoesWithWhatIsErased(t *testing.T) {
	c := &clock{start}
	path := filepath.Join(t.TempDir(), "e.db")
	s := open(t, path, Options{Key: testKey(t, "a"), Now: c.now})
	addRun(t, s, 0, "{}\n")
	mustDo(t, s.SaveState(1, text("old")))
	_, err := s.Erase(context.Background(), Retention{Policy: "all", Before: start.AddDate(1, 0, 0)})
	mustDo(t, err)
	if _, err := os.Stat(path + StateSuffix); err == nil {
		t.Error("it is still there after an erasure")
	}
	mustDo(t, s.SaveState(1, text("in the clear")))
	mustDo(t, s.Close())
	seal, err := NewSealer(bytes.Repeat([]byte{3}, keySize))
	mustDo(t, err)
	_, _, err = Compact(context.Background(), path, CompactOptions{Anew: true, Next: seal})
	mustDo(t, err)
	if _, err := os.Stat(path + StateSuffix); err == nil {
		t.Error("it is still there, in the clear, beside a sealed store")
	}
}

func TestReaderKeepsNoState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e.db")
	s := open(t, path, Options{Key: testKey(t, "a")})
	addRun(t, s, 0, "{}\n")
	mustDo(t, s.SaveState(1, text("kept")))
	mustDo(t, s.Close())
	r := open(t, path, Options{})
	loads(t, r, "a reader without the key", 1, "kept")
	if err := r.SaveState(1, text("planted")); err == nil {
		t.Error("a store without its key kept a state")
	}
}
