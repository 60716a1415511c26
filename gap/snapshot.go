package gap

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/evidenced/evidenced/gap/rule"
	"github.com/evidenced/evidenced/gap/wire"
)

const (
	// snapshotFormat grows with every change of what a snapshot holds, engineVersion
	// with every change by which a log has another result. Either makes older
	// snapshots unusable, which costs one reading of the log.
	snapshotFormat = 1
	engineVersion  = 2
	// celVersion is that of go.mod: another one may evaluate otherwise.
	celVersion = "v0.33.2"
)

var (
	// ErrSnapshotDamaged: a snapshot is torn, was altered, or does not follow the format.
	ErrSnapshotDamaged = wire.ErrDamaged
	// ErrSnapshotStale: a snapshot is of another version of the engine, or of another
	// catalogue, period or roots.
	ErrSnapshotStale = errors.New("the snapshot is of another version, catalogue, period or roots")
)

// Snapshot writes all that the engine keeps between two runs, the acts among it. An
// engine that Restore makes of it goes on to the same results, byte for byte. The
// same state has the same snapshot. Mark is the caller's: it says which log was
// read, and how far, as size and root hash do.
//
// Hashes of lines are not part of it, as they differ from process to process: the
// next records of a stream are all decoded.
func (e *Engine) Snapshot(w io.Writer, mark []byte) error {
	s := &snapshotWriter{Writer: new(wire.Writer), gaps: map[*trackedGap]int{}}
	for i, g := range e.tracked {
		s.gaps[g] = i + 1
	}
	acts, err := json.Marshal(e.acts)
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	s.Bytes(mark)
	s.Bytes(acts)
	s.Time(e.began)
	for _, ts := range e.tests {
		s.test(ts)
	}
	s.Len(len(e.tracked))
	for _, g := range e.tracked {
		s.trackedGap(g)
	}
	streams := e.sortedStreams()
	s.Len(len(streams))
	for _, st := range streams {
		s.baseStream(st)
	}
	for _, name := range sortedNames(e.ledgers) {
		s.ledger(e.ledgers[name])
	}
	if err := s.WriteTo(w, e.snapshotHeader()); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	return nil
}

// snapshotHeader names all that a snapshot depends on.
func (e *Engine) snapshotHeader() []byte {
	h := fmt.Appendf(nil, "evidenced engine snapshot %d, engine %d, CEL %s\ncatalogue %s\nperiod %s %s\n", snapshotFormat, engineVersion, celVersion,
		e.cat.Digest(), e.period.From.Format(time.RFC3339Nano), e.period.To.Format(time.RFC3339Nano))
	for _, name := range sortedNames(e.ledgers) {
		h = fmt.Appendf(h, "root %q %q\n", name, e.ledgers[name].root)
	}
	return h
}

func sortedNames(ledgers map[string]*scopeLedger) []string { return slices.Sorted(maps.Keys(ledgers)) }

// snapshotWriter writes the parts of an engine. It and snapshotReader must agree.
type snapshotWriter struct {
	*wire.Writer
	gaps map[*trackedGap]int // by gap: its place in Engine.tracked, from 1
}

func (s *snapshotWriter) gap(g *trackedGap) { s.Len(s.gaps[g]) }

func (s *snapshotWriter) counts(n counts) {
	for _, v := range n {
		s.Int(int64(v))
	}
}

func (s *snapshotWriter) answers(all []rule.Answer) {
	for _, a := range all {
		s.Byte(byte(a))
	}
}

func (s *snapshotWriter) test(ts *testState) {
	s.Int(int64(ts.population))
	s.answers(ts.slotDays)
	s.Bool(ts.eventDays != nil)
	for _, n := range ts.eventDays {
		s.Bool(n != counts{})
		if n != (counts{}) {
			s.counts(n)
		}
	}
}

func (s *snapshotWriter) trackedGap(g *trackedGap) {
	for _, text := range []string{g.ID, string(g.Kind), g.Control, g.Test, g.Severity, g.Stream, g.Resource, g.Name, g.Reason, string(g.Scope)} {
		s.Text(text)
	}
	s.Texts(g.Criteria)
	s.TimeOrNil(g.NotBefore)
	s.Time(g.FirstSeen)
	s.Time(g.LastSeen)
	s.TimeOrNil(g.FixedBy)
	s.TimeOrNil(g.SLADue)
	s.Byte(wire.Bits(g.event, g.retracted))
}

