package transport

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// bound counts how many turns can be had at once, and returns them back unchanged.
func bound(l *limiter, host string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int(l.lane(host).bound)
}

func TestLimiterAdapts(t *testing.T) {
	l := newLimiter(8, 64)
	end := func(throttled bool) {
		if err := l.acquire(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		l.release("a", throttled)
	}
	for _, want := range []int{4, 2, 1, 1} {
		if end(true); bound(l, "a") != want {
			t.Fatalf("bound %d, want %d", bound(l, "a"), want)
		}
	}
	for range 100 {
		end(false)
	}
	if got := bound(l, "a"); got != 8 {
		t.Errorf("bound %d after a long calm, want 8 again", got)
	}
	if got := bound(l, "b"); got != 8 {
		t.Errorf("another host has bound %d, want 8", got)
	}
}

func TestLimiterBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(2, 64)
		got := make(chan error, 4)
		ctx, cancel := context.WithCancel(t.Context())
		for range 4 {
			go func() { got <- l.acquire(ctx, "a") }()
		}
		synctest.Wait()
		if len(got) != 2 {
			t.Fatalf("%d turns, want 2", len(got))
		}
		l.release("a", false)
		synctest.Wait()
		if len(got) != 3 {
			t.Fatalf("%d turns after one ended, want 3", len(got))
		}
		cancel()
		synctest.Wait()
		for range 3 {
			if err := <-got; err != nil {
				t.Error(err)
			}
		}
		if err := <-got; !errors.Is(err, context.Canceled) {
			t.Errorf("the last one got %v", err)
		}
		l.release("a", false)
		l.release("a", false)
		if n := l.lane("a").busy; n != 0 {
			t.Errorf("%d turns leaked", n)
		}
	})
}

// TestLimiterBoundsAllLanes: lanes of their own share one bound, and who waits
// for it and gives up leaves its lane as it was.
func TestLimiterBoundsAllLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(8, 2)
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan error, 3)
		for _, name := range []string{"a", "b", "c"} {
			go func() { got <- l.acquire(ctx, name) }()
		}
		synctest.Wait()
		if len(got) != 2 {
			t.Fatalf("%d turns, want 2", len(got))
		}
		cancel()
		synctest.Wait()
		if len(got) != 3 || l.lane("a").busy+l.lane("b").busy+l.lane("c").busy != 2 {
			t.Errorf("%d answers; lanes %v", len(got), l.lanes)
		}
	})
}
