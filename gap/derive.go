package gap

import (
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// sameMoment is how far apart two readings may lie and still be taken for one.
const sameMoment = 15 * time.Minute

// maxStale is how long a reading that was not followed by another slot is
// relied on: a source that is no longer configured is not.
const maxStale = 35 * day

// derive judges the rows of every view that a run touched. A run of a joined
// stream counts for all that it is joined with.
func (e *Engine) derive(st *stream, o observation) {
	touched := e.tablesOf(st)
	for _, t := range touched {
		t.note(o)
	}
	for _, t := range slices.Clone(touched) {
		for _, j := range t.rel.joined {
			for _, other := range e.looking(j) {
				if !slices.Contains(touched, other) {
					touched = append(touched, other)
				}
			}
		}
	}
	for _, t := range touched {
		if len(t.rel.plan.tests) > 0 {
			e.deriveTable(t, o, t.base == st)
		}
	}
}

// looking gives the tables of the view that holds a join.
func (e *Engine) looking(j *joint) []*table {
	i := slices.IndexFunc(e.relations, func(r *relation) bool { return slices.Contains(r.joins, j) })
	return e.relations[i].tables
}

func (t *table) note(o observation) {
	t.whole, t.usable = o.complete, o.usable
	if o.usable {
		t.at = later(t.at, o.at)
	}
	if o.complete {
		t.wholeAt = later(t.wholeAt, o.at)
	}
}

// standing is what a table and all that it is joined with amount to.
type standing struct {
	// ready: each of them was read at least once.
	ready bool
	// whole: what is joined was read whole in its last slot, and not long ago.
	whole bool
	// floor is the instant until which all of them were read.
	floor time.Time
}

func (t *table) standing(at time.Time) standing {
	s := standing{ready: !t.at.IsZero(), whole: true, floor: t.reach(t.at)}
	for _, j := range t.rel.joins {
		if len(j.to.tables) == 0 {
			return standing{}
		}
		for _, other := range j.to.tables {
			s.ready = s.ready && !other.at.IsZero()
			s.whole = s.whole && other.whole && at.Sub(other.wholeAt) < maxStale
			s.floor = earlier(s.floor, other.reach(other.wholeAt))
		}
	}
	return s
}

// reach is until when the table says all: of events until the first hole.
func (t *table) reach(at time.Time) time.Time {
	if p := t.base.events; p != nil {
		if len(p.covered) == 0 {
			return time.Time{}
		}
		return p.covered[0].To
	}
	return at
}

func (e *Engine) deriveTable(t *table, o observation, own bool) {
	s := t.standing(o.at)
	if !s.ready {
		return
	}
	st := t.derived
	if !st.shown {
		st.show()
	}
	o.floor = s.floor
	o.complete, o.usable = t.whole && s.whole, t.usable && s.whole
	if t.base.events != nil {
		e.deriveEvents(t, o)
	} else {
		e.deriveState(t, o, own)
	}
	if own {
		st.slots.add(o.run.Outcome, o)
	}
}

// deriveState judges the rows of a state stream: those that changed, or whose
// answer may have.
func (e *Engine) deriveState(t *table, o observation, own bool) {
	st := t.derived
	stale := t.dirty || !st.lastWhole || st.last == nil || !o.complete || o.at.Unix() >= st.until || !st.entered && o.inPeriod
	switch {
	case o.usable && stale:
		e.passRows(t, o)
	case o.usable && !st.timed:
		st.obs[len(st.obs)-1] = o.at
	}
	if o.complete {
		st.wholeAt = st.obs[len(st.obs)-1]
	}
	if own || stale || o.usable != t.asked {
		e.judgeSlot(st, o)
	}
	t.asked = o.usable
}

// derivedHash stands for the snapshot of a derived stream, which has none.
var derivedHash evidence.Hash

// passRows is pass for rows: those that cannot have another answer are not asked.
func (e *Engine) passRows(t *table, o observation) {
	st := t.derived
	st.begin(o)
	st.last = &derivedHash
	e.bench.clock.now = o.at
	earliest := o.at
	next, at := st.spare[:0], 0
	for _, r := range t.order {
		res := st.find(&r.rec, &at)
		seen := o.at
		if r.exact != nil {
			seen = earlier(r.exact.UTC(), o.at)
			earliest, st.timed = earlier(earliest, seen), true
		}
		if r.dirty || res.gone || o.at.Unix() >= res.until || o.inPeriod && !res.counted {
			rec := r.record()
			e.see(st, res, &rec, o, seen)
			r.dirty = false
		} else {
			res.gen = len(st.obs) - 1
		}
		st.until = min(st.until, res.until)
		next = append(next, res)
	}
	st.spare, st.order = st.order, next
	st.obs[len(st.obs)-1] = earliest
	if o.complete {
		st.sweep()
		t.dirty = false
	}
	st.tally(o)
}

// deriveEvents judges the events up to the instant until which all that they
// are joined with was read, and those that failed again when their joins change.
// An event that passed is settled: what comes later does not undo it.
func (e *Engine) deriveEvents(t *table, o observation) {
	st := t.derived
	e.beginEvents(st)
	dims := make([]dimming, len(st.tests))
	e.bench.clock.now = o.at
	queue := t.queue
	t.queue = nil
	for _, r := range queue {
		if !known(effective(&r.rec), t.at).Before(o.floor) {
			t.queue = append(t.queue, r)
			continue
		}
		rec := r.record()
		e.judgeEvent(st, &rec, o, dims)
		r.queued, r.dirty, r.shown = false, false, nil
		if e.settled(st, &rec) {
			t.content(r)
		}
	}
	for _, w := range t.base.events.covered {
		st.events.cover(evidence.Window{From: w.From, To: earlier(w.To, o.floor)})
	}
	e.judgeWindow(st, o, dims, len(queue)-len(t.queue))
}

// settled reports whether no test on an event failed or is unknown.
func (e *Engine) settled(st *stream, rec *evidence.Record) bool {
	n := int(st.events.index[keyOf(rec)]) * len(st.tests)
	return !slices.ContainsFunc(st.events.codes[n:n+len(st.tests)], func(c code) bool { return !c.fine() })
}
