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
	rec    evidence.Record // its attributes are the fields
	vals   []any           // what the part read of the record
	exact  *time.Time
	table  *table
	on     [][]string // by join of the view: the keys it looks for
	key    [][]string // by join that looks for it: the keys it is found by
	gen    int
	news   int            // how often it, or what it is joined with, changed
	queued mask           // of an event, by test of the view: it waits to be judged
	shown  map[string]any // the fields and what is joined
	facet  map[string]any // the fields as another view sees them
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
		r = &row{table: t}
	} else if r.gen = t.gen; !t.changed(r, rec) {
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
	r.vals, r.exact = t.part.project(rec, r.vals), rec.Effective
	was := r.rec.Attributes
	r.facet = nil
	r.rec = evidence.Record{Kind: t.rel.Kind, ID: rec.ID, Name: rec.Name, Scope: rec.Scope, Effective: rec.Effective, Attributes: fields}
	if was == nil || !sameMap(was, fields) {
		e.index(t, r)
	}
	t.soil(r)
	t.list(r)
}

func (t *table) changed(r *row, rec *evidence.Record) bool {
	return r.rec.Name != rec.Name || !sameTime(r.exact, rec.Effective) || t.part.changes(r.vals, rec)
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
	e.bench.take(&r.rec, t.base.id)
	r.on, r.key = make([][]string, len(t.rel.joins)), make([][]string, len(t.rel.joined))
	for i, j := range t.rel.joins {
		r.on[i] = keys(j.on, &e.bench)
		for _, k := range r.on[i] {
			if j.wants[k] == nil {
				j.wants[k] = map[*row]struct{}{}
			}
			j.wants[k][r] = struct{}{}
		}
	}
	for i, j := range t.rel.joined {
		r.key[i] = keys(j.joinRule.key, &e.bench)
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
	r.on, r.key = nil, nil
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
}

func (j *joint) soil(key string) {
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
	slices.SortFunc(out, func(a, b *row) int {
		return cmp.Or(cmp.Compare(a.table.base.text, b.table.base.text), cmp.Compare(a.rec.Scope, b.rec.Scope), cmp.Compare(a.rec.ID, b.rec.ID))
	})
	return slices.Compact(out)
}

// maxJoined bounds what one row may be joined with: more is no pair, but a
// key that says nothing.
const maxJoined = 1000

// record gives the row with what is joined.
func (r *row) record() evidence.Record {
	rec := r.rec
	if len(r.table.rel.joins) == 0 {
		return rec
	}
	if r.shown == nil {
		r.shown = make(map[string]any, len(rec.Attributes)+len(r.on))
		for k, v := range rec.Attributes {
			r.shown[k] = v
		}
		for i, j := range r.table.rel.joins {
			if rows := j.joinedRows(r.on[i]); len(rows) <= maxJoined && len(j.to.tables) > 0 {
				r.shown[j.name] = facets(rows)
			}
		}
	}
	rec.Attributes = r.shown
	return rec
}

// facets gives rows as a test sees them.
func facets(rows []*row) []any {
	out := make([]any, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.seen())
	}
	return out
}

// seen gives the fields of a row and where it comes from.
func (r *row) seen() map[string]any {
	if r.facet != nil {
		return r.facet
	}
	r.facet = map[string]any{"id": r.rec.ID, "name": r.rec.Name, "source": r.table.base.id.Source, "kind": string(r.table.base.id.Kind)}
	if r.exact != nil {
		r.facet["effective"] = r.exact.UTC().Format(time.RFC3339Nano)
	}
	for k, v := range r.rec.Attributes {
		r.facet[k] = v
	}
	return r.facet
}
