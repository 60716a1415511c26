package gap

import (
	"maps"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// Row is one row of a view, as it was last read.
type Row struct {
	Stream evidence.Stream
	Scope  evidence.Scope
	ID     string
	Name   string
	// Fields are those of the view; Joined the rows of the views that it joins, by name of the join.
	Fields map[string]any
	Joined map[string][]Row
}

// ViewSource is one stream that a view is made of.
type ViewSource struct {
	Stream evidence.Stream
	// Whole tells whether its last slot was collected whole, Read when that, or
	// an earlier one that can be relied on, was.
	Whole bool
	Read  time.Time
	// Join names the join that it feeds; empty if its records are the rows.
	Join string
}

// Rows gives the rows of a view as of what was observed so far, in the order of
// stream and id, and the streams that it is made of and joined with.
func (e *Engine) Rows(view evidence.Kind) (rows []Row, from []ViewSource) {
	i := slices.IndexFunc(e.relations, func(r *relation) bool { return r.Kind == view })
	if i < 0 {
		return nil, nil
	}
	for _, t := range e.relations[i].tables {
		from = append(from, t.source(""))
		for _, r := range t.sorted() {
			row := r.row()
			for k, j := range t.rel.joins {
				for _, other := range j.joinedRows(r.on[k]) {
					if row.Joined == nil {
						row.Joined = map[string][]Row{}
					}
					row.Joined[j.Name] = append(row.Joined[j.Name], other.row())
				}
			}
			rows = append(rows, row)
		}
	}
	for _, j := range e.relations[i].joins {
		for _, t := range j.to.tables {
			from = append(from, t.source(j.Name))
		}
	}
	return rows, from
}

func (t *table) source(join string) ViewSource { return ViewSource{t.base.id, t.whole, t.at, join} }

func (t *table) sorted() []*row {
	all := slices.AppendSeq(make([]*row, 0, len(t.rows)), maps.Values(t.rows))
	for _, res := range t.base.resources {
		if r := res.rows[t.n]; r != nil {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, compareRows)
	return all
}

func (r *row) row() Row {
	return Row{Stream: r.table.base.id, Scope: r.scope, ID: r.id, Name: r.name, Fields: r.attributes()}
}
