package review

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/evidenced/evidenced/evidence"
)

// The columns of a sheet. A reviewer fills the last two; the others are what was
// frozen, and may not be changed.
var columns = []string{"key", "stream", "id", "account", "email", "grant", "privileged", "machine", "last_used", "owners", "decision", "reason"}

const frozen = 10 // columns

// WriteSheet writes a campaign as CSV for a spreadsheet.
func (c *Campaign) WriteSheet(w io.Writer) error {
	cw := csv.NewWriter(w)
	rows := [][]string{columns}
	for _, r := range c.Rows {
		rows = append(rows, append(r.cells(), r.Decision, evidence.SpreadsheetCell(r.Reason)))
	}
	if err := cw.WriteAll(rows); err != nil {
		return fmt.Errorf("write the sheet of review %s: %w", c.ID, err)
	}
	return nil
}

func (r Row) cells() []string {
	cells := []string{r.Key, r.Stream.String(), r.ID, r.Account, r.Email, r.Grant, said(r.Privileged), said(r.Machine), r.LastUsed, strings.Join(r.Owners, " ")}
	for i, c := range cells {
		cells[i] = evidence.SpreadsheetCell(c)
	}
	return cells
}

func said(b *bool) string {
	if b == nil {
		return ""
	}
	return strconv.FormatBool(*b)
}

// maxSheet bounds a sheet that is read.
const maxSheet = 64 << 20

// ReadSheet gives the decisions of a sheet that a reviewer filled. A row that is
// not in the campaign, one that is missing, and a changed cell of what was frozen
// are errors that name the line: a sheet that was edited elsewhere is no review.
// Rows without a decision are left out.
func (c *Campaign) ReadSheet(r io.Reader) ([]evidence.RowDecision, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxSheet+1))
	if err != nil {
		return nil, fmt.Errorf("read the sheet: %w", err)
	}
	if len(b) > maxSheet {
		return nil, fmt.Errorf("the sheet is larger than %d bytes", maxSheet)
	}
	cr := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))))
	cr.Comma = separator(b)
	cr.FieldsPerRecord = -1
	head, err := cr.Read()
	if err != nil || !slices.Equal(head, columns) {
		return nil, fmt.Errorf("line 1: the columns of a sheet are %s", strings.Join(columns, ","))
	}
	return c.readRows(cr)
}

// separator tells a comma from what spreadsheets of other countries write.
func separator(b []byte) rune {
	head, _, _ := bytes.Cut(b, []byte("\n"))
	for _, sep := range []byte{';', '\t'} {
		if bytes.IndexByte(head, sep) >= 0 {
			return rune(sep)
		}
	}
	return ','
}

func (c *Campaign) readRows(cr *csv.Reader) (ds []evidence.RowDecision, err error) {
	seen := map[string]bool{}
	var errs []error
	for {
		cells, err := cr.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the sheet is not CSV: %w", err)
		}
		line, _ := cr.FieldPos(0)
		d, err := c.readRow(cells)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("line %d: %w", line, err))
		case seen[d.Row]:
			errs = append(errs, fmt.Errorf("line %d: row %s stands in the sheet twice", line, d.Row))
		case d.Decision != "":
			ds = append(ds, d)
		}
		seen[d.Row] = true
	}
	for _, r := range c.Rows {
		if !seen[r.Key] {
			errs = append(errs, fmt.Errorf("row %s (%s %s) is missing", r.Key, r.Account, r.Grant))
		}
	}
	return ds, errors.Join(errs[:min(len(errs), 20)]...)
}

func (c *Campaign) readRow(cells []string) (d evidence.RowDecision, err error) {
	if len(cells) != len(columns) {
		return d, fmt.Errorf("%d cells, want %d", len(cells), len(columns))
	}
	d = evidence.RowDecision{Row: cells[0], Decision: strings.ToLower(strings.TrimSpace(cells[frozen])), Reason: strings.TrimSpace(cells[frozen+1])}
	i, there := c.index[d.Row]
	if !there {
		return d, fmt.Errorf("row %q is not in review %s", d.Row, c.ID)
	}
	for k, want := range c.Rows[i].cells() {
		if cells[k] != want {
			return d, fmt.Errorf("row %s: %s is %q, and was frozen as %q", d.Row, columns[k], cells[k], want)
		}
	}
	if d.Reason == evidence.SpreadsheetCell(c.Rows[i].Reason) {
		d.Reason = c.Rows[i].Reason // as it was written before it became a cell
	}
	return d, nil
}
