package schedule

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// Source is one opened source with its schedule.
type Source struct {
	*transport.Source
	When   Spec
	kinds  map[evidence.Kind]Spec // those that do not go by When
	turn   chan struct{}          // holds one while a pass is under way: one run per stream at a time
	ledger *ledger
}

// when returns the spec that a kind goes by.
func (s *Source) when(k evidence.Kind) Spec {
	if spec, own := s.kinds[k]; own {
		return spec
	}
	return s.When
}

// next returns the earliest due time of any kind after t.
func (s *Source) next(t time.Time) time.Time {
	next := s.When.Next(t)
	for _, spec := range s.kinds {
		next = sooner(next, spec.Next(t))
	}
	return next
}

func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Specs parses the schedules of a source: its own, and those of single kinds.
func Specs(b *collectors.Base) (all Spec, kinds map[evidence.Kind]Spec, err error) {
	if all, err = Parse(b.Schedule); err != nil {
		return all, nil, err
	}
	kinds = map[evidence.Kind]Spec{}
	for k, text := range b.Schedules {
		if kinds[k], err = Parse(text); err != nil {
			return all, nil, fmt.Errorf("schedules: %s: %w", k, err)
		}
	}
	return all, kinds, nil
}

// Options configure a Runner.
type Options struct {
	// Begin is the start of the observation period: the first windows of events begin there.
	Begin time.Time
	// Since is when the agent that runs was started: a slot that was due after it
	// was not missed for want of one. Zero means that it has just been.
	Since time.Time
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Tolerance is how long after its due time a slot still ends collected
	// rather than late; zero means one hour.
	Tolerance time.Duration
	// SlotTimeout bounds one slot; zero means two hours: the factors of 20,000
	// users of Okta take 65 minutes within half of its limit.
	SlotTimeout time.Duration
	// SessionTimeout bounds how much of a slot opening the session may take; zero means a quarter of SlotTimeout.
	SessionTimeout time.Duration
	// Parallel is how many slots of one source are read at a time; zero means 12.
	Parallel int
	// Progress may be nil.
	Progress Progress
	Log      *slog.Logger
	// Attempts remembers what is being read, for whoever comes after this process; nil
	// for nothing.
	Attempts Attempts
}

// Attempts remembers which streams are being read. A source can send what kills the
// process that reads it; without a memory the next one would read it again, and so on.
type Attempts interface {
	// Begin notes that a stream is going to be read, and returns how many readings of it
	// were begun before and never ended.
	Begin(evidence.Stream) (died int, err error)
	// End notes that the slot was written down.
	End(evidence.Stream)
}

// maxDeaths is after how many readings that never ended a slot is given up. One may be
// the power's fault.
const maxDeaths = 2

// Progress is called after each slot that ended and was recorded; done grows to
// total, which grows as scopes are found. A panic in it is returned as ErrCallback by
// the method that collects, and it is not called again; the collection goes on.
type Progress func(run evidence.Run, done, total int)

// Runner fills slots and writes down how each ended. It is safe for concurrent
// use: passes over one source follow one another.
type Runner struct {
	sources []*Source
	log     evidence.Log
	opt     Options
}

// New returns a runner over the opened sources that continues where history ends.
func New(sources []*transport.Source, log evidence.Log, history History, opt Options) (*Runner, error) {
	rootKinds := map[string]evidence.Kind{}
	for _, s := range sources {
		rootKinds[s.Spec.Name] = s.Spec.Root
	}
	past, err := PastOf(history, rootKinds)
	if err != nil {
		return nil, err
	}
	return Continue(sources, log, past, history.Records, opt)
}

// Continue is New for a caller that has read the log already: past is of all of
// its runs, and records reads a snapshot of it.
func Continue(sources []*transport.Source, log evidence.Log, past *Past, records func(evidence.Ref) iter.Seq2[evidence.Record, error], opt Options) (*Runner, error) {
	r := &Runner{log: log, opt: withDefaults(opt)}
	for _, s := range sources {
		when, kinds, err := Specs(s.Config.Base())
		if err != nil {
			return nil, fmt.Errorf("source %s: %w", s.Spec.Name, err)
		}
		r.sources = append(r.sources, &Source{Source: s, When: when, kinds: kinds, turn: make(chan struct{}, 1), ledger: newLedger()})
	}
	return r, r.recall(past, records)
}

func withDefaults(o Options) Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Tolerance == 0 {
		o.Tolerance = time.Hour
	}
	if o.SlotTimeout == 0 {
		o.SlotTimeout = 2 * time.Hour
	}
	if o.SessionTimeout == 0 {
		o.SessionTimeout = o.SlotTimeout / 4
	}
	if o.Parallel == 0 {
		o.Parallel = 12
	}
	o.Progress = orNone(o.Progress)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func orNone(p Progress) Progress {
	if p == nil {
		return func(evidence.Run, int, int) {}
	}
	return p
}

func (r *Runner) source(name string) *Source {
	i := slices.IndexFunc(r.sources, func(s *Source) bool { return s.Spec.Name == name })
	if i < 0 {
		return nil
	}
	return r.sources[i]
}

// Next returns the first due time after t of any kind of a source, as its
// configuration says; zero if there is none.
func Next(b *collectors.Base, t time.Time) (time.Time, error) {
	when, kinds, err := Specs(b)
	if err != nil {
		return time.Time{}, err
	}
	return (&Source{When: when, kinds: kinds}).next(t), nil
}

// Next returns the earliest due time after t over all sources; zero if there are no sources.
func (r *Runner) Next(t time.Time) (next time.Time) {
	for _, s := range r.sources {
		next = sooner(next, s.next(t))
	}
	return next
}

// Tick ends every slot that is due by now: all but the newest of each source
// were missed, and the newest is collected. Nothing is done for a source with
// nothing due. It returns what was read; what was missed is reported to Progress alone,
// as it may be more than there is memory for.
func (r *Runner) Tick(ctx context.Context) ([]evidence.Run, error) {
	t := r.tick()
	err := t.collect(ctx, nil, false)
	return t.runs, errors.Join(err, t.panicked)
}

// Now collects one slot of every stream of the named sources, or of all. It
// fills the newest slot that is due and not yet ended, if there is one;
// otherwise the slot exists because it was asked for. It returns what Tick returns.
func (r *Runner) Now(ctx context.Context, names ...string) ([]evidence.Run, error) {
	t := r.tick()
	err := t.demand(ctx, names)
	return t.runs, errors.Join(err, t.panicked)
}

// demand collects one slot of every stream of the named sources, or of all.
func (t *tick) demand(ctx context.Context, names []string) error {
	for _, n := range names {
		if t.runner.source(n) == nil {
			return fmt.Errorf("source %q is not configured", n)
		}
	}
	return t.collect(ctx, names, true)
}

func (t *tick) collect(ctx context.Context, names []string, demanded bool) error {
	for _, s := range t.runner.sources {
		if len(names) > 0 && !slices.Contains(names, s.Spec.Name) {
			continue
		}
		err := s.exclusive(ctx, func() error {
			defer t.read(s)
			return t.source(ctx, s, demanded)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Runner) tick() *tick {
	return &tick{runner: r, now: r.opt.Now().UTC(), progress: r.opt.Progress, read: func(*Source) {}, lost: map[string]int{}}
}

// exclusive runs do while no other pass over the source is under way.
func (s *Source) exclusive(ctx context.Context, do func() error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("source %s was not read: %w", s.Spec.Name, endedBy(ctx))
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
		return do()
	case <-ctx.Done():
		return fmt.Errorf("wait for the pass over source %s: %w", s.Spec.Name, endedBy(ctx))
	}
}
