package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/schedule"
	"github.com/evidenced/evidenced/serve"
	"github.com/evidenced/evidenced/store"
)

// daemon is what `evidenced serve` runs.
type daemon struct {
	path    string // of the configuration
	options serveOptions
	now     func() time.Time
	log     *slog.Logger
	manager *serve.Manager
	metrics *serve.Metrics
	store   *store.Store
	key     *store.Key
	begun   time.Time
	opened  chan struct{} // closed once there is a host
	news    chan struct{} // holds one when there may be something to tell
	beaten  atomic.Int64  // when the loop last went round, as elapsed counts
	untidy  atomic.Bool   // something was done since memory was given back

	reloading sync.Mutex // one at a time
	anchored  time.Duration

	mu       sync.Mutex // guards what follows
	host     *host
	troubles map[string]string
	hungUp   chan os.Signal // SIGHUP
}

// live collects until ctx ends.
func (d *daemon) live(ctx context.Context, c *config.Config) error {
	h, err := d.open(ctx, c)
	if err != nil {
		return err
	}
	d.adopt(h)
	close(d.opened)
	background, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	for _, do := range []func(context.Context){d.hangUps, d.watchFiles, d.teller} {
		wg.Go(func() { do(background) })
	}
	d.manager.Tell("READY=1")
	d.log.Info("started", "version", version(), "sources", len(c.Sources), "next", h.next(d.now()).Format(time.RFC3339))
	err = h.daemon.Run(ctx)
	d.manager.Tell("STOPPING=1")
	stop()
	wg.Wait()
	d.log.Info("stopped")
	return err
}

// open makes ready to collect by a configuration.
func (d *daemon) open(ctx context.Context, c *config.Config) (*host, error) {
	h := &host{config: c, store: d.store, key: d.key, judge: &judge{config: c, store: d.store}, troubles: func() []string { return d.health().Problems }}
	r, err := d.runner(ctx, c)
	if err != nil {
		return nil, err
	}
	last, clean, err := lastSign(d.store)
	if err != nil {
		return nil, err
	}
	started := map[string]any{"version": version(), "clean": clean}
	if !last.IsZero() {
		started["last_entry"] = last.UTC().Format(time.RFC3339)
	}
	h.daemon = schedule.NewDaemon(r, schedule.DaemonOptions{Jitter: c.Serve.Jitter, Poll: d.poll(), Elapsed: elapsed, Started: started,
		Ended: d.ended, Beat: d.beat, Fatal: fatal})
	return h, nil
}

// runner opens the sources, and reads the log for what of them is still due.
func (d *daemon) runner(ctx context.Context, c *config.Config) (*schedule.Runner, error) {
	srcs, err := sources(c, transport.Options{}, d.log)
	if err != nil {
		return nil, err
	}
	cat, err := catalogue(c)
	if err != nil {
		return nil, err
	}
	if err := declare(ctx, d.store, c, cat); err != nil {
		return nil, err
	}
	share := max(2, min(12, 36/max(len(srcs), 1))) // the same for each source, so that one that hangs keeps no other waiting
	return schedule.New(srcs, d.store, d.store, schedule.Options{Begin: c.Period.From, Since: d.begun, Now: d.now, Parallel: share, Log: d.log})
}

// lastSign gives the time of the newest entry of the log, and whether the agent
// that wrote it was stopped, and not killed.
func lastSign(s *store.Store) (at time.Time, clean bool, err error) {
	n, err := s.Size()
	if err != nil || n == 0 {
		return at, true, err
	}
	for back, found := uint64(64), false; !found && err == nil; back *= 8 {
		at, clean, found, err = signsIn(s, n-min(n, back))
		found = found || back >= n
	}
	return at, clean, err
}

// signsIn reads the log from an entry on: the time of its last entry, and
// whether the last thing that an agent said of itself was that it stopped. Where
// none said anything, none was killed.
func signsIn(s *store.Store, from uint64) (at time.Time, clean, found bool, err error) {
	clean = true
	for e, err := range s.Entries(from) {
		if err != nil {
			return at, false, false, err
		}
		at = e.Recorded
		var body struct{ Event string }
		if e.Type == evidence.EntryAgent && decodeLoose(e.Body, &body) {
			switch body.Event {
			case "started", "heartbeat":
				clean, found = false, true
			case "stopped":
				clean, found = true, true
			}
		}
	}
	return at, clean, found, nil
}

