package gap

import (
	"cmp"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/rule"
)

// relation is one view as the engine fills it.
type relation struct {
	*catalogue.CompiledView
	tests  []*testState
	tables []*table // sorted by stream
	joins  []*joint // the view's own
	joined []*joint // those of other views that look for its rows
	shown  *shown   // the engine's
}

// joint is one join between two relations.
type joint struct {
	catalogue.CompiledJoin
	to    *relation
	found map[string][]*row            // of the other view, by key
	wants map[string]map[*row]struct{} // of this view, by key
}

// table holds the rows that one stream gives a view.
type table struct {
	rel      *relation
	part     *catalogue.CompiledPart
	base     *stream
	n        int                // its number among the tables of the stream
	reads    mask               // what of a record it reads
	verdicts []*verdicts        // by test of the view
	rows     map[recordKey]*row // of an event stream
	gen      int                // of the last window of one
	order    []*row             // of a state stream, as its last snapshot gave them
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
	table    *table
	on       [][]string // by join of the view: the keys it looks for; nil once settled
	key      [][]string // by join that looks for it: the keys it is found by
	gen      int
	news     int            // how often it, or what it is joined with, changed
	queued   mask           // of an event, by test of the view: it waits to be judged
	lists    [][]any        // by join, what it is joined with, while tests are asked
	facet    map[string]any // the fields as another view sees them, likewise
}

func (e *Engine) relate() {
	rels := map[evidence.Kind]*relation{}
	for _, v := range e.cat.Views {
		rels[v.Kind] = &relation{CompiledView: e.cat.View(v.Kind), shown: e.shown, tests: e.plan(v.Kind).tests}
		e.relations = append(e.relations, rels[v.Kind])
	}
	for _, r := range e.relations {
		for _, compiled := range r.CompiledView.Joins {
			j := &joint{CompiledJoin: compiled, to: rels[compiled.View], found: map[string][]*row{}, wants: map[string]map[*row]struct{}{}}
			r.joins = append(r.joins, j)
			j.to.joined = append(j.to.joined, j)
		}
	}
}

// furnish gives a new stream the tables that it fills.
func (e *Engine) furnish(st *stream) {
	for _, rel := range e.relations {
		i := slices.IndexFunc(rel.Parts, func(p catalogue.CompiledPart) bool { return p.Kind == st.id.Kind })
		if i < 0 {
			continue
		}
		t := &table{rel: rel, part: &rel.Parts[i], base: st, n: len(st.tables), reads: st.plan.read(&rel.Parts[i].Rule), rows: map[recordKey]*row{}}
		for i, ts := range rel.tests {
			t.verdicts = append(t.verdicts, newVerdicts(t, i, ts))
		}
		rel.tables = append(rel.tables, t)
		slices.SortFunc(rel.tables, func(a, b *table) int { return cmp.Compare(a.base.text, b.base.text) })
		st.tables = append(st.tables, t)
	}
}

// clearTables makes the tables of a state stream ready for a snapshot.
func (st *stream) clearTables() {
	for _, t := range st.tables {
		t.order = t.order[:0]
	}
}

// clearRows takes a resource that is gone out of the tables.
func (st *stream) clearRows(res *resource) {
	for i, t := range st.tables {
		t.drop(res.rows[i])
		res.rows[i] = nil
	}
}

// shelve passes a record of a state stream on to the tables that it changes.
func (e *Engine) shelve(st *stream, res *resource, rec *evidence.Record, changed mask) {
	for i, t := range st.tables {
		r := res.rows[i]
		if changed&t.reads != 0 || r != nil && !r.is(rec) {
			r = e.keep(t, r, rec)
			res.rows[i] = r
		}
		if r != nil {
			t.order = append(t.order, r)
		}
	}
}

// file passes an event on to the tables of its stream.
func (e *Engine) file(st *stream, rec *evidence.Record) {
	for _, t := range st.tables {
		key := recordKey{rec.Scope, rec.ID}
		if r := e.keep(t, t.rows[key], rec); r != nil {
			t.rows[key], r.gen = r, t.gen
		} else {
			delete(t.rows, key)
		}
	}
}

// sweepEvents takes out what a complete list does not show.
func (st *stream) sweepEvents() {
	for _, t := range st.tables {
		for key, r := range t.rows {
			if r.gen != t.gen {
				t.drop(r)
				delete(t.rows, key)
			}
		}
	}
}

// keep gives the row that a record is in a table, where r is the one that it
// was; nil where the view leaves it out.
func (e *Engine) keep(t *table, r *row, rec *evidence.Record) *row {
	e.eval.SetRecord(rec, t.base.id)
	fields, taken := t.part.Row(&e.eval)
	if !taken {
		t.drop(r)
		return nil
	}
	if r == nil {
		r = &row{table: t, scope: rec.Scope, id: rec.ID}
	}
	if r.fields == nil || !r.is(rec) || !sameList(r.fields, fields) {
		r.name, r.exact, r.fields = rec.Name, rec.Effective, fields
		e.index(t, r)
		t.soil(r)
	}
	return r
}

func (r *row) is(rec *evidence.Record) bool {
	return r.name == rec.Name && sameTime(r.exact, rec.Effective)
}

// soil marks a row as one to judge again.
func (t *table) soil(r *row) {
	r.news++
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
	r.on, r.key = make([][]string, len(t.rel.joins)), make([][]string, len(t.rel.joined))
	for i, j := range t.rel.joins {
		r.on[i] = e.keys(r, j.On)
		for _, k := range r.on[i] {
			if j.wants[k] == nil {
				j.wants[k] = map[*row]struct{}{}
			}
			j.wants[k][r] = struct{}{}
		}
	}
	for i, j := range t.rel.joined {
		r.key[i] = e.keys(r, j.Key)
		for _, k := range r.key[i] {
			j.found[k] = append(j.found[k], r)
			j.soil(k)
		}
	}
}

// keys gives the texts that a term says of a row; none where it cannot.
func (e *Engine) keys(r *row, t rule.Term) []string {
	if t.Simple() {
		v, _ := r.says(t.Attribute)
		return texts(v)
	}
	rec := r.plain()
	e.eval.SetRecord(&rec, r.table.base.id)
	v, _ := t.Value(&e.eval)
	return texts(v)
}

// says gives a field.
func (r *row) says(name string) (v any, said bool) {
	i, known := slices.BinarySearch(r.table.part.Names, name)
	if !known || r.fields[i] == (any)(rule.Absent{}) {
		return nil, false
	}
	return r.fields[i], true
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

// drop takes a row out of the table, if there is one.
func (t *table) drop(r *row) {
	if r == nil {
		return
	}
	t.unindex(r)
	for _, v := range t.verdicts {
		v.dirty = true
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
func (r *row) plain() evidence.Record { return r.with(r.attributes()) }

func (r *row) with(attributes map[string]any) evidence.Record {
	return evidence.Record{Kind: r.table.rel.Kind, ID: r.id, Name: r.name, Scope: r.scope, Effective: r.exact, Attributes: attributes}
}

func (r *row) attributes() map[string]any {
	m := make(map[string]any, len(r.fields)+len(r.on)+4)
	for i, v := range r.fields {
		if v != (any)(rule.Absent{}) {
			m[r.table.part.Names[i]] = v
		}
	}
	return m
}

// texts gives the texts of a value that is one, or a list of them.
func texts(v any) []string {
	if s, ok := v.(string); ok && s != "" {
		return []string{s}
	}
	list, _ := v.([]any)
	var out []string
	for _, v := range list {
		if s, ok := v.(string); ok && s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
