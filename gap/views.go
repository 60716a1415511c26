package gap

import (
	"cmp"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/rule"
)

// viewState is one view with its rows.
type viewState struct {
	*catalogue.CompiledView
	tests    []*testState
	tables   []*table  // sorted by stream
	joins    []*join   // the view's own, by name
	incoming []*join   // those of other views that look for its rows
	cache    *rowCache // the engine's
}

// join is one join of a view with another one, its target.
type join struct {
	catalogue.CompiledJoin
	target  *viewState
	rows    map[string][]*row            // of the target, by key
	seekers map[string]map[*row]struct{} // of the view, by key
}

// table holds the rows of a view that are records of one stream.
type table struct {
	view   *viewState
	part   *catalogue.CompiledPart
	stream *stream
	index  int                // in stream.tables
	reads  mask               // what of a record it reads
	tests  []*viewTest        // by test of the view
	rows   map[recordKey]*row // of an event stream
	gen    int                // counts the windows of one
	order  []*row             // of a state stream, in the order of its last snapshot
	// at is the last usable reading, completeAt the last complete one; usable and
	// complete are those of the last slot.
	at, completeAt   time.Time
	usable, complete bool
	reachBefore      time.Time // its reach before the last run
	runs             int
}

// row is one record under the names of the view.
type row struct {
	scope     evidence.Scope
	id, name  string
	effective *time.Time
	fields    []any // by name of the part
	table     *table
	seeks     [][]string     // by join of the view: the keys it looks for; nil once it is final
	keys      [][]string     // by incoming join: the keys it is found by
	gen       int            // of an event: the last table.gen that listed it
	version   int            // how often it, or a row that it is joined with, changed
	queued    mask           // of an event: the tests of the view, by number, that wait to be evaluated
	lists     [][]any        // by join: the joined rows; kept until rowCache.release
	asMember  map[string]any // the fields in a list of another view, likewise
}

func (e *Engine) buildViews() {
	states := map[evidence.Kind]*viewState{}
	for _, v := range e.cat.Views {
		states[v.Kind] = &viewState{CompiledView: e.cat.View(v.Kind), cache: e.rowCache, tests: e.testsOf(v.Kind).tests}
		e.views = append(e.views, states[v.Kind])
	}
	for _, v := range e.views {
		for _, compiled := range v.CompiledView.Joins {
			j := &join{CompiledJoin: compiled, target: states[compiled.View], rows: map[string][]*row{}, seekers: map[string]map[*row]struct{}{}}
			v.joins = append(v.joins, j)
			j.target.incoming = append(j.target.incoming, j)
		}
	}
}

// attachTables adds the tables of the views that a new stream is part of.
func (e *Engine) attachTables(st *stream) {
	for _, v := range e.views {
		i := slices.IndexFunc(v.Parts, func(p catalogue.CompiledPart) bool { return p.Kind == st.id.Kind })
		if i < 0 {
			continue
		}
		t := &table{view: v, part: &v.Parts[i], stream: st, index: len(st.tables), reads: st.kind.addReads(&v.Parts[i].Rule), rows: map[recordKey]*row{}}
		for i, ts := range v.tests {
			if ts.Part == "" || ts.Part == st.id.Kind {
				t.tests = append(t.tests, newViewTest(t, i, ts))
			}
		}
		v.tables = append(v.tables, t)
		slices.SortFunc(v.tables, func(a, b *table) int { return cmp.Compare(a.stream.text, b.stream.text) })
		st.tables = append(st.tables, t)
	}
}

// resetTables empties the order of the tables for a new snapshot.
func (st *stream) resetTables() {
	for _, t := range st.tables {
		t.order = t.order[:0]
	}
}

// dropRows removes the rows of a resource that is gone.
func (st *stream) dropRows(res *resource) {
	for i, t := range st.tables {
		t.drop(res.rows[i])
		res.rows[i] = nil
	}
}

// updateRows updates the rows of a record of a state stream.
func (e *Engine) updateRows(st *stream, res *resource, rec *evidence.Record, changed mask) {
	for i, t := range st.tables {
		r := res.rows[i]
		if changed&t.reads != 0 || r != nil && !r.sameSelf(rec) {
			r = e.putRow(t, r, rec)
			res.rows[i] = r
		}
		if r != nil {
			t.order = append(t.order, r)
		}
	}
}

// addEvent updates the rows of an event.
func (e *Engine) addEvent(st *stream, rec *evidence.Record) {
	for _, t := range st.tables {
		key := recordKey{rec.Scope, rec.ID}
		if r := e.putRow(t, t.rows[key], rec); r != nil {
			t.rows[key], r.gen = r, t.gen
		} else {
			delete(t.rows, key)
		}
	}
}

// dropUnlistedEvents removes the rows that are not in a complete list.
func (st *stream) dropUnlistedEvents() {
	for _, t := range st.tables {
		for key, r := range t.rows {
			if r.gen != t.gen {
				t.drop(r)
				delete(t.rows, key)
			}
		}
	}
}

// putRow returns the row of a record in a table, where r is its former one, which
// may be nil; nil where the view leaves the record out.
func (e *Engine) putRow(t *table, r *row, rec *evidence.Record) *row {
	e.eval.SetRecord(rec, t.stream.id)
	fields, ok := t.part.Row(&e.eval)
	if !ok {
		t.drop(r)
		return nil
	}
	if r == nil {
		r = &row{table: t, scope: rec.Scope, id: rec.ID}
	}
	if r.fields == nil || !r.sameSelf(rec) || !equalList(r.fields, fields) {
		r.name, r.effective, r.fields = rec.Name, rec.Effective, fields
		e.indexRow(t, r)
		t.markDirty(r)
	}
	return r
}

