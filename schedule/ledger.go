package schedule

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// History is what was already written; a store fulfils it.
type History interface {
	Runs() iter.Seq2[evidence.Run, error]
	Records(evidence.Ref) iter.Seq2[evidence.Record, error]
}

// ledger is what the runner must know of the past of one source. It is
// derived from the log and nothing else. But for since and rooted, which follow
// when the source is opened, it can be kept as JSON.
type ledger struct {
	// Ended is, per stream, the due time of its newest scheduled slot that has ended.
	Ended map[evidence.Stream]time.Time `json:"ended"`
	// Began is, per stream, the due time of its first scheduled slot.
	Began map[evidence.Stream]time.Time `json:"began"`
	// Read is, per event stream, the end of the last window read completely, Mark
	// the mark of that reading.
	Read map[evidence.Stream]time.Time `json:"read"`
	Mark map[evidence.Stream]string    `json:"mark"`
	// Retryable is, per stream, why its newest run was not complete, if the same may
	// succeed a little later.
	Retryable map[evidence.Stream]evidence.Class `json:"retryable"`
	// Roots counts the complete root snapshots, of which Root is the newest, due at RootDue.
	Roots   int           `json:"roots"`
	Root    *evidence.Ref `json:"root,omitempty"`
	RootDue time.Time     `json:"root_due,omitzero"`

	// since is, per known stream but the root, the time after which its slots are
	// expected. Known are those that follow from the newest complete root snapshot.
	since map[evidence.Stream]time.Time
	// rooted: there was a complete root snapshot.
	rooted bool
}

func newLedger() *ledger {
	return &ledger{Ended: map[evidence.Stream]time.Time{}, Began: map[evidence.Stream]time.Time{}, since: map[evidence.Stream]time.Time{}, Read: map[evidence.Stream]time.Time{}, Mark: map[evidence.Stream]string{},
		Retryable: map[evidence.Stream]evidence.Class{}}
}

// clone returns a copy that a runner may add to.
func (l *ledger) clone() *ledger {
	c := *l
	c.Ended, c.Began, c.Read, c.Mark, c.Retryable = maps.Clone(l.Ended), maps.Clone(l.Began), maps.Clone(l.Read), maps.Clone(l.Mark), maps.Clone(l.Retryable)
	c.since = map[evidence.Stream]time.Time{}
	return &c
}

// Past is what runners must know of a log, by source. Whoever reads the log for
// another purpose adds the runs to it, one by one in their order, and need not
// read it again for a runner. It can be kept as JSON.
type Past struct {
	// RootKinds names, per source, the kind whose records are its scopes.
	RootKinds map[string]evidence.Kind `json:"root_kinds"`
	Sources   map[string]*ledger       `json:"sources"`
}

// NewPast returns the past of an empty log.
func NewPast(rootKinds map[string]evidence.Kind) *Past {
	return &Past{RootKinds: rootKinds, Sources: map[string]*ledger{}}
}

// Clone returns a copy that runs may be added to.
func (p *Past) Clone() *Past {
	c := &Past{p.RootKinds, make(map[string]*ledger, len(p.Sources))}
	for name, l := range p.Sources {
		c.Sources[name] = l.clone()
	}
	return c
}

// Add enters the next run of the log.
func (p *Past) Add(r evidence.Run) {
	l := p.Sources[r.Stream.Source]
	if l == nil {
		l = newLedger()
		p.Sources[r.Stream.Source] = l
	}
	l.add(r)
	if r.Stream.Kind == p.RootKinds[r.Stream.Source] && r.Outcome.Complete() && r.Records != nil {
		ref := *r.Records
		l.Roots, l.Root, l.RootDue = l.Roots+1, &ref, r.Due
	}
}

// add enters one run.
func (l *ledger) add(r evidence.Run) {
	if r.Trigger == evidence.Scheduled && r.Due.After(l.Ended[r.Stream]) {
		l.Ended[r.Stream] = r.Due
	}
	if first, known := l.Began[r.Stream]; r.Trigger == evidence.Scheduled && (!known || r.Due.Before(first)) {
		l.Began[r.Stream] = r.Due
	}
	delete(l.Retryable, r.Stream)
	if r.Reason != nil && r.Outcome != evidence.Missed && !r.Outcome.Complete() && transient(r.Reason.Class) {
		l.Retryable[r.Stream] = r.Reason.Class
	}
	c := r.Certificate
	if c == nil || c.Window == nil || !r.Outcome.Complete() || !c.Window.From.Before(c.Window.To) {
		return
	}
	if c.Window.To.After(l.Read[r.Stream]) {
		l.Read[r.Stream], l.Mark[r.Stream] = c.Window.To, c.Mark
	}
}

// PastOf reads the past from a log.
func PastOf(h History, rootKinds map[string]evidence.Kind) (*Past, error) {
	p := NewPast(rootKinds)
	for run, err := range h.Runs() {
		if err != nil {
			return nil, fmt.Errorf("read the slot ledger: %w", err)
		}
		p.Add(run)
	}
	return p, nil
}

// recall takes over the past of the runner's sources.
func (r *Runner) recall(p *Past, records func(evidence.Ref) iter.Seq2[evidence.Record, error]) error {
	for _, s := range r.sources {
		past := p.Sources[s.Spec.Name]
		if past == nil {
			continue
		}
		s.ledger = past.clone()
		if past.Root == nil {
			continue
		}
		root, err := all(records(*past.Root))
		if err != nil {
			return fmt.Errorf("read the scopes of %s: %w", s.Spec.Name, err)
		}
		s.ledger.rooted = past.Roots > 1
		r.learn(s, root, past.RootDue)
		for st := range s.ledger.since { // what was interrupted before it ended is still expected
			if ended, ok := s.ledger.Ended[st]; ok {
				s.ledger.since[st] = ended
			}
		}
	}
	return nil
}

