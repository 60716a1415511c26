package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxRequest bounds the JSON of a request, in bytes: a filled sheet of an access
// review is the largest part of any.
const maxRequest = 64 << 20

// decode reads the request into v, a pointer to a struct: of a GET from the
// query, of anything else from the JSON body, and from the path in any case. A
// member that v does not have is an error.
func decode(r *http.Request, v any) error {
	if r.Method == http.MethodGet {
		return decodeValues(r, v)
	}
	if r.ContentLength != 0 {
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			return errors.New("the body must be application/json")
		}
		d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxRequest))
		d.DisallowUnknownFields()
		if err := d.Decode(v); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the request: %w", err)
		}
		if d.More() {
			return errors.New("read the request: more than one JSON document")
		}
	}
	for name, f := range fields(reflect.ValueOf(v).Elem()) {
		if text := r.PathValue(name); text != "" {
			if err := set(f, []string{text}); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

// decodeValues reads the members of v from path and query, by their JSON names.
func decodeValues(r *http.Request, v any) error {
	query := r.URL.Query()
	of := fields(reflect.ValueOf(v).Elem())
	for name, f := range of {
		texts := query[name]
		if text := r.PathValue(name); text != "" {
			texts = []string{text}
		}
		if len(texts) == 0 {
			continue
		}
		if err := set(f, texts); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for name := range query {
		if _, ok := of[name]; !ok {
			return fmt.Errorf("there is no parameter %q", name)
		}
	}
	return nil
}

// fields returns the settable members of a struct by their JSON names; those of
// embedded structs as well.
func fields(v reflect.Value) map[string]reflect.Value {
	out := map[string]reflect.Value{}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			for n, inner := range fields(v.Field(i)) {
				out[n] = inner
			}
		case name != "" && name != "-":
			out[name] = v.Field(i)
		}
	}
	return out
}

// set sets a member from its texts, of which only a list takes more than one.
func set(f reflect.Value, texts []string) error {
	if f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.String {
		f.Set(reflect.ValueOf(slices.Clone(texts)))
		return nil
	}
	if len(texts) > 1 {
		return errors.New("it is named more than once")
	}
	return setOne(f, texts[0])
}

func setOne(f reflect.Value, text string) error {
	if f.Type() == reflect.TypeFor[time.Time]() {
		t, err := parseTime(text)
		f.Set(reflect.ValueOf(t))
		return err
	}
	switch f.Kind() {
	case reflect.String:
		f.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("want true or false, not %q", text)
		}
		f.SetBool(b)
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return fmt.Errorf("want a number from 0 on, not %q", text)
		}
		f.SetInt(int64(n))
	case reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return fmt.Errorf("want a number from 0 on, not %q", text)
		}
		f.SetUint(n)
	default:
		return errors.New("it cannot be a parameter")
	}
	return nil
}

// parseTime reads a day or an RFC 3339 time.
func parseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t, err = time.Parse(time.DateOnly, text)
	}
	if err != nil || t.Year() < 1970 {
		return time.Time{}, errors.New("want a date such as 2026-07-01, or a time such as 2026-07-01T06:00:00Z")
	}
	return t.UTC(), nil
}