// baseStream writes a stream of the log, with its tables.
func (s *snapshotWriter) baseStream(st *stream) {
	s.Text(st.id.Source)
	s.Text(string(st.id.Kind))
	s.Text(string(st.id.Scope))
	s.stream(st)
	places := s.resources(st)
	for _, t := range st.tables {
		s.table(t, places)
	}
}

// stream writes all of a stream but its resources.
func (s *snapshotWriter) stream(st *stream) {
	s.Byte(wire.Bits(st.lastHash != nil, st.lastComplete, st.ownTimes, st.readInPeriod, st.registered, st.oneOff, st.events != nil))
	s.slots(&st.slots)
	for i := range st.tests {
		s.streamTest(&st.tests[i])
	}
	if st.lastHash != nil {
		s.Raw(st.lastHash[:])
	}
	s.Int(st.validUntil)
	s.Time(st.completeAt)
	s.Time(st.evaluatedAt)
	s.Time(st.firstWindow)
	s.Time(st.lastCompleteRun)
	s.Int(int64(st.retention))
	s.gap(st.retentionGap)
	s.gap(st.blindGap)
	s.Len(len(st.blindClasses))
	for _, c := range st.blindClasses {
		s.Text(string(c))
	}
	s.Len(len(st.presence))
	for _, p := range st.presence {
		s.Int(int64(p.present))
		s.Bool(p.usual)
		s.gap(p.gap)
	}
	s.Len(len(st.observedAt))
	for _, at := range st.observedAt {
		s.Time(at)
	}
	if st.events != nil {
		s.events(st.events)
	}
}

func (s *snapshotWriter) slots(c *slotCounter) {
	for _, n := range []int{c.Expected, c.Collected, c.Late, c.Partial, c.Failed, c.Missed, c.complete} {
		s.Int(int64(n))
	}
}

func (s *snapshotWriter) streamTest(t *streamTest) {
	s.Byte(byte(t.answer))
	s.Bool(t.counted)
	s.counts(t.now)
	s.counts(t.slot)
	s.gap(t.streamGap)
	s.Time(t.lastPassed)
	s.gap(t.unknownGap)
	s.Time(t.lastAnswered)
}

func (s *snapshotWriter) events(set *eventSet) {
	keys := make([]eventKey, len(set.index))
	for key, n := range set.index {
		keys[n] = key
	}
	s.Len(len(keys))
	for n, key := range keys {
		s.Raw(key[:])
		s.Int(int64(set.days[n]))
	}
	s.answers(set.answers)
	s.Len(len(set.gaps))
	for _, key := range slices.SortedFunc(maps.Keys(set.gaps), func(a, b eventTest) int { return cmp.Or(cmp.Compare(a.event, b.event), cmp.Compare(a.test, b.test)) }) {
		s.Len(int(key.event))
		s.Len(int(key.test))
		s.gap(set.gaps[key])
	}
	s.Len(len(set.windows))
	for _, w := range set.windows {
		s.Time(w.From)
		s.Time(w.To)
	}
}

// resources writes the resources of a stream, and the order of its last snapshot.
// It returns their places.
func (s *snapshotWriter) resources(st *stream) map[*resource]int {
	all := slices.SortedFunc(maps.Values(st.resources), func(a, b *resource) int { return compareKeys(a.key, b.key) })
	places := make(map[*resource]int, len(all))
	s.Len(len(all))
	for i, r := range all {
		places[r] = i
		s.resource(st, r)
	}
	s.Len(len(st.order))
	next := 0
	for _, r := range st.order {
		s.Int(int64(places[r] - next))
		next = places[r] + 1
	}
	return places
}

func compareKeys(a, b recordKey) int {
	return cmp.Or(cmp.Compare(a.scope, b.scope), cmp.Compare(a.id, b.id))
}

func (s *snapshotWriter) resource(st *stream, r *resource) {
	s.key(r.key)
	s.Byte(wire.Bits(r.gone, r.counted, r.validUntil != rule.Forever))
	s.Text(r.name)
	s.TimeOrNil(r.effective)
	s.Int(int64(r.gen))
	if r.validUntil != rule.Forever {
		s.Int(r.validUntil)
	}
	s.Int(int64(r.rowVersion))
	s.Time(r.absentAt)
	if !r.gone { // those of a resource that is gone are never compared
		for _, v := range r.values {
			s.value(v)
		}
	}
	for i := range r.cells {
		s.cell(&r.cells[i])
	}
	for _, row := range r.rows {
		s.Bool(row != nil)
		if row != nil {
			s.row(row)
		}
	}
}

func (s *snapshotWriter) key(k recordKey) {
	s.Text(string(k.scope))
	s.Text(k.id)
}

