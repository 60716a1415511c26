package storetest

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"github.com/evidenced/evidenced/evidence"
)

func denseIndices(b *bench) {
	for n := range uint64(20) {
		if e := b.event("x"); e.Index != n {
			b.Fatalf("entry %d has the index %d", n, e.Index)
		}
		if size, err := b.Size(); err != nil || size != n+1 {
			b.Fatalf("size %d, %v", size, err)
		}
	}
	b.reopened()
	for from := range uint64(21) {
		want := from
		for e, err := range b.Entries(from) {
			if err != nil || e.Index != want {
				b.Fatalf("from %d: entry %d, want %d: %v", from, e.Index, want, err)
			}
			want++
		}
		if want != 20 {
			b.Fatalf("from %d: it ends at %d", from, want)
		}
	}
}

var errBoom = errors.New("boom")

func wholeOrNothing(b *bench) {
	b.snapshot(evidence.Collected, "a=1")
	err := b.append(func(w evidence.Writer) error {
		if _, err := w.Blob(evidence.Series{Stream: users, Content: evidence.ContentRecords}, strings.NewReader(lines([]string{"b=2"})), 1); err != nil {
			return err
		}
		if _, err := w.Entry(evidence.Entry{Type: evidence.EntryAgent}); err != nil {
			return err
		}
		return errBoom
	})
	if !errors.Is(err, errBoom) {
		b.Fatalf("got %v", err)
	}
	if size, err := b.Size(); err != nil || size != 1 {
		b.Fatalf("size %d, %v", size, err)
	}
	if _, err := b.read(evidence.HashOf([]byte(lines([]string{"b=2"})))); err == nil {
		b.Fatal("a blob of the failed append is there")
	}
	b.reopened()
	b.snapshot(evidence.Collected, "a=1", "b=2")
	b.reopened()
}

func cancelled(b *bench) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.Append(ctx, func(evidence.Writer) error { return nil }); !errors.Is(err, context.Canceled) {
		b.Fatalf("got %v", err)
	}
	b.reopened()
}

func clockBack(b *bench) {
	b.event("first")
	b.clock = b.clock.Add(-2 * time.Hour)
	if e := b.event("second"); e.Index != 2 || !e.Recorded.Equal(begin) {
		b.Fatalf("entry %d recorded %s", e.Index, e.Recorded)
	}
	for e, err := range b.Entries(1) {
		b.must(err)
		if e.Type != evidence.EntryAgent || !strings.Contains(string(e.Body), "7200000") {
			b.Fatalf("%s %s", e.Type, e.Body)
		}
		break
	}
	b.reopened()
}

func canonicalLeaves(b *bench) {
	b.snapshot(evidence.Collected, "a=1", "b=2")
	b.event("an entry")
	for leaf, err := range b.Leaves(0) {
		b.must(err)
		var e evidence.Entry
		b.must(evidence.DecodeCanonical(leaf, &e))
	}
}

