package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/evidenced/evidenced/evidence"
)

var start = time.Date(2026, 1, 1, 6, 0, 0, 0, time.UTC)

func testKey(t testing.TB, seed string) *Key {
	t.Helper()
	k, err := NewKey("acme", bytes.NewReader(bytes.Repeat([]byte(seed), 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// clock is a clock that a test sets.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func open(t testing.TB, path string, o Options) *Store {
	t.Helper()
	s, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func addRun(t testing.TB, s *Store, n int, records string) evidence.Entry {
	t.Helper()
	var out evidence.Entry
	err := s.Append(context.Background(), func(w evidence.Writer) error {
		ref, err := w.Blob(evidence.Series{}, strings.NewReader(records), 1)
		if err != nil {
			return err
		}
		run := evidence.Run{Slot: evidence.Slot{Stream: evidence.Stream{Source: "aws", Kind: "aws.iam.user", Scope: "1"},
			Due: start.AddDate(0, 0, n), Trigger: evidence.Scheduled}, Outcome: evidence.Collected, Records: &ref}
		out, err = w.Entry(evidence.Entry{Type: evidence.EntryRun, Run: &run})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// mustCheck is the oracle: the whole store is proven after each step.
func mustCheck(t testing.TB, s *Store) Report {
	t.Helper()
	r, err := s.Check(context.Background())
	if err != nil || !r.OK() {
		t.Fatalf("check: %v %q", err, r.Problems)
	}
	return r
}

func TestAppendReadReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "evidence.db")
	c := &clock{start}
	s := open(t, path, Options{Key: testKey(t, "a"), Now: c.now})
	var want []string
	for n := range 40 {
		c.t = c.t.Add(time.Hour)
		body := fmt.Sprintf("{\"n\":%d}\n%s", n/2, strings.Repeat("x", n*3000)) // pairs share no bytes: sizes differ
		want = append(want, body)
		if e := addRun(t, s, n, body); e.Index != uint64(n) {
			t.Fatalf("entry %d has index %d", n, e.Index)
		}
		mustCheck(t, s)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, Options{})
	mustCheck(t, s)
	n := 0
	for run, err := range s.Runs() {
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Blob(run.Records.Hash)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil || string(b) != want[n] {
			t.Fatalf("blob of run %d: %d bytes, %v", n, len(b), err)
		}
		n++
	}
	if n != 40 {
		t.Fatalf("read %d runs, want 40", n)
	}
}

func TestSameBytesAreStoredOnce(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "e.db"), Options{Key: testKey(t, "a")})
	for n := range 5 {
		addRun(t, s, n, "the same\n")
	}
	// A reader that cannot seek is found to be known only after it was written.
	err := s.Append(context.Background(), func(w evidence.Writer) error {
		_, err := w.Blob(evidence.Series{}, io.MultiReader(strings.NewReader("the same\n")), 1)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := mustCheck(t, s); r.Blobs != 1 {
		t.Fatalf("%d blobs, want 1", r.Blobs)
	}
}

func TestFailedAppendLeavesNothing(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "e.db"), Options{Key: testKey(t, "a")})
	addRun(t, s, 0, "one\n")
	boom := errors.New("boom")
	err := s.Append(context.Background(), func(w evidence.Writer) error {
		if _, err := w.Blob(evidence.Series{}, strings.NewReader("two\n"), 1); err != nil {
			return err
		}
		if _, err := w.Entry(evidence.Entry{Type: evidence.EntryAgent}); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatalf("got %v", err)
	}
	if r := mustCheck(t, s); r.Entries != 1 || r.Blobs != 1 {
		t.Fatalf("left behind: %+v", r)
	}
}

// TestOneCommitASlot: however many records a slot has, it is one commit, and so
// one wait for the disk.
func TestOneCommitASlot(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "e.db"), Options{Key: testKey(t, "a")})
	y := newYear(2000)
	for day := range 3 {
		before, _ := readMeta(s.raw)
		add(t, s, day, evidence.Collected, string(y.next()))
		if after, _ := readMeta(s.raw); after.tx != before.tx+1 {
			t.Fatalf("day %d took %d commits", day, after.tx-before.tx)
		}
	}
}

func TestClockThatGoesBackIsAnEntry(t *testing.T) {
	c := &clock{start}
	s := open(t, filepath.Join(t.TempDir(), "e.db"), Options{Key: testKey(t, "a"), Now: c.now})
	addRun(t, s, 0, "one\n")
	c.t = start.Add(-2 * time.Hour)
	e := addRun(t, s, 1, "two\n")
	if e.Index != 2 || !e.Recorded.Equal(start) {
		t.Fatalf("entry %d recorded %s; want entry 2 at %s", e.Index, e.Recorded, start)
	}
	for e, err := range s.Entries(1) {
		if err != nil || e.Type != evidence.EntryAgent || !strings.Contains(string(e.Body), `"milliseconds":7200000`) {
			t.Fatalf("entry 1: %+v %s %v", e.Type, e.Body, err)
		}
		break
	}
	mustCheck(t, s)
}

func TestProofs(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "e.db"), Options{Key: testKey(t, "a")})
	for n := range 13 {
		addRun(t, s, n, fmt.Sprint(n, "\n"))
	}
	var root evidence.Hash
	if err := s.db.View(func(tx *bolt.Tx) (err error) { root, err = rootOf(tx, 13); return }); err != nil {
		t.Fatal(err)
	}
	i := uint64(0)
	for leaf, err := range s.Leaves(0) {
		if err != nil {
			t.Fatal(err)
		}
		proof, err := s.Proof(i, 13)
		if err != nil {
			t.Fatal(err)
		}
		p := tlog.RecordProof{}
		for _, h := range proof {
			p = append(p, tlog.Hash(h))
		}
		if err := tlog.CheckRecord(p, 13, tlog.Hash(root), int64(i), tlog.RecordHash(leaf)); err != nil {
			t.Fatalf("leaf %d: %v", i, err)
		}
		i++
	}
	if _, err := s.Proof(13, 13); err == nil {
		t.Fatal("proved an entry that is not there")
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "e.db")
	if _, err := Open(path, Options{}); err == nil || !strings.Contains(err.Error(), "no store at") {
		t.Fatalf("absent: %v", err)
	}
	s := open(t, path, Options{Key: testKey(t, "a")})
	if _, err := Open(path, Options{Key: testKey(t, "a"), Wait: time.Millisecond}); !errors.Is(err, ErrHeld) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Fatalf("held: %v", err)
	}
	addRun(t, s, 0, "one\n")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{Key: testKey(t, "b")}); !errors.Is(err, ErrWrongKey) {
		t.Fatalf("wrong key: %v", err)
	}
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, bytes.Repeat([]byte("no store"), 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(garbage, Options{}); !errors.Is(err, ErrNotAStore) {
		t.Fatalf("garbage: %v", err)
	}
	r := open(t, path, Options{})
	if err := r.Append(context.Background(), func(evidence.Writer) error { return nil }); err == nil {
		t.Fatal("appended to a store opened for reading")
	}
}

