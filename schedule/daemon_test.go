package schedule

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// mood is what a reading meets before it reads.
type mood func(ctx context.Context) error

// company is a daemon over two sources in a bubble of time.
type company struct {
	*testing.T
	*memory
	begin time.Time
	off   atomic.Int64         // by how much the clock is wrong, in nanoseconds
	mood  atomic.Pointer[mood] // what every reading meets; nil for nothing
	hello atomic.Pointer[mood] // what every session of the source w meets
	stop  context.CancelFunc
	out   chan error
	dead  *atomic.Bool
	d     *Daemon
}

var companySpecs = map[string]collectors.Base{
	"w": {Schedule: "CRON_TZ=America/New_York 30 2 * * *", Schedules: map[evidence.Kind]string{"w.state": "0 */12 * * *"}},
	"v": {Schedule: "15 7 * * 1-5"},
}

// moody meets the mood of the company before it reads.
type moody struct {
	*worldConfig
	mood, hello func() *mood
}

func (m *moody) Open(collectors.Env) (collectors.Collector, error) { return m, nil }
func (m *moody) Session(ctx context.Context, _ evidence.Scope) (collectors.Session, error) {
	if meet := m.hello(); meet != nil {
		return m, (*meet)(ctx)
	}
	return m, nil
}

func (m *moody) Collect(ctx context.Context, kind evidence.Kind, w evidence.Window, out *collectors.Output) error {
	if meet := m.mood(); meet != nil {
		if err := (*meet)(ctx); err != nil {
			return err
		}
	}
	return m.worldConfig.Collect(ctx, kind, w, out)
}

func (c *company) meet(m mood) { c.mood.Store(&m) }

func (c *company) now() time.Time { return time.Now().Add(time.Duration(c.off.Load())).UTC() }

func (c *company) runner(log evidence.Log) *Runner {
	var srcs []*transport.Source
	for _, name := range []string{"w", "v"} {
		spec := collectors.Spec{Name: name, Doc: "A test.", Version: 1, Root: "w.root", Kinds: []collectors.KindSpec{{Kind: "w.root", Mode: evidence.State},
			{Kind: "w.state", Mode: evidence.State}, {Kind: "w.event", Mode: evidence.Event, Late: time.Hour}}}
		cfg := &moody{&worldConfig{base: companySpecs[name], world: &world{scopes: []evidence.Scope{"a"}}}, c.mood.Load, func() *mood { return nil }}
		if name == "w" {
			cfg.hello = c.hello.Load
		}
		src, err := transport.Open(spec, cfg, transport.Options{Now: c.now}, nil)
		if err != nil {
			c.Fatal(err)
		}
		srcs = append(srcs, src)
	}
	r, err := New(srcs, log, c.memory, Options{Begin: c.begin, Now: c.now})
	if err != nil {
		c.Fatal(err)
	}
	return r
}

// start begins the life of a process.
func (c *company) start() {
	var ctx context.Context
	ctx, c.stop = context.WithCancel(context.Background())
	c.out, c.dead = make(chan error, 1), new(atomic.Bool)
	begun := time.Now()
	c.d = NewDaemon(c.runner(life{c.memory, c.dead}), DaemonOptions{Jitter: 2 * time.Minute, Elapsed: func() time.Duration { return time.Since(begun) }})
	go func(d *Daemon, out chan error) { out <- d.Run(ctx) }(c.d, c.out)
}

// end stops it, or kills it: then it writes nothing any more.
func (c *company) end(kill bool) {
	c.dead.Store(kill)
	c.stop()
	<-c.out
	synctest.Wait()
}