// sameLog reads a log of many entries, of which some are large, in every way there is.
func sameLog(b *bench) {
	rng := b.random(3)
	for range 40 {
		b.must(b.append(func(w evidence.Writer) error {
			for range 20 {
				e, err := evidence.WithBody(evidence.EntryAgent, map[string]any{"event": strings.Repeat("é\n", rng.IntN(3)*rng.IntN(9000))})
				if err == nil {
					_, err = w.Entry(e)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}))
		b.snapshot(evidence.Collected, fmt.Sprint("a=", rng.IntN(9)))
	}
	var leaves []string // kept: each is a text of its own
	for leaf, err := range b.Leaves(0) {
		b.must(err)
		leaves = append(leaves, string(leaf))
	}
	for _, from := range []uint64{0, 1, 511, 512, 513, b.size() - 1, b.size()} {
		n := from
		for leaf, err := range b.Scan(from) {
			b.must(err)
			e, err := leaf.Entry()
			b.must(err)
			if string(leaf.Text()) != leaves[n] || e.Index != n || leaf.Type() != e.Type {
				b.Fatalf("from %d: entry %d is %.80s", from, n, leaf.Text())
			}
			n++
		}
		if n != b.size() {
			b.Fatalf("from %d: the scan ends at %d", from, n)
		}
	}
	b.sameRuns()
}

func (b *bench) sameRuns() {
	b.Helper()
	var runs []string
	for e, err := range b.Entries(0) {
		b.must(err)
		if e.Run != nil {
			runs = append(runs, fmt.Sprint(e.Run.Slot, e.Run.Outcome, *e.Run.Records))
		}
	}
	n := 0
	for r, err := range b.Runs() {
		b.must(err)
		if got := fmt.Sprint(r.Slot, r.Outcome, *r.Records); got != runs[n] {
			b.Fatalf("run %d is %s, not %s", n, got, runs[n])
		}
		n++
	}
	if n != len(runs) || n == 0 {
		b.Fatalf("%d runs of %d", n, len(runs))
	}
}

// root reads the checkpoint of a size with the key.
func (b *bench) root(cp evidence.Checkpoint) []byte {
	b.Helper()
	v, err := note.NewVerifier(b.VerifierKey())
	b.must(err)
	n, err := note.Open(cp.Signed, note.VerifierList(v))
	b.must(err)
	text := strings.Split(n.Text, "\n")
	if len(text) != 4 || text[0] != "acme" || text[1] != fmt.Sprint(cp.Size) {
		b.Fatalf("checkpoint %q", n.Text)
	}
	root, err := base64.StdEncoding.DecodeString(text[2])
	b.must(err)
	return root
}

func (b *bench) checkpoints() (out []evidence.Checkpoint) {
	b.Helper()
	for cp, err := range b.Checkpoints() {
		b.must(err)
		out = append(out, cp)
	}
	return out
}

func checkpoints(b *bench) {
	for n := range 9 {
		b.must(b.append(func(w evidence.Writer) error {
			for range n + 1 {
				if _, err := w.Entry(evidence.Entry{Type: evidence.EntryAgent}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	b.must(b.append(func(evidence.Writer) error { return nil })) // nothing to sign
	all := b.checkpoints()
	if len(all) != 9 || all[8].Size != 45 {
		b.Fatalf("%d checkpoints", len(all))
	}
	for _, cp := range all {
		b.root(cp)
	}
	if signed, size, err := b.Checkpoint(); err != nil || size != 45 || !bytes.Equal(signed, all[8].Signed) {
		b.Fatalf("the newest checkpoint is that of %d, %v", size, err)
	}
	b.reopened()
}

// grown fills the log with some appends of some entries.
func (b *bench) grown(n int) {
	rng := b.random(5)
	for range n {
		b.must(b.append(func(w evidence.Writer) error {
			for range 1 + rng.IntN(3) {
				if _, err := w.Entry(evidence.Entry{Type: evidence.EntryAgent}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

func plain(hashes []evidence.Hash) (out [][]byte) {
	for _, h := range hashes {
		out = append(out, h[:])
	}
	return out
}

func inclusion(b *bench) {
	b.grown(20)
	for _, cp := range b.checkpoints() {
		root, n := b.root(cp), uint64(0)
		for leaf, err := range b.Leaves(0) {
			b.must(err)
			if n == cp.Size {
				break
			}
			p, err := b.Proof(n, cp.Size)
			b.must(err)
			b.must(proof.VerifyInclusion(rfc6962.DefaultHasher, n, cp.Size, rfc6962.DefaultHasher.HashLeaf(leaf), plain(p), root))
			n++
		}
	}
	size, err := b.Size()
	b.must(err)
	if _, err := b.Proof(size, size); err == nil {
		b.Fatal("an entry is proven that is not there")
	}
}

func consistency(b *bench) {
	b.grown(15)
	all := b.checkpoints()
	for i, older := range all {
		for _, newer := range all[i:] {
			p, err := b.Consistency(older.Size, newer.Size)
			b.must(err)
			b.must(proof.VerifyConsistency(rfc6962.DefaultHasher, older.Size, newer.Size, plain(p), b.root(older), b.root(newer)))
		}
	}
	if _, err := b.Consistency(1, all[len(all)-1].Size+1); err == nil {
		b.Fatal("a log is proven that is not there")
	}
}

func prefixes(b *bench) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			seen := 0
			for {
				n := 0
				for e, err := range b.Entries(0) {
					if err != nil || e.Index != uint64(n) {
						b.Errorf("entry %d at %d: %v", e.Index, n, err)
						return
					}
					n++
				}
				if n < seen {
					b.Errorf("the log went from %d to %d", seen, n)
				}
				seen = n
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for n := range 60 {
		b.snapshot(evidence.Collected, fmt.Sprintf("a=%d", n))
	}
	close(stop)
	wg.Wait()
	b.reopened()
}

func concurrentAppends(b *bench) {
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for n := range 15 {
				err := b.append(func(w evidence.Writer) error {
					st := users
					st.Scope = evidence.Scope(fmt.Sprint(g))
					ref, err := w.Blob(evidence.Series{Stream: st, Content: evidence.ContentRecords}, strings.NewReader(lines([]string{fmt.Sprintf("a=%d", n)})), 1)
					if err != nil {
						return err
					}
					_, err = w.Entry(evidence.Entry{Type: evidence.EntryRun, Run: &evidence.Run{Slot: evidence.Slot{Stream: st, Due: begin, Trigger: evidence.Scheduled},
						Outcome: evidence.Collected, Records: &ref}})
					return err
				})
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if size, err := b.Size(); err != nil || size != 60 {
		b.Fatalf("size %d, %v", size, err)
	}
	b.reopened()
}

func rotation(b *bench) {
	b.event("under the first key")
	first := b.VerifierKey()
	next := b.newKey("acme", 2)
	b.must(b.Rotate(context.Background(), next))
	if b.VerifierKey() != next.Verifier {
		b.Fatalf("in force is %s", b.VerifierKey())
	}
	_, size, err := b.Checkpoint()
	b.must(err)
	signed, _, err := b.Checkpoint()
	b.must(err)
	for _, key := range []string{first, next.Verifier} {
		v, err := note.NewVerifier(key)
		b.must(err)
		if _, err := note.Open(signed, note.VerifierList(v)); err != nil {
			b.Fatalf("the checkpoint of %d entries lacks the signature of %s", size, key)
		}
	}
	b.key = next
	b.event("under the second key")
	b.root(b.checkpoints()[2])
	b.reopened()
}

func rotationOfAnother(b *bench) {
	b.event("x")
	if err := b.Rotate(context.Background(), b.newKey("other", 2)); err == nil {
		b.Fatal("the key of another log was taken")
	}
	if err := b.Rotate(context.Background(), b.key); err == nil {
		b.Fatal("the key in use was taken as a new one")
	}
	b.reopened()
}
