package gap

import (
	"maps"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// Row is one row of a view as of its last reading.
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
	// Complete is that of its last slot, Read the observation time of its last
	// usable one.
	Complete bool
	Read     time.Time
	// Join names the join that it feeds; empty if its records are the rows.
	Join string
}

// Rows returns the rows of a view as of the last run, in the order of stream and
// id, and the streams that it is made of and joined with.
func (e *Engine) Rows(view evidence.Kind) (rows []Row, from []ViewSource) {
	i := slices.IndexFunc(e.views, func(r *viewState) bool { return r.Kind == view })
	if i < 0 {
		return nil, nil
	}
	e.buildJoins()
	for _, t := range e.views[i].tables {
		from = append(from, t.source(""))
		for _, r := range slices.SortedFunc(slices.Values(t.all()), compareRows) {
			row, seeks := r.row(), r.seeks
			if seeks == nil { // of an event that is final
				seeks = e.seeksOf(r)
			}
			for k, j := range t.view.joins {
				for _, other := range j.joinedRows(seeks[k]) {
					if row.Joined == nil {
						row.Joined = map[string][]Row{}
					}
					row.Joined[j.Name] = append(row.Joined[j.Name], other.row())
				}
			}
			rows = append(rows, row)
		}
	}
	for _, j := range e.views[i].joins {
		for _, t := range j.target.tables {
			from = append(from, t.source(j.Name))
		}
	}
	return rows, from
}

func (t *table) source(join string) ViewSource {
	return ViewSource{t.stream.id, t.complete, t.at, join}
}

// all returns the rows of a table, in no order.
func (t *table) all() []*row {
	all := slices.AppendSeq(make([]*row, 0, len(t.rows)), maps.Values(t.rows))
	for _, res := range t.stream.resources {
		if r := res.rows[t.index]; r != nil {
			all = append(all, r)
		}
	}
	return all
}

func (r *row) row() Row {
	return Row{Stream: r.table.stream.id, Scope: r.scope, ID: r.id, Name: r.name, Fields: r.attributes()}
}
