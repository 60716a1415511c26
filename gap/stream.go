package gap

import (
	"iter"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/gap/rule"
)

// kindTests are the tests of one kind, and what they and the views read of its records.
type kindTests struct {
	tests []*testState
	reads []mask // by test
	// keys are the attributes that a test or a view reads. The first monitored of
	// them are those of tests: if a source stops stating one, that is drift.
	keys      []string
	monitored int
	// all: some test reads the attributes as one map.
	all bool
	// effective: some test reads the record's own time.
	effective bool
}

func (k *kindTests) addTest(ts *testState) {
	k.tests, k.reads = append(k.tests, ts), append(k.reads, k.addReads(ts.rule))
	k.monitored = pick(k.all, 0, len(k.keys))
}

// addReads adds what a rule reads, and returns its mask.
func (k *kindTests) addReads(r *rule.Rule) mask {
	k.all = k.all || r.All
	k.effective = k.effective || r.Effective
	reads := pick(r.All, everything, selfBit)
	for _, key := range r.Keys {
		i := slices.Index(k.keys, key)
		if i < 0 {
			i = len(k.keys)
			k.keys = append(k.keys, key)
		}
		reads |= keyBit(i)
	}
	return reads
}

func (e *Engine) testsOf(k evidence.Kind) *kindTests {
	if e.testsByKind[k] == nil {
		e.testsByKind[k] = new(kindTests)
	}
	return e.testsByKind[k]
}

// stream is the state of one stream.
type stream struct {
	id    evidence.Stream
	text  string
	kind  *kindTests
	slots slotCounter
	tests []streamTest // one for each of kind.tests

	// The state of a state stream.
	resources    map[recordKey]*resource
	present      int         // how many of them are not gone
	seen         int         // how many of them are in the last snapshot
	sortedKeys   []string    // kind.keys, sorted
	order        []*resource // in the order of the last snapshot
	spareOrder   []*resource // a slice to use again
	observedAt   []time.Time // by resource.gen: the last observation of that distinct snapshot
	lastHash     *evidence.Hash
	lastComplete bool      // the last snapshot was of a complete run
	ownTimes     bool      // some of its records state their own time
	validUntil   int64     // Unix seconds: from then on unchanged records are evaluated again
	readInPeriod bool      // a snapshot of the period was read
	completeAt   time.Time // the instant of the last complete snapshot
	evaluatedAt  time.Time // the instant of the last verdicts

	events *eventSet

	tables     []*table // of the views that its records are rows of
	registered bool     // testState.streams holds it
	derived    bool     // its records are rows of a view
	oneOff     bool     // it has no schedule: its only run was written by hand, as of a review

	presence     []attributePresence // by kind.keys
	retention    time.Duration       // how long the source keeps its events
	firstWindow  time.Time           // where the first window began
	retentionGap *trackedGap

	blindGap        *trackedGap
	blindClasses    []evidence.Class // the classes of the open blind gap
	lastCompleteRun time.Time        // its observation
}

// streamTest is one test on one stream.
type streamTest struct {
	now, slot counts      // all present records; those of the last snapshot
	answer    rule.Answer // of the last slot
	// streamGap is the open gap of an Exists or AtMost test, lastPassed when that last passed.
	streamGap  *trackedGap
	lastPassed time.Time
	// unknownGap is the open gap of records that do not say enough, lastAnswered the
	// last complete reading without such records.
	unknownGap   *trackedGap
	lastAnswered time.Time
	counted      bool // an Exists or AtMost test had an answer in the period
}

type recordKey struct {
	scope evidence.Scope
	id    string
}

// resource is one record of a state stream through time.
type resource struct {
	key        recordKey
	name       string
	values     []any // of kind.keys, then all attributes where kind.all
	effective  *time.Time
	lineSum    uint64 // hash of its line in its last snapshot, of this process alone
	digest     uint64 // hash of what is read of it, likewise; 0 where there is none
	gen        int    // its last snapshot, an index of stream.observedAt
	validUntil int64  // Unix seconds, the least of its cells
	gone       bool
	counted    bool   // evaluated in the period
	rowVersion int    // of a row: the row.version that was evaluated
	rows       []*row // by table of the stream; nil where the view leaves it out
	cells      []cell
	absentAt   time.Time // the last complete run without it, before it appeared
}

