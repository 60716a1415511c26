package evidence

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"time"
	"unicode/utf8"
)

// The functions below read the canonical text of an entry in one pass. Each
// reports whether it read what encoding/json would have read; if one does not,
// the text is decoded by encoding/json. Members are in the order of their names.

func (d *LeafDecoder) entry(leaf []byte) (e Entry, ok bool) {
	q := &d.fast
	q.rest, q.depth = leaf, 0
	if !utf8.Valid(leaf) || !q.literal("{") {
		return e, false
	}
	if q.literal(`"blobs":`) {
		if raw := q.raw(); json.Unmarshal(raw, &e.Blobs) != nil || !q.literal(",") {
			return e, false
		}
	}
	if q.literal(`"body":`) {
		raw := q.raw()
		if e.Body = bytes.Clone(raw); !json.Valid(raw) || string(raw) == "null" || !q.literal(",") {
			return e, false
		}
	}
	if !q.literal(`"index":`) || !q.uint64(&e.Index) || !q.literal(`,"recorded":`) || !q.moment(&e.Recorded) {
		return e, false
	}
	if q.literal(`,"run":`) {
		e.Run = new(Run)
		if !d.run(e.Run) {
			return e, false
		}
	}
	return e, q.literal(`,"type":`) && named(q, &e.Type) && string(q.rest) == "}"
}

func (d *LeafDecoder) run(r *Run) bool {
	q := &d.fast
	if !q.literal("{") {
		return false
	}
	if q.literal(`"certificate":`) {
		r.Certificate = new(Certificate)
		if !d.certificate(r.Certificate) || !q.literal(",") {
			return false
		}
	}
	ok := q.literal(`"due":`) && q.moment(&r.Due) && q.ref(`,"exchanges":`, &r.Exchanges) &&
		q.literal(`,"outcome":`) && named(q, &r.Outcome) && q.reason(&r.Reason) && q.ref(`,"records":`, &r.Records) && q.literal(`,"stream":`)
	if !ok {
		return false
	}
	if r.Stream, ok = d.streams.decode(q.raw()); !ok {
		return false
	}
	return q.literal(`,"trigger":`) && named(q, &r.Trigger) && q.literal("}")
}

func (d *LeafDecoder) certificate(c *Certificate) bool {
	q := &d.fast
	if !q.literal("{") {
		return false
	}
	if q.literal(`"clock_offset_ms":`) {
		c.ClockOffsetMS = new(int64)
		if !q.int64(c.ClockOffsetMS) || !q.literal(",") {
			return false
		}
	}
	if !q.literal(`"collector":`) || !q.name(&c.Collector) || !q.literal(`,"complete":`) || !q.flag(&c.Complete) || !q.literal(`,"ended":`) || !q.moment(&c.Ended) {
		return false
	}
	return recurring(q, `,"endpoints":`, &d.texts, &c.Endpoints) && recurring(q, `,"filters":`, &d.filters, &c.Filters) &&
		q.count(`,"kept_days":`, &c.KeptDays) && q.optionalText(`,"mark":`, &c.Mark) &&
		q.literal(`,"pages":`) && q.int(&c.Pages) && q.optional(`,"principal":`, &c.Principal) && recurring(q, `,"redactions":`, &d.texts, &c.Redactions) &&
		q.literal(`,"requests":`) && q.int(&c.Requests) && q.literal(`,"rows":`) && q.int(&c.Rows) && q.literal(`,"rules":`) && q.name(&c.Rules) &&
		q.optional(`,"schema":`, &c.Schema) && recurring(q, `,"scopes":`, &d.scopes, &c.Scopes) &&
		q.literal(`,"started":`) && q.moment(&c.Started) && q.total(&c.Total) && q.window(&c.Window) && q.literal("}")
}

// recurring takes a member that may be missing and is the same in many runs.
func recurring[T any](q *fastDecoder, member string, m *memo[T], v *T) (ok bool) {
	if !q.literal(member) {
		return true
	}
	*v, ok = m.decode(q.raw())
	return ok
}

// named takes a text of a type of its own.
func named[T ~string](q *fastDecoder, v *T) bool {
	var s string
	ok := q.name(&s)
	*v = T(s)
	return ok
}

// raw takes a JSON value of any kind as it is written; nothing if it does not end.
func (q *fastDecoder) raw() []byte {
	n := ValueEnd(q.rest)
	v := q.rest[:n]
	q.rest = q.rest[n:]
	return v
}

// optional takes a name that may be missing.
func (q *fastDecoder) optional(member string, s *string) bool { return !q.literal(member) || q.name(s) }

