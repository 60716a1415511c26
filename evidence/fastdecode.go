package evidence

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// fastDecoder reads the canonical text of a record in one pass, several times as fast
// as encoding/json and a comparison with what is written again. Its results are ok
// only for text that is certainly canonical, and are then what encoding/json would
// have read; for anything else (fractions, nulls, deep nesting, malformed text) they
// are not, and encoding/json decides.
type fastDecoder struct {
	rest  []byte
	depth int
	names map[string]string // texts that come again and again: one of each
}

const (
	maxFastDepth = 64
	maxFastNames = 4096
)

// record returns the record of a line.
func (q *fastDecoder) record(line []byte) (r Record, ok bool) {
	q.rest, q.depth = line, 0
	if !utf8.Valid(line) || !q.literal(`{"attributes":`) {
		return r, false
	}
	if r.Attributes, ok = q.object(); !ok {
		return r, false
	}
	return r, q.tail(&r)
}

// head returns the record of a line without its attributes, which are passed over.
func (q *fastDecoder) head(line []byte) (r Record, ok bool) {
	q.rest = line
	if !q.literal(`{"attributes":`) || len(q.rest) == 0 || q.rest[0] != '{' {
		return r, false
	}
	q.rest = q.rest[ValueEnd(q.rest):]
	return r, utf8.Valid(q.rest) && q.tail(&r)
}

// tail reads what follows the attributes.
func (q *fastDecoder) tail(r *Record) (ok bool) {
	if q.literal(`,"effective":`) {
		if r.Effective, ok = q.time(); !ok {
			return false
		}
	}
	kind, scope := "", ""
	ok = q.literal(`,"id":`) && q.text(&r.ID) && q.literal(`,"kind":`) && q.name(&kind) && q.literal(`,"name":`) && q.text(&r.Name)
	if ok && q.literal(`,"scope":`) {
		ok = q.name(&scope) && scope != ""
	}
	r.Kind, r.Scope = Kind(kind), Scope(scope)
	return ok && string(q.rest) == "}"
}

// literal consumes w, if it comes next.
func (q *fastDecoder) literal(w string) bool {
	if len(q.rest) < len(w) || string(q.rest[:len(w)]) != w {
		return false
	}
	q.rest = q.rest[len(w):]
	return true
}

func (q *fastDecoder) value() (any, bool) {
	if len(q.rest) == 0 {
		return nil, false
	}
	switch q.rest[0] {
	case '"':
		var s string
		ok := q.text(&s)
		return s, ok
	case '{':
		return q.object()
	case '[':
		return q.list()
	case 't':
		return true, q.literal("true")
	case 'f':
		return false, q.literal("false")
	}
	return q.integer()
}

func (q *fastDecoder) object() (map[string]any, bool) {
	if q.depth++; q.depth > maxFastDepth || !q.literal("{") {
		return nil, false
	}
	m := map[string]any{}
	for last := ""; !q.literal("}"); {
		var name string
		if len(m) > 0 && !q.literal(",") || !q.name(&name) || !q.literal(":") || len(m) > 0 && name <= last {
			return nil, false
		}
		v, ok := q.value()
		if !ok {
			return nil, false
		}
		m[name], last = v, name
	}
	q.depth--
	return m, true
}

func (q *fastDecoder) list() ([]any, bool) {
	if q.depth++; q.depth > maxFastDepth || !q.literal("[") {
		return nil, false
	}
	l := []any{}
	for !q.literal("]") {
		if len(l) > 0 && !q.literal(",") {
			return nil, false
		}
		v, ok := q.value()
		if !ok {
			return nil, false
		}
		l = append(l, v)
	}
	q.depth--
	return l, true
}

// integer reads an integer of at most 18 digits, in its one form.
func (q *fastDecoder) integer() (any, bool) {
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

func (q *fastDecoder) time() (*time.Time, bool) {
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

// text reads a string.
func (q *fastDecoder) text(s *string) bool {
	b, ok := q.bytes()
	*s = string(b)
	return ok
}

// name reads a string that other records have as well.
func (q *fastDecoder) name(s *string) bool {
	b, ok := q.bytes()
	shared, there := q.names[string(b)]
	if !there {
		shared = string(b)
		if q.names == nil {
			q.names = map[string]string{}
		}
		if len(q.names) < maxFastNames {
			q.names[shared] = shared
		}
	}
	*s = shared
	return ok
}

// bytes reads a string; its bytes are those of the line where nothing in it is escaped.
func (q *fastDecoder) bytes() ([]byte, bool) {
	if !q.literal(`"`) {
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

// escaped reads a string whose first escape is at i.
func (q *fastDecoder) escaped(i int) ([]byte, bool) {
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

// escape reads the escape that b begins with and returns its length: 0 if it is
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
