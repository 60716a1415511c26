package gap

import (
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/rule"
)

func (s *snapshotReader) row(t *table, key recordKey) *row {
	r := &row{table: t, scope: key.scope, id: key.id}
	r.name, r.effective, r.version, r.queued = s.Text(), s.TimeOrNil(), s.int(), mask(s.Uint())
	r.fields = make([]any, s.room(len(t.part.Names)))
	for i := range r.fields {
		r.fields[i] = s.Value(rule.Absent{})
	}
	if s.Bool() {
		r.seeks = s.textLists(len(t.view.joins))
	}
	r.keys = s.textLists(len(t.view.incoming))
	return r
}

func (s *snapshotReader) textLists(n int) [][]string {
	all := make([][]string, n)
	for i := range all {
		all[i] = s.Texts()
	}
	return all
}

func (s *snapshotReader) table(t *table, all []resource) {
	bits := s.Byte()
	t.usable, t.complete = bits&1 != 0, bits&2 != 0
	t.at, t.completeAt, t.reachBefore = s.Time(), s.Time(), s.Time()
	t.runs, t.gen = s.int(), s.int()
	rows := make([]*row, s.Len(8))
	for i := range rows {
		key, gen := s.key(), s.int()
		r := s.row(t, key)
		rows[i], t.rows[key], r.gen = r, r, gen
		if s.Err() != nil {
			return
		}
	}
	if len(t.rows) != len(rows) {
		s.Fail("a row of %s is in it twice", t.stream.text)
	}
	s.tableOrder(t)
	for _, v := range t.tests {
		s.viewTest(v, rows)
	}
	for i := range all {
		if r := all[i].rows[t.index]; r != nil && r.seeks == nil {
			s.Fail("a row of %s looks for nothing", t.stream.text)
		}
	}
}

func (s *snapshotReader) tableOrder(t *table) {
	t.order = make([]*row, s.Len(1))
	next := 0
	for i := range t.order {
		if next += s.int(); next < 0 || next >= len(t.stream.order) || t.stream.order[next].rows[t.index] == nil {
			s.Fail("row %d is none", next)
			return
		}
		t.order[i] = t.stream.order[next].rows[t.index]
		next++
	}
}

func (s *snapshotReader) viewTest(v *viewTest, rows []*row) {
	v.evaluatedAt = s.Time()
	bits := s.Byte()
	v.dirty, v.wasUsable = bits&1 != 0, bits&2 != 0
	v.queue = make([]*row, s.Len(1))
	for i := range v.queue {
		v.queue[i] = &row{table: v.table} // as good as any that was dropped
		if n := s.Index(len(rows) + 1); n > 0 {
			if v.queue[i] = rows[n-1]; rows[n-1].seeks == nil {
				s.Fail("a row that waits looks for nothing")
			}
		}
	}
	s.stream(v.stream)
	s.resources(v.stream)
}

func (s *snapshotReader) ledger(l *scopeLedger) {
	l.at = s.Time()
	l.listed = map[string]string{}
	for range s.Len(2) {
		id := s.Text()
		l.listed[id] = s.Text()
	}
	for range s.Len(6) {
		n := s.newScope()
		l.appeared[n.id] = n
	}
	for range s.Len(2) {
		id := s.Text()
		l.vanished[id] = s.someGap()
	}
	for range s.Len(2) {
		kind := evidence.Kind(s.Text())
		l.collected[kind] = map[evidence.Scope]bool{}
		for range s.Len(1) {
			l.collected[kind][evidence.Scope(s.Text())] = true
		}
	}
}

func (s *snapshotReader) newScope() *newScope {
	n := &newScope{id: s.Text(), name: s.Text(), due: s.Time(), listedBefore: s.Time(), gap: s.someGap(), completed: map[evidence.Kind]completion{}}
	for range s.Len(3) {
		kind := evidence.Kind(s.Text())
		n.completed[kind] = completion{s.Time(), s.Time()}
	}
	return n
}
