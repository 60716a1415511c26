package schedule

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// Source is one opened source with its schedule.
type Source struct {
	*collectors.Source
	When   Spec
	ledger *ledger
}

// Options configure a Runner.
type Options struct {
	// Begin is the start of the observation period: the first windows of events begin there.
	Begin time.Time
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Tolerance is how long after its due time a slot still ends collected
	// rather than late; zero means one hour.
	Tolerance time.Duration
	// SlotTimeout bounds one slot; zero means two hours: the factors of 20,000
	// users of Okta take 65 minutes within half of its limit.
	SlotTimeout time.Duration
	// Parallel is how many slots of one source are read at a time; zero means 12.
	Parallel int
	// Progress is told after each slot that ended; done grows to total, which
	// grows as scopes are found. It may be nil.
	Progress func(run evidence.Run, done, total int)
	Log      *slog.Logger
}

// Runner fills slots and writes down how each ended.
type Runner struct {
	sources []*Source
	log     evidence.Log
	opt     Options
}

// New makes a runner over the opened sources, which continues what history tells.
func New(sources []*collectors.Source, log evidence.Log, history History, opt Options) (*Runner, error) {
	r := &Runner{log: log, opt: withDefaults(opt)}
	for _, s := range sources {
		when, err := Parse(s.Config.Base().Schedule)
		if err != nil {
			return nil, fmt.Errorf("source %s: %w", s.Spec.Name, err)
		}
		r.sources = append(r.sources, &Source{Source: s, When: when, ledger: newLedger()})
	}
	return r, r.recall(history)
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
	if o.Parallel == 0 {
		o.Parallel = 12
	}
	if o.Progress == nil {
		o.Progress = func(evidence.Run, int, int) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func (r *Runner) source(name string) *Source {
	i := slices.IndexFunc(r.sources, func(s *Source) bool { return s.Spec.Name == name })
	if i < 0 {
		return nil
	}
	return r.sources[i]
}

// Next gives the earliest due time after t over all sources; zero if there are no sources.
func (r *Runner) Next(t time.Time) (next time.Time) {
	for _, s := range r.sources {
		if n := s.When.Next(t); next.IsZero() || n.Before(next) {
			next = n
		}
	}
	return next
}

// Tick ends every slot that is due by now: all but the newest of each source
// were missed, and the newest is collected. Nothing is done for a source with
// nothing due.
func (r *Runner) Tick(ctx context.Context) ([]evidence.Run, error) {
	return r.collect(ctx, nil, false)
}

// Now collects one slot of every stream of the named sources, or of all. It
// fills the newest slot that is due and not yet ended, if there is one;
// otherwise the slot exists because it was asked for.
func (r *Runner) Now(ctx context.Context, names ...string) ([]evidence.Run, error) {
	for _, n := range names {
		if r.source(n) == nil {
			return nil, fmt.Errorf("source %q is not configured", n)
		}
	}
	return r.collect(ctx, names, true)
}

func (r *Runner) collect(ctx context.Context, names []string, demanded bool) ([]evidence.Run, error) {
	t := &tick{runner: r, now: r.opt.Now().UTC()}
	for _, s := range r.sources {
		if len(names) > 0 && !slices.Contains(names, s.Spec.Name) {
			continue
		}
		if err := t.source(ctx, s, demanded); err != nil {
			return t.runs, err
		}
	}
	return t.runs, nil
}
