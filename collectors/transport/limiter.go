package transport

import (
	"context"
	"slices"
	"sync"
	"time"
)

// limiter bounds the requests under way in each lane. The bound is halved when
// the source throttles there, and grows by one for every full round without it (AIMD).
type limiter struct {
	most  int
	total chan struct{} // holds one for each request under way, in whatever lane

	mu    sync.Mutex
	lanes map[string]*lane
}

// lane is what a source throttles by itself, such as a host; the limiter's lock guards it.
type lane struct {
	bound float64
	busy  int
	queue []chan struct{} // closed when its turn has come
	until time.Time       // the source asked everyone to wait until then
}

func newLimiter(most, total int) *limiter {
	return &limiter{most: max(most, 1), total: make(chan struct{}, max(total, 1)), lanes: map[string]*lane{}}
}

func (l *limiter) lane(name string) *lane {
	if l.lanes[name] == nil {
		l.lanes[name] = &lane{bound: float64(l.most)}
	}
	return l.lanes[name]
}

// acquire waits for a turn in the lane, and then for one among all; release ends
// it. Whoever has one among all waits for nothing else, so the two cannot block
// each other.
func (l *limiter) acquire(ctx context.Context, name string) error {
	if err := l.enter(ctx, name); err != nil {
		return err
	}
	select {
	case l.total <- struct{}{}:
		return nil
	case <-ctx.Done():
		l.end(name, false)
		return ctx.Err()
	}
}

// enter waits for a turn in the lane.
func (l *limiter) enter(ctx context.Context, name string) error {
	l.mu.Lock()
	n := l.lane(name)
	if n.busy < int(n.bound) {
		n.busy++
		l.mu.Unlock()
		return ctx.Err()
	}
	turn := make(chan struct{})
	n.queue = append(n.queue, turn)
	l.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		l.leave(n, turn)
		return ctx.Err()
	}
}

// leave gives up a place in the queue, or the turn if it came meanwhile.
func (l *limiter) leave(n *lane, turn chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(n.queue, turn); i >= 0 {
		n.queue = slices.Delete(n.queue, i, i+1)
		return
	}
	n.busy--
	n.wake()
}

// release ends a turn and learns from it.
func (l *limiter) release(name string, throttled bool) {
	<-l.total
	l.end(name, throttled)
}

// end ends a turn in the lane.
func (l *limiter) end(name string, throttled bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(name)
	n.busy--
	if throttled {
		n.bound = max(n.bound/2, 1)
	} else {
		n.bound = min(n.bound+1/n.bound, float64(l.most))
	}
	n.wake()
}

func (n *lane) wake() {
	for n.busy < int(n.bound) && len(n.queue) > 0 {
		n.busy++
		close(n.queue[0])
		n.queue = n.queue[1:]
	}
}

// hold notes that the source asked everyone to wait.
func (l *limiter) hold(name string, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := l.lane(name); until.After(n.until) {
		n.until = until
	}
}

// pause returns how long to wait before it may be asked again.
func (l *limiter) pause(name string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lane(name).until.Sub(now)
}
