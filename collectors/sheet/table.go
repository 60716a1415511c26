package sheet

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

// Table is what was kept of a file.
type Table struct {
	File
	// Owner is the user to whom the file belongs; empty if the system does not say.
	Owner string

	rows *csv.Reader
	at   map[string]int // the place of each field in a row
}

func (f File) table(text string) (*Table, error) {
	t := &Table{File: f, rows: csv.NewReader(strings.NewReader(text)), at: map[string]int{}}
	head, err := t.rows.Read()
	if err != nil || len(head) < 2 || head[0] != lineField {
		return nil, collectors.Incomplete("%s: what was kept of the file is no table", f.Name)
	}
	for i, name := range head[1:] {
		t.at[name] = i + 1
	}
	return t, nil
}

// Fields returns the fields that the file has, sorted.
func (t *Table) Fields() []string { return sortedKeys(t.at) }

// Has reports whether the file has a column of the field.
func (t *Table) Has(field string) bool { return t.at[field] > 0 }

// column is the name by which the file calls a field.
func (t *Table) column(field string) string {
	if c := t.Columns[field]; c != "" {
		return c
	}
	return field
}

// columnsRead tells which column of the file each field was read from.
func (t *Table) columnsRead() string {
	var all []string
	for _, f := range t.Fields() {
		all = append(all, f+" from "+t.column(f))
	}
	return strings.Join(all, ", ")
}

// maxMistakes bounds those that one error tells of.
const maxMistakes = 5

// Each hands over every row, until there were too many mistakes. Its error tells
// of those, and is ErrIncomplete.
func (t *Table) Each(take func(*Row) error) error {
	var wrong []error
	for len(wrong) < maxMistakes {
		cells, err := t.rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return collectors.Incomplete("%s: what was kept of the file is no table: %v", t.Name, err)
		}
		if err := take(&Row{t, cells}); err != nil {
			wrong = append(wrong, err)
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%w: %w", collectors.ErrIncomplete, errors.Join(wrong...))
	}
	return nil
}

// Row is one row of a table.
type Row struct {
	*Table
	cells []string
}

// Line is where the row stands in the file.
func (r *Row) Line() string { return r.cells[0] }

// Value is what the row says of a field; empty if nothing.
func (r *Row) Value(field string) string {
	if i, ok := r.at[field]; ok && i < len(r.cells) {
		return r.cells[i]
	}
	return ""
}

// Date is the day that a field says, as it is stored; empty if it says nothing.
func (r *Row) Date(field string) (string, error) {
	v := r.Value(field)
	if v == "" {
		return "", nil
	}
	day, err := time.Parse(r.Dates, v)
	if err != nil {
		return "", r.Wrong(field, "%.100q is no date of the form %s", v, r.Dates)
	}
	return day.Format(ISO), nil
}

// Wrong is a mistake in a field, by file, line and column.
func (r *Row) Wrong(field, format string, args ...any) error {
	return fmt.Errorf("%s:%s: column %q: %s", r.Name, r.Line(), r.column(field), fmt.Sprintf(format, args...))
}

// sortedKeys returns the keys in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
