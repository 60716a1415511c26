package ops

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/schedule"
)

// EvidenceLog is a log as it is judged: its evidence, and what people did.
type EvidenceLog interface {
	gap.Evidence
	Entries(from uint64) iter.Seq2[evidence.Entry, error]
}

// Judge keeps an engine that has seen the log, so that a new collection costs
// what the collection costs. It reads the log when it is first asked, and is
// safe for concurrent use.
type Judge struct {
	config *config.Config
	log    EvidenceLog
	// missed returns, as missed, the collections that were due by an instant and
	// that the log does not tell of; nil where the agent that runs writes them itself.
	missed func(past *schedule.Past, asOf time.Time) ([]evidence.Run, error)

	rereading chan struct{} // holds one for each evaluation of the past

	mu        sync.Mutex // guards what follows
	catalogue *catalogue.Catalogue
	engine    *gap.Engine
	seen      uint64 // how many entries of the log the engine has seen
	newest    time.Time
	supposed  bool // the engine has seen missed collections that are not in the log
	acts      []evidence.Act
	past      *schedule.Past
	last      *result.Result
}

// NewJudge returns a judge of a log by a configuration. missed may be nil.
func NewJudge(c *config.Config, log EvidenceLog, missed func(*schedule.Past, time.Time) ([]evidence.Run, error)) *Judge {
	return &Judge{config: c, log: log, missed: missed, rereading: make(chan struct{}, 2)}
}

// Result returns what the log says as of t. One that lies before something that
// the log holds costs a reading of the whole log; few of these are made at once.
func (j *Judge) Result(ctx context.Context, t time.Time) (*result.Result, error) {
	res, past, err := j.now(ctx, t)
	if err != nil || past == nil {
		return res, err
	}
	select {
	case j.rereading <- struct{}{}:
		defer func() { <-j.rereading }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return past(ctx)
}

// now returns the result, or else what evaluates the past.
func (j *Judge) now(ctx context.Context, t time.Time) (*result.Result, func(context.Context) (*result.Result, error), error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.catchUp(ctx); err != nil {
		return nil, nil, err
	}
	var missed []evidence.Run
	if j.missed != nil {
		var err error
		if missed, err = j.missed(j.past, t); err != nil {
			return nil, nil, err
		}
	}
	if t.Before(j.newest) {
		cat, acts := j.catalogue, slices.Clip(j.acts)
		return nil, func(ctx context.Context) (*result.Result, error) {
			return evaluate(ctx, cat, j.config, withMissedSlots{j.log, missed}, acts, t)
		}, nil
	}
	if err := j.suppose(missed); err != nil {
		return nil, nil, err
	}
	j.last = j.engine.Result(t)
	return j.last, nil, nil
}

// Observed returns what the log alone says as of t, which must be now.
func (j *Judge) Observed(ctx context.Context, t time.Time) (*result.Result, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.catchUp(ctx); err != nil {
		return nil, err
	}
	j.last = j.engine.Result(t)
	return j.last, nil
}

// suppose lets the engine see collections that are not in the log.
func (j *Judge) suppose(missed []evidence.Run) error {
	for _, r := range missed {
		j.supposed = true
		if err := j.engine.Observe(r, gap.LinesOf(j.log, r)); err != nil {
			return fmt.Errorf("judge the log: %w", err)
		}
	}
	return nil
}

// Rows returns the rows of a view as of what the log says now, and the streams they come from.
func (j *Judge) Rows(ctx context.Context, view evidence.Kind) (rows []gap.Row, from []gap.ViewSource, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.catchUp(ctx); err != nil {
		return nil, nil, err
	}
	rows, from = j.engine.Rows(view)
	return rows, from, nil
}

// Acts returns what people did, in the order of the log.
func (j *Judge) Acts(ctx context.Context) ([]evidence.Act, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.catchUp(ctx); err != nil {
		return nil, err
	}
	return slices.Clip(j.acts), nil
}

// Missed returns, as missed, the collections that were due by asOf and that the
// log does not tell of; none where the agent that runs writes them itself.
func (j *Judge) Missed(ctx context.Context, asOf time.Time) ([]evidence.Run, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.catchUp(ctx); err != nil || j.missed == nil {
		return nil, err
	}
	return j.missed(j.past, asOf)
}

// Past returns what a runner must know of the log.
func (j *Judge) Past(ctx context.Context) (*schedule.Past, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	err := j.catchUp(ctx)
	return j.past, err
}

// Catalogue returns the catalogue by which is judged.
func (j *Judge) Catalogue() (*catalogue.Catalogue, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.catalogue, j.load()
}

func (j *Judge) load() (err error) {
	if j.catalogue == nil {
		j.catalogue, err = LoadCatalogue(j.config)
	}
	return err
}

// catchUp takes what the log has that the engine has not seen. It is called with mu held.
func (j *Judge) catchUp(ctx context.Context) error {
	err := j.load()
	if err == nil {
		err = j.follow(ctx)
	}
	if err != nil {
		j.engine = nil // it cannot be relied on any more
		return fmt.Errorf("judge the log: %w", err)
	}
	return nil
}

func (j *Judge) follow(ctx context.Context) error {
	if j.engine == nil || j.supposed {
		j.engine = gap.NewEngine(j.catalogue, periodOf(j.config), gap.WithRoots(rootKinds(j.config)))
		j.seen, j.newest, j.acts, j.supposed = 0, time.Time{}, nil, false
		j.past = schedule.NewPast(rootKinds(j.config))
	}
	for e, err := range j.log.Entries(j.seen) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		j.seen = e.Index + 1
		if err := j.take(e); err != nil {
			return err
		}
	}
	return nil
}

// take lets the engine see one entry.
func (j *Judge) take(e evidence.Entry) error {
	act, ok, err := evidence.ActOf(e)
	if err != nil {
		return err
	}
	if ok {
		j.engine.Act(act)
		j.acts = append(j.acts, act)
	}
	if e.Type != evidence.EntryRun || e.Run == nil {
		return nil
	}
	j.past.Add(*e.Run)
	if at := e.Run.Observed(); at.After(j.newest) {
		j.newest = at
	}
	return j.engine.Observe(*e.Run, gap.LinesOf(j.log, *e.Run))
}

// Last returns the newest result; nil before the first.
func (j *Judge) Last() *result.Result {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

// evaluate judges a whole log as it stood at asOf.
func evaluate(ctx context.Context, cat *catalogue.Catalogue, c *config.Config, log gap.Evidence, acts []evidence.Act, asOf time.Time) (*result.Result, error) {
	return gap.Evaluate(ctx, cat, log, periodOf(c), asOf, gap.WithRoots(rootKinds(c)), gap.WithActs(acts))
}

// withMissedSlots is a log, followed by missed collections that it does not tell of.
type withMissedSlots struct {
	EvidenceLog
	missed []evidence.Run
}

// Runs implements gap.Evidence.
func (w withMissedSlots) Runs() iter.Seq2[evidence.Run, error] {
	return func(yield func(evidence.Run, error) bool) {
		for r, err := range w.EvidenceLog.Runs() {
			if !yield(r, err) || err != nil {
				return
			}
		}
		for _, r := range w.missed {
			if !yield(r, nil) {
				return
			}
		}
	}
}
