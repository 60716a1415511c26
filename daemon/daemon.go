package daemon

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/evidenced/evidenced/anchor"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/ops"
	"github.com/evidenced/evidenced/ops/custody"
	"github.com/evidenced/evidenced/schedule"
	"github.com/evidenced/evidenced/serve"
	"github.com/evidenced/evidenced/store"
)

// Options configure a daemon.
type Options struct {
	// Path is that of the configuration.
	Path string
	// Listen is the address of the HTTP pages, or off; empty leaves it to the configuration.
	Listen string
	// Anywhere allows an address that other hosts reach, Profile serves /debug/pprof/ as well.
	Anywhere, Profile bool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	Log *slog.Logger
	// Say tells a person what is done while the store is opened; it may be nil.
	Say func(text string)
	// Getenv reads the environment: the service manager is named in it.
	Getenv func(string) string
}

// daemon is one that runs.
type daemon struct {
	Options
	manager *serve.Manager
	metrics *serve.Metrics
	store   ops.Store
	share   func() ops.Store // another handle of it
	signer  ops.Signer
	begun   time.Time
	// attempts remembers what is being read.
	attempts *attempts
	opened   chan struct{}  // closed once there is a state
	noticed  chan struct{}  // holds one when there may be something to tell people
	beaten   atomic.Int64   // when the loop last went round, as elapsed counts
	untidy   atomic.Bool    // something was done since memory was given back
	hungUp   chan os.Signal // SIGHUP
	// anchorDue holds one when a newer checkpoint may be shown; show is ops.ShowAnchors.
	anchorDue chan struct{}
	show      func(context.Context, *config.Config, anchor.Log) ([]evidence.Anchor, error)

	reloading sync.Mutex // one at a time

	mu       sync.Mutex // guards what follows
	state    *state
	problems map[string]string
}

// Run collects by the configuration until ctx ends.
func Run(ctx context.Context, o Options) (err error) {
	c, err := ops.Load(o.Path, true)
	if err != nil {
		return err
	}
	if o.Listen != "" {
		c.Serve.Listen = o.Listen
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &daemon{Options: o, manager: serve.Notified(o.Getenv), metrics: serve.NewMetrics(ops.Version()), opened: make(chan struct{}),
		noticed: make(chan struct{}, 1), begun: o.Now().UTC(), problems: map[string]string{}, hungUp: make(chan os.Signal, 1), anchorDue: make(chan struct{}, 1), show: ops.ShowAnchors}
	signal.Notify(d.hungUp, syscall.SIGHUP)
	s, key, err := (&custody.Keeper{Config: c, Now: o.Now, Say: o.Say}).OpenWithKey(store.Options{})
	if err != nil {
		return err
	}
	d.store, d.signer, d.share = s, ops.SignerOf(key), func() ops.Store { return s.Share() }
	defer func() { err = errors.Join(err, s.Close()) }()
	if d.attempts, err = openAttempts(c.Store.Path + AttemptsSuffix); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.attempts.Close()) }()
	local, public, err := d.listen(c.Serve.Socket, c.Serve.Listen, c.Serve.Hosts)
	if err != nil {
		return err
	}
	stop := d.answer(local, public)
	defer stop()
	return d.live(ctx, c)
}

// live collects until ctx ends.
func (d *daemon) live(ctx context.Context, c *config.Config) error {
	st, err := d.open(ctx, c)
	if err != nil {
		return err
	}
	d.adopt(st)
	close(d.opened)
	background, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	for _, do := range []func(context.Context){d.watchSIGHUP, d.watchFiles, d.notifyLoop, d.anchorLoop} {
		wg.Go(func() { do(background) })
	}
	d.manager.State("READY=1")
	d.Log.Info("started", "version", ops.Version(), "sources", len(c.Sources), "next", nextDue(c, d.Now()).Format(time.RFC3339))
	err = st.schedule.Run(ctx)
	d.manager.State("STOPPING=1")
	stop()
	d.waitFor(&wg)
	d.keepState()
	d.Log.Info("stopped")
	return err
}

// keepState saves what the judge knows, so that the next start need not read the log.
func (d *daemon) keepState() {
	d.mu.Lock()
	st := d.state
	d.mu.Unlock()
	st.judge.Keep()
}

