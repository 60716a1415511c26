package sheet

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/evidenced/evidenced/collectors"
)

// headRoom bounds the first line, in bytes.
const headRoom = 64 << 10

// lineField is the name of the first column of what is kept.
const lineField = "line"

// keep copies of the file what the declared columns say, as a CSV text of ours:
// a comma between fields, the names of fields in the first line, and the line
// of the file as the first field of each row.
func (f File) keep(r io.Reader, w io.Writer) error {
	in := bufio.NewReaderSize(r, headRoom)
	comma, err := f.begin(in)
	if err != nil {
		return err
	}
	rows := csv.NewReader(in)
	rows.Comma, rows.ReuseRecord = comma, true
	head, err := rows.Read()
	if err != nil {
		return f.broken(err)
	}
	names, at, err := f.find(head)
	if err != nil {
		return err
	}
	out := csv.NewWriter(w)
	if err := out.Write(append([]string{lineField}, names...)); err != nil {
		return err
	}
	if err := f.copy(rows, out, at); err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

// begin reads the marks with which a file may begin, and finds the separator.
func (f File) begin(in *bufio.Reader) (rune, error) {
	head, err := in.Peek(headRoom)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return 0, f.wrong(1, "the file is UTF-16: save it as CSV UTF-8")
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, _ = in.Discard(3) // it was seen
		head = head[3:]
	}
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) {
		return 0, f.wrong(1, "the file is a workbook or an archive: save it as CSV UTF-8")
	}
	return f.separator(head), nil
}

var separators = []rune{',', ';', '\t'}

// separator is the one under which the most declared columns are in the first
// line; of equals, the one that gives the most columns.
func (f File) separator(head []byte) rune {
	best, most := separators[0], -1
	for _, s := range separators {
		r := csv.NewReader(bytes.NewReader(head))
		r.Comma = s
		names, err := r.Read()
		if err != nil {
			continue
		}
		found := 0
		for _, n := range names {
			if f.wanted(n) {
				found++
			}
		}
		if score := found*headRoom + len(names); score > most {
			best, most = s, score
		}
	}
	return best
}

// Plain is the form in which names of columns are compared.
func Plain(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

func (f File) wanted(column string) bool {
	if len(f.Columns) == 0 {
		return f.IsField(Plain(column))
	}
	for _, c := range f.Columns {
		if Plain(c) == Plain(column) {
			return true
		}
	}
	return false
}

// find returns the fields in order of name, and where the column of each is.
func (f File) find(head []string) (names []string, at []int, err error) {
	columns := f.Columns
	if len(columns) == 0 {
		columns = map[string]string{}
		for _, h := range head {
			if f.IsField(Plain(h)) {
				columns[Plain(h)] = h
			}
		}
	}
	for _, name := range sortedKeys(columns) {
		i, err := f.place(head, columns[name])
		if err != nil {
			return nil, nil, err
		}
		names, at = append(names, name), append(at, i)
	}
	if why := f.Missing(names); why != "" {
		return nil, nil, f.wrong(1, "%s", why)
	}
	return names, at, nil
}

func (f File) place(head []string, column string) (int, error) {
	found := -1
	for i, h := range head {
		if Plain(h) != Plain(column) {
			continue
		}
		if found >= 0 {
			return 0, f.wrong(1, "the column %q stands there twice", column)
		}
		found = i
	}
	if found < 0 {
		return 0, f.wrong(1, "there is no column %q", column)
	}
	return found, nil
}

func (f File) copy(rows *csv.Reader, out *csv.Writer, at []int) error {
	kept := make([]string, len(at)+1)
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return f.broken(err)
		}
		if !slices.ContainsFunc(row, func(v string) bool { return strings.TrimSpace(v) != "" }) {
			continue // a spreadsheet's empty row
		}
		line, _ := rows.FieldPos(0)
		kept[0] = strconv.Itoa(line)
		for i, column := range at {
			kept[i+1] = strings.TrimSpace(row[column])
			if !utf8.ValidString(kept[i+1]) || strings.ContainsRune(kept[i+1], 0) {
				line, at := rows.FieldPos(column)
				return f.wrong(line, "column %d is not UTF-8: save the file as CSV UTF-8", at)
			}
		}
		if err := out.Write(kept); err != nil {
			return err
		}
	}
}

// broken returns an error of the CSV reader, which names line and column, without
// anything of the row.
func (f File) broken(err error) error {
	var p *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return f.wrong(1, "the file is empty")
	case errors.As(err, &p) && errors.Is(err, csv.ErrFieldCount):
		return f.wrong(p.StartLine, "the row has another number of fields than the first line")
	case errors.As(err, &p) && p.Line != p.StartLine:
		return f.wrong(p.Line, "column %d, of the row that begins on line %d: %v", p.Column, p.StartLine, p.Err)
	case errors.As(err, &p):
		return f.wrong(p.Line, "column %d: %v", p.Column, p.Err)
	}
	return err
}

// wrong is an error that names the file and the line.
func (f File) wrong(line int, format string, args ...any) error {
	return collectors.Incomplete("%s:%d: %s", f.Name, line, fmt.Sprintf(format, args...))
}