// fatal tells the errors after which only who opens the store anew knows what it holds.
func fatal(err error) bool {
	return errors.Is(err, store.ErrUnsure) || errors.Is(err, store.ErrDamaged)
}

const pollEvery = 30 * time.Second

// poll is how often the loop goes round at least.
func (d *daemon) poll() time.Duration {
	if w := d.manager.Every(); w > 0 {
		return min(pollEvery, w)
	}
	return pollEvery
}

func (d *daemon) beat() {
	d.beaten.Store(int64(elapsed()))
	d.manager.Beat()
}

// adopt makes h the one that is lent.
func (d *daemon) adopt(h *host) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.host = h
}

// current waits for the host.
func (d *daemon) current(ctx context.Context) (*host, error) {
	select {
	case <-d.opened:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.host, nil
}

func (d *daemon) judge(h *host) {
	_, err := h.judge.result(d.now())
	d.trouble("judge", err)
}

// ended is told of each pass.
func (d *daemon) ended(p schedule.Pass) {
	for _, r := range p.Runs {
		d.metrics.Slot(r.Stream.Source, string(r.Outcome))
	}
	for name, n := range p.Missed {
		d.metrics.Slots(name, string(evidence.Missed), n)
	}
	for _, name := range p.Sources {
		d.metrics.Pass(name, p.Took, p.Err)
	}
	d.log.Info("pass", "sources", p.Sources, "slots", p.Slots(), "outcomes", outcomes(p), "took", p.Took.Round(time.Millisecond).String())
	var clock, log error
	if errors.Is(p.Err, schedule.ErrClock) {
		clock = p.Err
	} else if !errors.Is(p.Err, context.Canceled) {
		log = p.Err
	}
	for _, name := range d.sourcesOf(p) { // what troubles one source is not over because another is well
		d.trouble(clockTrouble+name, clock)
		d.trouble(storeTrouble+name, log)
	}
	d.mu.Lock()
	h := d.host
	d.mu.Unlock()
	d.judge(h)
	d.anchor(h)
	d.untidy.Store(true)
	select {
	case d.news <- struct{}{}:
	default:
	}
}

// sourcesOf names the sources of a pass.
func (d *daemon) sourcesOf(p schedule.Pass) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := slices.Clone(p.Sources)
	if len(names) == 0 && d.host != nil {
		for _, s := range d.host.config.Sources {
			names = append(names, s.Spec.Name)
		}
	}
	return names
}

func outcomes(p schedule.Pass) map[string]int {
	n := map[string]int{}
	for _, r := range p.Runs {
		n[string(r.Outcome)]++
	}
	for _, missed := range p.Missed {
		n[string(evidence.Missed)] += missed
	}
	return n
}

// anchorEvery is how often checkpoints are shown at most, anchorTime how long that may take.
const (
	anchorEvery = time.Hour
	anchorTime  = 2 * time.Minute
)

// anchor shows the newest checkpoint to the anchors. What went wrong is in the
// log, and is tried again after a later pass.
func (d *daemon) anchor(h *host) {
	if len(h.config.Anchors) == 0 || d.anchored != 0 && elapsed()-d.anchored < anchorEvery {
		return
	}
	d.anchored = elapsed()
	ctx, cancel := context.WithTimeout(context.Background(), anchorTime)
	defer cancel()
	shown, err := showAnchors(ctx, h.config, d.store)
	for _, an := range shown {
		if an.Error != "" {
			err = errors.Join(err, fmt.Errorf("%s: %s", an.Name, evidence.Printable(an.Error)))
		}
	}
	d.trouble("anchors", err)
}

// tidy gives back the memory that is not needed until the next pass. What lies in
// pools goes at the second collection.
func (d *daemon) tidy() {
	if d.untidy.Swap(false) {
		runtime.GC()
		debug.FreeOSMemory()
	}
}

