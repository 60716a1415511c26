package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/evidenced/evidenced/evidence"
)

// guard turns what a damaged file does to its reader into ErrDamaged: bbolt
// panics on pages that make no sense, and a page behind the end of the file
// faults. A panic of the caller's own code goes on to the caller: it says
// nothing of the file. C may be nil: then no code of the caller runs.
func guard(c *caller, do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if c != nil && c.running {
			return // not recovered, so that its stack is not lost
		}
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, p)
		}
	}()
	return do()
}

// caller records whose code runs within a transaction.
type caller struct {
	// running: code of the caller, not of the store.
	running bool
	// err is the first error of the store's own code. After it the transaction may
	// hold half of something and is not committed.
	err error
	// ended: the function has returned that the transaction is lent to.
	ended bool
}

// call runs code of the caller. When it panics, running stays true.
func (c *caller) call(do func() error) error {
	c.running = true
	err := do()
	c.running = false
	return err
}

var errEnded = errors.New("the writer is used after its append has ended")

// answer runs code of the store that the caller's code has called.
func (c *caller) answer(do func() error) error {
	if c.ended {
		return errEnded
	}
	c.running = false
	defer func() { c.running = true }()
	err := guard(c, do)
	if c.err == nil {
		c.err = err
	}
	return err
}

// callOut runs add, which knows of the writer only what evidence.Writer says.
func (w *writer) callOut(add func(evidence.Writer) error) error {
	defer func() { w.caller.ended = true }()
	if err := w.caller.call(func() error { return add(lentWriter{w}) }); err != nil {
		return err
	}
	return w.caller.err
}

// lentWriter is a writer in the hands of the caller's code.
type lentWriter struct{ w *writer }

// Entry implements evidence.Writer.
func (l lentWriter) Entry(e evidence.Entry) (out evidence.Entry, err error) {
	err = l.w.caller.answer(func() (err error) { out, err = l.w.Entry(e); return err })
	return out, err
}

// Blob implements evidence.Writer.
func (l lentWriter) Blob(of evidence.Series, r io.Reader, count int) (ref evidence.Ref, err error) {
	err = l.w.caller.answer(func() (err error) {
		ref, err = l.w.Blob(of, lentReader{&l.w.caller, r}, count)
		return err
	})
	return ref, err
}

// lentReader is a reader of the caller's in the hands of the store.
type lentReader struct {
	c *caller
	r io.Reader
}

// Read implements io.Reader.
func (l lentReader) Read(p []byte) (n int, err error) {
	err = l.c.call(func() (err error) { n, err = l.r.Read(p); return err })
	return n, err
}

// lentTarget is a writer of the caller's in the hands of the store.
type lentTarget struct {
	c *caller
	w io.Writer
}

// Write implements io.Writer.
func (l lentTarget) Write(p []byte) (n int, err error) {
	err = l.c.call(func() (err error) { n, err = l.w.Write(p); return err })
	return n, err
}

// lentSealer is a sealer of the caller's in the hands of the store.
type lentSealer struct {
	Sealer
	c *caller
}

func lend(c *caller, s Sealer) Sealer {
	if s == nil {
		return nil
	}
	return lentSealer{s, c}
}

// Unwrap implements Sealer.
func (l lentSealer) Unwrap(ctx context.Context, wrapped []byte) (key []byte, err error) {
	err = l.c.call(func() (err error) { key, err = l.Sealer.Unwrap(ctx, wrapped); return err })
	return key, err
}
