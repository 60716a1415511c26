package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"time"
)

// Writer collects a document in memory. A value that it cannot encode makes
// WriteTo fail.
type Writer struct {
	body  []byte
	texts table[string]
	times table[instant]
	err   error
}

// table numbers distinct values in the order of their first use.
type table[T comparable] struct {
	numbers map[T]uint64
	values  []T
}

func (t *table[T]) number(v T) uint64 {
	n, ok := t.numbers[v]
	if !ok {
		if t.numbers == nil {
			t.numbers = map[T]uint64{}
		}
		n = uint64(len(t.values))
		t.numbers[v], t.values = n, append(t.values, v)
	}
	return n
}

// instant is a time in the form in which it is stored: the zero time, UTC or an
// offset from it.
type instant struct {
	seconds int64
	nanos   int32
	offset  int32 // seconds east of UTC
}

func instantOf(t time.Time) instant {
	_, offset := t.Zone()
	return instant{t.Unix(), int32(t.Nanosecond()), int32(offset)}
}

func (i instant) time() time.Time {
	t := time.Unix(i.seconds, int64(i.nanos))
	switch {
	case i == instantOf(time.Time{}):
		return time.Time{}
	case i.offset == 0:
		return t.UTC()
	}
	return t.In(time.FixedZone("", int(i.offset)))
}

// Uint appends an unsigned number.
func (w *Writer) Uint(n uint64) { w.body = binary.AppendUvarint(w.body, n) }

// Int appends a signed number.
func (w *Writer) Int(n int64) { w.body = binary.AppendVarint(w.body, n) }

// Len appends a count.
func (w *Writer) Len(n int) { w.Uint(uint64(n)) }

// Byte appends one byte.
func (w *Writer) Byte(b byte) { w.body = append(w.body, b) }

// Bool appends one byte, 0 or 1.
func (w *Writer) Bool(b bool) { w.Byte(Bits(b)) }

// Bits returns a byte with the bits that are set, the first one lowest. There are
// at most eight.
func Bits(set ...bool) (b byte) {
	for i, s := range set {
		if s {
			b |= 1 << i
		}
	}
	return b
}

// Raw appends bytes without their number.
func (w *Writer) Raw(b []byte) { w.body = append(w.body, b...) }

// Bytes appends bytes with their number.
func (w *Writer) Bytes(b []byte) {
	w.Len(len(b))
	w.Raw(b)
}

// Text appends a text.
func (w *Writer) Text(s string) { w.Uint(w.texts.number(s)) }

// Texts appends a list of texts; nil is told from an empty one.
func (w *Writer) Texts(all []string) {
	if all == nil {
		w.Len(0)
		return
	}
	w.Len(len(all) + 1)
	for _, s := range all {
		w.Text(s)
	}
}

// Time appends an instant, with its offset from UTC.
func (w *Writer) Time(t time.Time) { w.Uint(w.times.number(instantOf(t))) }

// TimeOrNil appends an instant that may be absent.
func (w *Writer) TimeOrNil(t *time.Time) {
	if t == nil {
		w.Uint(0)
		return
	}
	w.Uint(w.times.number(instantOf(*t)) + 1)
}

// The kinds of values.
const (
	valueNil byte = iota
	valueFalse
	valueTrue
	valueText
	valueInt
	valueFloat
	valueList
	valueMap
	valueAbsent
)

// maxDepth bounds how deep lists and maps are nested.
const maxDepth = 1000

// Absent appends the value that is none, see Reader.Value.
func (w *Writer) Absent() { w.Byte(valueAbsent) }

// Value appends nil, a bool, string, int64, float64, or a list or map of them.
func (w *Writer) Value(v any) { w.value(v, maxDepth) }

func (w *Writer) value(v any, depth int) {
	switch v := v.(type) {
	case nil:
		w.Byte(valueNil)
	case bool:
		w.Byte(valueFalse + Bits(v))
	case string:
		w.Byte(valueText)
		w.Text(v)
	case int64:
		w.Byte(valueInt)
		w.Int(v)
	case float64:
		w.Byte(valueFloat)
		w.body = binary.LittleEndian.AppendUint64(w.body, math.Float64bits(v))
	case []any, map[string]any:
		if depth == 0 {
			w.Fail(errors.New("a value is nested too deep"))
			return
		}
		w.nested(v, depth-1)
	default:
		w.Fail(fmt.Errorf("a value is a %T", v))
	}
}

func (w *Writer) nested(v any, depth int) {
	switch v := v.(type) {
	case []any:
		w.Byte(valueList)
		w.Len(len(v))
		for _, x := range v {
			w.value(x, depth)
		}
	case map[string]any:
		w.Byte(valueMap)
		w.Len(len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			w.Text(k)
			w.value(v[k], depth)
		}
	}
}

// Fail makes WriteTo fail with err.
func (w *Writer) Fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// WriteTo writes the document: the header as it is, texts, instants, what was
// appended, and the SHA-256 of all that.
func (w *Writer) WriteTo(out io.Writer, header []byte) error {
	if w.err != nil {
		return fmt.Errorf("encode: %w", w.err)
	}
	var head []byte
	head = append(binary.AppendUvarint(head, uint64(len(header))), header...)
	head = binary.AppendUvarint(head, uint64(len(w.texts.values)))
	for _, s := range w.texts.values {
		head = binary.AppendUvarint(head, uint64(len(s)))
	}
	for _, s := range w.texts.values {
		head = append(head, s...)
	}
	head = binary.AppendUvarint(head, uint64(len(w.times.values)))
	for _, t := range w.times.values {
		head = binary.AppendVarint(head, t.seconds)
		head = binary.AppendUvarint(head, uint64(t.nanos))
		head = binary.AppendVarint(head, int64(t.offset))
	}
	sum := sha256.New()
	for _, part := range [][]byte{head, w.body} {
		sum.Write(part)
		if _, err := out.Write(part); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	if _, err := out.Write(sum.Sum(nil)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
