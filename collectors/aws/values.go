package aws

import "github.com/evidenced/evidenced/collectors"

// word sets one of the vendor's words; the empty one is not said.
func word[T ~string](a collectors.Attributes, name string, v T) {
	if v != "" {
		a[name] = string(v)
	}
}

// count sets a number.
func count[T ~int32 | ~int64](a collectors.Attributes, name string, v *T) {
	if v != nil {
		a[name] = int64(*v)
	}
}

// texts returns a list of texts in its own order, for a record.
func texts[T ~string](list []T) []any {
	out := make([]any, len(list))
	for i, t := range list {
		out[i] = string(t)
	}
	return out
}

// attributeList returns a list of maps, for a record; one that was read and is empty is a fact.
func attributeList(list []collectors.Attributes) []any {
	out := make([]any, len(list))
	for i, a := range list {
		out[i] = map[string]any(a)
	}
	return out
}
