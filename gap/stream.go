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

// plan is what is asked of the records of one kind.
type plan struct {
	tests []*testState
	reads []mask // by test
	// keys are the attributes that a test or a view reads; the first ones, as many
	// as heard, those whose silence would be missed.
	keys  []string
	heard int
	// all: the attributes are read whole.
	all bool
	// effective: the record's own time is read.
	effective bool
}

func (p *plan) add(ts *testState) {
	p.tests, p.reads = append(p.tests, ts), append(p.reads, p.read(ts.rule))
	p.heard = pick(p.all, 0, len(p.keys))
}

// read makes the plan one of what r reads, and gives the mask of it.
func (p *plan) read(r *rule.Rule) mask {
	p.all = p.all || r.All
	p.effective = p.effective || r.Effective
	reads := pick(r.All, everything, selfBit)
	for _, k := range r.Keys {
		i := slices.Index(p.keys, k)
		if i < 0 {
			i = len(p.keys)
			p.keys = append(p.keys, k)
		}
		reads |= keyBit(i)
	}
	return reads
}

func (e *Engine) plan(k evidence.Kind) *plan {
	if e.plans[k] == nil {
		e.plans[k] = new(plan)
	}
	return e.plans[k]
}

// stream is what is known of one stream.
type stream struct {
	id    evidence.Stream
	text  string
	plan  *plan
	slots slotTally
	tests []streamTest // one for each test of the plan

	// The state of a state stream.
	resources map[recordKey]*resource
	present   int         // how many of them are not gone
	met       int         // how many of them the last snapshot showed
	names     []string    // plan.keys, sorted
	order     []*resource // as the last snapshot gave them
	spare     []*resource // the backing of the one before
	obs       []time.Time // obs[gen] is the last observation of the gen-th distinct snapshot
	last      *evidence.Hash
	lastWhole bool  // the last snapshot was of a complete run
	timed     bool  // its records state their own time
	until     int64 // when, in Unix seconds, unchanged records must be judged again
	entered   bool  // a snapshot of the period was read
	wholeAt   time.Time
	judged    time.Time // what the last verdicts speak of

	events *population

	tables []*table // of the views that its records are rows of
	shown  bool
	rows   bool // its records are rows of a view
	once   bool // it has no schedule: it was written down whole, once

	voices []voice       // by plan.keys
	kept   time.Duration // how long the source keeps its events
	wanted time.Time     // where the first window began
	fading *spell

	blind *spell
	bad   []evidence.Class // the classes of the open blind gap
	good  time.Time        // the last complete run
}

// streamTest is one test on one stream.
type streamTest struct {
	now, slot counts      // all present records; those of the last snapshot
	verdict   rule.Answer // of the last slot
	// whole is the gap of an Exists or AtMost test, fine when it was last passing.
	whole *spell
	fine  time.Time
	// dim is the gap of records that do not say enough, clear when there was none.
	dim     *spell
	clear   time.Time
	counted bool // an Exists or AtMost test was judged in the period
}

type recordKey struct {
	scope evidence.Scope
	id    string
}

// resource is one record of a state stream through time.
type resource struct {
	key       recordKey
	name      string
	vals      []any // of plan.keys, then the attributes whole if they are read so
	effective *time.Time
	sum       uint64 // of its line in the last snapshot that showed it, and the digest
	digest    uint64 // of what the plan reads; 0 where there is none
	gen       int
	until     int64
	gone      bool
	counted   bool   // judged in the period
	news      int    // of a row: what of it was judged
	rows      []*row // by table of the stream; nil where the view does not take it
	cells     []cell
	absent    time.Time // the last complete run without it, before it appeared
}

// cell is one test on one resource.
type cell struct {
	code    rule.Answer
	counted bool // applied in the period
	until   int64
	why     string
	passed  time.Time // last seen passing, while it does not
	open    *spell
	doubt   *doubt
}

func (e *Engine) stream(id evidence.Stream) *stream {
	st := e.streams[id]
	if st == nil {
		st = newStream(id, e.plan(id.Kind))
		e.streams[id] = st
		e.furnish(st)
		st.names = slices.Sorted(slices.Values(st.plan.keys)) // now that its views are known
		st.show()
	}
	return st
}

func newStream(id evidence.Stream, p *plan) *stream {
	return &stream{id: id, text: id.String(), plan: p, tests: make([]streamTest, len(p.tests)), resources: map[recordKey]*resource{}}
}

// show makes the tests of a stream know it.
func (st *stream) show() {
	st.shown = true
	for _, ts := range st.plan.tests {
		ts.streams = append(ts.streams, st)
	}
}

// seenAt is when the resource was last seen as it is: by its own time where
// the source states one, because a report may be older than its reading.
func (st *stream) seenAt(r *resource) time.Time {
	if r.effective != nil {
		return *r.effective
	}
	return st.obs[r.gen]
}

