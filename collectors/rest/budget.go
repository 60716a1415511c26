package rest

import (
	"context"
	"fmt"
	"runtime/metrics"
)

// bounds end an expression that never ends, returns values without end, or makes
// one value without end. They count what the expression does and not how long it
// takes, so that a recording gives the same records on any machine.
type bounds struct {
	steps  int64  // of the jq machine, which does some 20 million a second
	values int    // that it returns
	heap   uint64 // bytes by which the heap may grow meanwhile
}

// lookEvery is how many steps are done between two looks at the heap.
const lookEvery = 1 << 16

// budget is the context of one evaluation. The jq machine asks it before each step
// whether to go on; it is not safe for concurrent use, which that does not need.
type budget struct {
	context.Context // of the caller
	bounds
	done  int64
	start uint64 // the heap in bytes when it was first looked at
	spent error
}

// over is closed.
var over = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// Done implements context.Context, and counts a step.
func (b *budget) Done() <-chan struct{} {
	b.done++
	switch {
	case b.spent != nil:
	case b.done > b.steps:
		b.spent = fmt.Errorf("does not end within %d steps", b.steps)
	case b.done%lookEvery == 0:
		b.look()
	}
	if b.spent != nil {
		return over
	}
	return b.Context.Done()
}

// Err implements context.Context.
func (b *budget) Err() error {
	if b.spent != nil {
		return b.spent
	}
	return b.Context.Err()
}

// look spends the budget once the heap has grown beyond its bound. Others may have
// made it grow: that is a reason to stop as well.
func (b *budget) look() {
	now := heapNow()
	if b.start == 0 {
		b.start = now
	}
	if now > b.start && now-b.start > b.heap {
		b.spent = fmt.Errorf("needs more than %d MB", b.heap>>20)
	}
}

// heapNow returns the memory in use by objects, in bytes, also of those that are to be collected.
func heapNow() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