// check holds the log to the schedule: every slot ended once, and each that was
// not collected says why.
func (c *company) check(until time.Time, excused func(evidence.Run) bool) (tally map[evidence.Outcome]int) {
	c.Helper()
	tally = map[evidence.Outcome]int{}
	seen := map[string]evidence.Run{}
	for _, r := range c.ended() {
		if r.Trigger != evidence.Scheduled {
			continue
		}
		id := r.Stream.String() + " " + r.Due.Format(time.RFC3339)
		if _, twice := seen[id]; twice {
			c.Errorf("%s ended twice", id)
		}
		seen[id] = r
		tally[r.Outcome]++
		if r.Outcome != evidence.Collected && (r.Reason == nil || r.Reason.Detail == "") {
			c.Errorf("%s is %s, and nothing says why", id, r.Outcome)
		}
		if r.Outcome != evidence.Collected && !excused(r) {
			c.Errorf("%s is %s (%s), and nothing stood in the way", id, r.Outcome, r.Reason)
		}
	}
	for name, base := range companySpecs {
		for _, k := range []evidence.Kind{"w.root", "w.state", "w.event"} {
			all, kinds, err := Specs(&base)
			if err != nil {
				c.Fatal(err)
			}
			spec, own := kinds[k]
			if !own {
				spec = all
			}
			for due := range spec.Due(c.begin.Add(-time.Second), until) {
				scope := evidence.Scope("a")
				if k == "w.root" {
					scope = "root"
				}
				id := evidence.Stream{Source: name, Kind: k, Scope: scope}.String() + " " + due.Format(time.RFC3339)
				if _, there := seen[id]; !there {
					c.Errorf("%s is lost", id)
				}
			}
		}
	}
	return tally
}

// span is a time in which something stood in the way.
type span struct{ from, to time.Time }

func newCompany(t *testing.T) *company {
	c := &company{T: t, memory: &memory{records: map[evidence.Hash][]byte{}}}
	c.begin = time.Now().UTC()
	time.Sleep(time.Minute)
	return c
}

// TestYear lives through a year in which the process is stopped and killed, the
// clock is set, the disk is full, names are not resolved, servers hang and
// throttle. EVIDENCED_SOAK=1 lives through thirty of them.
func TestYear(t *testing.T) {
	seeds := 1
	if os.Getenv("EVIDENCED_SOAK") != "" {
		seeds = 30
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { liveYear(t, uint64(seed)) })
		})
	}
}

func liveYear(t *testing.T, seed uint64) {
	c := newCompany(t)
	dice := rand.New(rand.NewPCG(seed, 8))
	var trouble []span
	end := c.begin.AddDate(1, 0, 0)
	c.start()
	var early, late [2]uint64
	for time.Now().Before(end) {
		time.Sleep(time.Duration(1+dice.IntN(8*24*60)) * time.Minute)
		from := time.Now().UTC()
		c.suffer(dice)
		trouble = append(trouble, span{from, time.Now().UTC()})
		if early[0] == 0 && time.Since(c.begin) > 90*24*time.Hour {
			early = usage()
		}
	}
	time.Sleep(72 * time.Hour)
	late = usage()
	c.end(false)
	// Retries and the doubt of a clock go on for a while after trouble has ended.
	tally := c.check(time.Now().UTC().Add(-time.Hour), func(r evidence.Run) bool {
		if r.Due.Before(c.begin.Add(8 * time.Hour)) {
			return true // before the first root was read, nobody knew of it
		}
		for _, s := range trouble {
			if !r.Due.Before(s.from.Add(-time.Hour)) && r.Due.Before(s.to.Add(2*time.Hour)) {
				return true
			}
		}
		return false
	})
	t.Logf("%v; %d times in trouble; %d events", tally, len(trouble), len(c.events))
	if tally[evidence.Collected] < 1000 || tally[evidence.Missed] == 0 || tally[evidence.Late] == 0 || tally[evidence.Failed] == 0 {
		t.Errorf("not much of a year: %v", tally)
	}
	if late[0] > early[0]+2 || late[1] > early[1]+4<<20 {
		t.Errorf("goroutines and heap grew from %v to %v", early, late)
	}
}

func usage() [2]uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return [2]uint64{uint64(runtime.NumGoroutine()), m.HeapAlloc}
}

