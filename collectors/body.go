package collectors

import (
	"encoding/json"
	"errors"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// BodyShape is the shape of what a read by POST may send. A member may be left out;
// none may be added. A text "{name}" stands for any text, number or truth value, a
// list of one such text for a list of any length, everything else for itself.
type BodyShape map[string]any

// ParseBody reads a declared shape, a JSON object.
func ParseBody(text string) (b BodyShape, err error) {
	if err = json.Unmarshal([]byte(text), &b); err != nil || b == nil {
		return nil, errors.New("a POST needs the shape of its body, a JSON object")
	}
	return b, nil
}

// Admits reports whether a body has the shape, as JSON or, by its content type, as
// a form. An empty body is a body without members.
func (b BodyShape) Admits(contentType string, sent []byte) bool {
	var got map[string]any
	switch {
	case len(sent) == 0:
		return true
	case strings.HasPrefix(contentType, "application/x-www-form-urlencoded"):
		form, err := url.ParseQuery(string(sent))
		if err != nil {
			return false
		}
		got = map[string]any{}
		for name, values := range form {
			if len(values) != 1 {
				return false
			}
			got[name] = values[0]
		}
	case json.Unmarshal(sent, &got) != nil:
		return false
	}
	return fits(map[string]any(b), got)
}

var free = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\{[^{}\s]*\}$`) })

// fits compares what was sent with the shape.
func fits(shape, sent any) bool {
	switch s := shape.(type) {
	case string:
		if !free().MatchString(s) {
			return sent == shape
		}
		switch sent.(type) {
		case string, float64, bool:
			return true
		}
		return false
	case []any:
		list, ok := sent.([]any)
		if len(s) != 1 || !ok {
			return reflect.DeepEqual(shape, sent)
		}
		return !slices.ContainsFunc(list, func(v any) bool { return !fits(s[0], v) })
	case map[string]any:
		m, ok := sent.(map[string]any)
		for name, v := range m {
			inner, declared := s[name]
			ok = ok && declared && fits(inner, v)
		}
		return ok
	}
	return reflect.DeepEqual(shape, sent)
}
