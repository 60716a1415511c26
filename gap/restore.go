package gap

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/gap/rule"
	"github.com/evidenced/evidenced/gap/wire"
)

// maxSnapshot bounds the size of a snapshot, in bytes.
const maxSnapshot = 1 << 30

// Restore returns the engine of a snapshot, and its mark. The caller checks that the
// mark is of its log, and goes on with the first run and act after it; acts of
// options are added to those of the snapshot. The error wraps ErrSnapshotStale,
// ErrSnapshotDamaged or that of r: then the log must be read from its beginning.
func Restore(r io.Reader, cat *catalogue.Catalogue, p result.Period, opts ...Option) (e *Engine, mark []byte, err error) {
	e = NewEngine(cat, p, opts...)
	d, err := wire.NewReader(r, maxSnapshot, e.snapshotHeader())
	if errors.Is(err, wire.ErrHeader) {
		return nil, nil, ErrSnapshotStale
	}
	if err == nil {
		s := &snapshotReader{Reader: d, e: e}
		mark = bytes.Clone(s.Bytes())
		err = s.engine()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("restore: %w", err)
	}
	return e, mark, nil
}

// snapshotReader reads what snapshotWriter wrote into a new engine. It checks all
// that the engine relies on, so that a snapshot that nobody wrote is an error and
// no panic, at once or later.
type snapshotReader struct {
	*wire.Reader
	e *Engine
}

func (s *snapshotReader) engine() error {
	s.acts()
	s.e.began = s.Time()
	for _, ts := range s.e.tests {
		s.test(ts)
	}
	s.trackedGaps()
	for range s.Len(8) {
		s.baseStream()
		if s.Err() != nil {
			return s.Err()
		}
	}
	for _, name := range sortedNames(s.e.ledgers) {
		s.ledger(s.e.ledgers[name])
	}
	if err := s.End(); err != nil {
		return err
	}
	s.e.joinsMissing = true
	return nil
}

func (s *snapshotReader) acts() {
	var acts []evidence.Act
	if err := json.Unmarshal(s.Bytes(), &acts); err != nil {
		s.Fail("its acts: %v", err)
	}
	for _, a := range acts {
		if err := validateAct(a); err != nil {
			s.Fail("its acts: %v", err)
		}
	}
	s.e.acts = append(acts, s.e.acts...)
}

func validateAct(a evidence.Act) error {
	if a.Decision != nil {
		if err := a.Decision.Validate(); err != nil {
			return err
		}
	}
	if a.Upload != nil {
		return a.Upload.Validate()
	}
	return nil
}

func (s *snapshotReader) int() int { return int(s.Int()) }

// gap reads a reference to a gap; nil for none.
func (s *snapshotReader) gap() *trackedGap {
	if i := s.Index(len(s.e.tracked) + 1); i > 0 {
		return s.e.tracked[i-1]
	}
	return nil
}

// someGap reads a reference to a gap where there must be one.
func (s *snapshotReader) someGap() *trackedGap {
	g := s.gap()
	if g == nil {
		s.Fail("a gap is missing")
		return new(trackedGap)
	}
	return g
}

func (s *snapshotReader) counts() (n counts) {
	for i := range n {
		n[i] = s.int()
	}
	return n
}

func (s *snapshotReader) answer() rule.Answer {
	a := s.Byte()
	if a >= byte(rule.Answers) {
		s.Fail("an answer is %d", a)
		return rule.None
	}
	return rule.Answer(a)
}

func (s *snapshotReader) answers(all []rule.Answer) {
	for i := range all {
		all[i] = s.answer()
	}
}

func (s *snapshotReader) test(ts *testState) {
	ts.population = s.int()
	s.answers(ts.slotDays)
	if !s.Bool() {
		return
	}
	ts.eventDays = make([]counts, s.e.period.Days())
	for i := range ts.eventDays {
		if s.Bool() {
			ts.eventDays[i] = s.counts()
		}
	}
}

func (s *snapshotReader) trackedGaps() {
	all := make([]trackedGap, s.Len(17))
	s.e.tracked = make([]*trackedGap, len(all))
	for i := range all {
		s.trackedGap(&all[i])
		s.e.tracked[i] = &all[i]
	}
}

