package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/evidenced/evidenced/evidence"
)

// size reads the size of the log.
func (b *bench) size() uint64 {
	b.Helper()
	n, err := b.Size()
	b.must(err)
	return n
}

// writeOne writes a blob with one record, and an entry that names it.
func writeOne(w evidence.Writer, record string) error {
	ref, err := w.Blob(evidence.Series{Stream: users, Content: evidence.ContentRecords}, strings.NewReader(lines([]string{record})), 1)
	if err != nil {
		return err
	}
	_, err = w.Entry(evidence.Entry{Type: evidence.EntryUpload, Blobs: []evidence.Ref{ref}})
	return err
}

// unchanged proves that the log has a size, and that nothing was kept of a record.
func (b *bench) unchanged(size uint64, record string) {
	b.Helper()
	if n := b.size(); n != size {
		b.Fatalf("size %d, want %d", n, size)
	}
	if _, err := b.read(evidence.HashOf([]byte(lines([]string{record})))); err == nil {
		b.Fatal("a blob of the failed append is there")
	}
	b.proven()
}

func condition(b *bench) {
	ctx := context.Background()
	b.must(b.AppendIf(ctx, 0, func(w evidence.Writer) error { return writeOne(w, "a=1") }))
	for _, wrong := range []uint64{0, 2, 1 << 63} {
		called := false
		err := b.AppendIf(ctx, wrong, func(w evidence.Writer) error { called = true; return writeOne(w, "b=2") })
		if !errors.Is(err, evidence.ErrMoved) || called {
			b.Fatalf("at %d of 1: called %t, %v", wrong, called, err)
		}
		b.unchanged(1, "b=2")
	}
	if err := b.AppendIf(ctx, 1, func(w evidence.Writer) error { return errors.Join(writeOne(w, "b=2"), errBoom) }); !errors.Is(err, errBoom) || errors.Is(err, evidence.ErrMoved) {
		b.Fatalf("got %v", err)
	}
	b.unchanged(1, "b=2")
	b.reopened()
	if err := b.AppendIf(ctx, 0, func(w evidence.Writer) error { return writeOne(w, "b=2") }); !errors.Is(err, evidence.ErrMoved) {
		b.Fatalf("after reopening: %v", err)
	}
	b.must(b.AppendIf(ctx, 1, func(w evidence.Writer) error { return writeOne(w, "b=2") }))
	b.clock = b.clock.Add(-1) // an entry of its own is no reason to refuse
	b.must(b.AppendIf(ctx, 2, func(w evidence.Writer) error { return writeOne(w, "c=3") }))
	if n := b.size(); n != 4 {
		b.Fatalf("size %d", n)
	}
	b.reopened()
}

// contention lets many decide at once: each reads the log, and appends what
// nobody else may have appended. Each number is in the log once.
func contention(b *bench) {
	const writers, rounds = 4, 8
	var wins, losses atomic.Int64
	var wg sync.WaitGroup
	for range rounds {
		size := b.size()
		for g := range writers {
			wg.Go(func() {
				err := b.AppendIf(context.Background(), size, func(w evidence.Writer) error {
					if err := writeOne(w, fmt.Sprintf("w%d=%d", g, size)); err != nil {
						return err
					}
					_, err := w.Entry(evidence.Entry{Type: evidence.EntryAgent})
					return err
				})
				switch {
				case err == nil:
					wins.Add(1)
				case errors.Is(err, evidence.ErrMoved):
					losses.Add(1)
				default:
					b.Error(err)
				}
			})
		}
		wg.Wait()
		if n := b.size(); n != size+2 {
			b.Fatalf("the log went from %d to %d entries", size, n)
		}
	}
	if wins.Load() != rounds || losses.Load() != rounds*(writers-1) {
		b.Fatalf("%d won and %d lost", wins.Load(), losses.Load())
	}
	b.reopened()
	r, err := b.Check(context.Background())
	b.must(err)
	if r.Blobs != rounds {
		b.Fatalf("%d blobs of %d winners", r.Blobs, rounds)
	}
}

// panicked runs do and returns what it panicked with.
func panicked(do func()) (value any) {
	defer func() { value = recover() }()
	do()
	return nil
}

type brokenReader struct{}

// Read implements io.Reader.
func (brokenReader) Read([]byte) (int, error) { panic(errBoom) }

func panics(b *bench) {
	b.snapshot(evidence.Collected, "a=1")
	for name, add := range map[string]func(evidence.Writer) error{
		"at once": func(evidence.Writer) error { panic(errBoom) },
		"after it wrote": func(w evidence.Writer) error {
			if err := writeOne(w, "b=2"); err != nil {
				return err
			}
			panic(errBoom)
		},
		"in a reader": func(w evidence.Writer) error {
			_, err := w.Blob(evidence.Series{Stream: users, Content: evidence.ContentRecords}, io.MultiReader(strings.NewReader(lines([]string{"b=2"})), brokenReader{}), 1)
			return err
		},
	} {
		for _, run := range []func(func(evidence.Writer) error) error{
			b.append, func(add func(evidence.Writer) error) error { return b.AppendIf(context.Background(), 1, add) },
		} {
			var err error
			if got := panicked(func() { err = run(add) }); got != error(errBoom) {
				b.Fatalf("%s: the caller got the panic %v and the error %v", name, got, err)
			}
			b.unchanged(1, "b=2")
		}
	}
	b.snapshot(evidence.Collected, "a=1", "b=2") // the store is as usable as before
	b.reopened()
}

func ignoredFailure(b *bench) {
	b.snapshot(evidence.Collected, "a=1")
	nowhere := evidence.Ref{Hash: evidence.HashOf([]byte("nowhere")), Size: 7}
	for name, fail := range map[string]func(evidence.Writer) error{
		"an entry": func(w evidence.Writer) error {
			_, err := w.Entry(evidence.Entry{Type: evidence.EntryUpload, Blobs: []evidence.Ref{nowhere}})
			return err
		},
		"a blob": func(w evidence.Writer) error {
			_, err := w.Blob(evidence.Series{Content: evidence.ContentFile}, io.MultiReader(strings.NewReader("half of it"), errorReader{}), 1)
			return err
		},
	} {
		var failed error
		err := b.append(func(w evidence.Writer) error {
			failed = fail(w)
			return writeOne(w, "b=2")
		})
		if failed == nil || !errors.Is(err, failed) {
			b.Fatalf("%s: the writer said %v, the append %v", name, failed, err)
		}
		b.unchanged(1, "b=2")
	}
	b.reopened()
}

type errorReader struct{}

// Read implements io.Reader.
func (errorReader) Read([]byte) (int, error) { return 0, errBoom }

func lateWriter(b *bench) {
	var kept evidence.Writer
	b.must(b.append(func(w evidence.Writer) error { kept = w; return writeOne(w, "a=1") }))
	if _, err := kept.Entry(evidence.Entry{Type: evidence.EntryAgent}); err == nil {
		b.Fatal("an entry was taken after the append")
	}
	if err := writeOne(kept, "b=2"); err == nil {
		b.Fatal("a blob was taken after the append")
	}
	b.unchanged(1, "b=2")
	b.reopened()
}
