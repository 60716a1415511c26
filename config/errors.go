package config

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/agnivade/levenshtein"
	"github.com/goccy/go-yaml"
)

// Error is one mistake in a configuration file.
type Error struct {
	File    string
	Line    int // 0 when the mistake has no line: something is missing
	Message string
}

// Error gives "file:line: message".
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Message
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message)
}

// Usage tells that it is a mistake of whoever wrote the configuration.
func (e *Error) Usage() bool { return true }

var unknownField = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`unknown field "([^"]*)"`) })

// yamlError turns an error of the YAML library into ours. The library's own
// text quotes the source, which may hold a secret, so only its message is used.
func yamlError(file string, err error, known []string) error {
	var ye yaml.Error
	if !errors.As(err, &ye) {
		return &Error{File: file, Message: err.Error()}
	}
	out := &Error{File: file, Message: ye.GetMessage()}
	if t := ye.GetToken(); t != nil && t.Position != nil {
		out.Line = t.Position.Line
	}
	if m := unknownField().FindStringSubmatch(out.Message); m != nil {
		out.Message = fmt.Sprintf("unknown key %q%s", m[1], suggest(m[1], known))
	}
	return out
}

// keysOf lists the YAML keys of a struct and of the structs in it.
func keysOf(v any) (keys []string) {
	if said, ok := v.(interface{ Keys() []string }); ok {
		return said.Keys()
	}
	t := reflect.TypeOf(v)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name != "" {
			keys = append(keys, name)
		}
		keys = append(keys, keysOf(reflect.Zero(f.Type).Interface())...)
	}
	return keys
}

// suggest names the known word nearest to a mistyped one.
func suggest(word string, known []string) string {
	switch near := Nearest(word, known, 1); {
	case len(near) > 0:
		return fmt.Sprintf("; did you mean %q?", near[0])
	case len(known) > 0:
		return "; known here: " + strings.Join(known, ", ")
	}
	return ""
}

// Nearest gives those of known that a mistyped word may mean, n at most, the
// nearest first: what is within half of its letters, and what contains it.
func Nearest(word string, known []string, n int) []string {
	distance := map[string]int{}
	var near []string
	for _, k := range known {
		d := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(k))
		if _, seen := distance[k]; !seen && (d <= len(word)/2+1 || strings.Contains(k, word)) {
			near = append(near, k)
		}
		distance[k] = d
	}
	slices.SortStableFunc(near, func(a, b string) int { return cmp.Or(cmp.Compare(distance[a], distance[b]), cmp.Compare(a, b)) })
	return near[:min(len(near), n)]
}