func (s *snapshotReader) trackedGap(g *trackedGap) {
	g.ID, g.Kind, g.Control, g.Test, g.Severity = s.Text(), result.Kind(s.Text()), s.Text(), s.Text(), s.Text()
	g.Stream, g.Resource, g.Name, g.Reason, g.Scope = s.Text(), s.Text(), s.Text(), s.Text(), evidence.Scope(s.Text())
	g.Criteria = s.Texts()
	g.NotBefore, g.FirstSeen, g.LastSeen, g.FixedBy, g.SLADue = s.TimeOrNil(), s.Time(), s.Time(), s.TimeOrNil(), s.TimeOrNil()
	bits := s.Byte()
	g.event, g.retracted = bits&1 != 0, bits&2 != 0
}

func (s *snapshotReader) baseStream() {
	id := evidence.Stream{Source: s.Text(), Kind: evidence.Kind(s.Text()), Scope: evidence.Scope(s.Text())}
	if s.e.streams[id] != nil {
		s.Fail("stream %s is in it twice", id)
	}
	if s.Err() != nil {
		return
	}
	st := s.e.stream(id)
	s.stream(st)
	all := s.resources(st)
	for _, t := range st.tables {
		s.table(t, all)
	}
}

func (s *snapshotReader) stream(st *stream) {
	bits := s.Byte()
	has := func(i int) bool { return bits>>i&1 != 0 }
	st.lastComplete, st.ownTimes, st.readInPeriod, st.oneOff = has(1), has(2), has(3), has(5)
	if has(4) && !st.registered {
		st.register()
	}
	s.slots(&st.slots)
	for i := range st.tests {
		s.streamTest(&st.tests[i])
	}
	if has(0) {
		st.lastHash = new(evidence.Hash)
		s.Raw(st.lastHash[:])
	}
	st.validUntil = s.Int()
	st.completeAt, st.evaluatedAt, st.firstWindow, st.lastCompleteRun = s.Time(), s.Time(), s.Time(), s.Time()
	st.retention = time.Duration(s.Int())
	st.retentionGap, st.blindGap = s.gap(), s.gap()
	for range s.Len(1) {
		st.blindClasses = append(st.blindClasses, evidence.Class(s.Text()))
	}
	s.presence(st)
	st.observedAt = make([]time.Time, s.Len(1))
	for i := range st.observedAt {
		st.observedAt[i] = s.Time()
	}
	if st.lastHash != nil && len(st.observedAt) == 0 {
		s.Fail("a snapshot has no time")
	}
	if has(6) {
		s.events(st)
	}
}

func (s *snapshotReader) slots(c *slotCounter) {
	for _, n := range []*int{&c.Expected, &c.Collected, &c.Late, &c.Partial, &c.Failed, &c.Missed, &c.complete} {
		*n = s.int()
	}
}

func (s *snapshotReader) streamTest(t *streamTest) {
	t.answer, t.counted = s.answer(), s.Bool()
	t.now, t.slot = s.counts(), s.counts()
	t.streamGap, t.lastPassed = s.gap(), s.Time()
	t.unknownGap, t.lastAnswered = s.gap(), s.Time()
}

func (s *snapshotReader) presence(st *stream) {
	n := s.Len(3)
	if n != 0 && n != st.kind.monitored {
		s.Fail("%d of %d attributes are counted", n, st.kind.monitored)
	}
	if n == 0 || s.Err() != nil {
		return
	}
	st.presence = make([]attributePresence, n)
	for i := range st.presence {
		st.presence[i] = attributePresence{s.int(), s.Bool(), s.gap()}
	}
}

func (s *snapshotReader) events(st *stream) {
	n := s.Len(len(eventKey{}) + 1)
	s.e.initEvents(st)
	set := st.events
	set.index, set.days = make(map[eventKey]int32, n), make([]int32, n)
	for i := range n {
		var key eventKey
		s.Raw(key[:])
		set.index[key] = int32(i)
		day := s.Int()
		if day < outsidePeriod || day >= int64(s.e.period.Days()) {
			s.Fail("an event is of day %d", day)
			return
		}
		set.days[i] = int32(day)
	}
	if len(set.index) != n {
		s.Fail("an event is in it twice")
	}
	set.answers = make([]rule.Answer, s.room(n*len(st.tests)))
	s.answers(set.answers)
	for range s.Len(3) {
		key := eventTest{int32(s.Index(n)), int32(s.Index(len(st.tests)))}
		set.gaps[key] = s.someGap()
	}
	set.windows = make([]evidence.Window, s.Len(2))
	for i := range set.windows {
		set.windows[i] = evidence.Window{From: s.Time(), To: s.Time()}
	}
}