// cell is the state of one test on one resource.
type cell struct {
	answer     rule.Answer
	counted    bool // applied in the period
	validUntil int64
	reason     string
	lastPassed time.Time   // last observed passing, while it does not
	gap        *trackedGap // open
	pending    *unconfirmed
}

func (e *Engine) stream(id evidence.Stream) *stream {
	st := e.streams[id]
	if st == nil {
		st = newStream(id, e.testsOf(id.Kind))
		e.streams[id] = st
		e.attachTables(st)
		st.sortedKeys = slices.Sorted(slices.Values(st.kind.keys)) // the views added theirs
		st.register()
	}
	return st
}

func newStream(id evidence.Stream, k *kindTests) *stream {
	return &stream{id: id, text: id.String(), kind: k, tests: make([]streamTest, len(k.tests)), resources: map[recordKey]*resource{}}
}

// register adds the stream to those of its tests.
func (st *stream) register() {
	st.registered = true
	for _, ts := range st.kind.tests {
		ts.streams = append(ts.streams, st)
	}
}

// seenAt is when the resource was last seen as it is: by its own time where
// the source states one, because a report may be older than its reading.
func (st *stream) seenAt(r *resource) time.Time {
	if r.effective != nil {
		return *r.effective
	}
	return st.observedAt[r.gen]
}

// readState reads a snapshot of a list. Where it is the one before again, only
// the time of its observation changes.
func (e *Engine) readState(st *stream, o observation, lines iter.Seq2[evidence.Line, error]) error {
	if st.same(o) {
		if !st.ownTimes {
			st.observedAt[len(st.observedAt)-1] = o.at
		}
		if o.complete {
			e.checkDrift(st, st.observedAt[len(st.observedAt)-1])
		}
	} else if err := e.readSnapshot(st, o, lines); err != nil {
		return err
	}
	st.evaluatedAt = st.observedAt[len(st.observedAt)-1]
	if o.complete {
		st.completeAt = st.evaluatedAt
	}
	e.evaluateSlot(st, o)
	return nil
}

func (st *stream) same(o observation) bool {
	return st.lastHash != nil && o.run.Records != nil && *st.lastHash == o.run.Records.Hash && st.lastComplete == o.complete &&
		o.at.Unix() < st.validUntil && (st.readInPeriod || !o.inPeriod)
}

// readSnapshot reads a snapshot line by line.
func (e *Engine) readSnapshot(st *stream, o observation, lines iter.Seq2[evidence.Line, error]) error {
	undo := st.beginSnapshot(o)
	e.eval.SetNow(o.at)
	earliest := o.at
	next, at := st.spareOrder[:0], 0
	for line, err := range lines {
		if err == nil && len(next) == 0 {
			st.resetTables()
		}
		var res *resource
		if err == nil {
			res, err = e.readLine(st, o, &at, line)
		}
		if err != nil {
			undo() // sufficient before the first record, and an erased snapshot has none
			return err
		}
		if res.effective != nil {
			earliest, st.ownTimes = earlier(earliest, *res.effective), true
		}
		st.validUntil = min(st.validUntil, res.validUntil)
		next = append(next, res)
	}
	if len(next) == 0 {
		st.resetTables()
	}
	st.spareOrder, st.order = st.order, next
	st.observedAt[len(st.observedAt)-1], st.evaluatedAt = earliest, earliest
	if o.complete {
		st.closeAbsent()
		e.checkDrift(st, earliest)
	}
	st.countSnapshot(o)
	return nil
}

// readLine updates the resource of one line. The line is decoded only if something
// that is read of it may have changed.
func (e *Engine) readLine(st *stream, o observation, at *int, line evidence.Line) (*resource, error) {
	if res := st.unchanged(o, at, line); res != nil {
		return res, nil
	}
	rec, err := line.Record()
	if err != nil {
		return nil, err
	}
	res := st.find(at, rec.Scope, rec.ID)
	seen := o.at
	if rec.Effective != nil {
		seen = earlier(rec.Effective.UTC(), o.at)
	}
	changed := st.kind.changes(res, &rec)
	e.updateRows(st, res, &rec, changed)
	e.updateResource(st, res, &rec, o, seen, changed)
	if res.lineSum = line.Sum(); !st.kind.all {
		res.digest, _ = line.Digest(st.sortedKeys)
	}
	return res, nil
}