// shutdownGrace is how long the loops beside the schedule may take to end.
const shutdownGrace = 5 * time.Second

// waitFor waits for the loops, but not for one that stands still in somebody
// else's file system or network.
func (d *daemon) waitFor(loops *sync.WaitGroup) {
	ended := make(chan struct{})
	go func() { loops.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(shutdownGrace):
		d.Log.Warn("stopped without waiting for an anchor or a notification that stands still")
	}
}

// open makes ready to collect by a configuration.
func (d *daemon) open(ctx context.Context, c *config.Config) (*state, error) {
	st := &state{config: c, share: d.share, signer: d.signer, judge: ops.NewJudge(c, d.store, d.store, nil), problems: func() []string { return d.health().Problems }}
	r, err := d.runner(ctx, c, st.judge)
	if err != nil {
		return nil, err
	}
	last, clean, err := lastHeartbeat(d.store)
	if err != nil {
		return nil, err
	}
	started := map[string]any{"version": ops.Version(), "clean": clean}
	if !last.IsZero() {
		started["last_entry"] = last.UTC().Format(time.RFC3339)
	}
	st.schedule = schedule.NewDaemon(r, schedule.DaemonOptions{Jitter: c.Serve.Jitter, Poll: d.poll(), Elapsed: elapsed, Started: started,
		Ended: d.ended, Beat: d.beat, Fatal: fatal})
	return st, nil
}

// runner opens the sources, and reads the log for what of them is still due.
func (d *daemon) runner(ctx context.Context, c *config.Config, j *ops.Judge) (*schedule.Runner, error) {
	sources, err := ops.OpenSources(c, transport.Options{}, d.Log)
	if err != nil {
		return nil, err
	}
	if err := ops.Declare(ctx, d.store, c, j); err != nil {
		return nil, err
	}
	past, err := j.Past(ctx)
	if err != nil {
		return nil, err
	}
	share := max(2, min(12, 36/max(len(sources), 1))) // the same for each source, so that one that hangs keeps no other waiting
	return schedule.Continue(sources, d.store, past, d.store.Records, schedule.Options{Begin: c.Period.From, Since: d.begun, Now: d.Now, Parallel: share, Log: d.Log, Attempts: d.attempts})
}

// lastHeartbeat returns the time of the newest entry of the log, and whether the agent
// that wrote it was stopped, and not killed.
func lastHeartbeat(s ops.Store) (at time.Time, clean bool, err error) {
	n, err := s.Size()
	if err != nil || n == 0 {
		return at, true, err
	}
	for back, found := uint64(64), false; !found && err == nil; back *= 8 {
		at, clean, found, err = scanHeartbeats(s, n-min(n, back))
		found = found || back >= n
	}
	return at, clean, err
}

// scanHeartbeats reads the log from an entry on: the time of its last entry, and
// whether the last thing that an agent said of itself was that it stopped. Where
// none said anything, none was killed.
func scanHeartbeats(s ops.Store, from uint64) (at time.Time, clean, found bool, err error) {
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
	return errors.Is(err, store.ErrUnsure) || errors.Is(err, store.ErrDamaged) || errors.Is(err, store.ErrReplaced)
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
	d.manager.Watchdog()
}

// adopt makes st the one that operations are performed on.
func (d *daemon) adopt(st *state) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state = st
}