// suffer is one trouble, and its end.
func (c *company) suffer(dice *rand.Rand) {
	long := time.Duration(1+dice.IntN(40*60)) * time.Minute
	switch dice.IntN(9) {
	case 0, 1: // off for a while
		c.end(dice.IntN(2) == 0)
		time.Sleep(long)
		c.start()
	case 2: // killed and back at once
		c.end(true)
		c.start()
	case 3:
		c.fill(true)
		time.Sleep(long)
		c.fill(false)
		time.Sleep(16 * time.Minute) // it looks again each quarter of an hour
	case 4, 5: // the clock is wrong for a few minutes, and comes back
		c.off.Store(int64([...]time.Duration{2 * time.Hour, -2 * time.Hour, 72 * time.Hour}[dice.IntN(3)]))
		time.Sleep(time.Duration(1+dice.IntN(8)) * time.Minute)
		c.off.Store(0)
		time.Sleep(2 * time.Hour)
	case 6: // a server that hangs
		c.meet(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		time.Sleep(long)
		c.mood.Store(nil)
		time.Sleep(90 * time.Minute) // three times half an hour, with what waits behind
	case 7:
		c.meet(func(context.Context) error {
			return fmt.Errorf("%w: %w", collectors.ErrUnreachable, collectors.ErrNoHost)
		})
		time.Sleep(long)
		c.mood.Store(nil)
	case 8:
		c.meet(func(context.Context) error { return collectors.ErrThrottled })
		time.Sleep(long)
		c.mood.Store(nil)
	}
}

// TestClockPutForward: a clock that stays wrong is believed in the end, and what
// it calls missed says so; nothing is written while it is doubted.
func TestClockPutForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompany(t)
		c.start()
		time.Sleep(36 * time.Hour)
		before := len(c.ended())
		c.off.Store(int64(72 * time.Hour))
		time.Sleep(9 * time.Minute)
		if len(c.ended()) != before {
			t.Fatalf("%d slots ended while the clock was doubted", len(c.ended())-before)
		}
		time.Sleep(5 * time.Minute)
		if len(c.ended()) == before {
			t.Fatal("the clock is still doubted")
		}
		c.end(false)
		want := []string{`{"event":"started"}`, `{"event":"heartbeat"}`}
		for _, w := range append(want, `{"event":"clock_set","milliseconds":259200000}`, `{"event":"stopped"}`) {
			if !slices.Contains(c.events, w) {
				t.Errorf("no %s in %v", w, c.events)
			}
		}
	})
}

// TestRetries: what may pass is tried again, less and less often; what was
// denied is not. The slot that failed stays failed.
func TestRetries(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{{collectors.ErrUnreachable, 3}, {collectors.ErrThrottled, 3}, {collectors.ErrDenied, 0}, {collectors.ErrUnauthenticated, 0}} {
		synctest.Test(t, func(t *testing.T) {
			c := newCompany(t)
			c.start()
			time.Sleep(36 * time.Hour)
			c.meet(func(context.Context) error { return tt.err })
			time.Sleep(24 * time.Hour)
			again := map[string]int{}
			for _, r := range c.ended() {
				if r.Trigger == evidence.OnDemand && r.Stream.Kind == "w.event" {
					again[r.Stream.Source]++
				}
			}
			if again["w"] != tt.want {
				t.Errorf("%v: tried %v times again, want %d", tt.err, again, tt.want)
			}
			c.end(false)
		})
	}
}

// TestStop: what is being read when the daemon is told to stop is cut short
// after a while, and written down as such; what had not begun is still due.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompany(t)
		c.start()
		time.Sleep(24 * time.Hour)
		c.meet(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		time.Sleep(7*time.Hour + 33*time.Minute) // 02:30 in New York
		begun := time.Now()
		c.end(false)
		if took := time.Since(begun); took > 9*time.Second {
			t.Fatalf("it took %s to stop", took)
		}
		last := c.ended()[len(c.ended())-1]
		if last.Outcome != evidence.Failed || last.Reason.Detail != stoppedReason.Detail {
			t.Fatalf("%s %v", last.Outcome, last.Reason)
		}
		c.mood.Store(nil)
		c.start()
		time.Sleep(2 * time.Minute)
		c.end(false)
		last = c.ended()[len(c.ended())-1]
		if last.Outcome != evidence.Collected {
			t.Fatalf("after the restart: %s %v", last.Outcome, last.Reason)
		}
	})
}