// beginSnapshot adds a snapshot to the stream, and returns what undoes that.
func (st *stream) beginSnapshot(o observation) (undo func()) {
	n, hash, complete, until, own, entered := len(st.observedAt), st.lastHash, st.lastComplete, st.validUntil, st.ownTimes, st.readInPeriod
	undo = func() {
		st.observedAt, st.lastHash, st.lastComplete, st.validUntil, st.ownTimes, st.readInPeriod = st.observedAt[:n], hash, complete, until, own, entered
	}
	st.observedAt, st.seen = append(st.observedAt, o.at), 0
	st.lastHash, st.lastComplete, st.validUntil, st.ownTimes = nil, o.complete, rule.Forever, false
	if o.run.Records != nil {
		st.lastHash = &o.run.Records.Hash
	}
	st.readInPeriod = st.readInPeriod || o.inPeriod
	return undo
}

// find returns the resource of a record. Snapshots are sorted, so it is nearly
// always the one after the last, and the map is not asked.
func (st *stream) find(at *int, scope evidence.Scope, id string) *resource {
	if *at < len(st.order) {
		if r := st.order[*at]; r.key.id == id && r.key.scope == scope {
			*at++
			return r
		}
	}
	key := recordKey{scope, id}
	r := st.resources[key]
	if r == nil {
		r = &resource{key: key, gen: -1, gone: true, rows: make([]*row, len(st.tables)), cells: make([]cell, len(st.kind.tests))}
		st.resources[key] = r
	}
	if i := *at + 1; i < len(st.order) && st.order[i] == r { // the one before vanished
		*at += 2
	}
	return r
}

// updateResource evaluates a record that changed, or whose answers may be others
// by now, as of the instant at which it was true.
func (e *Engine) updateResource(st *stream, r *resource, rec *evidence.Record, o observation, at time.Time, changed mask) {
	if changed != 0 || o.at.Unix() >= r.validUntil || (o.inPeriod && !r.counted) {
		var before time.Time
		if r.gone {
			r.absentAt, r.gone = st.completeAt, false
			st.present++
		} else {
			before = st.seenAt(r)
			st.countPresence(r, -pick(changed != 0, 1, 0))
		}
		e.evaluateResource(st, r, rec, o, at, before, changed)
		r.counted = r.counted || o.inPeriod
		if changed != 0 {
			r.name, r.values = rec.Name, st.kind.project(rec, r.values)
			st.countPresence(r, 1)
		}
	}
	st.markSeen(r)
	r.effective = nil
	if rec.Effective != nil {
		r.effective = &at
	}
}

// markSeen marks a resource as one of the snapshot that is being read.
func (st *stream) markSeen(r *resource) {
	if gen := len(st.observedAt) - 1; r.gen != gen {
		r.gen = gen
		st.seen++
	}
}

// evaluateResource evaluates the tests whose answer may differ from the last one.
func (e *Engine) evaluateResource(st *stream, r *resource, rec *evidence.Record, o observation, at, before time.Time, changed mask) {
	e.eval.SetRecord(rec, st.id)
	r.validUntil = rule.Forever
	for i, ts := range st.kind.tests {
		c := &r.cells[i]
		if changed&st.kind.reads[i] != 0 || o.at.Unix() >= c.validUntil {
			j := ts.rule.Evaluate(&e.eval)
			c.validUntil = j.Until
			if since, prior, confirmed := c.confirm(ts.joined, j.Answer, o, at, before); confirmed {
				e.applyAnswer(st, r, rec, i, j, since, prior)
			}
		}
		if o.inPeriod && !c.counted && applies(c.answer) == 1 && ts.Mode == catalogue.Each {
			c.counted = true
			ts.addPopulation(1)
		}
		r.validUntil = min(r.validUntil, c.validUntil)
	}
}

// unconfirmed is an answer on joined records that does not count yet.
type unconfirmed struct {
	answer     rule.Answer
	at, before time.Time
}

