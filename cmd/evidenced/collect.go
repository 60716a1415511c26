package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/schedule"
	"github.com/evidenced/evidenced/store"
)

func (a *app) collectCommand() *cobra.Command {
	now := a.served(&cobra.Command{
		Use:   "now [SOURCE...]",
		Short: "Collect one slot of every stream, of all sources or of those named",
		Long: `Collects one slot of every stream of the named sources, or of all, judges what
was read, and prints what came of it. Slots that were due since the last run and
that nobody filled are written down as missed first.`,
		Example: "  evidenced collect now\n  evidenced collect now aws --json",
		RunE:    func(c *cobra.Command, args []string) error { return a.collectNow(c.Context(), args) },
	})
	return group("collect", "Collect evidence", now)
}

// collected is what `collect now --json` prints.
type collected struct {
	Started  time.Time      `json:"started"`
	Finished time.Time      `json:"finished"`
	Streams  []streamResult `json:"streams"`
	Gaps     gapChange      `json:"gaps"`

	missed int // slots that were due before and that nobody filled
}

type streamResult struct {
	Stream   string           `json:"stream"`
	Outcome  evidence.Outcome `json:"outcome"`
	Reason   string           `json:"reason"`
	Rows     int              `json:"rows"`
	Pages    int              `json:"pages"`
	Requests int              `json:"requests"`
}

type gapChange struct {
	Opened int `json:"opened"`
	Closed int `json:"closed"`
	Open   int `json:"open"`
}

func (a *app) collectNow(ctx context.Context, names []string) error {
	a.collects = true
	c, err := a.load()
	if err != nil {
		return err
	}
	if err := known(c, names); err != nil {
		return err
	}
	s, err := a.writing(c, store.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	out, err := a.collectInto(ctx, c, s, names)
	if err != nil {
		return err
	}
	a.anchorAfter(ctx, c, s)
	if err := a.print(out, out.text); err != nil {
		return err
	}
	if out.incomplete() || out.Gaps.Open > 0 {
		return errIncomplete
	}
	return nil
}

// known reports a source that was named but is not configured.
func known(c *config.Config, names []string) error {
	for _, n := range names {
		found := false
		for _, s := range c.Sources {
			found = found || s.Spec.Name == n
		}
		if !found {
			return usageError{fmt.Errorf("source %q is not in %s", n, c.Path)}
		}
	}
	return nil
}

func (a *app) collectInto(ctx context.Context, c *config.Config, s *store.Store, names []string) (*collected, error) {
	if a.host != nil {
		return a.hosted(ctx, names)
	}
	cat, err := catalogue(c)
	if err != nil {
		return nil, err
	}
	if err := declare(ctx, s, c, cat); err != nil {
		return nil, err
	}
	engine, err := replay(cat, c, s)
	if err != nil {
		return nil, err
	}
	out := &collected{Started: a.now().UTC()}
	before := engine.Result(out.Started)
	var unseen error
	runs, err := a.runNow(ctx, c, s, names, out.counting(func(r evidence.Run, _, _ int) {
		if unseen == nil {
			unseen = engine.Observe(r, gap.LinesOf(s, r))
		}
	}))
	if err = errors.Join(err, unseen); err != nil {
		return nil, err
	}
	out.Finished = a.now().UTC()
	out.add(runs)
	out.Gaps = change(before, engine.Result(out.Finished))
	return out, nil
}

// replay gives an engine that has seen the whole log.
func replay(cat *gap.Catalogue, c *config.Config, s *store.Store) (*gap.Engine, error) {
	acts, err := evidence.Acts(s.Entries(0))
	if err != nil {
		return nil, err
	}
	engine := gap.NewEngine(cat, period(c), gap.WithRoots(rootKinds(c)), gap.WithActs(acts))
	for r, err := range s.Runs() {
		if err != nil {
			return nil, err
		}
		if err := engine.Observe(r, gap.LinesOf(s, r)); err != nil {
			return nil, err
		}
	}
	return engine, nil
}

// counting counts the missed slots that go by: they are told of, and not kept.
func (o *collected) counting(tell schedule.Progress) schedule.Progress {
	return func(r evidence.Run, done, total int) {
		if r.Outcome == evidence.Missed {
			o.missed++
		}
		tell(r, done, total)
	}
}

// runNow collects, and tells of each slot that ended.
func (a *app) runNow(ctx context.Context, c *config.Config, s *store.Store, names []string, tell schedule.Progress) ([]evidence.Run, error) {
	srcs, err := sources(c, transport.Options{}, a.logger())
	if err != nil {
		return nil, err
	}
	p := a.progress("collecting")
	defer p.end()
	r, err := schedule.New(srcs, s, s, schedule.Options{Begin: c.Period.From, Now: a.now,
		Progress: func(r evidence.Run, done, total int) {
			tell(r, done, total)
			p.slots(r, done, total)
		}})
	if err != nil {
		return nil, err
	}
	return r.Now(ctx, names...)
}

func (o *collected) add(runs []evidence.Run) {
	o.Streams = make([]streamResult, 0, len(runs))
	for _, r := range runs {
		s := streamResult{Stream: r.Stream.String(), Outcome: r.Outcome}
		if r.Reason != nil {
			s.Reason = r.Reason.String()
		}
		if cert := r.Certificate; cert != nil {
			s.Rows, s.Pages, s.Requests = cert.Rows, cert.Pages, cert.Requests
		}
		o.Streams = append(o.Streams, s)
	}
}

// change counts the gaps that opened and closed between two results.
func change(before, after *gap.Result) (n gapChange) {
	was := map[string]bool{}
	for _, g := range before.Gaps {
		was[g.ID] = !closed(g)
	}
	for _, g := range after.Gaps {
		open, known := was[g.ID]
		switch {
		case !closed(g):
			n.Open++
			if !known {
				n.Opened++
			}
		case open, !known:
			n.Closed++
		}
	}
	return n
}

func closed(g gap.Gap) bool { return g.State == gap.FixedInSLA || g.State == gap.FixedLate }

func (o *collected) incomplete() bool {
	for _, s := range o.Streams {
		if !s.Outcome.Complete() {
			return true
		}
	}
	return false
}

func (o *collected) text(w io.Writer) {
	table(w, "OUTCOME\tROWS\tREQUESTS\tSTREAM\tREASON", func(row func(...any)) {
		for _, s := range o.Streams {
			row(s.Outcome, s.Rows, s.Requests, s.Stream, s.Reason)
		}
	})
	if o.missed > 0 {
		fmt.Fprintf(w, "\n%d earlier slots were due and nobody was there: they are in the log as missed.\n", o.missed)
	}
	fmt.Fprintf(w, "\n%d streams in %s; gaps: %d opened, %d closed, %d open\n", len(o.Streams),
		o.Finished.Sub(o.Started).Round(time.Millisecond), o.Gaps.Opened, o.Gaps.Closed, o.Gaps.Open)
	if o.Gaps.Open > 0 {
		fmt.Fprintln(w, "`evidenced gaps` lists them.")
	}
}