// TestReplaceCutsShort: a source that hangs does not keep a new configuration
// away for long, and is read again after it.
func TestReplaceCutsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompany(t)
		c.start()
		time.Sleep(24 * time.Hour)
		c.meet(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		time.Sleep(7*time.Hour + 33*time.Minute)
		begun := time.Now()
		if err := c.d.Replace(func() (*Runner, error) { return c.runner(life{c.memory, c.dead}), nil }); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took > patience+time.Second {
			t.Fatalf("it took %s", took)
		}
		c.mood.Store(nil)
		time.Sleep(5 * time.Minute)
		if last := c.ended()[len(c.ended())-1]; last.Outcome != evidence.Collected {
			t.Fatalf("afterwards: %s %v", last.Outcome, last.Reason)
		}
		c.end(false)
	})
}

// TestWhyMissed: a slot that was due while the agent ran was not missed because
// it did not run.
func TestWhyMissed(t *testing.T) {
	r := &Runner{opt: Options{Since: day(2, 0)}}
	for due, want := range map[time.Time]evidence.Class{day(1, 6): evidence.AgentOff, day(2, 6): evidence.Internal} {
		if got := r.missed(evidence.Stream{}, due).Reason.Class; got != want {
			t.Errorf("due %s: %s, want %s", due, got, want)
		}
	}
}

// TestClockFarAhead: what a clock calls missed that is far ahead of the source's
// is not written.
func TestClockFarAhead(t *testing.T) {
	r := newRig(t, &world{scopes: []evidence.Scope{"a"}})
	tick := r.runner.tick()
	due := day(1, 6)
	missed := func() slotRange {
		return newSlotRange(evidence.Stream{Source: "w", Kind: "w.root", Scope: "root"}, r.runner.source("w").When, due.Add(-time.Second), due)
	}
	for offset, want := range map[time.Duration]bool{72 * time.Hour: true, time.Minute: false, -72 * time.Hour: false} {
		ms := offset.Milliseconds()
		err := tick.appendMissedRoot(t.Context(), missed(), &ms)
		if errors.Is(err, ErrClock) != want {
			t.Errorf("%s ahead: %v", offset, err)
		}
		due = due.AddDate(0, 0, 1)
	}
	if err := tick.appendMissedRoot(t.Context(), missed(), nil); err != nil {
		t.Error(err)
	}
}

// TestNowAndReplace: a collection on demand waits for its turn, and so does a
// new configuration; a bad one changes nothing.
func TestNowAndReplace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompany(t)
		c.start()
		time.Sleep(time.Hour)
		runs, err := c.d.Now(context.Background(), func(evidence.Run, int, int) {}, "v")
		if err != nil || len(runs) != 3 || runs[0].Outcome != evidence.Collected {
			t.Fatalf("%v %v", runs, err)
		}
		if err := c.d.Replace(func() (*Runner, error) { return nil, errFull }); !errors.Is(err, errFull) {
			t.Fatal(err)
		}
		release := make(chan struct{})
		c.meet(func(context.Context) error { <-release; return nil })
		asked := make(chan error)
		go func() { _, err := c.d.Now(context.Background(), func(evidence.Run, int, int) {}, "v"); asked <- err }()
		synctest.Wait()
		replaced := make(chan error)
		go func() {
			replaced <- c.d.Replace(func() (*Runner, error) { return c.runner(life{c.memory, c.dead}), nil })
		}()
		synctest.Wait()
		select {
		case err := <-replaced:
			t.Fatalf("replaced while it was reading: %v", err)
		default:
		}
		close(release)
		if err := errors.Join(<-asked, <-replaced); err != nil {
			t.Fatal(err)
		}
		c.mood.Store(nil)
		time.Sleep(48 * time.Hour)
		c.end(false)
		c.check(time.Now().UTC().Add(-time.Hour), func(r evidence.Run) bool { return r.Due.Before(c.begin.Add(8 * time.Hour)) })
	})
}
