package export

import (
	"encoding/csv"
	"io"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// rows writes a CSV file: a header and rows. No cell is a formula for a
// spreadsheet: names come from people we do not know.
func rows(w io.Writer, header []string, each func(row func(...string)) error) error {
	cw := csv.NewWriter(w)
	cw.UseCRLF = true // RFC 4180
	if err := cw.Write(header); err != nil {
		return err
	}
	var failed error
	err := each(func(cells ...string) {
		for i := range cells {
			cells[i] = evidence.SpreadsheetCell(cells[i])
		}
		if err := cw.Write(cells); err != nil && failed == nil {
			failed = err
		}
	})
	cw.Flush()
	switch {
	case err != nil:
		return err
	case failed != nil:
		return failed
	}
	return cw.Error()
}

// stamp writes a time for a cell; nil and zero are empty.
func stamp(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