// confirm holds back an answer that rests on more than one reading: both facts may
// have changed between the two. The answer counts once everything was read again
// and it is still the same, and then from when it was first seen.
func (c *cell) confirm(joined bool, to rule.Answer, o observation, at, before time.Time) (since, prior time.Time, confirmed bool) {
	if !joined || to == c.answer || to != rule.Pass && to != rule.Fail {
		c.pending = nil
		return at, before, true
	}
	if c.pending == nil || c.pending.answer != to {
		c.pending = &unconfirmed{to, at, before}
	}
	d := c.pending
	if o.readUntil.Before(d.at.Add(-readingTolerance)) {
		c.validUntil = 0 // evaluate again with the next run
		return at, before, false
	}
	c.pending = nil
	return d.at, d.before, true
}

// applyAnswer gives a cell its new answer, and opens or closes its gap. Unknown
// neither opens nor closes one.
func (e *Engine) applyAnswer(st *stream, r *resource, rec *evidence.Record, i int, j rule.Evaluation, at, before time.Time) {
	c, ts := &r.cells[i], st.kind.tests[i]
	was := c.answer
	c.answer, c.reason = j.Answer, j.Reason
	st.tests[i].now.move(was, j.Answer)
	if ts.Mode != catalogue.Each {
		return
	}
	if was.Fine() && !j.Answer.Fine() {
		c.lastPassed = before
	}
	if was == rule.Fail && j.Answer != rule.Fail {
		c.gap.LastSeen = later(c.gap.FirstSeen, before)
	}
	switch {
	case j.Answer == rule.Fail && c.gap == nil:
		c.gap = e.openGap(ts.newDeviation(st, rec, ts.rule.Explain(&e.eval, ts.Title)), ts.SLADays, at, firstNonZero(c.lastPassed, r.absentAt))
		c.gap.cell = &cellRef{st, r, i}
	case j.Answer.Fine() && c.gap != nil:
		c.gap.fix(at, pick(j.Answer == rule.NotApplicable, "no longer applicable", ""))
		c.gap = nil
	}
}

// openGap starts a gap. notBefore is zero where nothing was observed before,
// slaDays (in days) where no time to fix is promised.
func (e *Engine) openGap(of result.Gap, slaDays int, at, notBefore time.Time) *trackedGap {
	g := &trackedGap{Gap: of}
	g.FirstSeen, g.LastSeen = at, at
	g.ID = gapID(g.Gap)
	if !notBefore.IsZero() {
		notBefore = earlier(notBefore, at) // a run may end after the next one was due
		g.NotBefore = &notBefore
	}
	g.setSLA(slaDays)
	e.tracked = append(e.tracked, g)
	return g
}

// closeAbsent closes the gaps of resources that are not in a complete snapshot.
func (st *stream) closeAbsent() {
	gen := len(st.observedAt) - 1
	if st.seen == st.present {
		return
	}
	for _, r := range st.resources {
		if r.gen == gen || r.gone {
			continue
		}
		r.gone, r.validUntil = true, 0
		st.present--
		st.countPresence(r, -1)
		st.dropRows(r)
		for i := range r.cells {
			st.closeCell(r, i, st.evaluatedAt)
		}
	}
}

func (st *stream) closeCell(r *resource, i int, at time.Time) {
	c := &r.cells[i]
	if c.gap != nil {
		if c.answer == rule.Fail {
			c.gap.LastSeen = later(c.gap.FirstSeen, st.seenAt(r))
		}
		c.gap.fix(at, "resource gone")
	}
	st.tests[i].now.move(c.answer, rule.None)
	*c = cell{counted: c.counted}
}

// countSnapshot counts the answers of the snapshot: of all present resources
// after a complete run, and only of those in the snapshot after a partial one.
func (st *stream) countSnapshot(o observation) {
	for i := range st.tests {
		t := &st.tests[i]
		if t.slot = t.now; o.complete {
			continue
		}
		t.slot = counts{}
		for _, r := range st.order {
			t.slot[r.cells[i].answer]++
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// firstNonZero returns the first instant that is not zero, or zero.
func firstNonZero(ts ...time.Time) time.Time {
	for _, t := range ts {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}
