package gap

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// relation is one view as the engine fills it.
type relation struct {
	*viewRule
	tests  []*testState
	tables []*table // sorted by stream
	joins  []*joint // the view's own
	joined []*joint // those of other views that look for its rows
}

// joint is one join between two relations.
type joint struct {
	joinRule
	to    *relation
	found map[string][]*row            // of the other view, by key
	wants map[string]map[*row]struct{} // of this view, by key
}

// table holds the rows that one stream gives a view.
type table struct {
	rel      *relation
	part     *partRule
	base     *stream
	verdicts []*verdicts // by test of the view
	rows     map[recordKey]*row
	order    []*row // of a state stream, as its last snapshot gave them
	gen      int
	// at is the last usable reading, wholeAt the last one of all; usable and
	// whole tell how the last slot ended.
	at, wholeAt   time.Time
	usable, whole bool
	before        time.Time // its reach before the last run
	runs          int
}

// row is one record under the names of the view.
type row struct {
	scope    evidence.Scope
	id, name string
	exact    *time.Time
	fields   []any // by name of the part
	vals     []any // what the part read of the record; not kept of events
	table    *table
	on       [][]string // by join of the view: the keys it looks for; nil once settled
	key      [][]string // by join that looks for it: the keys it is found by
	gen      int
	news     int            // how often it, or what it is joined with, changed
	queued   mask           // of an event, by test of the view: it waits to be judged
	shown    map[string]any // the fields and what is joined, while it is judged
	facet    map[string]any // the fields as another view sees them, likewise
}

func (e *Engine) relate() {
	rels := map[evidence.Kind]*relation{}
	for _, v := range e.cat.Views {
		rels[v.Kind] = &relation{viewRule: e.cat.views[v.Kind], tests: e.plan(v.Kind).tests}
		e.relations = append(e.relations, rels[v.Kind])
	}
	for _, r := range e.relations {
		for _, rule := range r.viewRule.joins {
			j := &joint{joinRule: rule, to: rels[rule.View], found: map[string][]*row{}, wants: map[string]map[*row]struct{}{}}
			r.joins = append(r.joins, j)
			j.to.joined = append(j.to.joined, j)
		}
	}
}

// tablesOf gives the tables that a stream fills, made at its first run.
func (e *Engine) tablesOf(st *stream) []*table {
	if st.related {
		return st.tables
	}
	st.related = true
	for _, rel := range e.relations {
		i := slices.IndexFunc(rel.parts, func(p partRule) bool { return p.kind == st.id.Kind })
		if i < 0 {
			continue
		}
		t := &table{rel: rel, part: &rel.parts[i], base: st, rows: map[recordKey]*row{}}
		for i, ts := range rel.tests {
			t.verdicts = append(t.verdicts, newVerdicts(t, i, ts))
		}
		rel.tables = append(rel.tables, t)
		slices.SortFunc(rel.tables, func(a, b *table) int { return cmp.Compare(a.base.text, b.base.text) })
		st.tables = append(st.tables, t)
	}
	return st.tables
}

