package evidence

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// quick reads the canonical text of a record in one pass, several times as fast
// as encoding/json and a comparison with what is written again. It is sure only
// of text that is certainly canonical and says what encoding/json would have
// read; of anything else (fractions, nulls, deep nesting, whatever is wrong) it
// is not, and the slow way decides.
type quick struct {
	rest  []byte
	depth int
	names map[string]string // texts that come again and again: one of each
}

const (
	maxQuickDepth = 64
	maxQuickNames = 4096
)

// record gives the record of a line.
func (q *quick) record(line []byte) (r Record, sure bool) {
	q.rest, q.depth = line, 0
	if !utf8.Valid(line) || !q.word(`{"attributes":`) {
		return r, false
	}
	if r.Attributes, sure = q.object(); !sure {
		return r, false
	}
	return r, q.tail(&r)
}

// head gives the record of a line without its attributes, which are passed over.
func (q *quick) head(line []byte) (r Record, sure bool) {
	q.rest = line
	if !q.word(`{"attributes":`) || len(q.rest) == 0 || q.rest[0] != '{' {
		return r, false
	}
	q.rest = q.rest[ValueEnd(q.rest):]
	return r, utf8.Valid(q.rest) && q.tail(&r)
}

// tail takes what stands behind the attributes.
func (q *quick) tail(r *Record) (sure bool) {
	if q.word(`,"effective":`) {
		if r.Effective, sure = q.time(); !sure {
			return false
		}
	}
	kind, scope := "", ""
	sure = q.word(`,"id":`) && q.text(&r.ID) && q.word(`,"kind":`) && q.name(&kind) && q.word(`,"name":`) && q.text(&r.Name)
	if sure && q.word(`,"scope":`) {
		sure = q.name(&scope) && scope != ""
	}
	r.Kind, r.Scope = Kind(kind), Scope(scope)
	return sure && string(q.rest) == "}"
}

// word takes what comes next if it is w.
func (q *quick) word(w string) bool {
	if len(q.rest) < len(w) || string(q.rest[:len(w)]) != w {
		return false
	}
	q.rest = q.rest[len(w):]
	return true
}

func (q *quick) value() (any, bool) {
	if len(q.rest) == 0 {
		return nil, false
	}
	switch q.rest[0] {
	case '"':
		var s string
		sure := q.text(&s)
		return s, sure
	case '{':
		return q.object()
	case '[':
		return q.list()
	case 't':
		return true, q.word("true")
	case 'f':
		return false, q.word("false")
	}
	return q.integer()
}

func (q *quick) object() (map[string]any, bool) {
	if q.depth++; q.depth > maxQuickDepth || !q.word("{") {
		return nil, false
	}
	m := map[string]any{}
	for last := ""; !q.word("}"); {
		var name string
		if len(m) > 0 && !q.word(",") || !q.name(&name) || !q.word(":") || len(m) > 0 && name <= last {
			return nil, false
		}
		v, sure := q.value()
		if !sure {
			return nil, false
		}
		m[name], last = v, name
	}
	q.depth--
	return m, true
}

func (q *quick) list() ([]any, bool) {
	if q.depth++; q.depth > maxQuickDepth || !q.word("[") {
		return nil, false
	}
	l := []any{}
	for !q.word("]") {
		if len(l) > 0 && !q.word(",") {
			return nil, false
		}
		v, sure := q.value()
		if !sure {
			return nil, false
		}
		l = append(l, v)
	}
	q.depth--
	return l, true
}

// integer takes a whole number of at most 18 digits, in its one form.
func (q *quick) integer() (any, bool) {
	n := 0
	for n < len(q.rest) && (q.rest[n] >= '0' && q.rest[n] <= '9' || n == 0 && q.rest[0] == '-') {
		n++
	}
	digits := q.rest[:n]
	if n > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 18 || digits[0] == '0' && n > 1 {
		return nil, false
	}
	if n < len(q.rest) && (q.rest[n] == '.' || q.rest[n] == 'e' || q.rest[n] == 'E') {
		return nil, false
	}
	i, err := strconv.ParseInt(string(q.rest[:n]), 10, 64)
	q.rest = q.rest[n:]
	return i, err == nil
}

func (q *quick) time() (*time.Time, bool) {
	var s string
	if !q.text(&s) {
		return nil, false
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.UTC().Format(time.RFC3339Nano) != s {
		return nil, false
	}
	return &t, true
}

// text takes a string.
func (q *quick) text(s *string) bool {
	b, sure := q.bytes()
	*s = string(b)
	return sure
}

// name takes a string that other records have as well.
func (q *quick) name(s *string) bool {
	b, sure := q.bytes()
	known, ok := q.names[string(b)]
	if !ok {
		known = string(b)
		if q.names == nil {
			q.names = map[string]string{}
		}
		if len(q.names) < maxQuickNames {
			q.names[known] = known
		}
	}
	*s = known
	return sure
}

// bytes takes a string, whose bytes are those of the line where nothing in it is escaped.
func (q *quick) bytes() ([]byte, bool) {
	if !q.word(`"`) {
		return nil, false
	}
	for i, c := range q.rest {
		switch {
		case c == '"':
			s := q.rest[:i]
			q.rest = q.rest[i+1:]
			return s, true
		case c == '\\':
			return q.escaped(i)
		case c < 0x20:
			return nil, false
		}
	}
	return nil, false
}

// escaped takes a string whose first escape is at i.
func (q *quick) escaped(i int) ([]byte, bool) {
	s := append([]byte(nil), q.rest[:i]...)
	for q.rest = q.rest[i:]; len(q.rest) > 0; {
		c, n := q.rest[0], 1
		switch {
		case c == '"':
			q.rest = q.rest[1:]
			return s, true
		case c < 0x20:
			return nil, false
		case c == '\\':
			if c, n = escape(q.rest); n == 0 {
				return nil, false
			}
		}
		s, q.rest = append(s, c), q.rest[n:]
	}
	return nil, false
}

// escape reads the escape that b begins with and gives its length: 0 if it is
// not the one that appendEscape writes.
func escape(b []byte) (c byte, n int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch b[1] {
	case '"', '\\':
		return b[1], 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		if len(b) < 6 {
			return 0, 0
		}
		v, err := strconv.ParseUint(string(b[2:6]), 16, 16)
		if err != nil || v >= 0x20 || string(appendEscape(nil, byte(v))) != string(b[:6]) {
			return 0, 0
		}
		return byte(v), 6
	}
	return 0, 0
}