// takeState reads a snapshot of a complete list, or, if it is the one before
// again, only moves the time of its observation.
func (e *Engine) takeState(st *stream, o observation, lines iter.Seq2[evidence.Line, error]) error {
	if st.same(o) {
		if !st.timed {
			st.obs[len(st.obs)-1] = o.at
		}
		if o.complete {
			e.listen(st, st.obs[len(st.obs)-1])
		}
	} else if err := e.pass(st, o, lines); err != nil {
		return err
	}
	st.judged = st.obs[len(st.obs)-1]
	if o.complete {
		st.wholeAt = st.judged
	}
	e.judgeSlot(st, o)
	return nil
}

func (st *stream) same(o observation) bool {
	return st.last != nil && o.run.Records != nil && *st.last == o.run.Records.Hash && st.lastWhole == o.complete &&
		o.at.Unix() < st.until && (st.entered || !o.inPeriod)
}

// pass reads a snapshot record by record.
func (e *Engine) pass(st *stream, o observation, lines iter.Seq2[evidence.Line, error]) error {
	undo := st.begin(o)
	e.eval.SetNow(o.at)
	earliest := o.at
	next, at := st.spare[:0], 0
	for line, err := range lines {
		if err == nil && len(next) == 0 {
			st.clearTables()
		}
		var res *resource
		if err == nil {
			res, err = e.line(st, o, &at, line)
		}
		if err != nil {
			undo() // of use before the first record: an erased snapshot gives none
			return err
		}
		if res.effective != nil {
			earliest, st.timed = earlier(earliest, *res.effective), true
		}
		st.until = min(st.until, res.until)
		next = append(next, res)
	}
	if len(next) == 0 {
		st.clearTables()
	}
	st.spare, st.order = st.order, next
	st.obs[len(st.obs)-1], st.judged = earliest, earliest
	if o.complete {
		st.sweep()
		e.listen(st, earliest)
	}
	st.tally(o)
	return nil
}

// line takes one record of a snapshot, which is decoded only if something may
// have changed that is read.
func (e *Engine) line(st *stream, o observation, at *int, line evidence.Line) (*resource, error) {
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
	changed := st.plan.changes(res, &rec)
	e.shelve(st, res, &rec, changed)
	e.see(st, res, &rec, o, seen, changed)
	if res.sum = line.Sum(); !st.plan.all {
		res.digest, _ = line.Digest(st.names)
	}
	return res, nil
}

// begin makes ready for a snapshot. It gives what takes that back.
func (st *stream) begin(o observation) (undo func()) {
	n, last, whole, until, timed, entered := len(st.obs), st.last, st.lastWhole, st.until, st.timed, st.entered
	undo = func() {
		st.obs, st.last, st.lastWhole, st.until, st.timed, st.entered = st.obs[:n], last, whole, until, timed, entered
	}
	st.obs, st.met = append(st.obs, o.at), 0
	st.last, st.lastWhole, st.until, st.timed = nil, o.complete, rule.Forever, false
	if o.run.Records != nil {
		st.last = &o.run.Records.Hash
	}
	st.entered = st.entered || o.inPeriod
	return undo
}

// find gives the resource of a record. Snapshots are sorted, so it is nearly
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
		r = &resource{key: key, gen: -1, gone: true, rows: make([]*row, len(st.tables)), cells: make([]cell, len(st.plan.tests))}
		st.resources[key] = r
	}
	if i := *at + 1; i < len(st.order) && st.order[i] == r { // the one before vanished
		*at += 2
	}
	return r
}

// see takes one record at the time it was true, and what of it changed.
func (e *Engine) see(st *stream, r *resource, rec *evidence.Record, o observation, at time.Time, changed mask) {
	if changed != 0 || o.at.Unix() >= r.until || (o.inPeriod && !r.counted) {
		var before time.Time
		if r.gone {
			r.absent, r.gone = st.wholeAt, false
			st.present++
		} else {
			before = st.seenAt(r)
			st.hear(r, -pick(changed != 0, 1, 0))
		}
		e.judge(st, r, rec, o, at, before, changed)
		r.counted = r.counted || o.inPeriod
		if changed != 0 {
			r.name, r.vals = rec.Name, st.plan.project(rec, r.vals)
			st.hear(r, 1)
		}
	}
	st.meet(r)
	r.effective = nil
	if rec.Effective != nil {
		r.effective = &at
	}
}

// meet notes that the snapshot that is being read shows a resource.
func (st *stream) meet(r *resource) {
	if gen := len(st.obs) - 1; r.gen != gen {
		r.gen = gen
		st.met++
	}
}