// fill passes records on to the tables of a stream while they are read.
func (e *Engine) fill(st *stream, o observation, records iter.Seq2[evidence.Record, error]) iter.Seq2[evidence.Record, error] {
	tables := e.tablesOf(st)
	if len(tables) == 0 || records == nil {
		return records
	}
	return func(yield func(evidence.Record, error) bool) {
		begun := false
		begin := func() { // not before the first record: an erased snapshot gives none
			for _, t := range tables {
				if !begun {
					t.gen++
					t.order = t.order[:0]
				}
			}
			begun = true
		}
		for rec, err := range records {
			if err == nil {
				begin()
				for _, t := range tables {
					e.keep(t, &rec)
				}
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
		begin()
		for _, t := range tables {
			t.end(o)
		}
	}
}

// keep takes one record into a table.
func (e *Engine) keep(t *table, rec *evidence.Record) {
	key := recordKey{rec.Scope, rec.ID}
	r := t.rows[key]
	if r == nil {
		r = &row{table: t, scope: rec.Scope, id: rec.ID}
	} else if r.vals != nil && r.is(rec) && !t.part.changes(r.vals, rec) {
		r.gen = t.gen
		t.list(r)
		return
	}
	e.bench.take(rec, t.base.id)
	fields, taken := t.part.row(&e.bench)
	if !taken {
		t.drop(key, r)
		return
	}
	t.rows[key], r.gen = r, t.gen
	if r.fields == nil || !r.is(rec) || !sameList(r.fields, fields) {
		r.name, r.exact, r.fields = rec.Name, rec.Effective, fields
		e.index(t, r)
		t.soil(r)
	}
	if t.base.events == nil {
		r.vals = t.part.project(rec, r.vals)
	}
	t.list(r)
}

func (r *row) is(rec *evidence.Record) bool {
	return r.name == rec.Name && sameTime(r.exact, rec.Effective)
}

// list puts a row in the order of the snapshot.
func (t *table) list(r *row) {
	if t.base.events == nil {
		t.order = append(t.order, r)
	}
}

// soil marks a row as one to judge again.
func (t *table) soil(r *row) {
	r.news++
	r.shown = nil
	for _, v := range t.verdicts {
		v.dirty = true
		if bit := selfBit << v.n; t.base.events != nil && r.queued&bit == 0 {
			r.queued |= bit
			v.queue = append(v.queue, r)
		}
	}
}

// index puts a row where joins look for it, and soils those that find it.
func (e *Engine) index(t *table, r *row) {
	t.unindex(r)
	rec := r.plain()
	e.bench.take(&rec, t.base.id)
	r.on, r.key = make([][]string, len(t.rel.joins)), make([][]string, len(t.rel.joined))
	for i, j := range t.rel.joins {
		r.on[i] = j.on.keys(&e.bench)
		for _, k := range r.on[i] {
			if j.wants[k] == nil {
				j.wants[k] = map[*row]struct{}{}
			}
			j.wants[k][r] = struct{}{}
		}
	}
	for i, j := range t.rel.joined {
		r.key[i] = j.key.keys(&e.bench)
		for _, k := range r.key[i] {
			j.found[k] = append(j.found[k], r)
			j.soil(k)
		}
	}
}

func (t *table) unindex(r *row) {
	t.content(r)
	for i, ks := range r.key {
		j := t.rel.joined[i]
		for _, k := range ks {
			if j.found[k] = slices.DeleteFunc(j.found[k], func(o *row) bool { return o == r }); len(j.found[k]) == 0 {
				delete(j.found, k)
			}
			j.soil(k)
		}
	}
	r.key = nil
}

// content takes a row out of those that a change of what is joined soils.
func (t *table) content(r *row) {
	for i, ks := range r.on {
		for _, k := range ks {
			if delete(t.rel.joins[i].wants[k], r); len(t.rel.joins[i].wants[k]) == 0 {
				delete(t.rel.joins[i].wants, k)
			}
		}
	}
	r.on = nil
}

func (j *joint) soil(key string) {
	if len(j.found[key]) > maxJoined+1 { // it says nothing any more, and one more changes nothing
		return
	}
	for r := range j.wants[key] {
		r.table.soil(r)
	}
}

func (t *table) drop(key recordKey, r *row) {
	if t.rows[key] != nil {
		t.unindex(r)
		delete(t.rows, key)
		for _, v := range t.verdicts {
			v.dirty = true
		}
	}
}

// end takes out what a complete list does not show.
func (t *table) end(o observation) {
	if !o.complete || o.run.Certificate.Window != nil {
		return
	}
	for key, r := range t.rows {
		if r.gen != t.gen {
			t.drop(key, r)
		}
	}
}

// joinedRows gives the rows that a join finds, in the order of stream and id.
func (j *joint) joinedRows(on []string) []*row {
	var out []*row
	for _, k := range on {
		out = append(out, j.found[k]...)
	}
	slices.SortFunc(out, compareRows)
	return slices.Compact(out)
}

// count is how many rows a join finds, those found by two keys twice.
func (j *joint) count(on []string) (n int) {
	for _, k := range on {
		n += len(j.found[k])
	}
	return n
}

func compareRows(a, b *row) int {
	return cmp.Or(cmp.Compare(a.table.base.text, b.table.base.text), cmp.Compare(a.scope, b.scope), cmp.Compare(a.id, b.id))
}

// maxJoined bounds what one row may be joined with: more is no pair, but a
// key that says nothing.
const maxJoined = 1000

// plain gives the row as a record.
func (r *row) plain() evidence.Record {
	rec := evidence.Record{Kind: r.table.rel.Kind, ID: r.id, Name: r.name, Scope: r.scope, Effective: r.exact, Attributes: make(map[string]any, len(r.fields)+len(r.on)+4)}
	for i, v := range r.fields {
		if v != (any)(absent{}) {
			rec.Attributes[r.table.part.names[i]] = v
		}
	}
	return rec
}

// record gives the row with what is joined.
func (e *Engine) record(r *row) evidence.Record {
	rec := r.plain()
	if len(r.table.rel.joins) == 0 {
		return rec
	}
	if r.shown == nil {
		for i, j := range r.table.rel.joins {
			if n := j.count(r.on[i]); n <= maxJoined && len(j.to.tables) > 0 {
				rec.Attributes[j.name] = e.facets(j.joinedRows(r.on[i]))
			}
		}
		r.shown = rec.Attributes
		e.shown = append(e.shown, r)
	}
	rec.Attributes = r.shown
	return rec
}

// facets gives rows as a test sees them.
func (e *Engine) facets(rows []*row) []any {
	out := make([]any, 0, len(rows))
	for _, r := range rows {
		if r.facet == nil {
			r.facet = r.seen()
			e.shown = append(e.shown, r)
		}
		out = append(out, r.facet)
	}
	return out
}

// seen gives the fields of a row and where it comes from.
func (r *row) seen() map[string]any {
	m := r.plain().Attributes
	for k, v := range map[string]string{"id": r.id, "name": r.name, "source": r.table.base.id.Source, "kind": string(r.table.base.id.Kind)} {
		if _, own := m[k]; !own {
			m[k] = v
		}
	}
	if r.exact != nil {
		m["effective"] = r.exact.UTC().Format(time.RFC3339Nano)
	}
	return m
}
