package verify_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/store"
	"github.com/evidenced/evidenced/verify"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func otherKey(t testing.TB, name string, seed byte) *store.Key {
	t.Helper()
	k, err := store.NewKey(name, bytes.NewReader(bytes.Repeat([]byte{seed}, 32)))
	must(t, err)
	return k
}

// note appends an entry of the log's own.
func note(t testing.TB, s *store.Store, typ evidence.EntryType, body any) evidence.Entry {
	t.Helper()
	e, err := evidence.WithBody(typ, body)
	must(t, err)
	must(t, s.Append(context.Background(), func(w evidence.Writer) error { e, err = w.Entry(e); return err }))
	return e
}

func checkWith(t testing.TB, bundle []byte, o verify.Options) verify.Result {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bundle.zip")
	must(t, os.WriteFile(path, bundle, 0o600))
	res, err := verify.File(context.Background(), path, o)
	must(t, err)
	return res
}

// finds wants a failure of that check that says this.
func finds(t *testing.T, res verify.Result, check, says string) {
	t.Helper()
	for _, f := range res.Failures {
		if f.Check == check && strings.Contains(f.Detail, says) {
			return
		}
	}
	t.Errorf("no failure of %s says %q: %+v", check, says, res.Failures)
}

// TestErasedEvidence: what retention took away is counted and listed, its slots
// are judged unknown, and the rest stands.
func TestErasedEvidence(t *testing.T) {
	s, key := filled(t, 7, 10)
	gone, err := s.Erase(context.Background(), store.Retention{Policy: "3 days", Before: begin.AddDate(0, 0, 4)})
	must(t, err)
	if len(gone) == 0 {
		t.Fatal("nothing was erased")
	}
	bundle := write(t, s, key, 7)
	res := check(t, bundle, s.VerifierKey())
	if !res.OK || res.Checked.Erased != len(gone) {
		t.Fatalf("erased %d of %d: %+v", res.Checked.Erased, len(gone), res.Failures)
	}
	path := filepath.Join(t.TempDir(), "b.zip")
	must(t, os.WriteFile(path, bundle, 0o600))
	b, failure, err := verify.Open(path)
	if err != nil || failure != nil {
		t.Fatal(err, failure)
	}
	defer b.Close()
	list, err := b.Read("evidence/erased.csv", 1<<20)
	must(t, err)
	for _, ref := range gone {
		if !strings.Contains(string(list), ref.Hash.String()) || !strings.Contains(string(list), "3 days") {
			t.Fatalf("%s is not listed in %s", ref.Hash, list)
		}
	}
	cat := small()
	for _, from := range []gap.Evidence{s, b} {
		r, err := gap.Evaluate(context.Background(), cat, from, result.Period{From: begin, To: begin.AddDate(0, 0, 7)}, begin.AddDate(0, 0, 7))
		must(t, err)
		if r.Slots.Failed != 3 || r.Slots.Collected != 3 { // of days 0, 1, 3; day 2 was missed
			t.Fatalf("%+v", r.Slots)
		}
		blind := false
		for _, g := range r.Gaps {
			blind = blind || strings.Contains(g.Reason, "erased under the retention policy")
		}
		if !blind {
			t.Fatal("no gap says that evidence was erased")
		}
	}
}

// TestLyingTombstones: the holder of the key writes tombstones that do not fit.
func TestLyingTombstones(t *testing.T) {
	for name, c := range map[string]struct {
		body func(ref evidence.Ref) evidence.Erasure
		says string
	}{
		"of what is in the bundle": {func(ref evidence.Ref) evidence.Erasure {
			return evidence.Erasure{Policy: "x", Before: begin.AddDate(0, 0, 3), Blobs: []evidence.Ref{ref}}
		}, ""},
		"of what no one named": {func(evidence.Ref) evidence.Erasure {
			return evidence.Erasure{Policy: "x", Before: begin.AddDate(0, 0, 3), Blobs: []evidence.Ref{{Hash: evidence.HashOf([]byte("?")), Size: 1, Count: 1}}}
		}, "which no entry before it names"},
		"of what is younger": {func(ref evidence.Ref) evidence.Erasure {
			return evidence.Erasure{Policy: "x", Before: begin, Blobs: []evidence.Ref{ref}}
		}, "as older than"},
	} {
		t.Run(name, func(t *testing.T) {
			s, key := filled(t, 4, 5)
			var ref evidence.Ref
			for run, err := range s.Runs() {
				must(t, err)
				ref = *run.Records
				break
			}
			note(t, s, evidence.EntryErasure, c.body(ref))
			res := check(t, write(t, s, key, 4), s.VerifierKey())
			if c.says == "" { // the store erases what a tombstone names, so that this one is true
				if !res.OK || res.Checked.Erased != 1 {
					t.Fatalf("%+v", res)
				}
				return
			}
			finds(t, res, "custody", c.says)
		})
	}
}

