package ops

import (
	"context"
	"errors"
	"fmt"
	"iter"
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
// what the collection costs. It reads the log when it is first asked, from where
// the kept state ends, and is safe for concurrent use.
type Judge struct {
	config *config.Config
	log    EvidenceLog
	state  State
	// missed returns, as missed, the collections that were due by an instant and
	// that the log does not tell of; nil where the agent that runs writes them itself.
	missed func(past *schedule.Past, asOf time.Time) ([]evidence.Run, error)

	rereading chan struct{} // holds one for each evaluation of the past

	mu        sync.Mutex // guards what follows
	catalogue *catalogue.Catalogue
	engine    *gap.Engine
	seen      uint64 // how many entries of the log the engine has seen
	kept      uint64 // and those that the kept state speaks of
	supposed  bool   // the engine has seen missed collections that are not in the log
	notes     notes
	last      *result.Result
}

// notes are what is remembered of a log beside the engine.
type notes struct {
	// Newest is when the newest collection ended.
	Newest time.Time      `json:"newest"`
	Past   *schedule.Past `json:"past"`
	// Declared holds the body of the newest entry of the configuration and of the catalogue.
	Declared map[evidence.EntryType]string `json:"declared"`
}

// NewJudge returns a judge of a log by a configuration, which goes on from the
// state that was kept of the log. state and missed may be nil.
func NewJudge(c *config.Config, log EvidenceLog, state State, missed func(*schedule.Past, time.Time) ([]evidence.Run, error)) *Judge {
	return &Judge{config: c, log: log, state: state, missed: missed, rereading: make(chan struct{}, 2)}
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
		if missed, err = j.missed(j.notes.Past, t); err != nil {
			return nil, nil, err
		}
	}
	if t.Before(j.notes.Newest) {
		cat, acts := j.catalogue, j.engine.Acts()
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
	return j.engine.Acts(), nil
}

// Missed returns, as missed, the collections that were due by asOf and that the
// log does not tell of; none where the agent that runs writes them itself.
func (j *Judge) Missed(ctx context.Context, asOf time.Time) ([]evidence.Run, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.catchUp(ctx); err != nil || j.missed == nil {
		return nil, err
	}
	return j.missed(j.notes.Past, asOf)
}

// Past returns what a runner must know of the log.
func (j *Judge) Past(ctx context.Context) (*schedule.Past, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.catchUp(ctx); err != nil {
		return nil, err
	}
	return j.notes.Past.Clone(), nil
}

// Declared returns the body of the newest entry of a type: the configuration or
// the catalogue; empty if there is none.
func (j *Judge) Declared(ctx context.Context, of evidence.EntryType) (string, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	err := j.catchUp(ctx)
	return j.notes.Declared[of], err
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

// errErased: the log erased evidence that the kept state may rest on.
var errErased = errors.New("evidence was erased since the state was kept")

func (j *Judge) follow(ctx context.Context) error {
	if j.engine == nil || j.supposed {
		j.begin()
		j.restore()
	}
	err := j.read(ctx)
	if errors.Is(err, errErased) {
		j.begin()
		err = j.read(ctx)
	}
	if err == nil {
		j.keep(keepEvery)
	}
	return err
}

// begin makes an engine that has seen nothing.
func (j *Judge) begin() {
	roots := rootKinds(j.config)
	j.engine = gap.NewEngine(j.catalogue, periodOf(j.config), gap.WithRoots(roots))
	j.seen, j.kept, j.supposed = 0, 0, false
	j.notes = notes{Past: schedule.NewPast(roots), Declared: map[evidence.EntryType]string{}}
}

// read shows the engine the entries that it has not seen.
func (j *Judge) read(ctx context.Context) error {
	for e, err := range j.log.Entries(j.seen) {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && e.Type == evidence.EntryErasure && j.kept > 0 {
			err = errErased
		}
		if err != nil {
			return err
		}
		j.seen = e.Index + 1
		if err := j.observe(e); err != nil {
			return err
		}
	}
	return nil
}

// observe lets the engine see one entry.
func (j *Judge) observe(e evidence.Entry) error {
	act, ok, err := evidence.ActOf(e)
	if err != nil {
		return err
	}
	if ok {
		j.engine.Act(act)
	}
	switch {
	case e.Type == evidence.EntryConfig, e.Type == evidence.EntryCatalogue:
		j.notes.Declared[e.Type] = string(e.Body)
	case e.Type == evidence.EntryRun && e.Run != nil:
		return j.observeRun(*e.Run)
	}
	return nil
}

func (j *Judge) observeRun(r evidence.Run) error {
	j.notes.Past.Add(r)
	if at := r.Observed(); at.After(j.notes.Newest) {
		j.notes.Newest = at
	}
	return j.engine.Observe(r, gap.LinesOf(j.log, r))
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
