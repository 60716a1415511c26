package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

func equalBytes(b *bench) {
	for range 5 {
		b.snapshot(evidence.Collected, "a=1")
	}
	b.must(b.append(func(w evidence.Writer) error { // a reader that cannot go back
		_, err := w.Blob(evidence.Series{Stream: users, Content: evidence.ContentRecords}, io.MultiReader(strings.NewReader(lines([]string{"a=1"}))), 1)
		return err
	}))
	r, err := b.Check(context.Background())
	b.must(err)
	if r.Blobs != 1 {
		b.Fatalf("%d blobs", r.Blobs)
	}
	b.reopened()
}

// anyBytes keeps texts of all shapes as files and as exchanges.
func anyBytes(b *bench) {
	rng := b.random(1)
	noise := make([]byte, 700_000)
	for i := range noise {
		noise[i] = byte(rng.IntN(256))
	}
	texts := []string{"", "\n", "no newline", "\n\n\n", "a\nb", strings.Repeat("x", 300_000), strings.Repeat("line\n", 90_000), string(noise), "{\"call\":\"z\"}\n{\"call\":\"a\"}\n", "\x00\xff\n"}
	for _, content := range []evidence.Content{evidence.ContentFile, evidence.ContentExchanges} {
		for _, i := range rng.Perm(len(texts)) {
			text := texts[i]
			var ref evidence.Ref
			b.must(b.append(func(w evidence.Writer) (err error) {
				if ref, err = w.Blob(evidence.Series{Stream: users, Content: content}, strings.NewReader(text), 1); err != nil {
					return err
				}
				_, err = w.Entry(evidence.Entry{Type: evidence.EntryUpload, Blobs: []evidence.Ref{ref}})
				return err
			}))
			got, err := b.read(evidence.HashOf([]byte(text)))
			if err != nil || string(got) != text || ref.Size != int64(len(text)) || ref.Hash != evidence.HashOf([]byte(text)) {
				b.Fatalf("%s %.20q: %d bytes of %d, %v", content, text, len(got), len(text), err)
			}
		}
	}
	b.reopened()
	for _, text := range texts {
		if got, err := b.read(evidence.HashOf([]byte(text))); err != nil || string(got) != text {
			b.Fatalf("%.20q after reopening: %v", text, err)
		}
	}
}

func dangling(b *bench) {
	ref := evidence.Ref{Hash: evidence.HashOf([]byte("nowhere")), Size: 7}
	for _, e := range []evidence.Entry{
		{Type: evidence.EntryUpload, Blobs: []evidence.Ref{ref}},
		{Type: evidence.EntryRun, Run: &evidence.Run{Slot: evidence.Slot{Stream: users, Due: begin}, Records: &ref}},
		{Type: evidence.EntryRun, Run: &evidence.Run{Slot: evidence.Slot{Stream: users, Due: begin}, Exchanges: &ref}},
	} {
		err := b.append(func(w evidence.Writer) error { _, err := w.Entry(e); return err })
		if !errors.Is(err, store.ErrNotFound) {
			b.Fatalf("%s: %v", e.Type, err)
		}
	}
	b.reopened()
}

func disorder(b *bench) {
	for _, records := range [][]string{{"b=1", "a=1"}, {"a=1", "a=2"}} {
		err := b.append(func(w evidence.Writer) error {
			_, err := w.Blob(evidence.Series{Stream: users, Content: evidence.ContentRecords}, strings.NewReader(lines(records)), 2)
			return err
		})
		if err == nil {
			b.Fatalf("%q was taken", records)
		}
	}
	b.reopened()
}

// scan returns the history of a record the slow way.
func (b *bench) scan(id string) (out []string) {
	b.Helper()
	last := ""
	for e, err := range b.Entries(0) {
		b.must(err)
		if e.Run == nil {
			continue
		}
		now, err := b.valueIn(*e.Run.Records, id)
		if errors.Is(err, evidence.ErrErased) || err == nil && (now == last || now == "" && !e.Run.Outcome.Complete()) {
			continue
		}
		b.must(err)
		last = now
		out = append(out, fmt.Sprint(e.Index, now))
	}
	return out
}

func (b *bench) valueIn(ref evidence.Ref, id string) (string, error) {
	value := ""
	for r, err := range b.Records(ref) {
		if err != nil {
			return "", err
		}
		if r.ID == id {
			value = fmt.Sprint(r.Attributes["value"])
		}
	}
	return value, nil
}

func (b *bench) states(id string) (out []string) {
	b.Helper()
	for st, err := range b.History(users, "", id) {
		b.must(err)
		value := ""
		if st.Record != nil {
			value = fmt.Sprint(st.Record.Attributes["value"])
		}
		out = append(out, fmt.Sprint(st.Entry, value))
	}
	return out
}

// day makes a snapshot of some records of which some change.
func day(b *bench, rng interface{ IntN(int) int }, state map[string]int) (out []string) {
	for i := range 12 {
		id := fmt.Sprintf("u%02d", i)
		switch n := rng.IntN(10); {
		case n == 0:
			state[id] = rng.IntN(4)
		case n == 1:
			delete(state, id)
		}
		if v, ok := state[id]; ok {
			out = append(out, fmt.Sprintf("%s=v%d,%d", id, v, rng.IntN(3)))
		}
	}
	return out
}

