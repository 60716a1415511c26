package evidence

import (
	"fmt"
	"hash/maphash"
	"io"
	"iter"
	"time"
)

// Line is a record as it stands in a snapshot: who reads many snapshots, each
// much like the one before, decodes what changed and passes over the rest. It
// must not be kept: its text is that of the next line after the next step.
type Line struct {
	text   []byte
	number int
	from   *lineFile
	record *Record
}

// lineFile is what lines are read from.
type lineFile struct {
	quick
	name string
}

// LineOf returns the line of a record that was decoded.
func LineOf(r Record) Line { return Line{record: &r} }

// Record decodes the line.
func (l Line) Record() (Record, error) {
	if l.record != nil {
		return *l.record, nil
	}
	var r Record
	err := decodeRecord(&l.from.quick, l.text, &r)
	return r, l.from.fail(l.number, err)
}

// fail names the file and the line of an error.
func (f *lineFile) fail(number int, err error) error {
	switch {
	case err == nil:
		return nil
	case f.name == "":
		return fmt.Errorf("line %d: %w", number, err)
	}
	return fmt.Errorf("%s: line %d: %w", f.name, number, err)
}

// Head decodes the line but for its attributes.
func (l Line) Head() (Record, error) {
	if l.record == nil {
		if r, sure := l.from.head(l.text); sure {
			return r, nil
		}
	}
	r, err := l.Record()
	r.Attributes = nil
	return r, err
}

func decodeRecord(q *quick, line []byte, r *Record) error {
	if quick, sure := q.record(line); sure {
		*r = quick
		return nil
	}
	return decodeLine(line, r)
}

// Sum is a hash of the line's text, of use within this process; 0 where there
// is no text.
func (l Line) Sum() uint64 {
	if l.text == nil {
		return 0
	}
	return maphash.Bytes(seed, l.text) | 1
}

// seed is drawn anew by each process, so that nobody can write two lines that
// have one sum.
var seed = maphash.MakeSeed()

// Digest is a hash of what the line says apart from its effective time, which
// is given by its side, and from the attributes that are not among names
// (which are sorted); 0 where that cannot be told without decoding it.
func (l Line) Digest(names []string) (sum uint64, effective *time.Time) {
	const open = `{"attributes":{`
	if len(l.text) < len(open) || string(l.text[:len(open)]) != open {
		return 0, nil
	}
	var h maphash.Hash
	h.SetSeed(seed)
	rest, last := l.text[len(open):], []byte(nil)
	for len(rest) > 0 && rest[0] != '}' {
		m, after, ok := cutMember(rest)
		if !ok || last != nil && string(m.Name) <= string(last) {
			return 0, nil
		}
		for len(names) > 0 && names[0] < string(m.Name) {
			names = names[1:]
		}
		if len(names) > 0 && names[0] == string(m.Name) {
			h.Write(rest[:len(m.Name)+len(`"":`)+len(m.Value)])
		}
		last, rest = m.Name, after
	}
	q := quick{rest: rest}
	if q.word(`},"effective":`) {
		if effective, ok := q.time(); ok {
			h.Write(q.rest)
			return h.Sum64() | 1, effective
		}
		return 0, nil
	}
	h.Write(rest)
	return h.Sum64() | 1, nil
}

// ReadRecordLines reads a blob of records line by line, like ReadLines, and
// decodes none of them. A line has at most limit bytes. Errors name the file,
// if it has a name.
func ReadRecordLines(r io.Reader, limit int, name string) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		l := Line{from: &lineFile{name: name}}
		eachLine(r, limit, func(text []byte, err error) bool {
			l.number++
			l.text = text
			return yield(l, l.from.fail(l.number, err))
		})
	}
}

// DecodeLines returns the records of lines.
func DecodeLines(lines iter.Seq2[Line, error]) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for line, err := range lines {
			var r Record
			if err == nil {
				r, err = line.Record()
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}
