package rest

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// body fills the body of a question. A member that is filled with nothing is
// left out; nil means that there is no body.
func (s *session) body(ctx context.Context, l *listing, q question) (map[string]any, error) {
	if l.Body == nil {
		return nil, nil
	}
	v, err := mapTexts(l.Body, "", func(path, text string) (any, error) {
		t := l.body[path]
		if t == nil {
			return text, nil
		}
		filled, err := s.fill(ctx, t, q)
		if err != nil || filled == "" {
			return nil, err
		}
		return filled, nil
	})
	if err != nil {
		return nil, err
	}
	return v.(map[string]any), nil
}

// mapTexts copies a tree with each text replaced; nil leaves a member out.
func mapTexts(v any, path string, f func(path, text string) (any, error)) (any, error) {
	switch v := v.(type) {
	case string:
		return f(path, v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, name := range names(v) {
			inner, err := mapTexts(v[name], path+"."+name, f)
			if err != nil {
				return nil, err
			}
			if inner != nil {
				out[name] = inner
			}
		}
		return out, nil
	}
	return v, nil
}

// setMember sets a member by its path: "variables.after".
func setMember(m map[string]any, path string, v any) {
	name, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		m[name] = v
		return
	}
	inner, ok := m[name].(map[string]any)
	if !ok {
		inner = map[string]any{}
		m[name] = inner
	}
	setMember(inner, rest, v)
}

// shape returns what the door lets pass as the body of a listing: what is filled
// in is free, everything else is fixed.
func (l *listing) shape() string {
	v, _ := mapTexts(l.Body, "", func(path, text string) (any, error) { // it does not fail
		if l.body[path] != nil {
			return "{free}", nil
		}
		return text, nil
	})
	m, _ := v.(map[string]any)
	if m == nil {
		m = map[string]any{}
	}
	if l.Page != nil && l.Page.In == "body" {
		setMember(m, l.Page.As, "{page}")
	}
	return jsonText(m)
}

// shape is that of a token's exchange.
func (t *exchange) shape() string {
	m := map[string]any{}
	for name, v := range t.Form {
		m[name] = v.shape()
	}
	for name, v := range t.JSON {
		m[name] = v.shape()
	}
	return jsonText(m)
}

func (t *template) shape() string {
	if len(t.parts) == 1 {
		return t.text
	}
	return "{free}"
}

func jsonText(m map[string]any) string {
	b, _ := json.Marshal(m) // texts, numbers and maps of them do not fail
	return string(b)
}

// names returns the keys of a map in order.
func names[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