func (s *snapshotWriter) value(v any) {
	if v == (any)(rule.Absent{}) {
		s.Absent()
		return
	}
	s.Value(v)
}

// Above the answer, the first byte of a cell says what follows it.
const (
	cellCounted = 1 << (iota + 3)
	cellUntil
	cellGap
	cellDetail
	cellPending
	cellAnswer = 1<<3 - 1
)

func (s *snapshotWriter) cell(c *cell) {
	detail := c.reason != "" || !c.lastPassed.IsZero()
	s.Byte(byte(c.answer) | wire.Bits(c.counted, c.validUntil != rule.Forever, c.gap != nil, detail, c.pending != nil)<<3)
	if c.validUntil != rule.Forever {
		s.Int(c.validUntil)
	}
	if c.gap != nil {
		s.gap(c.gap)
	}
	if detail {
		s.Text(c.reason)
		s.Time(c.lastPassed)
	}
	if p := c.pending; p != nil {
		s.Byte(byte(p.answer))
		s.Time(p.at)
		s.Time(p.before)
	}
}

func (s *snapshotWriter) row(r *row) {
	s.Text(r.name)
	s.TimeOrNil(r.effective)
	s.Int(int64(r.version))
	s.Uint(uint64(r.queued))
	for _, v := range r.fields {
		s.value(v)
	}
	s.Bool(r.seeks != nil)
	for _, texts := range slices.Concat(r.seeks, r.keys) {
		s.Texts(texts)
	}
}

func (s *snapshotWriter) table(t *table, places map[*resource]int) {
	s.Byte(wire.Bits(t.usable, t.complete))
	s.Time(t.at)
	s.Time(t.completeAt)
	s.Time(t.reachBefore)
	s.Int(int64(t.runs))
	s.Int(int64(t.gen))
	keys := slices.SortedFunc(maps.Keys(t.rows), compareKeys)
	rows := make(map[*row]int, len(keys))
	s.Len(len(keys))
	for i, key := range keys {
		r := t.rows[key]
		rows[r] = i + 1
		s.key(key)
		s.Int(int64(r.gen))
		s.row(r)
	}
	s.tableOrder(t)
	for _, v := range t.tests {
		s.viewTest(v, rows)
	}
}

// tableOrder writes the rows of the last snapshot as places in the stream's order.
func (s *snapshotWriter) tableOrder(t *table) {
	s.Len(len(t.order))
	at := map[*row]int{}
	for i, res := range t.stream.order {
		if r := res.rows[t.index]; r != nil {
			at[r] = i
		}
	}
	next := 0
	for _, r := range t.order {
		i, ok := at[r]
		if !ok {
			s.Fail(fmt.Errorf("a row of %s is not in its last snapshot", t.stream.text))
		}
		s.Int(int64(i - next))
		next = i + 1
	}
}

func (s *snapshotWriter) viewTest(v *viewTest, rows map[*row]int) {
	s.Time(v.evaluatedAt)
	s.Byte(wire.Bits(v.dirty, v.wasUsable))
	s.Len(len(v.queue))
	for _, r := range v.queue {
		s.Len(rows[r]) // 0 for one that was dropped, which only counts
	}
	s.stream(v.stream)
	s.resources(v.stream)
}

func (s *snapshotWriter) ledger(l *scopeLedger) {
	s.Time(l.at)
	s.Len(len(l.listed))
	for _, id := range slices.Sorted(maps.Keys(l.listed)) {
		s.Text(id)
		s.Text(l.listed[id])
	}
	s.Len(len(l.appeared))
	for _, id := range slices.Sorted(maps.Keys(l.appeared)) {
		s.newScope(l.appeared[id])
	}
	s.Len(len(l.vanished))
	for _, id := range slices.Sorted(maps.Keys(l.vanished)) {
		s.Text(id)
		s.gap(l.vanished[id])
	}
	s.Len(len(l.collected))
	for _, kind := range slices.Sorted(maps.Keys(l.collected)) {
		s.Text(string(kind))
		scopes := slices.Sorted(maps.Keys(l.collected[kind]))
		s.Len(len(scopes))
		for _, scope := range scopes {
			s.Text(string(scope))
		}
	}
}

func (s *snapshotWriter) newScope(n *newScope) {
	s.Text(n.id)
	s.Text(n.name)
	s.Time(n.due)
	s.Time(n.listedBefore)
	s.gap(n.gap)
	s.Len(len(n.completed))
	for _, kind := range slices.Sorted(maps.Keys(n.completed)) {
		s.Text(string(kind))
		s.Time(n.completed[kind].at)
		s.Time(n.completed[kind].due)
	}
}
