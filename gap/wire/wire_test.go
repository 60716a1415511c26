package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

const limit = 1 << 20

func written(t testing.TB, w *Writer) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := w.WriteTo(&b, []byte("head")); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func opened(t testing.TB, doc []byte) *Reader {
	t.Helper()
	r, err := NewReader(bytes.NewReader(doc), limit, []byte("head"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var (
	berlin  = time.Date(2026, 7, 1, 6, 0, 0, 5, time.FixedZone("", 7200))
	moments = []time.Time{{}, time.Unix(0, 0).UTC(), berlin, berlin.UTC(), time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), berlin}
	values  = []any{nil, true, false, "", "x", "x", int64(math.MinInt64), int64(0), int64(math.MaxInt64), 0.5, math.Inf(1), []any{}, []any{"x", []any{int64(1)}, nil},
		map[string]any{}, map[string]any{"a": map[string]any{"b": []any{true}}, "": "x"}}
)

type absent struct{}

func TestRoundTrip(t *testing.T) {
	w := new(Writer)
	for _, n := range []uint64{0, 1, 127, 128, math.MaxUint64} {
		w.Uint(n)
	}
	for _, n := range []int64{0, -1, 63, -64, 64, math.MinInt64, math.MaxInt64} {
		w.Int(n)
	}
	for _, at := range moments {
		w.Time(at)
		w.TimeOrNil(&at)
		w.TimeOrNil(nil)
	}
	for _, v := range values {
		w.Value(v)
	}
	w.Absent()
	w.Bool(true)
	w.Byte(Bits(true, false, true))
	w.Bytes([]byte("bytes"))
	for _, texts := range [][]string{nil, {}, {"a", "", "a"}} {
		w.Texts(texts)
	}
	r := opened(t, written(t, w))
	for _, n := range []uint64{0, 1, 127, 128, math.MaxUint64} {
		if got := r.Uint(); got != n {
			t.Errorf("%d is read as %d", n, got)
		}
	}
	for _, n := range []int64{0, -1, 63, -64, 64, math.MinInt64, math.MaxInt64} {
		if got := r.Int(); got != n {
			t.Errorf("%d is read as %d", n, got)
		}
	}
	for _, at := range moments {
		for _, got := range []time.Time{r.Time(), *r.TimeOrNil()} {
			if !got.Equal(at) || got.Format(time.RFC3339Nano) != at.Format(time.RFC3339Nano) || got.IsZero() != at.IsZero() {
				t.Errorf("%s is read as %s", at, got)
			}
		}
		if got := r.TimeOrNil(); got != nil {
			t.Errorf("no time is read as %s", got)
		}
	}
	for _, v := range values {
		if got := r.Value(nil); !reflect.DeepEqual(got, v) {
			t.Errorf("%#v is read as %#v", v, got)
		}
	}
	if got := r.Value(absent{}); got != (absent{}) {
		t.Errorf("absent is read as %#v", got)
	}
	if !r.Bool() || r.Byte() != 5 || string(r.Bytes()) != "bytes" {
		t.Error("bits or bytes are others")
	}
	for _, want := range [][]string{nil, {}, {"a", "", "a"}} {
		if got := r.Texts(); !reflect.DeepEqual(got, want) {
			t.Errorf("%#v is read as %#v", want, got)
		}
	}
	if err := r.End(); err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	deep := any(nil)
	for range maxDepth + 1 {
		deep = []any{deep}
	}
	for name, v := range map[string]any{"struct": struct{}{}, "int": 1, "deep": deep, "inside": []any{map[string]any{"a": uint8(1)}}} {
		w := new(Writer)
		w.Value(v)
		if err := w.WriteTo(new(bytes.Buffer), nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// forged puts a body under a true head and hash.
func forged(body ...byte) []byte {
	doc := append([]byte("\x04head\x00\x00"), body...)
	sum := sha256.Sum256(doc)
	return append(doc, sum[:]...)
}

func TestWhatIsRefused(t *testing.T) {
	huge := binary.AppendUvarint(nil, math.MaxInt32)
	for name, c := range map[string]struct {
		body []byte
		read func(*Reader)
	}{
		"left":     {[]byte{1, 2}, func(r *Reader) { r.Uint() }},
		"short":    {nil, func(r *Reader) { r.Byte() }},
		"number":   {bytes.Repeat([]byte{0xff}, 11), func(r *Reader) { r.Uint() }},
		"bool":     {[]byte{2}, func(r *Reader) { r.Bool() }},
		"len":      {huge, func(r *Reader) { r.Len(1) }},
		"bytes":    {huge, func(r *Reader) { r.Bytes() }},
		"text":     {[]byte{0}, func(r *Reader) { r.Text() }},
		"texts":    {huge, func(r *Reader) { r.Texts() }},
		"time":     {[]byte{0}, func(r *Reader) { r.Time() }},
		"list":     {append([]byte{valueList}, huge...), func(r *Reader) { r.Value(nil) }},
		"map":      {append([]byte{valueMap}, huge...), func(r *Reader) { r.Value(nil) }},
		"kind":     {[]byte{99}, func(r *Reader) { r.Value(nil) }},
		"absent":   {[]byte{valueAbsent}, func(r *Reader) { r.Value(nil) }},
		"too deep": {bytes.Repeat([]byte{valueList, 1}, maxDepth+2), func(r *Reader) { r.Value(nil) }},
		"index":    {[]byte{3}, func(r *Reader) { r.Index(3) }},
	} {
		r := opened(t, forged(c.body...))
		c.read(r)
		if err := r.End(); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
		if r.Uint() != 0 || r.Text() != "" || r.Value(nil) != nil || r.TimeOrNil() != nil || r.Len(0) != 0 {
			t.Errorf("%s: something is read after an error", name)
		}
	}
}

func TestDocuments(t *testing.T) {
	w := new(Writer)
	w.Text("a text")
	w.Time(berlin)
	doc := written(t, w)
	if _, err := NewReader(bytes.NewReader(doc), limit, []byte("Head")); !errors.Is(err, ErrHeader) {
		t.Errorf("another header: %v", err)
	}
	if _, err := NewReader(bytes.NewReader(doc), int64(len(doc)-1), []byte("head")); !errors.Is(err, ErrDamaged) {
		t.Errorf("too long: %v", err)
	}
	if _, err := NewReader(strings.NewReader(""), limit, nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("empty: %v", err)
	}
	for i := range doc {
		bad := bytes.Clone(doc)
		bad[i] ^= 1
		for _, bad := range [][]byte{bad, doc[:i]} {
			if _, err := NewReader(bytes.NewReader(bad), limit, []byte("head")); !errors.Is(err, ErrDamaged) {
				t.Errorf("byte %d: %v", i, err)
			}
		}
	}
}

// FuzzReader: no document makes it panic, or allocate much more than it has bytes.
func FuzzReader(f *testing.F) {
	w := new(Writer)
	for _, v := range values {
		w.Value(v)
	}
	for _, at := range moments {
		w.Time(at)
	}
	all := written(f, w)
	f.Add(all[5 : len(all)-sha256.Size])
	f.Fuzz(func(t *testing.T, body []byte) {
		doc := append([]byte("\x04head"), body...)
		sum := sha256.Sum256(doc)
		r, err := NewReader(bytes.NewReader(append(doc, sum[:]...)), limit, []byte("head"))
		for err == nil {
			switch r.Uint() % 5 {
			case 0:
				r.Value(absent{})
			case 1:
				r.Texts()
			case 2:
				r.TimeOrNil()
			case 3:
				r.Bytes()
			case 4:
				r.Len(3)
			}
			if err = r.Err(); r.Left() == 0 {
				err = errors.Join(err, r.End(), errors.New("all was read"))
			}
		}
	})
}
