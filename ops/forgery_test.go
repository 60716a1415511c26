package ops_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/demo"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/ops"
	"github.com/evidenced/evidenced/store"
	"github.com/evidenced/evidenced/verify"
)

// TestForgedLogs: the holder of the key writes the log anew, with something left
// out or altered, and signs all of it: tree, checkpoints, bundle. What the
// verifier alone cannot find, re-performance does, by the logged schedules.
func TestForgedLogs(t *testing.T) {
	f := openForger(t, demoFolder(t))
	missed := func(e *evidence.Entry) bool { return e.Run == nil || e.Run.Outcome != evidence.Missed }
	failed := func(e *evidence.Entry) bool { return e.Run == nil || e.Run.Outcome != evidence.Failed }
	for name, c := range map[string]struct {
		keep func(e *evidence.Entry) bool
		says string // empty where the log is honest
	}{
		"honest":                      {func(*evidence.Entry) bool { return true }, ""},
		"missed collections left out": {missed, "were expected by the logged schedules"},
		"failed collections left out": {failed, "were expected by the logged schedules"},
		"a day left out": {func(e *evidence.Entry) bool {
			return e.Run == nil || !e.Run.Due.Truncate(24*time.Hour).Equal(demo.Start.AddDate(0, 0, 13))
		}, "has a hole"},
		"a source left out for a day": {func(e *evidence.Entry) bool {
			return e.Run == nil || e.Run.Stream.Source != "okta" || !e.Run.Due.Truncate(24*time.Hour).Equal(demo.Start.AddDate(0, 0, 9))
		}, "okta/"},
		"the end cut off": {func(e *evidence.Entry) bool { return e.Index < f.size-150 }, "or its end was cut off"},
		"the collections after the end of the period left out": {func(e *evidence.Entry) bool {
			return e.Run == nil || e.Run.Due.Before(demo.Start.AddDate(0, 0, 22))
		}, "before its last events were read"},
		"half of it cut off": {func(e *evidence.Entry) bool { return e.Index < f.size/2 }, "or its end was cut off"},
		"a missed collection called collected on demand": {func(e *evidence.Entry) bool {
			if e.Run != nil && e.Run.Outcome == evidence.Missed {
				e.Run.Trigger = evidence.OnDemand
			}
			return true
		}, "were expected by the logged schedules"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, err := f.bundle(t, c.keep)
			if err != nil {
				t.Fatal(err)
			}
			text := new(bytes.Buffer)
			if err := res.WriteText(text); err != nil {
				t.Fatal(err)
			}
			if honest := c.says == ""; honest != (res.ExitCode() == 0) || !strings.Contains(text.String(), c.says) {
				t.Fatalf("exit code %d, want %q in\n%s", res.ExitCode(), c.says, text)
			}
		})
	}
	t.Run("the catalogue left out", func(t *testing.T) { // what a program of his own writes then, TestBentLogs in verify looks at
		_, err := f.bundle(t, func(e *evidence.Entry) bool { return e.Type != evidence.EntryCatalogue })
		if err == nil || !strings.Contains(err.Error(), "others than those that the log says") {
			t.Errorf("a bundle of a log without its catalogue: %v", err)
		}
	})
}

// forger holds a store and its key.
type forger struct {
	c    *ops.Process
	dir  string
	key  *store.Key
	size uint64
}

func openForger(t *testing.T, dir string) *forger {
	t.Helper()
	key, err := store.ReadKey(filepath.Join(dir, "evidence.key"))
	if err != nil {
		t.Fatal(err)
	}
	f := &forger{&ops.Process{Path: filepath.Join(dir, "evidenced.yaml")}, dir, key, 0}
	s := f.open(t)
	defer s.Close()
	f.size, err = s.Size()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *forger) open(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(filepath.Join(f.dir, "evidence.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// bundle writes the log anew with the entries that keep keeps, and returns what its
// bundle is found to be, or why none is written.
func (f *forger) bundle(t *testing.T, keep func(*evidence.Entry) bool) (*ops.Verified, error) {
	t.Helper()
	from := f.open(t)
	defer from.Close()
	at := demo.Start
	forged, err := store.Open(filepath.Join(t.TempDir(), "forged.db"), store.Options{Key: f.key, Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	defer forged.Close()
	var same []evidence.Entry // recorded at the same time, and so in one append
	write := func() {
		err := forged.Append(context.Background(), func(w evidence.Writer) error {
			for _, e := range same {
				if err := copyEntry(w, from, e); err != nil {
					return err
				}
			}
			return nil
		})
		if same = nil; err != nil {
			t.Fatal(err)
		}
	}
	for e, err := range from.Entries(0) {
		if err != nil {
			t.Fatal(err)
		}
		if len(same) > 0 && !same[0].Recorded.Equal(e.Recorded) {
			write()
		}
		if at = e.Recorded; keep(&e) {
			same = append(same, e)
		}
	}
	write()
	c, err := f.c.Config(false)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := ops.WriteBundle(t.Context(), &b, ops.Bundled{Config: c, Store: forged, Signer: ops.SignerOf(f.key)}, c.Period.To, nil); err != nil {
		return nil, err
	}
	path := filepath.Join(t.TempDir(), "b.zip")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return ops.VerifyBundle(t.Context(), path, verify.Options{Key: f.key.Verifier}, true, nil)
}

// copyEntry writes an entry of another store, with its blobs.
func copyEntry(w evidence.Writer, from *store.Store, e evidence.Entry) error {
	put := func(of evidence.Series, ref *evidence.Ref) error {
		if ref == nil {
			return nil
		}
		r, err := from.Blob(ref.Hash)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		*ref, err = w.Blob(of, bytes.NewReader(text), ref.Count)
		return err
	}
	if e.Run != nil {
		if err := put(evidence.Series{Stream: e.Run.Stream, Content: evidence.ContentExchanges}, e.Run.Exchanges); err != nil {
			return err
		}
		if err := put(evidence.Series{Stream: e.Run.Stream, Content: evidence.ContentRecords}, e.Run.Records); err != nil {
			return err
		}
	}
	for i := range e.Blobs {
		if err := put(evidence.Series{Content: evidence.ContentFile}, &e.Blobs[i]); err != nil {
			return err
		}
	}
	_, err := w.Entry(e)
	return err
}
