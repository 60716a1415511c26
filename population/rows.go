package population

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/result"
)

// Row is one item with what was read of it over the period.
type Row struct {
	// Stream is the text form source/kind/scope.
	Stream string
	Scope  evidence.Scope
	ID     string
	// Name, Effective and Attributes are as they were read last.
	Name string
	// Effective is the source's own time; nil if it states none.
	Effective  *time.Time
	Attributes map[string]any
	// First and Last are when it was observed, Observations how many slots saw it.
	First, Last  time.Time
	Observations int

	sum uint64 // of the line that was read last
}

// Table is a population with the attributes of its items.
type Table struct {
	Kind    evidence.Kind
	Streams []Stream
	// Rows are in the order of stream, scope and id, each once.
	Rows []*Row
}

// Whole reports whether the population is known to be all there is.
func (t *Table) Whole() bool { return whole(t.Streams) }

// ReadTable reads the population of a kind with its attributes. Its members and
// streams are those that Read returns.
func ReadTable(ev gap.Evidence, kind evidence.Kind, period result.Period, asOf time.Time) (*Table, error) {
	sel := selection{ev, kind, period, asOf}
	builders := map[evidence.Stream]*tableBuilder{}
	for run, err := range sel.runs() {
		if err != nil {
			return nil, err
		}
		b := builders[run.Stream]
		if b == nil {
			b = &tableBuilder{coverage: newCoverage(run.Stream, sel), rows: map[rowKey]*Row{}}
			builders[run.Stream] = b
		}
		if err := b.add(sel, run); err != nil {
			return nil, err
		}
	}
	out := &Table{Kind: kind}
	for _, b := range sorted(builders, func(b *tableBuilder) string { return b.name }) {
		out.Streams = append(out.Streams, b.stream(period, len(b.rows)))
		if rows := b.finish(); out.Rows == nil {
			out.Rows = rows
		} else {
			out.Rows = append(out.Rows, rows...)
		}
	}
	return out, nil
}

// rowKey tells the items of one stream apart.
type rowKey struct {
	scope evidence.Scope
	id    string
}

// tableBuilder makes the rows of one stream.
type tableBuilder struct {
	coverage
	rows map[rowKey]*Row
	last *snapshot
}

// snapshot is the list of a stream that was read last.
type snapshot struct {
	hash evidence.Hash
	rows []*Row // in the order of its lines
}

// add adds one run.
func (b *tableBuilder) add(sel selection, run evidence.Run) error {
	b.count(sel, run)
	if run.Records == nil {
		return nil
	}
	if b.last != nil && b.last.hash == run.Records.Hash { // the same list again
		for _, row := range b.last.rows {
			row.observe(run)
		}
		return nil
	}
	next, err := b.read(sel, run)
	if errors.Is(err, evidence.ErrErased) {
		b.erased, next, err = true, nil, nil
	}
	b.last = next
	return err
}

func (r *Row) observe(run evidence.Run) {
	r.Last = run.Observed()
	r.Observations++
}

// read reads the records of one run. Lines that the list before had as well
// are not decoded.
func (b *tableBuilder) read(sel selection, run evidence.Run) (*snapshot, error) {
	s := &snapshot{hash: run.Records.Hash}
	at := 0
	for line, err := range sel.ev.Lines(*run.Records) {
		if err != nil {
			return nil, err
		}
		row := b.last.unchanged(line, &at)
		if row == nil {
			if row, err = b.row(run, line); err != nil {
				return nil, err
			}
			b.last.pass(row, &at)
		}
		if !b.member(row.Effective, sel.period) {
			continue
		}
		b.rows[rowKey{row.Scope, row.ID}] = row
		row.observe(run)
		s.rows = append(s.rows, row)
	}
	return s, nil
}

// unchanged returns the row whose line is the one that the snapshot had at that
// place, or after it if that one is gone; nil if there is none.
func (s *snapshot) unchanged(line evidence.Line, at *int) *Row {
	sum := line.Sum()
	for i := *at; s != nil && sum != 0 && i < len(s.rows) && i <= *at+1; i++ {
		if s.rows[i].sum == sum {
			*at = i + 1
			return s.rows[i]
		}
	}
	return nil
}

// pass goes on behind a row that the snapshot had otherwise.
func (s *snapshot) pass(row *Row, at *int) {
	if s != nil && *at < len(s.rows) && s.rows[*at] == row {
		*at++
	}
}

// row returns the row of the item that a line speaks of, as the line says it is.
func (b *tableBuilder) row(run evidence.Run, line evidence.Line) (*Row, error) {
	rec, err := line.Record()
	if err != nil {
		return nil, err
	}
	row := b.rows[rowKey{rec.Scope, rec.ID}]
	if row == nil {
		row = &Row{Stream: b.name, Scope: rec.Scope, ID: rec.ID, First: run.Observed()}
	}
	row.sum, row.Name, row.Effective, row.Attributes = line.Sum(), rec.Name, rec.Effective, rec.Attributes
	return row, nil
}

// finish returns the rows in the order of scope and id.
func (b *tableBuilder) finish() []*Row {
	return slices.SortedFunc(maps.Values(b.rows), func(x, y *Row) int {
		return cmp.Or(cmp.Compare(x.Scope, y.Scope), cmp.Compare(x.ID, y.ID))
	})
}
