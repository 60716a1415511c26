package schedule

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// TestHangs: what hangs before or while it reads, whether it heeds its context or
// not, ends its slots as failed, and the next pass goes on.
func TestHangs(t *testing.T) {
	for name, tt := range map[string]struct {
		session, heeds bool
		within         time.Duration
	}{
		"session": {true, true, time.Hour}, "session that heeds nothing": {true, false, time.Hour},
		"reading": {false, true, 3 * time.Hour}, "reading that heeds nothing": {false, false, 3 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { hangs(t, tt.session, tt.heeds, tt.within) })
		})
	}
}

func hangs(t *testing.T, session, heeds bool, within time.Duration) {
	c := newCompany(t)
	c.start()
	time.Sleep(7 * time.Hour)
	over := make(chan struct{})
	var hang mood = func(ctx context.Context) error {
		if !heeds {
			ctx = context.WithoutCancel(ctx)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-over:
			return nil
		}
	}
	at := &c.mood
	if session {
		at = &c.hello
	}
	at.Store(&hang)
	time.Sleep(time.Until(c.begin.Add(7*time.Hour + 33*time.Minute))) // 02:30 in New York has begun
	before := len(c.ended())
	time.Sleep(within)
	failed := 0
	for _, r := range c.ended()[before:] {
		if r.Outcome != evidence.Failed || r.Reason.Class != evidence.Unreachable || session && !strings.Contains(r.Reason.Detail, "timeout: opening a session for ") {
			t.Errorf("%s: %s, %s", r.Stream, r.Outcome, r.Reason)
		}
		failed++
	}
	if failed == 0 {
		t.Error("no slot has ended")
	}
	at.Store(nil)
	time.Sleep(25 * time.Hour)
	if last := c.ended()[len(c.ended())-1]; last.Outcome != evidence.Collected {
		t.Errorf("then: %s is %s, %s", last.Stream, last.Outcome, last.Reason)
	}
	c.end(false)
	close(over)
}