func all[T any](seq iter.Seq2[T, error]) (out []T, err error) {
	for v, err := range seq {
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// learn enters the streams that follow from a complete root snapshot due at
// due. Those of the first one were expected from the beginning on; one that
// comes later, from the slot on that showed it.
func (r *Runner) learn(s *Source, root []evidence.Record, due time.Time) {
	since := map[evidence.Stream]time.Time{}
	for _, scope := range s.Collector().Scopes(root) {
		for _, k := range s.Spec.Kinds {
			st := evidence.Stream{Source: s.Spec.Name, Kind: k.Kind, Scope: scope}
			switch was, known := s.ledger.since[st]; {
			case k.Kind == s.Spec.Root:
			case known:
				since[st] = was
			case s.ledger.rooted:
				since[st] = due.Add(-time.Second)
			default:
				since[st] = r.firstExpected(s.when(k.Kind), due)
			}
		}
	}
	s.ledger.since, s.ledger.rooted = since, true
}

func (s *Source) root() evidence.Stream {
	return evidence.Stream{Source: s.Spec.Name, Kind: s.Spec.Root, Scope: s.Collector().RootScope()}
}

// knownStreams returns the streams but the root, in order of scope and kind.
func (s *Source) knownStreams() []evidence.Stream {
	return slices.SortedFunc(maps.Keys(s.ledger.since), func(a, b evidence.Stream) int {
		return cmp.Or(strings.Compare(string(a.Scope), string(b.Scope)), strings.Compare(string(a.Kind), string(b.Kind)))
	})
}

// due returns the slots of a stream that are due by now and have not ended.
func (r *Runner) due(s *Source, st evidence.Stream, now time.Time) slotRange {
	return newSlotRange(st, s.when(st.Kind), r.ended(s, st, now), now)
}

// before returns the slots of a stream that a period of an earlier start expects,
// before the first one in the log: they count as missed, as the log does not show that
// they were filled. A stream that came later than its source was not there to be read.
func (r *Runner) before(s *Source, st evidence.Stream) slotRange {
	begin, first, origin := r.opt.Begin, s.ledger.Began[st], s.ledger.Began[s.root()]
	if begin.IsZero() || first.IsZero() || origin.IsZero() || first.After(origin) && !s.when(st.Kind).Next(origin.Add(-time.Second)).Equal(first) {
		return slotRange{stream: st}
	}
	return newSlotRange(st, s.when(st.Kind), begin.Add(-time.Second), first.Add(-time.Second))
}

// ended is the time up to which every slot of a stream has ended, or was not expected.
func (r *Runner) ended(s *Source, st evidence.Stream, now time.Time) time.Time {
	after := s.ledger.Ended[st]
	if since, ok := s.ledger.since[st]; ok {
		return later(after, since)
	}
	if after.IsZero() {
		after = r.firstExpected(s.when(st.Kind), now)
	}
	return after
}

// wake returns when the first slot of a source is due that has not ended.
func (r *Runner) wake(s *Source, now time.Time) time.Time {
	root := s.root()
	next := s.when(root.Kind).Next(r.ended(s, root, now))
	for st := range s.ledger.since {
		next = sooner(next, s.when(st.Kind).Next(r.ended(s, st, now)))
	}
	return next
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// firstExpected is where the ledger of a source without a past begins: the
// start of the period, when it has begun; otherwise the newest slot.
func (r *Runner) firstExpected(spec Spec, now time.Time) time.Time {
	if b := r.opt.Begin; !b.IsZero() && b.Before(now) {
		return b.Add(-time.Second)
	}
	last := now
	for d := range spec.Due(now.AddDate(-1, 0, 0), now) {
		last = d.Add(-time.Second)
	}
	return last
}

// Outstanding returns, as missed, every slot due before end that was not filled and,
// at now, can no longer be filled in time: what a log does not hold when its agent
// died. They are not written, and are sorted by due time.
func (r *Runner) Outstanding(now, end time.Time) (runs []evidence.Run) {
	earlier, missed := r.outstanding(now, end)
	for _, s := range append(earlier, missed...) {
		for due := range s.between(s.after, s.last) {
			runs = append(runs, r.missed(s.stream, due))
		}
	}
	slices.SortStableFunc(runs, func(a, b evidence.Run) int { return a.Due.Compare(b.Due) })
	return runs
}

// outstanding returns those before the first slot in the log, and the others.
func (r *Runner) outstanding(now, end time.Time) (earlier, missed []slotRange) {
	now = now.UTC().Add(-r.opt.Tolerance)
	if !now.Before(end) {
		now = end.UTC().Add(-time.Second)
	}
	for _, s := range r.sources {
		for _, st := range append([]evidence.Stream{s.root()}, s.knownStreams()...) {
			earlier, missed = append(earlier, r.before(s, st)), append(missed, r.due(s, st, now))
		}
	}
	return earlier, missed
}

// missed returns the run of a slot that was not filled.
func (r *Runner) missed(st evidence.Stream, due time.Time) evidence.Run {
	why := evidence.Reason{Class: evidence.AgentOff, Detail: "the agent was not running when the slot was due"}
	if s := r.opt.Since; !s.IsZero() && due.After(s) {
		why = evidence.Reason{Class: evidence.Internal, Detail: "the agent was running and did not come to it: an earlier reading, a full disk or a wrong clock kept it"}
	}
	return evidence.Run{Slot: evidence.Slot{Stream: st, Due: due, Trigger: evidence.Scheduled}, Outcome: evidence.Missed, Reason: &why}
}