// current waits for the state.
func (d *daemon) current(ctx context.Context) (*state, error) {
	select {
	case <-d.opened:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state, nil
}

// evaluate lets the judge see what is new.
func (d *daemon) evaluate(st *state) {
	_, err := st.judge.Observed(context.Background(), d.Now())
	d.setProblem("judge", err)
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
	d.Log.Info("pass", "sources", p.Sources, "slots", p.Slots(), "outcomes", outcomes(p), "took", p.Took.Round(time.Millisecond).String())
	var clock, log error
	if errors.Is(p.Err, schedule.ErrClock) {
		clock = p.Err
	} else if !errors.Is(p.Err, context.Canceled) {
		log = p.Err
	}
	for _, name := range d.sourcesOf(p) { // what troubles one source is not over because another is well
		d.setProblem(clockProblem+name, clock)
		d.setProblem(storeProblem+name, log)
	}
	d.setProblem("checkpoint", d.store.KeptError())
	d.mu.Lock()
	st := d.state
	d.mu.Unlock()
	d.evaluate(st)
	notice(d.anchorDue)
	d.untidy.Store(true)
	notice(d.noticed)
}

// notice tells a loop that there may be something to do.
func notice(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// sourcesOf names the sources of a pass.
func (d *daemon) sourcesOf(p schedule.Pass) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := slices.Clone(p.Sources)
	if len(names) == 0 && d.state != nil {
		for _, s := range d.state.config.Sources {
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

// tidy gives back the memory that is not needed until the next pass. What lies in
// pools goes at the second collection.
func (d *daemon) tidy() {
	if d.untidy.Swap(false) {
		runtime.GC()
		debug.FreeOSMemory()
	}
}

// setProblem notes what stands in the way of a part, or that nothing does.
func (d *daemon) setProblem(what string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	was := d.problems[what]
	if err == nil {
		delete(d.problems, what)
		return
	}
	d.problems[what] = err.Error()
	if was != d.problems[what] {
		d.Log.Error("problem", "with", what, "error", err.Error())
	}
}

// health says how the daemon is.
func (d *daemon) health() serve.Health {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := serve.Health{Version: ops.Version(), Since: d.begun, Problems: []string{}, Parts: map[string]string{}}
	for _, part := range parts {
		h.Parts[part] = serve.OK
	}
	for _, what := range slices.Sorted(maps.Keys(d.problems)) {
		h.Problems = append(h.Problems, what+": "+d.problems[what])
		h.Parts[partOf(what)] = serve.Failing
	}
	quiet := elapsed() - time.Duration(d.beaten.Load())
	h.Live = d.state == nil || quiet < 2*pollEvery+time.Minute
	h.Ready = d.state != nil && !d.blocked()
	return h
}

// parts are the parts of the daemon that may be in trouble.
var parts = []string{"anchors", "checkpoint", "clock", "configuration", "judge", "notifications", "store"}

// partOf gives the part that a trouble is one of.
func partOf(problem string) string {
	switch {
	case strings.HasPrefix(problem, storeProblem):
		return "store"
	case strings.HasPrefix(problem, clockProblem):
		return "clock"
	case strings.HasPrefix(problem, channelProblem):
		return "notifications"
	}
	return problem
}

// gauge sets the metrics that tell of a state.
func (d *daemon) gauge() {
	d.mu.Lock()
	st := d.state
	d.mu.Unlock()
	d.metrics.Ready(d.health().Ready)
	if st == nil {
		return
	}
	if n, err := d.store.Size(); err == nil {
		if fi, err := os.Stat(st.config.Store.Path); err == nil {
			d.metrics.Store(n, fi.Size())
		}
	}
	if res := st.judge.Last(); res != nil {
		d.metrics.Gaps(ops.OpenGaps(res))
		d.metrics.Sources(lastComplete(st.config, res))
	}
	if due, err := ops.NextDue(st.config, d.Now()); err == nil {
		for name, at := range due {
			d.metrics.Next(name, at)
		}
	}
}

// lastComplete returns when a slot of each source was last read whole; zero if never.
func lastComplete(c *config.Config, res *result.Result) map[string]time.Time {
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
	for what := range d.problems {
		if strings.HasPrefix(what, storeProblem) || strings.HasPrefix(what, clockProblem) {
			return true
		}
	}
	return false
}

// The troubles of one source are told by these and its name.
const (
	storeProblem = "store, while reading "
	clockProblem = "clock, by "
)

// forgive forgets the troubles of sources that are not configured any more.
func (d *daemon) pruneProblems(c *config.Config) {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.problems, func(what, _ string) bool {
		for _, prefix := range []string{storeProblem, clockProblem} {
			if name, ok := strings.CutPrefix(what, prefix); ok {
				return !slices.ContainsFunc(c.Sources, func(s config.Source) bool { return s.Spec.Name == name })
			}
		}
		return false
	})
}

// nextDue returns when the first of all sources is collected next; zero if it is not known.
func nextDue(c *config.Config, t time.Time) (first time.Time) {
	due, err := ops.NextDue(c, t)
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