// TestCheckFindsDamage damages each bucket in turn and asks Check to say so.
func TestCheckFindsDamage(t *testing.T) {
	change := func(bucket []byte, alter func(b *bolt.Bucket, k, v []byte) error) func(*bolt.Tx) error {
		return func(tx *bolt.Tx) error {
			b := tx.Bucket(bucket)
			k, v := b.Cursor().First()
			return alter(b, bytes.Clone(k), bytes.Clone(v))
		}
	}
	flip := func(b *bolt.Bucket, k, v []byte) error { v[len(v)/2] ^= 1; return b.Put(k, v) }
	drop := func(b *bolt.Bucket, k, _ []byte) error { return b.Delete(k) }
	cases := map[string]func(*bolt.Tx) error{
		"leaf flipped":       change(bucketEntries, flip),
		"leaf dropped":       change(bucketEntries, drop),
		"hash flipped":       change(bucketHashes, flip),
		"hash dropped":       change(bucketHashes, drop),
		"checkpoint flipped": change(bucketCheckpoints, flip),
		"frame flipped":      change(bucketFrames, flip),
		"frame dropped":      change(bucketFrames, drop),
		"blob dropped":       change(bucketBlobs, drop),
		"last leaf dropped": func(tx *bolt.Tx) error {
			c := tx.Bucket(bucketEntries).Cursor()
			c.Last()
			return c.Delete()
		},
		"leaf added": func(tx *bolt.Tx) error { return tx.Bucket(bucketEntries).Put(key64(7), []byte(`{"index":7}`)) },
		"blob added": func(tx *bolt.Tx) error {
			h := sha256.Sum256([]byte("x"))
			return tx.Bucket(bucketBlobs).Put(h[:], make([]byte, 24))
		},
		"frame added": func(tx *bolt.Tx) error {
			return tx.Bucket(bucketFrames).Put(binary.BigEndian.AppendUint32(key64(9999), 0), []byte("x"))
		},
	}
	for _, b := range [][]byte{bucketCuts, bucketSeries, bucketHistory, bucketErased} { // what is derived, and where shards are cut
		cases[string(b)+" flipped"], cases[string(b)+" dropped"] = change(b, flip), change(b, drop)
		cases[string(b)+" added"] = change(b, func(b *bolt.Bucket, k, v []byte) error { k[0] ^= 0x80; return b.Put(k, v) })
	}
	for name, damage := range cases {
		t.Run(name, func(t *testing.T) {
			s := damageable(t)
			if err := s.db.Update(damage); err != nil {
				t.Fatal(err)
			}
			if r, err := s.Check(context.Background()); err != nil || r.OK() {
				t.Fatalf("not found (%v)", err)
			}
		})
	}
}

// damageable makes a store that has something in every bucket.
func damageable(t *testing.T) *Store {
	t.Helper()
	c := &clock{start}
	s := open(t, filepath.Join(t.TempDir(), "e.db"), Options{Key: testKey(t, "a"), Now: c.now})
	for n := range 3 {
		addRun(t, s, n, fmt.Sprint("records ", n, "\n"))
	}
	c.t = start.AddDate(0, 1, 0)
	_, err := s.Erase(context.Background(), Retention{Policy: "some", Before: start.AddDate(0, 0, 1)})
	mustDo(t, err)
	y := newYear(400) // of some shards
	for n := range 2 {
		add(t, s, n, evidence.Collected, string(y.next()))
	}
	addRun(t, s, 9, "records 9\n")
	if r := mustCheck(t, s); r.Erased != 3 || r.Blobs != 5 {
		t.Fatalf("%+v", r)
	}
	return s
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k", "evidence.key")
	k := testKey(t, "a")
	if err := k.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", fi.Mode(), err)
	}
	if err := k.WriteFile(path); err == nil {
		t.Fatal("overwrote a key")
	}
	got, err := ReadKey(path)
	if err != nil || got.Verifier != k.Verifier {
		t.Fatalf("read back %v, %v", got, err)
	}
	for name, text := range map[string]string{"empty": "", "one line": k.secret, "other pair": k.secret + "\n" + testKey(t, "b").Verifier, "swapped": k.Verifier + "\n" + k.secret} {
		bad := filepath.Join(t.TempDir(), "bad")
		if err := os.WriteFile(bad, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadKey(bad); err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
	}
}
