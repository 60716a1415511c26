package evidence

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
)

// MaxLine bounds one line of a blob: one record or one exchange.
const MaxLine = 128 << 20

// Lines returns the blob of items: one canonical JSON text a line. An item that
// is longer than ReadLines reads is an error.
func Lines[T any](items []T) ([]byte, error) {
	var dst []byte
	for i, it := range items {
		b, err := Canonical(it)
		if err != nil {
			return nil, err
		}
		if len(b) > MaxLine {
			return nil, fmt.Errorf("item %d of %d is longer than %d bytes: it has %d", i+1, len(items), MaxLine, len(b))
		}
		dst = append(append(dst, b...), '\n')
	}
	return dst, nil
}

// ReadLines reads a blob line by line. The first error ends it; a last line
// without its newline is an error, because the blob was cut.
func ReadLines[T any](r io.Reader) iter.Seq2[T, error] { return ReadShortLines[T](r, MaxLine) }

// ReadShortLines is ReadLines for a file whose lines have at most limit bytes.
func ReadShortLines[T any](r io.Reader, limit int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		q := new(quick)
		n := 0
		eachLine(r, limit, func(line []byte, err error) bool {
			var v T
			n++
			if err == nil {
				err = decode(q, line, &v)
			}
			if err != nil {
				err = fmt.Errorf("line %d: %w", n, err)
			}
			return yield(v, err) && err == nil
		})
	}
}

// lineReaders are kept: a log has ten thousands of small snapshots, and their
// buffers would be most of what a reading of it allocates.
var lineReaders = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 64<<10) }}

// eachLine returns the lines of r, each until the next one is read. The first
// error is given, and ends it.
func eachLine(r io.Reader, limit int, do func(line []byte, err error) bool) {
	br := lineReaders.Get().(*bufio.Reader)
	br.Reset(r)
	defer func() {
		br.Reset(nil) // who made r may let go of it
		lineReaders.Put(br)
	}()
	for {
		line, err := readLine(br, limit)
		if err == io.EOF || !do(line, err) || err != nil {
			return
		}
	}
}

func decode(q *quick, line []byte, v any) error {
	if r, isRecord := v.(*Record); isRecord {
		return decodeRecord(q, line, r)
	}
	return decodeLine(line, v)
}

func decodeLine(line []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one JSON value")
	}
	switch v := v.(type) {
	case *Record:
		if err := sameText(line, *v); err != nil {
			return err
		}
		return normalise(v)
	case *Exchange:
		return sameText(line, *v)
	}
	return nil
}

// sameText refuses a line that is not the one text of what was read from it.
func sameText(line []byte, v any) error {
	again, err := appendCanonical(make([]byte, 0, len(line)), v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, line) {
		return errors.New("not canonical JSON")
	}
	return nil
}

// normalise turns json.Number into int64 or float64, the forms that collectors emit.
func normalise(r *Record) error {
	for k, v := range r.Attributes {
		n, err := plain(v)
		if err != nil {
			return fmt.Errorf("attribute %q: %w", k, err)
		}
		r.Attributes[k] = n
	}
	return nil
}

func plain(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case json.Number:
		if i, e := v.Int64(); e == nil {
			return i, nil
		}
		return v.Float64()
	case []any:
		for i := range v {
			if v[i], err = plain(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range v {
			if v[k], err = plain(v[k]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// readLine returns the next line without its newline, until the next one is read.
func readLine(br *bufio.Reader, limit int) ([]byte, error) {
	part, err := br.ReadSlice('\n')
	if err == nil && len(part) <= limit+1 {
		return part[:len(part)-1], nil
	}
	line := bytes.Clone(part)
	for {
		switch {
		case len(line) > limit+1: // with its newline
			return nil, fmt.Errorf("longer than %d bytes", limit)
		case err == nil:
			return line[:len(line)-1], nil
		case errors.Is(err, bufio.ErrBufferFull):
		case err == io.EOF && len(line) > 0:
			return nil, io.ErrUnexpectedEOF
		default:
			return nil, err
		}
		part, err = br.ReadSlice('\n')
		line = append(line, part...)
	}
}
