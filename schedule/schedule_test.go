package schedule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

func TestParse(t *testing.T) {
	for spec, want := range map[string]string{
		"":                                "2026-01-01T06:00:00Z",
		"30 */6 * * *":                    "2026-01-01T00:30:00Z",
		"CRON_TZ=Europe/Berlin 0 6 * * *": "2026-01-01T05:00:00Z",
		"@weekly":                         "2026-01-04T00:00:00Z",
	} {
		s, err := Parse(spec)
		if err != nil {
			t.Errorf("%q: %v", spec, err)
			continue
		}
		if got := s.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).Format(time.RFC3339); got != want {
			t.Errorf("%q: next %s, want %s", spec, got, want)
		}
	}
	for _, bad := range []string{"TZ=UTC", "CRON_TZ=UTC", "0 0 30 2 *", "often", "* * * * * *", "61 * * * *", "CRON_TZ=Nowhere/City 0 6 * * *", "CRON_TZ=Local 0 6 * * *", "TZ=Local 0 6 * * *", "CRON_TZ=localtime 0 6 * * *", "\x00"} {
		if s, err := Parse(bad); err == nil {
			t.Errorf("%q was accepted: next %s", bad, s.Next(time.Now()))
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("0 6 * * *")
	f.Add("TZ=UTC")
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := Parse(text); err == nil && s.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
			t.Fatalf("%q never fires, but was accepted", text)
		}
	})
}

// world is a source that a test scripts: its scopes, and what each kind answers.
type world struct {
	mu      sync.Mutex // guards windows: streams are read side by side
	scopes  []evidence.Scope
	fail    map[evidence.Kind]error
	partial map[evidence.Kind]bool
	windows []evidence.Window
	now     time.Time
	begin   time.Time
}

type worldConfig struct {
	base collectors.Base
	*world
}

func (c *worldConfig) Base() *collectors.Base                            { return &c.base }
func (c *worldConfig) Validate() error                                   { return nil }
func (c *worldConfig) Hosts() []string                                   { return nil }
func (c *worldConfig) Open(collectors.Env) (collectors.Collector, error) { return c, nil }
func (c *worldConfig) RootScope() evidence.Scope                         { return "root" }
func (c *worldConfig) Principal() string                                 { return "tester" }
func (c *worldConfig) Session(context.Context, evidence.Scope) (collectors.Session, error) {
	return c, nil
}

func (c *worldConfig) Scopes(root []evidence.Record) (out []evidence.Scope) {
	for _, r := range root {
		out = append(out, evidence.Scope(r.ID))
	}
	return out
}

func (c *worldConfig) Collect(_ context.Context, kind evidence.Kind, w evidence.Window, out *collectors.Output) error {
	if err := c.fail[kind]; err != nil {
		return err
	}
	if kind == "w.event" {
		c.mu.Lock()
		c.windows = append(c.windows, w)
		c.mu.Unlock()
	}
	if kind == "w.root" {
		for _, s := range c.scopes {
			if err := out.Emit(evidence.Record{ID: string(s), Name: string(s), Attributes: map[string]any{}}); err != nil {
				return err
			}
		}
	}
	if c.partial[kind] {
		out.Scope("one", nil)
		out.Scope("two", collectors.ErrDenied)
		return collectors.ErrDenied
	}
	return nil
}

// rig is a runner over one scripted source and a real store.
type rig struct {
	*testing.T
	*world
	path   string
	store  *store.Store
	runner *Runner
	told   []evidence.Run // by Progress
}

func newRig(t *testing.T, w *world) *rig {
	if w.begin.IsZero() {
		w.begin = day(1, 0)
	}
	r := &rig{T: t, world: w, path: filepath.Join(t.TempDir(), "e.db")}
	r.restart()
	return r
}

