package gap

import (
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// readingTolerance is how far apart two readings may lie to count as one.
const readingTolerance = 15 * time.Minute

// maxStale is how old the last complete reading of a joined source may be: one
// that is no longer configured has no slots that would be missed.
const maxStale = 35 * result.Day

// evaluateViews evaluates the rows of every view that a run touched: those of its
// stream, and those that are joined with them.
func (e *Engine) evaluateViews(st *stream, o observation) {
	touched := slices.Clone(st.tables)
	for _, t := range touched {
		t.recordRun(o)
	}
	for _, t := range st.tables {
		for _, j := range t.view.incoming {
			for _, other := range e.joiningTables(j) {
				if !slices.Contains(touched, other) {
					touched = append(touched, other)
				}
			}
		}
	}
	for _, t := range touched {
		for _, v := range t.tests {
			e.evaluateView(v, o, t.stream == st)
		}
	}
	e.rowCache.release()
}

// joiningTables returns the tables of the view that holds a join.
func (e *Engine) joiningTables(j *join) []*table {
	i := slices.IndexFunc(e.views, func(v *viewState) bool { return slices.Contains(v.joins, j) })
	return e.views[i].tables
}

func (t *table) recordRun(o observation) {
	t.runs++
	t.reachBefore = t.reach(t.at)
	t.complete, t.usable = o.complete, o.usable
	at := pick(t.stream.ownTimes, t.stream.evaluatedAt, o.at) // a report may be older than its reading
	if o.usable {
		t.at = later(t.at, at)
	}
	if o.complete {
		t.completeAt = later(t.completeAt, at)
	}
}

// reach is until when the table is complete, where at is its last reading: of
// events until the first hole.
func (t *table) reach(at time.Time) time.Time {
	if s := t.stream.events; s != nil {
		if len(s.windows) == 0 {
			return time.Time{}
		}
		return s.windows[0].To
	}
	return at
}

// viewTest is one test of a view on the rows of one table. Its stream has the rows
// as records, and is read whenever every source of the rows was read.
type viewTest struct {
	table       *table
	number      int // the test's number in its view
	joins       []*join
	stream      *stream
	evaluatedAt time.Time // the last evaluation
	dirty       bool      // some row changed
	queue       []*row    // events that wait to be evaluated
	wasUsable   bool      // the rows could be evaluated at the last run
}

func newViewTest(t *table, n int, ts *testState) *viewTest {
	// Rows have a version, and are not compared.
	k := &kindTests{tests: []*testState{ts}, reads: []mask{everything}}
	id := t.stream.id
	v := &viewTest{table: t, number: n, stream: newStream(evidence.Stream{Source: id.Source, Kind: t.view.Kind, Scope: id.Scope}, k)}
	v.stream.text, v.stream.derived = t.stream.text, true // gaps name the stream that has the evidence
	for _, j := range t.view.joins {
		if ts.rule.Reads(j.Name) {
			v.joins = append(v.joins, j)
		}
	}
	return v
}

// readiness is that of a table and of all tables that a test joins it with.
type readiness struct {
	// ready: each of them was read at least once.
	ready bool
	// joinsComplete: the last slot of each joined table is complete, and not stale.
	joinsComplete bool
	// readUntil is the instant until which all of them were read.
	readUntil time.Time
}

func (v *viewTest) readiness(at time.Time) readiness {
	t := v.table
	s := readiness{ready: !t.at.IsZero(), joinsComplete: true, readUntil: t.reach(t.at)}
	if t.part.Fixed {
		s.readUntil = at
	}
	for _, j := range v.joins {
		if len(j.target.tables) == 0 {
			// Its first run may follow in the same tick: wait for another run of this stream.
			s.ready = s.ready && j.Optional && t.runs > 1
			s.readUntil = earlier(s.readUntil, t.reachBefore)
		}
		for _, other := range j.target.tables {
			s.ready = s.ready && !other.at.IsZero()
			s.joinsComplete = s.joinsComplete && other.complete && at.Sub(other.completeAt) < maxStale
			s.readUntil = earlier(s.readUntil, other.reach(other.completeAt))
		}
	}
	return s
}

// evaluateView evaluates one test on the rows of one table, after a run of the
// table's own stream or of a joined one.
func (e *Engine) evaluateView(v *viewTest, o observation, own bool) {
	t, s := v.table, v.readiness(o.at)
	slot := o
	o.at, o.readUntil = later(o.at, v.evaluatedAt), s.readUntil // concurrent slots end in any order
	o.complete, o.usable = t.complete && s.joinsComplete && s.ready, t.usable && s.joinsComplete && s.ready
	if slot.complete = pick(t.stream.events == nil, o.complete, slot.complete); own {
		v.stream.slots.add(o.run.Outcome, slot)
	}
	if !s.ready {
		if own && t.at.IsZero() && !v.stream.registered {
			v.stream.register() // nothing was read yet: the answer is unknown, and not none
		}
		return
	}
	v.evaluatedAt = o.at
	if !v.stream.registered {
		v.stream.register()
	}
	v.stream.oneOff = t.stream.oneOff
	if t.stream.events != nil {
		e.evaluateEventRows(v, o)
	} else {
		e.evaluateStateRows(v, o, own)
	}
}

// evaluateStateRows evaluates the rows of a state stream that changed, or whose
// answer may have.
func (e *Engine) evaluateStateRows(v *viewTest, o observation, own bool) {
	st := v.stream
	stale := v.dirty || !st.lastComplete || st.lastHash == nil || !o.complete || o.at.Unix() >= st.validUntil || !st.readInPeriod && o.inPeriod
	switch {
	case o.usable && stale:
		e.readRows(v, o)
	case o.usable && !st.ownTimes:
		st.observedAt[len(st.observedAt)-1] = o.readUntil // unchanged as long as all of it was read
	}
	if o.complete {
		st.completeAt = st.observedAt[len(st.observedAt)-1]
	}
	st.evaluatedAt = o.at
	if own || stale || o.usable != v.wasUsable {
		e.evaluateSlot(st, o)
	}
	v.wasUsable = o.usable
}

// derivedHash stands for the snapshot of a derived stream, which has none.
var derivedHash evidence.Hash

// readRows is readSnapshot for rows.
func (e *Engine) readRows(v *viewTest, o observation) {
	st := v.stream
	st.beginSnapshot(o)
	st.lastHash = &derivedHash
	e.eval.SetNow(o.at)
	earliest := o.readUntil
	next, at := st.spareOrder[:0], 0
	for _, r := range v.table.order {
		res := st.find(&at, r.scope, r.id)
		if res.rowVersion != r.version || res.gone || o.at.Unix() >= res.validUntil || o.inPeriod && !res.counted {
			rec := r.recordWith(nil)
			e.eval.Attributes = r
			e.updateResource(st, res, &rec, o, o.at, pick(res.rowVersion != r.version || res.gone, everything, 0))
			res.rowVersion = r.version
		} else {
			st.markSeen(res)
		}
		if r.effective != nil { // true at its own time, and together with its joins until all of them were read
			at := earlier(r.effective.UTC(), o.readUntil)
			earliest, st.ownTimes, res.effective = earlier(earliest, at), true, &at
		}
		st.validUntil = min(st.validUntil, res.validUntil)
		next = append(next, res)
	}
	e.eval.Attributes = nil
	st.spareOrder, st.order = st.order, next
	st.observedAt[len(st.observedAt)-1], st.evaluatedAt = earliest, o.at
	if o.complete {
		st.closeAbsent()
		v.dirty = false
	}
	st.countSnapshot(o)
}

// evaluateEventRows evaluates the events up to the instant until which all that
// they are joined with was read, and those that failed again when their joins
// change. An event that passed is final: nothing later undoes it.
func (e *Engine) evaluateEventRows(v *viewTest, o observation) {
	st := v.stream
	e.initEvents(st)
	open := make([]unknowns, len(st.tests))
	e.eval.SetNow(o.at)
	queue := v.queue
	v.queue = nil
	for _, r := range queue {
		if v.table.rows[recordKey{r.scope, r.id}] != r { // it was dropped since
			continue
		}
		if !firstNonZero(utc(r.effective), v.table.at).Before(o.readUntil) {
			v.queue = append(v.queue, r)
			continue
		}
		rec := r.recordWith(nil)
		e.eval.Attributes = r
		e.evaluateEvent(st, &rec, o, open)
		r.queued &^= selfBit << v.number
		if r.queued == 0 && v.table.decided(&rec) {
			v.table.detach(r)
		}
	}
	e.eval.Attributes = nil
	for _, w := range v.table.stream.events.windows {
		st.events.addWindow(evidence.Window{From: w.From, To: earlier(w.To, o.readUntil)})
	}
	e.finishWindow(st, o, open, len(queue)-len(v.queue))
}

// decided reports whether every test of the view has an answer for an event, and
// none of them is a failure or unknown.
func (t *table) decided(rec *evidence.Record) bool {
	key := keyOf(rec)
	for _, v := range t.tests {
		if v.stream.events == nil {
			return false
		}
		n, ok := v.stream.events.index[key]
		if !ok || !v.stream.events.answers[n].Fine() {
			return false
		}
	}
	return true
}
