package gap

import (
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// sameMoment is how far apart two readings may lie and still be taken for one.
const sameMoment = 15 * time.Minute

// maxStale is how long a reading that was not followed by another slot is
// relied on: a source that is no longer configured is not.
const maxStale = 35 * result.Day

// derive judges the rows of every view that a run touched. A run of a joined
// stream counts for all that it is joined with.
func (e *Engine) derive(st *stream, o observation) {
	touched := slices.Clone(st.tables)
	for _, t := range touched {
		t.note(o)
	}
	for _, t := range st.tables {
		for _, j := range t.rel.joined {
			for _, other := range e.looking(j) {
				if !slices.Contains(touched, other) {
					touched = append(touched, other)
				}
			}
		}
	}
	for _, t := range touched {
		for _, v := range t.verdicts {
			e.judgeView(v, o, t.base == st)
		}
	}
	e.shown.forget()
}

// looking gives the tables of the view that holds a join.
func (e *Engine) looking(j *joint) []*table {
	i := slices.IndexFunc(e.relations, func(r *relation) bool { return slices.Contains(r.joins, j) })
	return e.relations[i].tables
}

func (t *table) note(o observation) {
	t.runs++
	t.before = t.reach(t.at)
	t.whole, t.usable = o.complete, o.usable
	at := pick(t.base.timed, t.base.judged, o.at) // a report may be older than its reading
	if o.usable {
		t.at = later(t.at, at)
	}
	if o.complete {
		t.wholeAt = later(t.wholeAt, at)
	}
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

// verdicts are those of one test of a view on the rows of one table. They are
// judged like the records of a stream that was read whenever all was read that
// they rest on.
type verdicts struct {
	table *table
	n     int // the test's number in its view
	joins []*joint
	st    *stream
	last  time.Time // of the last judgement
	dirty bool      // some row changed
	queue []*row    // events that wait to be judged
	able  bool      // whether the rows could be judged at the last run
}

func newVerdicts(t *table, n int, ts *testState) *verdicts {
	// Rows are not compared again, since they tell when they change.
	p := &plan{tests: []*testState{ts}, reads: []mask{everything}}
	id := t.base.id
	v := &verdicts{table: t, n: n, st: newStream(evidence.Stream{Source: id.Source, Kind: t.rel.Kind, Scope: id.Scope}, p)}
	v.st.text, v.st.rows = t.base.text, true // the evidence of it is with the base
	for _, j := range t.rel.joins {
		if ts.rule.Reads(j.Name) {
			v.joins = append(v.joins, j)
		}
	}
	return v
}

// standing is what a table and all that a test joins it with amount to.
type standing struct {
	// ready: each of them was read at least once.
	ready bool
	// whole: what is joined was read whole in its last slot, and not long ago.
	whole bool
	// floor is the instant until which all of them were read.
	floor time.Time
}

func (v *verdicts) standing(at time.Time) standing {
	t := v.table
	s := standing{ready: !t.at.IsZero(), whole: true, floor: t.reach(t.at)}
	if t.part.Fixed {
		s.floor = at
	}
	for _, j := range v.joins {
		if len(j.to.tables) == 0 {
			// It may come in the same tick: wait for another run before going without it.
			s.ready = s.ready && j.Optional && t.runs > 1
			s.floor = earlier(s.floor, t.before)
		}
		for _, other := range j.to.tables {
			s.ready = s.ready && !other.at.IsZero()
			s.whole = s.whole && other.whole && at.Sub(other.wholeAt) < maxStale
			s.floor = earlier(s.floor, other.reach(other.wholeAt))
		}
	}
	return s
}

// judgeView judges the rows of one table by one test, after a run of the table's
// own stream or of one that it is joined with.
func (e *Engine) judgeView(v *verdicts, o observation, own bool) {
	t, s := v.table, v.standing(o.at)
	slot := o
	o.at, o.floor = later(o.at, v.last), s.floor // slots that are read side by side end in any order
	o.complete, o.usable = t.whole && s.whole && s.ready, t.usable && s.whole && s.ready
	if slot.complete = pick(t.base.events == nil, o.complete, slot.complete); own {
		v.st.slots.add(o.run.Outcome, slot)
	}
	if !s.ready {
		return
	}
	v.last = o.at
	if !v.st.shown {
		v.st.show()
	}
	v.st.once = t.base.once
	if t.base.events != nil {
		e.deriveEvents(v, o)
	} else {
		e.deriveState(v, o, own)
	}
}

// deriveState judges the rows of a state stream: those that changed, or whose
// answer may have.
func (e *Engine) deriveState(v *verdicts, o observation, own bool) {
	st := v.st
	stale := v.dirty || !st.lastWhole || st.last == nil || !o.complete || o.at.Unix() >= st.until || !st.entered && o.inPeriod
	switch {
	case o.usable && stale:
		e.passRows(v, o)
	case o.usable && !st.timed:
		st.obs[len(st.obs)-1] = o.floor // unchanged, as far as all of it was read
	}
	if o.complete {
		st.wholeAt = st.obs[len(st.obs)-1]
	}
	st.judged = o.at
	if own || stale || o.usable != v.able {
		e.judgeSlot(st, o)
	}
	v.able = o.usable
}

// derivedHash stands for the snapshot of a derived stream, which has none.
var derivedHash evidence.Hash

// passRows is pass for rows: those that cannot have another answer are not asked.
func (e *Engine) passRows(v *verdicts, o observation) {
	st := v.st
	st.begin(o)
	st.last = &derivedHash
	e.eval.SetNow(o.at)
	earliest := o.floor
	next, at := st.spare[:0], 0
	for _, r := range v.table.order {
		res := st.find(&at, r.scope, r.id)
		if res.news != r.news || res.gone || o.at.Unix() >= res.until || o.inPeriod && !res.counted {
			rec := r.with(nil)
			e.eval.Attributes = r
			e.see(st, res, &rec, o, o.at, pick(res.news != r.news || res.gone, everything, 0))
			res.news = r.news
		} else {
			st.meet(res)
		}
		if r.exact != nil { // it was so now, with what it is joined with; and surely only as long as both were read
			sure := earlier(r.exact.UTC(), o.floor)
			earliest, st.timed, res.effective = earlier(earliest, sure), true, &sure
		}
		st.until = min(st.until, res.until)
		next = append(next, res)
	}
	e.eval.Attributes = nil
	st.spare, st.order = st.order, next
	st.obs[len(st.obs)-1], st.judged = earliest, o.at
	if o.complete {
		st.sweep()
		v.dirty = false
	}
	st.tally(o)
}

// deriveEvents judges the events up to the instant until which all that they
// are joined with was read, and those that failed again when their joins change.
// An event that passed is settled: what comes later does not undo it.
func (e *Engine) deriveEvents(v *verdicts, o observation) {
	st := v.st
	e.beginEvents(st)
	dims := make([]dimming, len(st.tests))
	e.eval.SetNow(o.at)
	queue := v.queue
	v.queue = nil
	for _, r := range queue {
		if v.table.rows[recordKey{r.scope, r.id}] != r { // it was dropped meanwhile
			continue
		}
		if !known(utc(r.exact), v.table.at).Before(o.floor) {
			v.queue = append(v.queue, r)
			continue
		}
		rec := r.with(nil)
		e.eval.Attributes = r
		e.judgeEvent(st, &rec, o, dims)
		r.queued &^= selfBit << v.n
		if r.queued == 0 && v.table.settled(&rec) {
			v.table.content(r)
		}
	}
	e.eval.Attributes = nil
	for _, w := range v.table.base.events.covered {
		st.events.cover(evidence.Window{From: w.From, To: earlier(w.To, o.floor)})
	}
	e.judgeWindow(st, o, dims, len(queue)-len(v.queue))
}

// settled reports whether every test of the view that was asked about an event
// was, and none failed or is unknown.
func (t *table) settled(rec *evidence.Record) bool {
	key := keyOf(rec)
	for _, v := range t.verdicts {
		if v.st.events == nil {
			return false
		}
		n, judged := v.st.events.index[key]
		if !judged || !v.st.events.codes[n].Fine() {
			return false
		}
	}
	return true
}
