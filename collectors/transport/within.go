package transport

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

// heed is how long a collector may take to end after its context has.
const heed = 2 * time.Second

// errAbandoned: the collector did not end when it was told to.
var errAbandoned = errors.New("it did not end when it was told to")

// within runs do, and does not wait for it once its context has ended: what hangs
// without heeding it, such as a read from a file system that is gone, must not
// keep everything that comes after. What do holds must then not be touched.
func within[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type ended struct {
		v   T
		err error
	}
	out := make(chan ended, 1)
	go func() {
		var e ended
		e.err = collectors.CatchPanic(func() (err error) { e.v, err = do(); return err })
		out <- e
	}()
	select {
	case e := <-out:
		return e.v, e.err
	case <-ctx.Done():
	}
	t := time.NewTimer(heed)
	defer t.Stop()
	select {
	case e := <-out:
		return e.v, e.err
	case <-t.C:
		var none T
		return none, fmt.Errorf("%w: %w", ctx.Err(), errAbandoned)
	}
}