// judge asks every test whose answer may differ from the last one.
func (e *Engine) judge(st *stream, r *resource, rec *evidence.Record, o observation, at, before time.Time, changed mask) {
	e.eval.SetRecord(rec, st.id)
	r.until = rule.Forever
	for i, ts := range st.plan.tests {
		c := &r.cells[i]
		if changed&st.plan.reads[i] != 0 || o.at.Unix() >= c.until {
			j := ts.rule.Judge(&e.eval)
			c.until = j.Until
			if since, prior, settled := c.settle(ts.joined, j.Answer, o, at, before); settled {
				e.move(st, r, rec, i, j, since, prior)
			}
		}
		if o.inPeriod && !c.counted && applies(c.code) == 1 && ts.Mode == catalogue.Each {
			c.counted = true
			ts.count(1)
		}
		r.until = min(r.until, c.until)
	}
}

// doubt is a verdict on joined records that is not yet settled.
type doubt struct {
	code       rule.Answer
	at, before time.Time
}

// settle holds back a verdict that rests on more than one reading: between the
// two, both facts may have changed, so it counts once everything was read again
// and still says so, and then from when it was first seen.
func (c *cell) settle(joined bool, to rule.Answer, o observation, at, before time.Time) (since, prior time.Time, settled bool) {
	if !joined || to == c.code || to != rule.Pass && to != rule.Fail {
		c.doubt = nil
		return at, before, true
	}
	if c.doubt == nil || c.doubt.code != to {
		c.doubt = &doubt{to, at, before}
	}
	d := c.doubt
	if o.floor.Before(d.at.Add(-sameMoment)) {
		c.until = 0 // ask again each time
		return at, before, false
	}
	c.doubt = nil
	return d.at, d.before, true
}

// move brings one test of one resource from its last verdict to the new one.
// Unknown neither opens nor closes.
func (e *Engine) move(st *stream, r *resource, rec *evidence.Record, i int, j rule.Judgement, at, before time.Time) {
	c, ts := &r.cells[i], st.plan.tests[i]
	was := c.code
	c.code, c.why = j.Answer, j.Why
	st.tests[i].now.move(was, j.Answer)
	if ts.Mode != catalogue.Each {
		return
	}
	if was.Fine() && !j.Answer.Fine() {
		c.passed = before
	}
	if was == rule.Fail && j.Answer != rule.Fail {
		c.open.LastSeen = later(c.open.FirstSeen, before)
	}
	switch {
	case j.Answer == rule.Fail && c.open == nil:
		c.open = e.open(ts.deviation(st, rec, ts.rule.Explain(&e.eval, ts.Title)), ts.SLADays, at, known(c.passed, r.absent))
		c.open.holder = &holder{st, r, i}
	case j.Answer.Fine() && c.open != nil:
		c.open.fix(at, pick(j.Answer == rule.NotApplicable, "no longer applicable", ""))
		c.open = nil
	}
}

// open starts a gap: notBefore is zero where nothing was seen before, slaDays
// where nothing is promised.
func (e *Engine) open(g result.Gap, slaDays int, at, notBefore time.Time) *spell {
	s := &spell{Gap: g}
	s.FirstSeen, s.LastSeen = at, at
	s.ID = gapID(s.Gap)
	if !notBefore.IsZero() {
		notBefore = earlier(notBefore, at) // a run may end after the next one was due
		s.NotBefore = &notBefore
	}
	s.promise(slaDays)
	e.spells = append(e.spells, s)
	return s
}

// sweep ends the resources that a complete snapshot does not show.
func (st *stream) sweep() {
	gen := len(st.obs) - 1
	if st.met == st.present {
		return
	}
	for _, r := range st.resources {
		if r.gen == gen || r.gone {
			continue
		}
		r.gone, r.until = true, 0
		st.present--
		st.hear(r, -1)
		st.clearRows(r)
		for i := range r.cells {
			st.end(r, i, st.judged)
		}
	}
}

func (st *stream) end(r *resource, i int, at time.Time) {
	c := &r.cells[i]
	if c.open != nil {
		if c.code == rule.Fail {
			c.open.LastSeen = later(c.open.FirstSeen, st.seenAt(r))
		}
		c.open.fix(at, "resource gone")
	}
	st.tests[i].now.move(c.code, rule.None)
	*c = cell{counted: c.counted}
}

// tally counts the verdicts of the snapshot: what is present after a complete
// run, and only what was seen in a partial one.
func (st *stream) tally(o observation) {
	for i := range st.tests {
		t := &st.tests[i]
		if t.slot = t.now; o.complete {
			continue
		}
		t.slot = counts{}
		for _, r := range st.order {
			t.slot[r.cells[i].code]++
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// known gives the first instant that is not zero.
func known(ts ...time.Time) time.Time {
	for _, t := range ts {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}