// room returns n, or 0 where so many bytes are not left.
func (s *snapshotReader) room(n int) int {
	if n > s.Left() {
		s.Fail("%d bytes are not in it", n)
		return 0
	}
	return n
}

func (s *snapshotReader) resources(st *stream) []resource {
	tests := len(st.kind.tests)
	all := make([]resource, s.Len(7+tests+len(st.tables)))
	cells, rows := make([]cell, len(all)*tests), make([]*row, len(all)*len(st.tables))
	values := len(st.kind.keys) + pick(st.kind.all, 1, 0)
	for i := range all {
		r := &all[i]
		r.cells, r.rows = cells[i*tests:(i+1)*tests:(i+1)*tests], rows[i*len(st.tables):(i+1)*len(st.tables):(i+1)*len(st.tables)]
		if s.resource(st, r, values); s.Err() != nil {
			return nil
		}
		st.resources[r.key] = r
		st.present += pick(r.gone, 0, 1)
	}
	if len(st.resources) != len(all) {
		s.Fail("a record of %s is in it twice", st.text)
	}
	st.order = make([]*resource, s.Len(1))
	next := 0
	for i := range st.order {
		if next += s.int(); next < 0 || next >= len(all) {
			s.Fail("record %d of %d", next, len(all))
			return nil
		}
		st.order[i] = &all[next]
		next++
	}
	return all
}

func (s *snapshotReader) resource(st *stream, r *resource, values int) {
	r.key = s.key()
	bits := s.Byte()
	r.gone, r.counted, r.validUntil = bits&1 != 0, bits&2 != 0, rule.Forever
	r.name, r.effective, r.gen = s.Text(), s.TimeOrNil(), s.int()
	if bits&4 != 0 {
		r.validUntil = s.Int()
	}
	r.rowVersion, r.absentAt = s.int(), s.Time()
	if !r.gone {
		r.values = make([]any, s.room(values))
		for i := range r.values {
			r.values[i] = s.Value(rule.Absent{})
		}
		s.wholeAttributes(st, r)
	}
	if r.gen < 0 || r.gen >= len(st.observedAt) {
		s.Fail("a record is of snapshot %d of %d", r.gen, len(st.observedAt))
	}
	for i := range r.cells {
		s.cell(st, r, i)
	}
	for i, t := range st.tables {
		if s.Bool() {
			r.rows[i] = s.row(t, r.key)
		}
	}
}

// wholeAttributes gives the last value its type, where that is all attributes.
func (s *snapshotReader) wholeAttributes(st *stream, r *resource) {
	if !st.kind.all || len(r.values) == 0 {
		return
	}
	if _, ok := r.values[len(r.values)-1].(map[string]any); !ok {
		s.Fail("the attributes of a record are no map")
	}
}

func (s *snapshotReader) key() recordKey {
	return recordKey{evidence.Scope(s.Text()), s.Text()}
}

func (s *snapshotReader) cell(st *stream, r *resource, i int) {
	c, bits := &r.cells[i], s.Byte()
	if bits&cellAnswer >= byte(rule.Answers) {
		s.Fail("an answer is %d", bits&cellAnswer)
		return
	}
	c.answer, c.counted, c.validUntil = rule.Answer(bits&cellAnswer), bits&cellCounted != 0, rule.Forever
	if bits&cellUntil != 0 {
		c.validUntil = s.Int()
	}
	if bits&cellGap != 0 {
		c.gap = s.someGap()
		c.gap.cell = &cellRef{st, r, i}
	}
	if bits&cellDetail != 0 {
		c.reason, c.lastPassed = s.Text(), s.Time()
	}
	if bits&cellPending != 0 {
		c.pending = &unconfirmed{s.answer(), s.Time(), s.Time()}
	}
	if c.answer == rule.Fail && c.gap == nil && st.kind.tests[i].Mode == catalogue.Each {
		s.Fail("a failing record has no gap")
	}
}

// buildJoins fills the joins of a restored engine from its rows. It is called when
// joins are used first: a result needs none.
func (e *Engine) buildJoins() {
	if !e.joinsMissing {
		return
	}
	e.joinsMissing = false
	for _, v := range e.views {
		for _, t := range v.tables {
			for _, r := range t.all() {
				t.joinRow(r)
			}
		}
	}
}