// TestKeyChanges: the bundle of a log whose key was changed is sound under each
// of its keys, and no other.
func TestKeyChanges(t *testing.T) {
	s, key := filled(t, 4, 5)
	keys := []*store.Key{key, otherKey(t, "evidenced/acme", 8), otherKey(t, "evidenced/acme", 9)}
	must(t, s.Rotate(context.Background(), keys[1]))
	last := write(t, s, keys[1], 4) // the newest checkpoint is the one with both signatures
	if res := check(t, last, keys[0].Verifier); !res.OK || !res.Pinned {
		t.Fatalf("right after the change: %+v", res.Failures)
	}
	note(t, s, evidence.EntryAgent, map[string]any{"event": "x"})
	must(t, s.Rotate(context.Background(), keys[2]))
	note(t, s, evidence.EntryAgent, map[string]any{"event": "x"})
	bundle := write(t, s, keys[2], 4)
	for i, k := range keys {
		if res := check(t, bundle, k.Verifier); !res.OK || !res.Pinned || res.Checked.KeyChanges != 2 {
			t.Errorf("key %d: %+v", i, res)
		}
	}
	finds(t, check(t, bundle, otherKey(t, "evidenced/acme", 10).Verifier), "signature", "expected")
	finds(t, check(t, write(t, s, keys[0], 4), ""), "signature", "not signed by")
}

// TestForgedKeyChanges: an entry that says that the key was changed, and what is wrong with it.
func TestForgedKeyChanges(t *testing.T) {
	next, stranger := otherKey(t, "evidenced/acme", 8), otherKey(t, "other", 9)
	sign := func(text string, by ...*store.Key) string {
		t.Helper()
		first, err := by[0].Sign(text)
		must(t, err)
		out := string(first)
		for _, k := range by[1:] {
			n, err := k.Sign(text)
			must(t, err)
			out += strings.SplitN(string(n), "\n\n", 2)[1]
		}
		return out
	}
	for name, c := range map[string]struct {
		change func(key *store.Key, at uint64) evidence.KeyChange
		says   string
	}{
		"signed by the new key only": {func(key *store.Key, at uint64) evidence.KeyChange {
			return evidence.KeyChange{Old: key.Verifier, New: next.Verifier, Note: sign(evidence.KeyChangeText("evidenced/acme", at, key.Verifier, next.Verifier), next)}
		}, "not signed by evidenced/acme"},
		"signed by the old key only": {func(key *store.Key, at uint64) evidence.KeyChange {
			return evidence.KeyChange{Old: key.Verifier, New: next.Verifier, Note: sign(evidence.KeyChangeText("evidenced/acme", at, key.Verifier, next.Verifier), key)}
		}, "not signed by evidenced/acme"},
		"signed for another entry": {func(key *store.Key, at uint64) evidence.KeyChange {
			return evidence.KeyChange{Old: key.Verifier, New: next.Verifier, Note: sign(evidence.KeyChangeText("evidenced/acme", at+1, key.Verifier, next.Verifier), key, next)}
		}, "another change"},
		"signed for another log": {func(key *store.Key, at uint64) evidence.KeyChange {
			return evidence.KeyChange{Old: key.Verifier, New: next.Verifier, Note: sign(evidence.KeyChangeText("other", at, key.Verifier, next.Verifier), key, next)}
		}, "another change"},
		"to a key of another log": {func(key *store.Key, at uint64) evidence.KeyChange {
			return evidence.KeyChange{Old: key.Verifier, New: stranger.Verifier, Note: sign(evidence.KeyChangeText("evidenced/acme", at, key.Verifier, stranger.Verifier), key, stranger)}
		}, "another log"},
		"after which the old key signs on": {func(key *store.Key, at uint64) evidence.KeyChange {
			return evidence.KeyChange{Old: key.Verifier, New: next.Verifier, Note: sign(evidence.KeyChangeText("evidenced/acme", at, key.Verifier, next.Verifier), key, next)}
		}, "not signed by evidenced/acme"},
	} {
		t.Run(name, func(t *testing.T) {
			s, key := filled(t, 3, 3)
			note(t, s, evidence.EntryKey, c.change(key, 4))
			res := check(t, write(t, s, key, 3), key.Verifier)
			if res.OK {
				t.Fatal("it was taken")
			}
			for _, f := range res.Failures {
				if strings.Contains(f.Detail, c.says) {
					return
				}
			}
			t.Errorf("no failure says %q: %+v", c.says, res.Failures)
		})
	}
}

// cosigner is a witness: its verifier key, and what it signs.
type cosigner struct {
	private ed25519.PrivateKey
	name    string
	hash    []byte
	vkey    string
}

func newCosigner(seed byte) cosigner {
	w := cosigner{private: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32)), name: "witness.example"}
	data := append([]byte{4}, w.private.Public().(ed25519.PublicKey)...)
	sum := sha256.Sum256([]byte(w.name + "\n" + string(data)))
	w.hash = sum[:4]
	w.vkey = fmt.Sprintf("%s+%x+%s", w.name, w.hash, base64.StdEncoding.EncodeToString(data))
	return w
}