// restart closes the store and opens everything anew, as a new process would.
func (r *rig) restart() {
	r.Helper()
	if r.store != nil {
		if err := r.store.Close(); err != nil {
			r.Fatal(err)
		}
	}
	key, err := store.NewKey("test", bytes.NewReader(make([]byte, 32)))
	if err != nil {
		r.Fatal(err)
	}
	clock := func() time.Time { return r.now }
	if r.store, err = store.Open(r.path, store.Options{Key: key, Now: clock}); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = r.store.Close() })
	spec := collectors.Spec{Name: "w", Doc: "A test.", Version: 1, Root: "w.root", Kinds: []collectors.KindSpec{{Kind: "w.root", Mode: evidence.State},
		{Kind: "w.state", Mode: evidence.State}, {Kind: "w.event", Mode: evidence.Event, Late: time.Hour}}}
	src, err := transport.Open(spec, &worldConfig{base: collectors.Base{Schedule: "0 6 * * *"}, world: r.world}, transport.Options{Now: clock}, nil)
	if err != nil {
		r.Fatal(err)
	}
	if r.runner, err = New([]*transport.Source{src}, r.store, r.store, Options{Begin: r.begin, Now: clock,
		Progress: func(run evidence.Run, done, total int) {
			r.told = append(r.told, run)
			if done > total {
				r.Errorf("%d of %d are done", done, total)
			}
		}}); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) tick(at time.Time) []string {
	r.Helper()
	r.now = at
	r.told = nil
	if _, err := r.runner.Tick(context.Background()); err != nil {
		r.Fatal(err)
	}
	return lines(r.told)
}

func lines(runs []evidence.Run) (out []string) {
	for _, r := range runs {
		line := fmt.Sprintf("%s %s %s", r.Due.Format("02T15"), strings.TrimPrefix(r.Stream.String(), "w/w."), r.Outcome)
		if r.Trigger == evidence.OnDemand {
			line += " now"
		}
		if r.Reason != nil {
			line += " " + string(r.Reason.Class)
		}
		out = append(out, line)
	}
	return out
}

func day(n, hour int) time.Time { return time.Date(2026, 1, n, hour, 0, 0, 0, time.UTC) }

func (r *rig) want(got []string, want ...string) {
	r.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		r.Fatalf("(-want +got)\n%s", diff)
	}
}