// optionalText takes a text that may be missing and seldom recurs.
func (q *fastDecoder) optionalText(member string, s *string) bool {
	return !q.literal(member) || q.text(s)
}

// count takes a number that may be missing.
func (q *fastDecoder) count(member string, n *int) bool { return !q.literal(member) || q.int(n) }

func (q *fastDecoder) total(n **int) bool {
	if !q.literal(`,"total":`) {
		return true
	}
	*n = new(int)
	return q.int(*n)
}

func (q *fastDecoder) flag(v *bool) bool {
	*v = q.literal("true")
	return *v || q.literal("false")
}

// maxDigits of a number fit an int64, whatever they are.
const maxDigits = 18

// int64 takes a whole number in its one form.
func (q *fastDecoder) int64(v *int64) bool {
	negative := q.literal("-")
	n := 0
	for *v = 0; n < len(q.rest) && n <= maxDigits && q.rest[n]-'0' <= 9; n++ {
		*v = 10**v + int64(q.rest[n]-'0')
	}
	if n == 0 || n > maxDigits || q.rest[0] == '0' && (n > 1 || negative) {
		return false
	}
	if q.rest = q.rest[n:]; negative {
		*v = -*v
	}
	return len(q.rest) > 0 && (q.rest[0] == ',' || q.rest[0] == '}') // neither a fraction nor an exponent follows
}

func (q *fastDecoder) int(v *int) bool {
	var n int64
	ok := q.int64(&n)
	*v = int(n)
	return ok && int64(*v) == n
}

func (q *fastDecoder) uint64(v *uint64) bool {
	var n int64
	ok := q.int64(&n)
	*v = uint64(n)
	return ok && n >= 0
}

// ref takes the name of a blob that may be missing.
func (q *fastDecoder) ref(member string, v **Ref) bool {
	if !q.literal(member) {
		return true
	}
	*v = new(Ref)
	return q.literal(`{"count":`) && q.int(&(*v).Count) && q.literal(`,"hash":`) && q.hash(&(*v).Hash) && q.literal(`,"size":`) && q.int64(&(*v).Size) && q.literal("}")
}

func (q *fastDecoder) hash(h *Hash) bool {
	const n = 2 * len(h)
	if len(q.rest) < n+2 || q.rest[0] != '"' || q.rest[n+1] != '"' {
		return false
	}
	text := q.rest[1 : n+1]
	q.rest = q.rest[n+2:]
	for _, c := range text {
		if 'A' <= c && c <= 'F' {
			return false // a hash has one text
		}
	}
	_, err := hex.Decode(h[:], text)
	return err == nil
}

func (q *fastDecoder) reason(v **Reason) bool {
	if !q.literal(`,"reason":`) {
		return true
	}
	*v = new(Reason)
	return q.literal(`{"class":`) && named(q, &(*v).Class) && q.optionalText(`,"detail":`, &(*v).Detail) && q.literal("}")
}

func (q *fastDecoder) window(v **Window) bool {
	if !q.literal(`,"window":{`) {
		return true
	}
	*v = new(Window)
	if q.literal(`"after":`) && (!q.text(&(*v).After) || !q.literal(",")) {
		return false
	}
	return q.literal(`"from":`) && q.moment(&(*v).From) && q.literal(`,"to":`) && q.moment(&(*v).To) && q.literal("}")
}

// moment takes a time. What has no fraction of a second is "2026-01-01T06:00:00Z".
func (q *fastDecoder) moment(t *time.Time) bool {
	const size = len(`"2026-01-01T06:00:00Z"`)
	if len(q.rest) >= size && q.rest[size-1] == '"' && q.rest[size-2] == 'Z' {
		if at, ok := wholeSecond(q.rest[1 : size-2]); ok && q.rest[0] == '"' {
			*t, q.rest = at, q.rest[size:]
			return true
		}
	}
	at, ok := q.time()
	if ok {
		*t = *at
	}
	return ok
}

// wholeSecond reads "2026-01-01T06:00:00" as a time in UTC.
func wholeSecond(b []byte) (t time.Time, ok bool) {
	if b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' {
		return t, false
	}
	ok = true
	pair := func(at, low, high int) int {
		x, y := b[at]-'0', b[at+1]-'0'
		n := 10*int(x) + int(y)
		ok = ok && x <= 9 && y <= 9 && low <= n && n <= high
		return n
	}
	year := 100*pair(0, 0, 99) + pair(2, 0, 99)
	month, day, hour, minute, second := pair(5, 1, 12), pair(8, 1, 31), pair(11, 0, 23), pair(14, 0, 59), pair(17, 0, 59)
	if !ok {
		return t, false
	}
	t = time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	return t, t.Day() == day
}
