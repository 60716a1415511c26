package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

var (
	// ErrDamaged: a document is torn, was altered, or does not follow the format.
	ErrDamaged = errors.New("the document is damaged")
	// ErrHeader: a document is whole, and has another header.
	ErrHeader = errors.New("the document has another header")
)

// Reader reads a document in the order in which it was written. After its first
// error every read returns a zero value, and Err the error: check it before what
// was read is used. What it allocates is proportional to the size of the document.
type Reader struct {
	rest  []byte
	texts []string
	times []time.Time
	err   error
}

// NewReader reads all of r, at most limit bytes, and checks hash and header. The
// error wraps ErrDamaged or ErrHeader, or is that of r.
func NewReader(r io.Reader, limit int64, header []byte) (*Reader, error) {
	all, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read: %w", err)
	case int64(len(all)) > limit || len(all) < sha256.Size:
		return nil, fmt.Errorf("%w: it has %d bytes", ErrDamaged, len(all))
	}
	body, sum := all[:len(all)-sha256.Size], all[len(all)-sha256.Size:]
	if want := sha256.Sum256(body); !bytes.Equal(sum, want[:]) {
		return nil, fmt.Errorf("%w: its hash is another", ErrDamaged)
	}
	d := &Reader{rest: body}
	if got := d.Bytes(); d.err == nil && !bytes.Equal(got, header) {
		return nil, ErrHeader
	}
	d.readTexts()
	d.readTimes()
	return d, d.err
}

func (r *Reader) readTexts() {
	lengths := make([]int, r.Len(1))
	total := 0
	for i := range lengths {
		lengths[i] = r.Len(0)
		if total += lengths[i]; total > len(r.rest) {
			r.Fail("its texts are longer than the document")
			return
		}
	}
	all := string(r.take(total)) // one text, of which the others are parts
	r.texts = make([]string, len(lengths))
	for i, n := range lengths {
		r.texts[i], all = all[:n], all[n:]
	}
}

func (r *Reader) readTimes() {
	r.times = make([]time.Time, r.Len(3))
	for i := range r.times {
		at := instant{seconds: r.Int()}
		nanos, offset := r.Uint(), r.Int()
		if nanos >= uint64(time.Second) || offset < -maxOffset || offset > maxOffset {
			r.Fail("an instant is none")
			return
		}
		at.nanos, at.offset = int32(nanos), int32(offset)
		r.times[i] = at.time()
	}
}

const maxOffset = 24 * 60 * 60 // seconds

// Fail sets the error, unless there is one.
func (r *Reader) Fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: "+format, append([]any{ErrDamaged}, args...)...)
		r.rest = nil
	}
}

// Err is the first error; it wraps ErrDamaged.
func (r *Reader) Err() error { return r.err }

// End checks that all was read, and returns the first error.
func (r *Reader) End() error {
	if len(r.rest) > 0 {
		r.Fail("%d bytes are left", len(r.rest))
	}
	return r.err
}

// Left is how many bytes were not read yet.
func (r *Reader) Left() int { return len(r.rest) }

func (r *Reader) take(n int) []byte {
	if n > len(r.rest) {
		r.Fail("it ends too early")
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// Uint reads an unsigned number.
func (r *Reader) Uint() uint64 {
	if len(r.rest) > 0 && r.rest[0] < 0x80 {
		n := r.rest[0]
		r.rest = r.rest[1:]
		return uint64(n)
	}
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.Fail("a number is none")
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// Int reads a signed number.
func (r *Reader) Int() int64 {
	u := r.Uint()
	return int64(u>>1) ^ -int64(u&1)
}

// Len reads a count of elements, each of which takes at least size bytes: more
// than the rest of the document has room for is an error.
func (r *Reader) Len(size int) int {
	n := r.Uint()
	if n > math.MaxInt32 || int(n)*size > len(r.rest) {
		r.Fail("%d elements do not fit in it", n)
		return 0
	}
	return int(n)
}

// Index reads a number below n.
func (r *Reader) Index(n int) int {
	i := r.Uint()
	if i >= uint64(n) {
		r.Fail("index %d of %d", i, n)
		return 0
	}
	return int(i)
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// Bool reads one byte, 0 or 1.
func (r *Reader) Bool() bool {
	b := r.Byte()
	if b > 1 {
		r.Fail("a truth is %d", b)
	}
	return b == 1
}

// Raw fills b.
func (r *Reader) Raw(b []byte) { copy(b, r.take(len(b))) }

// Bytes reads bytes with their number. They are part of the document.
func (r *Reader) Bytes() []byte { return r.take(r.Len(1)) }

// Text reads a text.
func (r *Reader) Text() string {
	if i := r.Index(len(r.texts)); i < len(r.texts) {
		return r.texts[i]
	}
	return ""
}

// Texts reads a list of texts, which may be nil.
func (r *Reader) Texts() []string {
	n := r.Len(0)
	if n == 0 || n-1 > len(r.rest) {
		if n > 0 {
			r.Fail("%d texts do not fit in it", n-1)
		}
		return nil
	}
	all := make([]string, n-1)
	for i := range all {
		all[i] = r.Text()
	}
	return all
}

// Time reads an instant.
func (r *Reader) Time() time.Time {
	if i := r.Index(len(r.times)); i < len(r.times) {
		return r.times[i]
	}
	return time.Time{}
}

// TimeOrNil reads an instant that may be absent. What it points to is shared, and
// must not change.
func (r *Reader) TimeOrNil() *time.Time {
	if i := r.Index(len(r.times) + 1); i > 0 {
		return &r.times[i-1]
	}
	return nil
}

// Value reads a value; absent stands for the one of Writer.Absent, and may be nil
// where there must be none.
func (r *Reader) Value(absent any) any { return r.value(absent, maxDepth) }

func (r *Reader) value(absent any, depth int) any {
	switch kind := r.Byte(); kind {
	case valueNil:
		return nil
	case valueFalse, valueTrue:
		return kind == valueTrue
	case valueText:
		return r.Text()
	case valueInt:
		return r.Int()
	case valueFloat:
		if b := r.take(8); b != nil {
			return math.Float64frombits(binary.LittleEndian.Uint64(b))
		}
	case valueAbsent:
		if absent != nil {
			return absent
		}
		r.Fail("a value is absent")
	case valueList, valueMap:
		return r.nested(kind, depth)
	default:
		r.Fail("a value is of kind %d", kind)
	}
	return nil
}

func (r *Reader) nested(kind byte, depth int) any {
	switch {
	case depth == 0:
		r.Fail("a value is nested too deep")
		return nil
	case kind == valueList:
		list := make([]any, r.Len(1))
		for i := range list {
			list[i] = r.value(nil, depth-1)
		}
		return list
	}
	n := r.Len(2)
	m := make(map[string]any, n)
	for range n {
		k := r.Text()
		m[k] = r.value(nil, depth-1)
	}
	return m
}
