package transport

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

// cancelGrace is how long a collector may take to end after its context has.
const cancelGrace = 2 * time.Second

// errAbandoned: the collector did not end after its context had.
var errAbandoned = errors.New("it did not end when it was told to")

// withDeadline runs do, and does not wait for it once its context has ended: what hangs
// without heeding it, such as a read from a file system that is gone, must not
// keep everything that comes after. What do holds must then not be touched.
func withDeadline[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type ended struct {
		v   T
		err error
	}
	out := make(chan ended, 1)
	go func() {
		e := ended{err: collectors.ErrEnded}
		defer func() { out <- e }() // also when the goroutine is ended from within, of which no panic tells
		e.err = collectors.CatchPanic(func() (err error) { e.v, err = do(); return err })
	}()
	select {
	case e := <-out:
		return e.v, e.err
	case <-ctx.Done():
	}
	t := time.NewTimer(cancelGrace)
	defer t.Stop()
	select {
	case e := <-out:
		return e.v, e.err
	case <-t.C:
		var none T
		return none, fmt.Errorf("%w: %w", ctx.Err(), errAbandoned)
	}
}