func TestSlotsOnTimeLateAndMissed(t *testing.T) {
	r := newRig(t, &world{scopes: []evidence.Scope{"a"}})
	r.want(r.tick(day(1, 5)))
	r.want(r.tick(day(1, 6)), "01T06 root/root collected", "01T06 event/a collected", "01T06 state/a collected")
	r.want(r.tick(day(1, 7)))
	r.restart() // the ledger is derived from the log
	r.want(r.tick(day(2, 6)), "02T06 root/root collected", "02T06 event/a collected", "02T06 state/a collected")
	r.restart()
	r.want(r.tick(day(5, 9)), // off for three days: two slots of each stream missed, the newest late
		"03T06 root/root missed agent_off", "04T06 root/root missed agent_off", "05T06 root/root late agent_off",
		"03T06 event/a missed agent_off", "03T06 state/a missed agent_off", "04T06 event/a missed agent_off", "04T06 state/a missed agent_off",
		"05T06 event/a late agent_off", "05T06 state/a late agent_off")
	if _, err := r.store.Check(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestInstalledLate(t *testing.T) {
	r := newRig(t, &world{scopes: []evidence.Scope{"a"}})
	r.want(r.tick(day(3, 6)), "01T06 root/root missed agent_off", "02T06 root/root missed agent_off", "03T06 root/root collected",
		"01T06 event/a missed agent_off", "01T06 state/a missed agent_off", "02T06 event/a missed agent_off", "02T06 state/a missed agent_off",
		"03T06 event/a collected", "03T06 state/a collected")
	r.scopes = append(r.scopes, "b") // a scope that comes later was not expected before
	r.want(r.tick(day(4, 6)), "04T06 root/root collected", "04T06 event/a collected", "04T06 state/a collected", "04T06 event/b collected", "04T06 state/b collected")
}

// TestInterrupted: the log takes some of a tick's appends and then no more, day
// after day; no slot is lost, whatever was interrupted.
func TestInterrupted(t *testing.T) {
	for first := range 4 {
		for second := range 4 {
			r := newRig(t, &world{scopes: []evidence.Scope{"a"}})
			r.tick(day(1, 6))
			for n, left := range []int{first, second} {
				r.restart()
				r.runner.log, r.now = &brokenLog{r.store, left}, day(2+n, 6)
				_, _ = r.runner.Tick(context.Background()) // it fails, or has nothing left to do
			}
			r.restart()
			r.tick(day(4, 6))
			seen := map[string]bool{}
			for run, err := range r.store.Runs() {
				if err != nil {
					t.Fatal(err)
				}
				seen[run.Stream.String()+run.Due.String()] = true
			}
			if len(seen) != 4*3 {
				t.Fatalf("interrupted after %d and %d appends: %d slots ended, want 12", first, second, len(seen))
			}
		}
	}
}

// TestOutstanding: what a dead agent's log does not say, and what Settle writes.
func TestOutstanding(t *testing.T) {
	r := newRig(t, &world{scopes: []evidence.Scope{"a"}})
	r.tick(day(1, 6))
	r.restart()
	if got := r.runner.Outstanding(day(2, 6).Add(30*time.Minute), day(30, 0)); len(got) != 0 {
		t.Fatalf("a slot that may still be filled in time is not missed: %v", lines(got))
	}
	want := []string{"02T06 root/root missed agent_off", "02T06 event/a missed agent_off", "02T06 state/a missed agent_off"}
	r.want(lines(r.runner.Outstanding(day(2, 8), day(30, 0))), want...)
	r.want(lines(r.runner.Outstanding(day(20, 9), day(3, 0))), want...) // as many at the end of a period, however late one asks
}

// TestEarlierPeriod: the configuration names a period that begins before the
// log does. Of that stretch every slot was missed, once; a scope that came later
// was not there.
func TestEarlierPeriod(t *testing.T) {
	r := newRig(t, &world{scopes: []evidence.Scope{"a"}, begin: day(4, 0)})
	r.tick(day(4, 6))
	r.scopes = append(r.scopes, "b")
	r.tick(day(5, 6))
	r.begin = day(2, 0)
	r.restart()
	missed := []string{"02T06 root/root missed agent_off", "02T06 event/a missed agent_off", "02T06 state/a missed agent_off",
		"03T06 root/root missed agent_off", "03T06 event/a missed agent_off", "03T06 state/a missed agent_off"}
	r.want(lines(r.runner.Outstanding(day(5, 8), day(30, 0))), missed...)
	r.want(r.tick(day(6, 6)), append(append([]string{"06T06 root/root collected"}, append(slices.Clone(missed[3:]), missed[:3]...)...), // the newest first
		"06T06 event/a collected", "06T06 state/a collected", "06T06 event/b collected", "06T06 state/b collected")...)
	r.restart()
	r.want(lines(r.runner.Outstanding(day(6, 8), day(30, 0))))
	if _, err := r.store.Check(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// TestNextPeriod: the configuration names the next period before this one has
// ended; no window is empty or turned round, and none leaves a hole.
func TestNextPeriod(t *testing.T) {
	r := newRig(t, &world{scopes: []evidence.Scope{"a"}})
	r.tick(day(1, 6))
	r.begin = day(10, 0)
	r.restart()
	r.tick(day(2, 6))
	r.tick(day(12, 6))
	want := []evidence.Window{{From: day(1, 0), To: day(1, 6)}, {From: day(1, 5), To: day(2, 6)}, {From: day(2, 5), To: day(12, 6)}}
	if diff := cmp.Diff(want, r.windows); diff != "" {
		t.Fatalf("windows (-want +got)\n%s", diff)
	}
}

func TestClockOffset(t *testing.T) {
	ms := func(d time.Duration) *int64 { n := d.Milliseconds(); return &n }
	w := evidence.Window{From: day(1, 0), To: day(2, 0)}
	clampWindow(&w, ms(-time.Minute))
	clampWindow(&w, nil)
	if !w.To.Equal(day(2, 0)) {
		t.Fatalf("a clock that is behind moved the window to %s", w.To)
	}
	if clampWindow(&w, ms(time.Minute)); !w.To.Equal(day(2, 0).Add(-time.Minute)) {
		t.Fatalf("window ends %s", w.To)
	}
	tick := &tick{runner: &Runner{opt: withDefaults(Options{})}, now: day(1, 0)}
	snap := transport.Snapshot{Certificate: evidence.Certificate{Complete: true, ClockOffsetMS: ms(48 * time.Hour)}}
	if out, why := tick.outcome(t.Context(), evidence.Slot{Trigger: evidence.OnDemand}, snap); out != evidence.Failed || why.Class != evidence.Incomplete {
		t.Fatalf("two days ahead: %s %v", out, why)
	}
}

func TestWindowsTileThePeriod(t *testing.T) {
	r := newRig(t, &world{scopes: []evidence.Scope{"a"}, fail: map[evidence.Kind]error{}})
	r.tick(day(1, 6))
	r.tick(day(2, 6))
	r.fail["w.event"] = collectors.ErrUnreachable
	r.want(r.tick(day(3, 6)), "03T06 root/root collected", "03T06 event/a failed unreachable", "03T06 state/a collected")
	delete(r.fail, "w.event")
	r.restart()
	r.tick(day(6, 6))
	want := []evidence.Window{{From: day(1, 0), To: day(1, 6)}, {From: day(1, 5), To: day(2, 6)}, {From: day(2, 5), To: day(6, 6)}}
	if diff := cmp.Diff(want, r.windows); diff != "" {
		t.Fatalf("windows (-want +got)\n%s", diff)
	}
}

func TestOutcomes(t *testing.T) {
	r := newRig(t, &world{scopes: []evidence.Scope{"a", "b"}, partial: map[evidence.Kind]bool{"w.state": true}, fail: map[evidence.Kind]error{"w.event": fmt.Errorf("no: %w", collectors.ErrDenied)}})
	r.want(r.tick(day(1, 6)), "01T06 root/root collected", "01T06 event/a failed denied", "01T06 state/a partial denied",
		"01T06 event/b failed denied", "01T06 state/b partial denied")
	for run, err := range r.store.Runs() {
		if err != nil {
			t.Fatal(err)
		}
		if run.Outcome == evidence.Failed && run.Records != nil {
			t.Fatalf("%s failed, but has records", run.Stream)
		}
	}
	if report, err := r.store.Check(context.Background()); err != nil || !report.OK() {
		t.Fatalf("%v %v", err, report.Problems)
	}
	// The root fails: the streams that are known are still read and written down.
	r.fail["w.root"] = errors.New("defect")
	r.want(r.tick(day(2, 6)), "02T06 root/root failed internal", "02T06 event/a failed denied", "02T06 state/a partial denied",
		"02T06 event/b failed denied", "02T06 state/b partial denied")
}

func TestNowFillsTheDueSlotFirst(t *testing.T) {
	r := newRig(t, &world{scopes: []evidence.Scope{"a"}})
	r.now = day(1, 6).Add(time.Minute)
	collect := func() []string {
		runs, err := r.runner.Now(context.Background(), "w")
		if err != nil {
			t.Fatal(err)
		}
		return lines(runs)
	}
	r.want(collect(), "01T06 root/root collected", "01T06 event/a collected", "01T06 state/a collected")
	r.now = day(1, 8)
	r.want(collect(), "01T08 root/root collected now", "01T08 event/a collected now", "01T08 state/a collected now")
	if _, err := r.runner.Now(context.Background(), "x"); err == nil {
		t.Fatal("collected from a source that is not configured")
	}
}

func TestScopesComeAndGo(t *testing.T) {
	r := newRig(t, &world{scopes: []evidence.Scope{"a"}})
	r.tick(day(1, 6))
	r.scopes = []evidence.Scope{"b"}
	r.want(r.tick(day(2, 6)), "02T06 root/root collected", "02T06 event/b collected", "02T06 state/b collected")
}

// brokenLog fails each append in turn.
type brokenLog struct {
	evidence.Log
	left int
}

func (b *brokenLog) Append(ctx context.Context, add func(evidence.Writer) error) error {
	if b.left--; b.left < 0 {
		return errors.New("disk full")
	}
	return b.Log.Append(ctx, add)
}

func TestAppendThatFailsEndsTheTick(t *testing.T) {
	for left := range 3 {
		r := newRig(t, &world{scopes: []evidence.Scope{"a"}, now: day(1, 6)})
		r.runner.log = &brokenLog{r.store, left}
		runs, err := r.runner.Tick(context.Background())
		if err == nil || !strings.Contains(err.Error(), "disk full") || len(runs) != left {
			t.Fatalf("after %d appends: %d runs, %v", left, len(runs), err)
		}
		r.restart()
		var written []evidence.Run
		for run, err := range r.store.Runs() {
			if err != nil {
				t.Fatal(err)
			}
			written = append(written, run)
		}
		if !slices.Equal(lines(written), lines(runs)) {
			t.Fatalf("acknowledged %v, written %v", lines(runs), lines(written))
		}
	}
}