func (w cosigner) line(signed []byte, at time.Time) string {
	text, _, _ := strings.Cut(string(signed), "\n\n")
	stamp := binary.BigEndian.AppendUint64(nil, uint64(at.Unix()))
	sig := ed25519.Sign(w.private, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s\n", at.Unix(), text))
	return "— " + w.name + " " + base64.StdEncoding.EncodeToString(append(append(bytes.Clone(w.hash), stamp...), sig...)) + "\n"
}

// TestAnchors: what a witness and a timestamp authority saw is checked against
// the log, in content and in time.
func TestAnchors(t *testing.T) {
	w, other := newCosigner(1), newCosigner(2)
	for name, c := range map[string]struct {
		alter func(a *evidence.Anchor)
		opt   verify.Options
		says  string // empty if it is sound
		seen  int
	}{
		"checked":               {func(*evidence.Anchor) {}, verify.Options{Witnesses: []string{w.vkey}}, "", 1},
		"no key given":          {func(*evidence.Anchor) {}, verify.Options{}, "", 0},
		"another key":           {func(*evidence.Anchor) {}, verify.Options{Witnesses: []string{other.vkey}}, "no cosignature of the witness's key", 0},
		"a key that is none":    {func(*evidence.Anchor) {}, verify.Options{Witnesses: []string{"x"}}, "the witness's key", 0},
		"another root":          {func(a *evidence.Anchor) { a.Root[0] ^= 1 }, verify.Options{}, "saw another checkpoint", 0},
		"another digest":        {func(a *evidence.Anchor) { a.Digest[0] ^= 1 }, verify.Options{}, "saw another checkpoint", 0},
		"a size without one":    {func(a *evidence.Anchor) { a.Size = 77 }, verify.Options{}, "no checkpoint of 77", 0},
		"an altered receipt":    {func(a *evidence.Anchor) { a.Receipt[40] ^= 1 }, verify.Options{Witnesses: []string{w.vkey}}, "cosignature", 0},
		"not shown":             {func(a *evidence.Anchor) { a.Receipt, a.Error = nil, "no route" }, verify.Options{Witnesses: []string{w.vkey}}, "", 0},
		"before it was made":    {late(w, -48*time.Hour), verify.Options{Witnesses: []string{w.vkey}}, "one of the clocks is wrong", 0},
		"long after it was not": {late(w, 48*time.Hour), verify.Options{Witnesses: []string{w.vkey}}, "one of the clocks is wrong", 0},
		"a timestamp": {stamped, verify.Options{Timestamp: func([]byte, evidence.Hash) (time.Time, error) {
			return begin.AddDate(0, 0, 3).Add(6 * time.Hour), nil
		}}, "", 1},
		"a bad timestamp": {stamped, verify.Options{Timestamp: func([]byte, evidence.Hash) (time.Time, error) { return time.Time{}, errors.New("not of this CA") }}, "not of this CA", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, key := filled(t, 4, 3)
			signed, size, err := s.Checkpoint()
			must(t, err)
			root, err := base64.StdEncoding.DecodeString(strings.Split(string(signed), "\n")[2])
			must(t, err)
			a := evidence.Anchor{Type: evidence.AnchorWitness, Name: "auditor", To: "https://witness.example", Size: size, Root: evidence.Hash(root), Digest: evidence.HashOf(signed),
				Receipt: []byte(w.line(signed, begin.AddDate(0, 0, 3).Add(6*time.Hour)))}
			held = signed
			c.alter(&a)
			note(t, s, evidence.EntryAnchor, a)
			res := checkWith(t, write(t, s, key, 4), c.opt)
			if c.says != "" {
				finds(t, res, "custody", c.says)
				return
			}
			if !res.OK || res.Checked.Witnessed != c.seen {
				t.Fatalf("%+v %+v", res.Checked, res.Failures)
			}
		})
	}
}

var held []byte // the checkpoint of the case

func late(w cosigner, by time.Duration) func(*evidence.Anchor) {
	return func(a *evidence.Anchor) { a.Receipt = []byte(w.line(held, begin.AddDate(0, 0, 3).Add(6*time.Hour+by))) }
}

func stamped(a *evidence.Anchor) { a.Type, a.Receipt = evidence.AnchorTimestamp, []byte("token") }

// TestUploadsAndUnknownEntries: a bundle carries what entries name, and says of
// what it does not know that it does not know it.
func TestUploadsAndUnknownEntries(t *testing.T) {
	s, key := filled(t, 3, 3)
	must(t, s.Append(context.Background(), upload))
	res := check(t, write(t, s, key, 3), key.Verifier)
	if !res.OK || res.Checked.Uploads != 1 || res.ExitCode() != 0 {
		t.Fatalf("%+v", res)
	}
	note(t, s, "quorum", map[string]any{"x": 1})
	res = check(t, write(t, s, key, 3), key.Verifier)
	if !res.OK || res.ExitCode() != 3 || len(res.Unknown) != 1 || !strings.Contains(res.Unknown[0], `"quorum"`) {
		t.Fatalf("%+v", res)
	}
	var text bytes.Buffer
	must(t, res.WriteText(&text))
	if !strings.Contains(text.String(), "use a newer one") || !strings.Contains(text.String(), "uploaded files: 1") {
		t.Fatal(text.String())
	}
}
