package gap

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/gap/rule"
)

// Evidence is the log as the engine reads it.
type Evidence interface {
	// Runs yields every run, in log order.
	Runs() iter.Seq2[evidence.Run, error]
	// Lines reads a snapshot, in canonical order. The engine keeps the attributes of
	// a decoded record: they must not change.
	Lines(ref evidence.Ref) iter.Seq2[evidence.Line, error]
}

// Option configures an engine with what is not in the log of runs.
type Option func(*Engine)

// WithRoots names the root kind of each source: the kind whose records are the
// scopes of all its other streams. Without it there are no scope gaps.
func WithRoots(roots map[string]evidence.Kind) Option {
	return func(e *Engine) {
		for name, kind := range roots {
			e.ledgers[name] = newScopeLedger(kind)
		}
	}
}

// WithActs adds what people did, in the order of the log.
func WithActs(acts []evidence.Act) Option {
	return func(e *Engine) { e.acts = append(e.acts, acts...) }
}

// WithLateActs lets evidence that people brought, and what management says, after
// the end of a period that is over count as well: the last month is owed until then.
func WithLateActs() Option { return func(e *Engine) { e.lateActs = true } }

// known returns the acts that count as of an instant.
func (e *Engine) known(asOf time.Time) []evidence.Act {
	late := e.lateActs && !asOf.Before(e.period.To)
	if late {
		return slices.DeleteFunc(slices.Clone(e.acts), func(a evidence.Act) bool {
			return a.At.After(asOf) && a.Decision != nil && a.Decision.Verb == evidence.Accept
		})
	}
	return slices.DeleteFunc(slices.Clone(e.acts), func(a evidence.Act) bool { return a.At.After(asOf) })
}

// Engine turns runs into gaps, one run at a time. It is not safe for
// concurrent use, and must be dropped after an error.
type Engine struct {
	cat         *catalogue.Catalogue
	period      result.Period
	acts        []evidence.Act
	lateActs    bool
	began       time.Time // the observation time of the first run of the log
	testsByKind map[evidence.Kind]*kindTests
	tests       []*testState // sorted by id
	streams     map[evidence.Stream]*stream
	ledgers     map[string]*scopeLedger
	views       []*viewState
	tracked     []*trackedGap // every gap, in the order in which they were opened
	rowCache    *rowCache
	// joinsMissing: the engine was restored, and its joins were not used since.
	joinsMissing bool
	eval         rule.Context
}

// NewEngine returns an engine that has observed no run.
func NewEngine(cat *catalogue.Catalogue, p result.Period, opts ...Option) *Engine {
	p = result.Period{From: p.From.UTC(), To: p.To.UTC()}
	e := &Engine{cat: cat, period: p, testsByKind: map[evidence.Kind]*kindTests{},
		streams: map[evidence.Stream]*stream{}, ledgers: map[string]*scopeLedger{}, rowCache: new(rowCache)}
	if cat.Calendar != nil {
		e.eval.SetCalendar(cat.Calendar)
	}
	for _, t := range cat.Tests() {
		ts := newTestState(t, cat.Rule(t.ID), cat.Joined(&t), p)
		e.tests = append(e.tests, ts)
		e.testsOf(t.Kind).addTest(ts)
	}
	e.buildViews()
	for _, o := range opts {
		o(e)
	}
	return e
}

// Act adds what a person did. Acts come in the order of the log.
func (e *Engine) Act(a evidence.Act) { e.acts = append(e.acts, a) }

// Acts returns what people did, in the order of the log.
func (e *Engine) Acts() []evidence.Act { return slices.Clip(e.acts) }

// Evaluate reads a log as of an instant: runs that were observed later are left
// out. It is a loop over Observe. An error of the log, of a record or of ctx is
// returned as is, wrapped.
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

// LinesOf returns the records of a run; none where it has no snapshot.
func LinesOf(ev Evidence, run evidence.Run) iter.Seq2[evidence.Line, error] {
	if run.Records == nil {
		return func(func(evidence.Line, error) bool) {}
	}
	return ev.Lines(*run.Records)
}

// Observe reads the next run of the log with its records, and updates verdicts and
// gaps. Records are read only where the run is usable (collected, late or partial,
// with a certificate), and only if they differ from those of the last snapshot.
// After an error the engine must be dropped.
func (e *Engine) Observe(run evidence.Run, records iter.Seq2[evidence.Line, error]) error {
	o := observe(run, e.period)
	if run.Outcome != evidence.Missed && (e.began.IsZero() || o.at.Before(e.began)) {
		e.began = o.at
	}
	e.buildJoins()
	st := e.stream(run.Stream)
	err := e.readRun(st, o, records)
	if errors.Is(err, evidence.ErrErased) { // then no record was read
		o = observe(withoutRecords(run), e.period)
		err = e.readRun(st, o, nil)
	}
	st.slots.add(o.run.Outcome, o)
	st.oneOff = o.complete && st.id.Source == evidence.SourceReview
	if err != nil {
		return fmt.Errorf("evaluate %s due %s: %w", run.Stream, run.Due.UTC().Format(time.RFC3339), err)
	}
	e.trackBlindness(st, o)
	e.trackScopes(st, o)
	e.trackRetention(st, o)
	e.evaluateViews(st, o)
	return nil
}

// withoutRecords returns a run whose records were erased since, which is as good
// as failed.
func withoutRecords(run evidence.Run) evidence.Run {
	run.Outcome, run.Records = evidence.Failed, nil
	run.Reason = &evidence.Reason{Class: evidence.Erased, Detail: "the records of this slot were erased under the retention policy"}
	return run
}

func (e *Engine) readRun(st *stream, o observation, records iter.Seq2[evidence.Line, error]) error {
	switch {
	case !o.usable:
		e.evaluateSlot(st, o)
		return nil
	case o.run.Certificate.Window != nil || st.events != nil:
		return e.readEvents(st, o, records)
	}
	return e.readState(st, o, records)
}

// observation is a run with what follows from it for the period.
type observation struct {
	run evidence.Run
	// at is the last instant at which the facts were true, due when the slot was due.
	at, due time.Time
	// complete: everything was read, and the certificate says so. usable: the
	// records are true, though some may be missing.
	complete, usable bool
	// inPeriod: the slot counts for the period.
	inPeriod bool
	// readUntil is, for rows of a view, until when every source of the row was read.
	readUntil time.Time
}

func observe(run evidence.Run, p result.Period) observation {
	cert := run.Certificate
	o := observation{run: run, at: run.Observed().UTC(), due: run.Due.UTC(), inPeriod: p.Holds(run.Due)}
	o.complete = run.Outcome.Complete() && cert != nil && cert.Complete
	o.usable = cert != nil && (run.Outcome.Complete() || run.Outcome == evidence.Partial)
	return o
}
