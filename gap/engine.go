package gap

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/gap/rule"
)

// Evidence is the log as the engine reads it.
type Evidence interface {
	// Runs gives every run, in log order.
	Runs() iter.Seq2[evidence.Run, error]
	// Lines reads a snapshot, in canonical order. The attributes of a record that
	// was decoded must not change.
	Lines(ref evidence.Ref) iter.Seq2[evidence.Line, error]
}

// Option tells an engine what the log does not say.
type Option func(*Engine)

// WithRoots names the root kind of each source: the kind whose records are the
// scopes of all its other streams. Without it there are no scope gaps.
func WithRoots(roots map[string]evidence.Kind) Option {
	return func(e *Engine) {
		for name, kind := range roots {
			e.sources[name] = newSource(kind)
		}
	}
}

// WithActs gives what people did, in the order of the log.
func WithActs(acts []evidence.Act) Option {
	return func(e *Engine) { e.acts = append(e.acts, acts...) }
}

// Engine turns runs into gaps, one run at a time. It is not safe for
// concurrent use, and must be dropped after an error.
type Engine struct {
	cat       *catalogue.Catalogue
	period    result.Period
	acts      []evidence.Act
	began     time.Time // when the log did
	plans     map[evidence.Kind]*plan
	tests     []*testState // sorted by id
	streams   map[evidence.Stream]*stream
	sources   map[string]*source
	relations []*relation
	spells    []*spell
	shown     *shown
	eval      rule.Context
}

// NewEngine gives an engine that has seen nothing.
func NewEngine(cat *catalogue.Catalogue, p result.Period, opts ...Option) *Engine {
	p = result.Period{From: p.From.UTC(), To: p.To.UTC()}
	e := &Engine{cat: cat, period: p, plans: map[evidence.Kind]*plan{},
		streams: map[evidence.Stream]*stream{}, sources: map[string]*source{}, shown: new(shown)}
	if cat.Calendar != nil {
		e.eval.SetCalendar(cat.Calendar)
	}
	for _, t := range cat.Tests() {
		ts := newTestState(t, cat.Rule(t.ID), cat.Joined(&t), p)
		e.tests = append(e.tests, ts)
		e.plan(t.Kind).add(ts)
	}
	e.relate()
	for _, o := range opts {
		o(e)
	}
	return e
}

// Act adds what a person did.
func (e *Engine) Act(a evidence.Act) { e.acts = append(e.acts, a) }

// Evaluate judges the whole log as it stood at asOf: runs observed later are
// left out. It is a loop over Observe.
func Evaluate(ctx context.Context, cat *catalogue.Catalogue, ev Evidence, p result.Period, asOf time.Time, opts ...Option) (*result.Result, error) {
	e := NewEngine(cat, p, opts...)
	for run, err := range ev.Runs() {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, fmt.Errorf("evaluate: %w", err)
		}
		if run.Observed().After(asOf) {
			continue
		}
		if err := e.Observe(run, LinesOf(ev, run)); err != nil {
			return nil, err
		}
	}
	return e.Result(asOf), nil
}

// LinesOf gives the records of a run, none if it has no snapshot.
func LinesOf(ev Evidence, run evidence.Run) iter.Seq2[evidence.Line, error] {
	if run.Records == nil {
		return func(func(evidence.Line, error) bool) {}
	}
	return ev.Lines(*run.Records)
}

// Observe takes the next run of the log with its records. Records are read only
// where the run can be relied on (collected, late or partial, with a
// certificate), and only if they differ from what was read before.
func (e *Engine) Observe(run evidence.Run, records iter.Seq2[evidence.Line, error]) error {
	o := observe(run, e.period)
	if run.Outcome != evidence.Missed && (e.began.IsZero() || o.at.Before(e.began)) {
		e.began = o.at
	}
	st := e.stream(run.Stream)
	err := e.take(st, o, records)
	if errors.Is(err, evidence.ErrErased) { // then nothing was taken
		o = observe(withoutRecords(run), e.period)
		err = e.take(st, o, nil)
	}
	st.slots.add(o.run.Outcome, o)
	st.once = o.complete && st.id.Source == evidence.SourceReview
	if err != nil {
		return fmt.Errorf("evaluate %s due %s: %w", run.Stream, run.Due.UTC().Format(time.RFC3339), err)
	}
	e.lookAway(st, o)
	e.follow(st, o)
	e.forget(st, o)
	e.derive(st, o)
	return nil
}

// withoutRecords is a run whose records were erased since: nothing can be
// judged by it any more.
func withoutRecords(run evidence.Run) evidence.Run {
	run.Outcome, run.Records = evidence.Failed, nil
	run.Reason = &evidence.Reason{Class: evidence.Erased, Detail: "the records of this slot were erased under the retention policy"}
	return run
}

func (e *Engine) take(st *stream, o observation, records iter.Seq2[evidence.Line, error]) error {
	switch {
	case !o.usable:
		e.judgeSlot(st, o)
		return nil
	case o.run.Certificate.Window != nil || st.events != nil:
		return e.takeEvents(st, o, records)
	}
	return e.takeState(st, o, records)
}

// observation is a run as the engine sees it.
type observation struct {
	run evidence.Run
	// at is when the facts were true at the latest, due when the slot was to be filled.
	at, due time.Time
	// complete: everything was read, and the certificate says so. usable: what
	// was read can be relied on, though something may be missing.
	complete, usable bool
	// inPeriod: the slot counts for the period.
	inPeriod bool
	// floor is until when all was read that a joined record rests on.
	floor time.Time
}

func observe(run evidence.Run, p result.Period) observation {
	cert := run.Certificate
	o := observation{run: run, at: run.Observed().UTC(), due: run.Due.UTC(), inPeriod: p.Holds(run.Due)}
	o.complete = run.Outcome.Complete() && cert != nil && cert.Complete
	o.usable = cert != nil && (run.Outcome.Complete() || run.Outcome == evidence.Partial)
	return o
}