func (r *row) sameSelf(rec *evidence.Record) bool {
	return r.name == rec.Name && equalTime(r.effective, rec.Effective)
}

// markDirty marks a row for evaluation.
func (t *table) markDirty(r *row) {
	r.version++
	for _, v := range t.tests {
		v.dirty = true
		if bit := selfBit << v.number; t.stream.events != nil && r.queued&bit == 0 {
			r.queued |= bit
			v.queue = append(v.queue, r)
		}
	}
}

// indexRow adds a row to the joins, and marks the rows that are joined with it.
func (e *Engine) indexRow(t *table, r *row) {
	t.unindexRow(r)
	r.seeks, r.keys = e.seeksOf(r), make([][]string, len(t.view.incoming))
	for i, j := range t.view.incoming {
		r.keys[i] = e.termTexts(r, j.Key)
	}
	t.joinRow(r)
	for i, j := range t.view.incoming {
		for _, k := range r.keys[i] {
			j.markDirty(k)
		}
	}
}

// seeksOf returns the keys that a row looks for, by join of its view.
func (e *Engine) seeksOf(r *row) [][]string {
	all := make([][]string, len(r.table.view.joins))
	for i, j := range r.table.view.joins {
		all[i] = e.termTexts(r, j.On)
	}
	return all
}

// joinRow adds a row to the joins under its keys.
func (t *table) joinRow(r *row) {
	for i, keys := range r.seeks {
		j := t.view.joins[i]
		for _, k := range keys {
			if j.seekers[k] == nil {
				j.seekers[k] = map[*row]struct{}{}
			}
			j.seekers[k][r] = struct{}{}
		}
	}
	for i, keys := range r.keys {
		j := t.view.incoming[i]
		for _, k := range keys {
			j.rows[k] = append(j.rows[k], r)
		}
	}
}

// termTexts returns the texts of a term for a row; none where it has no value.
func (e *Engine) termTexts(r *row, t rule.Term) []string {
	if t.Simple() {
		v, _ := r.get(t.Attribute)
		return texts(v)
	}
	rec := r.record()
	e.eval.SetRecord(&rec, r.table.stream.id)
	v, _ := t.Value(&e.eval)
	return texts(v)
}

// get returns a field; not ok where the source does not state it.
func (r *row) get(name string) (v any, ok bool) {
	i, ok := slices.BinarySearch(r.table.part.Names, name)
	if !ok || r.fields[i] == (any)(rule.Absent{}) {
		return nil, false
	}
	return r.fields[i], true
}

func (t *table) unindexRow(r *row) {
	t.detach(r)
	for i, ks := range r.keys {
		j := t.view.incoming[i]
		for _, k := range ks {
			if j.rows[k] = slices.DeleteFunc(j.rows[k], func(o *row) bool { return o == r }); len(j.rows[k]) == 0 {
				delete(j.rows, k)
			}
			j.markDirty(k)
		}
	}
	r.keys = nil
}

// detach makes a row one that changes of joined rows do not mark.
func (t *table) detach(r *row) {
	for i, ks := range r.seeks {
		for _, k := range ks {
			if delete(t.view.joins[i].seekers[k], r); len(t.view.joins[i].seekers[k]) == 0 {
				delete(t.view.joins[i].seekers, k)
			}
		}
	}
	r.seeks = nil
}

func (j *join) markDirty(key string) {
	if len(j.rows[key]) > maxJoined+1 { // the list is too long to be stated, and one more changes nothing
		return
	}
	for r := range j.seekers[key] {
		r.table.markDirty(r)
	}
}

// drop removes a row, which may be nil.
func (t *table) drop(r *row) {
	if r == nil {
		return
	}
	t.unindexRow(r)
	for _, v := range t.tests {
		v.dirty = true
	}
}

// joinedRows returns the rows that a join finds, in the order of stream and id.
func (j *join) joinedRows(on []string) []*row {
	var out []*row
	for _, k := range on {
		out = append(out, j.rows[k]...)
	}
	slices.SortFunc(out, compareRows)
	return slices.Compact(out)
}

// countRows counts the rows that a join finds, one that two keys find twice.
func (j *join) countRows(on []string) (n int) {
	for _, k := range on {
		n += len(j.rows[k])
	}
	return n
}

func compareRows(a, b *row) int {
	return cmp.Or(cmp.Compare(a.table.stream.text, b.table.stream.text), cmp.Compare(a.scope, b.scope), cmp.Compare(a.id, b.id))
}

// maxJoined is how many rows one row may be joined with. A key that finds more
// identifies nothing, and the list is not stated.
const maxJoined = 1000

// record returns the row as a record.
func (r *row) record() evidence.Record { return r.recordWith(r.attributes()) }

func (r *row) recordWith(attributes map[string]any) evidence.Record {
	return evidence.Record{Kind: r.table.view.Kind, ID: r.id, Name: r.name, Scope: r.scope, Effective: r.effective, Attributes: attributes}
}

func (r *row) attributes() map[string]any {
	m := make(map[string]any, len(r.fields)+len(r.seeks)+4)
	for i, v := range r.fields {
		if v != (any)(rule.Absent{}) {
			m[r.table.part.Names[i]] = v
		}
	}
	return m
}

// texts returns the texts of a value that is a text or a list of texts.
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