// trouble notes what stands in the way, or that it does not any more.
func (d *daemon) trouble(what string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	was := d.troubles[what]
	if err == nil {
		delete(d.troubles, what)
		return
	}
	d.troubles[what] = mistakes(err)
	if was != d.troubles[what] {
		d.log.Error("trouble", "with", what, "error", err.Error())
	}
}

// health says how the daemon is.
func (d *daemon) health() serve.Health {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := serve.Health{Version: version(), Since: d.begun, Problems: []string{}, Parts: map[string]string{}}
	for _, part := range parts {
		h.Parts[part] = serve.OK
	}
	for _, what := range slices.Sorted(maps.Keys(d.troubles)) {
		h.Problems = append(h.Problems, what+": "+d.troubles[what])
		h.Parts[partOf(what)] = serve.Failing
	}
	quiet := elapsed() - time.Duration(d.beaten.Load())
	h.Live = d.host == nil || quiet < 2*pollEvery+time.Minute
	h.Ready = d.host != nil && !d.blocked()
	return h
}

// parts are the parts of the daemon that may be in trouble.
var parts = []string{"anchors", "clock", "configuration", "judge", "notifications", "store"}

// partOf gives the part that a trouble is one of.
func partOf(trouble string) string {
	switch {
	case strings.HasPrefix(trouble, storeTrouble):
		return "store"
	case strings.HasPrefix(trouble, clockTrouble):
		return "clock"
	case strings.HasPrefix(trouble, channelTrouble):
		return "notifications"
	}
	return trouble
}

// gauge sets the metrics that tell of a state.
func (d *daemon) gauge() {
	d.mu.Lock()
	h := d.host
	d.mu.Unlock()
	d.metrics.Ready(d.health().Ready)
	if h == nil {
		return
	}
	if n, err := d.store.Size(); err == nil {
		if fi, err := os.Stat(h.config.Store.Path); err == nil {
			d.metrics.Store(n, fi.Size())
		}
	}
	if res := h.judge.known(); res != nil {
		d.metrics.Gaps(openGaps(res))
		d.metrics.Sources(lastWhole(h.config, res))
	}
	if due, err := next(h.config, d.now()); err == nil {
		for name, at := range due {
			d.metrics.Next(name, at)
		}
	}
}

// lastWhole gives when a slot of each source was last read whole; zero if never.
func lastWhole(c *config.Config, res *gap.Result) map[string]time.Time {
	last := map[string]time.Time{}
	for _, s := range c.Sources {
		last[s.Spec.Name] = time.Unix(0, 0)
	}
	for _, s := range res.Streams {
		if was, configured := last[s.Stream.Source]; configured && s.LastComplete != nil && s.LastComplete.After(was) {
			last[s.Stream.Source] = *s.LastComplete
		}
	}
	return last
}

// blocked reports whether something keeps what is read from being written, or
// anything from being read. It is called with mu held.
func (d *daemon) blocked() bool {
	for what := range d.troubles {
		if strings.HasPrefix(what, storeTrouble) || strings.HasPrefix(what, clockTrouble) {
			return true
		}
	}
	return false
}

// The troubles of one source are told by these and its name.
const (
	storeTrouble = "store, while reading "
	clockTrouble = "clock, by "
)

// forgive forgets the troubles of sources that are not configured any more.
func (d *daemon) forgive(c *config.Config) {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.troubles, func(what, _ string) bool {
		for _, prefix := range []string{storeTrouble, clockTrouble} {
			if name, ok := strings.CutPrefix(what, prefix); ok {
				return !slices.ContainsFunc(c.Sources, func(s config.Source) bool { return s.Spec.Name == name })
			}
		}
		return false
	})
}

// next is when the first of all sources is read next.
func (h *host) next(t time.Time) (first time.Time) {
	due, err := next(h.config, t)
	if err != nil {
		return first
	}
	for _, at := range due {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

var programStart = time.Now()

func sinceStart() time.Duration { return time.Since(programStart) }