func histories(b *bench) {
	for seed := range uint64(4) {
		rng, state := b.random(seed), map[string]int{}
		for range 25 {
			records, outcome := day(b, rng, state), evidence.Collected
			if rng.IntN(5) == 0 {
				records, outcome = records[:rng.IntN(len(records)+1)], evidence.Partial
			}
			b.snapshot(outcome, records...)
		}
	}
	b.reopened()
	for i := range 12 {
		id := fmt.Sprintf("u%02d", i)
		if got, want := b.states(id), b.scan(id); !slices.Equal(got, want) {
			b.Fatalf("%s:\n got %q\nwant %q", id, got, want)
		}
	}
	if got := b.states("nobody"); len(got) > 0 {
		b.Fatalf("nobody has a history: %q", got)
	}
}

func erasure(b *bench) {
	rng, state := b.random(9), map[string]int{}
	for range 40 {
		b.clock = b.clock.AddDate(0, 0, 1)
		b.snapshot(evidence.Collected, day(b, rng, state)...)
	}
	kept := map[evidence.Hash][]byte{}
	limit := begin.AddDate(0, 0, 25)
	for e, err := range b.Entries(0) {
		b.must(err)
		if !e.Recorded.Before(limit) {
			text, err := b.read(e.Run.Records.Hash)
			b.must(err)
			kept[e.Run.Records.Hash] = text
		}
	}
	gone, err := b.Erase(context.Background(), store.Retention{Policy: "25 days", Before: limit})
	b.must(err)
	if len(gone) == 0 {
		b.Fatal("nothing was erased")
	}
	b.reopened()
	for _, ref := range gone {
		if _, err := b.read(ref.Hash); !errors.Is(err, evidence.ErrErased) {
			b.Fatalf("%s: %v", ref.Hash, err)
		}
	}
	for h, want := range kept {
		if got, err := b.read(h); err != nil || !bytes.Equal(got, want) {
			b.Fatalf("%s: %v", h, err)
		}
	}
	inclusion(b)
	for i := range 12 {
		id := fmt.Sprintf("u%02d", i)
		if got, want := b.states(id), b.scan(id); !slices.Equal(got, want) {
			b.Fatalf("%s:\n got %q\nwant %q", id, got, want)
		}
	}
	if again, err := b.Erase(context.Background(), store.Retention{Policy: "25 days", Before: limit}); err != nil || len(again) > 0 {
		b.Fatalf("erased twice: %d, %v", len(again), err)
	}
}

func erasureSpares(b *bench) {
	b.snapshot(evidence.Collected, "a=1")
	b.clock = b.clock.AddDate(0, 0, 10)
	b.snapshot(evidence.Collected, "a=1")
	gone, err := b.Erase(context.Background(), store.Retention{Policy: "x", Before: begin.AddDate(0, 0, 5)})
	b.must(err)
	gone2, err := b.Erase(context.Background(), store.Retention{Policy: "x", Before: begin.AddDate(1, 0, 0), Kinds: []evidence.Kind{"github.member"}})
	b.must(err)
	if len(gone)+len(gone2) > 0 {
		b.Fatalf("erased %d and %d", len(gone), len(gone2))
	}
	b.reopened()
}

func erasedAndBack(b *bench) {
	b.snapshot(evidence.Collected, "a=1")
	b.clock = b.clock.AddDate(0, 0, 10)
	b.snapshot(evidence.Collected, "a=2")
	gone, err := b.Erase(context.Background(), store.Retention{Policy: "x", Before: begin.AddDate(0, 0, 5)})
	b.must(err)
	b.snapshot(evidence.Collected, "a=1")
	if len(gone) != 1 {
		b.Fatalf("erased %d", len(gone))
	}
	if _, err := b.read(gone[0].Hash); err != nil {
		b.Fatal(err)
	}
	b.reopened()
}

// endless is a large text of records that costs no memory.
type endless struct {
	n, of int
	left  []byte
}

// Read implements io.Reader.
func (e *endless) Read(p []byte) (int, error) {
	if len(e.left) == 0 {
		if e.n == e.of {
			return 0, io.EOF
		}
		e.left = fmt.Appendf(nil, `{"attributes":{"text":"%x"},"id":"%09d","kind":"aws.iam.user","name":"n"}`+"\n", sha256.Sum256([]byte{byte(e.n), byte(e.n >> 8), byte(e.n >> 16)}), e.n)
		e.n++
	}
	n := copy(p, e.left)
	e.left = e.left[n:]
	return n, nil
}

// large takes 120 MB through a store that may keep 32 MiB in memory, whatever the size.
func large(b *bench) {
	const n = 850_000
	before := heap()
	var ref evidence.Ref
	b.must(b.append(func(w evidence.Writer) (err error) {
		ref, err = w.Blob(evidence.Series{Content: evidence.ContentFile}, &endless{of: n}, n)
		if err != nil {
			return err
		}
		_, err = w.Entry(evidence.Entry{Type: evidence.EntryUpload, Blobs: []evidence.Ref{ref}})
		return err
	}))
	if ref.Size < 100e6 {
		b.Fatalf("%d bytes", ref.Size)
	}
	r, err := b.Blob(ref.Hash)
	b.must(err)
	h := sha256.New()
	_, err = io.Copy(h, r)
	b.must(err)
	if evidence.Hash(h.Sum(nil)) != ref.Hash {
		b.Fatal("other bytes came back")
	}
	if grown := heap() - before; grown > 32<<20 {
		b.Fatalf("the heap has grown by %d bytes for %d", grown, ref.Size)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
