package schedule

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// hang is a mood in which nothing answers until its context ends.
func hang(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

// demandInBackground begins a collection on demand of a source, and returns where it ends.
func (c *company) demandInBackground(ctx context.Context, name string) chan error {
	ended := make(chan error, 1)
	go func() { _, err := c.d.Now(ctx, nil, name); ended <- err }()
	synctest.Wait()
	return ended
}

// TestNowWaitsForNamedOnly: a source that hangs does not keep a collection of
// another one from its end.
func TestNowWaitsForNamedOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompany(t)
		c.start()
		time.Sleep(time.Hour)
		var hanging mood = hang
		c.hello.Store(&hanging)
		other := c.demandInBackground(context.Background(), "w")
		begun := time.Now()
		runs, err := c.d.Now(context.Background(), nil, "v")
		if err != nil || len(runs) != 3 || runs[0].Outcome != evidence.Collected {
			t.Errorf("%v %v", runs, err)
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("it took %s, while another source was read", took)
		}
		select {
		case err := <-other:
			t.Errorf("the other source did not hang: %v", err)
		default:
		}
		c.hello.Store(nil)
		time.Sleep(2 * time.Hour)
		c.end(false)
		<-other
	})
}

// TestNowEndsWithItsContext: a collection that waits for another pass over its
// source, or that reads, ends when nobody waits for it any more. What was read is
// recorded once, and tried again.
func TestNowEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompany(t)
		c.start()
		time.Sleep(74 * time.Hour) // v has been read on a Monday
		before := len(c.ended())
		c.meet(hang)
		reading, readerGone := context.WithCancel(context.Background())
		reader := c.demandInBackground(reading, "v")
		waiting, waiterGone := context.WithTimeout(context.Background(), time.Minute)
		defer waiterGone()
		begun := time.Now()
		if _, err := c.d.Now(waiting, nil, "v"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waiting: %v", err)
		}
		if took := time.Since(begun); took != time.Minute {
			t.Errorf("it waited %s, instead of a minute", took)
		}
		if n := len(c.ended()); n != before {
			t.Errorf("%d slots ended while it waited", n-before)
		}
		begun = time.Now()
		readerGone()
		if err := <-reader; !errors.Is(err, context.Canceled) {
			t.Errorf("reading: %v", err)
		}
		if took := time.Since(begun); took > 3*time.Second {
			t.Errorf("it took %s to end", took)
		}
		failed := c.ended()[before:]
		if len(failed) != 1 || failed[0].Outcome != evidence.Failed || *failed[0].Reason != withdrawnReason {
			t.Errorf("recorded: %v", failed)
		}
		c.mood.Store(nil)
		time.Sleep(10 * time.Minute)
		if last := c.ended()[len(c.ended())-1]; last.Stream.Source != "v" || last.Outcome != evidence.Collected {
			t.Errorf("then: %s is %s", last.Stream, last.Outcome)
		}
		c.end(false)
	})
}

// TestCallbackPanics: whichever call of Progress panics, all is collected and
// recorded, the panic is an error, and no slot is read again for it.
func TestCallbackPanics(t *testing.T) {
	for at := range 4 {
		r := newRig(t, &world{scopes: []evidence.Scope{"a"}})
		r.now = day(2, 6)
		calls := 0
		r.runner.opt.Progress = func(evidence.Run, int, int) {
			if calls++; calls > at {
				panic("a defect of the caller")
			}
		}
		for range 2 {
			if err := contained(t, func() error { _, err := r.runner.Tick(t.Context()); return err }); err != nil && !errors.Is(err, ErrCallback) {
				t.Error(err)
			}
		}
		if err := contained(t, func() error { _, err := r.runner.Now(t.Context()); return err }); !errors.Is(err, ErrCallback) {
			t.Errorf("on demand: %v", err)
		}
		if calls > at+2 { // once each for Tick and Now
			t.Errorf("it was called %d times after the panic", calls-at-1)
		}
		seen := map[string]int{}
		for run, err := range r.store.Runs() {
			if err != nil {
				t.Fatal(err)
			}
			seen[run.Stream.String()+" "+run.Due.String()+" "+string(run.Trigger)]++
		}
		for slot, n := range seen {
			if n != 1 {
				t.Errorf("panic at call %d: %s ended %d times", at, slot, n)
			}
		}
		if len(seen) != 3*3 {
			t.Errorf("panic at call %d: %d slots ended, want 9: %v", at, len(seen), seen)
		}
	}
}

// contained reports a panic that the function under test lets through.
func contained(t *testing.T, do func() error) error {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("it panicked: %v", p)
		}
	}()
	return do()
}

// TestEndedPanics: the daemon goes on when the callback for a pass panics.
func TestEndedPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompany(t)
		c.start()
		c.d.opt.Ended = func(Pass) { panic("a defect of the caller") }
		if runs, err := c.d.Now(context.Background(), func(evidence.Run, int, int) { panic("another") }, "v"); !errors.Is(err, ErrCallback) || len(runs) != 3 {
			t.Errorf("%v %v", runs, err)
		}
		time.Sleep(49 * time.Hour)
		c.end(false)
		c.check(time.Now().UTC().Add(-time.Hour), func(r evidence.Run) bool { return r.Due.Before(c.begin.Add(8 * time.Hour)) })
	})
}
