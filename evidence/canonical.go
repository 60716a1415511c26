package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Canonical returns the one JSON text of v: object members sorted by the bytes
// of their names, no white space, strings with the fewest escapes (\" \\ \b \f
// \n \r \t and \u00xx for other control characters), integers in decimal,
// other numbers as encoding/json writes them. Python's
//
//	json.dumps(v, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
//
// gives the same bytes, but for numbers written with an exponent or with a
// fraction of zero. Text that is not UTF-8 is an error.
func Canonical(v any) ([]byte, error) { return appendCanonical(nil, v) }

func appendCanonical(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case string:
		return AppendText(dst, v)
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case json.Number:
		return appendNumber(dst, v)
	case time.Time:
		return AppendText(dst, v.UTC().Format(time.RFC3339Nano))
	case []string:
		return appendList(dst, len(v), func(dst []byte, i int) ([]byte, error) { return AppendText(dst, v[i]) })
	case []any:
		return appendList(dst, len(v), func(dst []byte, i int) ([]byte, error) { return appendCanonical(dst, v[i]) })
	case map[string]any:
		return appendObject(dst, v)
	case map[string]string:
		return appendObject(dst, anyMap(v))
	case Record:
		return v.append(dst)
	case Exchange:
		return appendObject(dst, v.members())
	default:
		return appendOther(dst, v)
	}
}

// appendOther takes the way through encoding/json for structs and rarer types.
func appendOther(dst []byte, v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err == nil && mended(b) {
		err = errNotText
	}
	if err != nil {
		return nil, fmt.Errorf("canonical JSON: %w", err)
	}
	generic, err := decodeAny(b)
	if err != nil {
		return nil, fmt.Errorf("canonical JSON: %w", err)
	}
	return appendCanonical(dst, generic)
}

var errNotText = errors.New("some text is not UTF-8")

// mended reports that encoding/json was given text that is not UTF-8: it wrote
// the escape \ufffd in its place, which it never writes for U+FFFD itself, or
// handed raw JSON on as it was.
func mended(b []byte) bool {
	if !utf8.Valid(b) {
		return true
	}
	if !bytes.Contains(b, []byte(`\ufffd`)) {
		return false
	}
	for i := 0; i+1 < len(b); i++ {
		if b[i] != '\\' {
			continue
		}
		if bytes.HasPrefix(b[i:], []byte(`\ufffd`)) {
			return true
		}
		i++ // an escaped backslash begins no escape
	}
	return false
}

func appendList(dst []byte, n int, each func([]byte, int) ([]byte, error)) (_ []byte, err error) {
	dst = append(dst, '[')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = each(dst, i); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func appendObject(dst []byte, m map[string]any) (_ []byte, err error) {
	names := make([]string, 0, len(m))
	for k := range m {
		names = append(names, k)
	}
	slices.Sort(names)
	dst = append(dst, '{')
	for i, k := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = AppendText(dst, k); err != nil {
			return nil, err
		}
		dst = append(dst, ':')
		if dst, err = appendCanonical(dst, m[k]); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func anyMap(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// appendNumber keeps integers of any size as they are and gives every other
// number the form that encoding/json gives a float64.
func appendNumber(dst []byte, n json.Number) ([]byte, error) {
	if !strings.ContainsAny(string(n), ".eE") && n != "-0" {
		return append(dst, n...), nil
	}
	f, err := n.Float64()
	if err != nil {
		return nil, fmt.Errorf("canonical JSON: number %.40q: %w", string(n), err)
	}
	b, err := json.Marshal(f + 0) // a negative zero plus zero is zero
	if err != nil {
		return nil, fmt.Errorf("canonical JSON: number %.40q: %w", string(n), err)
	}
	return append(dst, b...), nil
}

const hexDigits = "0123456789abcdef"

// AppendText appends the canonical JSON of a text.
func AppendText(dst []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("canonical JSON: text %.40q is not UTF-8", s)
	}
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscape(dst, c)
		start = i + 1
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"'), nil
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	default:
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
}

// decodeAny reads one JSON value, numbers as json.Number, and refuses anything after it.
func decodeAny(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("more than one JSON value")
	}
	return v, nil
}

// DecodeCanonical reads canonical JSON into v, which must be new, and refuses
// any text but the one that Canonical gives of v then, so that a hash over the
// text is a hash over the meaning: members in another case or order, members
// twice, null for what is left out, numbers and times in another form.
func DecodeCanonical(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	again, err := Canonical(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, b) {
		return errors.New("not canonical JSON")
	}
	return nil
}
