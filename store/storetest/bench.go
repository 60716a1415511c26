package storetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

var begin = time.Date(2026, 1, 1, 6, 0, 0, 0, time.UTC)

var users = evidence.Stream{Source: "aws", Kind: "aws.iam.user", Scope: "111122223333"}

// bench is what a statement is tried on.
type bench struct {
	testing.TB
	open   Opener
	folder string
	key    *store.Key
	clock  time.Time
	Store
}

func newBench(t testing.TB, open Opener) *bench {
	b := &bench{TB: t, open: open, folder: t.TempDir(), clock: begin}
	b.key = b.newKey("acme", 1)
	b.Store = open(t, b.folder, b.key, func() time.Time { return b.clock })
	t.Cleanup(func() { _ = b.Store.Close() })
	return b
}

func (b *bench) newKey(name string, seed byte) *store.Key {
	b.Helper()
	k, err := store.NewKey(name, bytes.NewReader(bytes.Repeat([]byte{seed}, 64)))
	b.must(err)
	return k
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// reopened proves the store, then opens it again and proves it once more.
func (b *bench) reopened() {
	b.Helper()
	b.proven()
	b.must(b.Store.Close())
	b.Store = b.open(b.TB, b.folder, b.key, func() time.Time { return b.clock })
	b.proven()
}

func (b *bench) proven() {
	b.Helper()
	r, err := b.Check(context.Background())
	if err != nil || !r.OK() {
		b.Fatalf("check: %v %.1000q", err, r.Problems)
	}
}

func (b *bench) append(add func(w evidence.Writer) error) error {
	return b.Append(context.Background(), add)
}

// event appends an entry without a blob.
func (b *bench) event(text string) evidence.Entry {
	b.Helper()
	var out evidence.Entry
	b.must(b.append(func(w evidence.Writer) error {
		e, err := evidence.WithBody(evidence.EntryAgent, map[string]any{"event": text})
		if err == nil {
			out, err = w.Entry(e)
		}
		return err
	}))
	return out
}

// snapshot appends a run with these records, each "id=value".
func (b *bench) snapshot(outcome evidence.Outcome, records ...string) evidence.Entry {
	b.Helper()
	var out evidence.Entry
	b.must(b.append(func(w evidence.Writer) (err error) {
		text := lines(records)
		ref, err := w.Blob(evidence.Series{Stream: users, Content: evidence.ContentRecords, Volatile: []string{"used"}}, strings.NewReader(text), len(records))
		if err != nil {
			return err
		}
		run := evidence.Run{Slot: evidence.Slot{Stream: users, Due: b.clock, Trigger: evidence.Scheduled}, Outcome: outcome, Records: &ref}
		out, err = w.Entry(evidence.Entry{Type: evidence.EntryRun, Run: &run})
		return err
	}))
	return out
}

// lines returns records of "id=value" or "id=value,used".
func lines(records []string) string {
	var sb strings.Builder
	for _, r := range records {
		id, value, _ := strings.Cut(r, "=")
		value, used, _ := strings.Cut(value, ",")
		fmt.Fprintf(&sb, `{"attributes":{"used":%q,"value":%q},"id":%q,"kind":"aws.iam.user","name":%q}`+"\n", used, value, id, id)
	}
	return sb.String()
}

func (b *bench) read(h evidence.Hash) ([]byte, error) {
	r, err := b.Blob(h)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// random returns a generator that a failing test can be repeated with.
func (b *bench) random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 11)) }
