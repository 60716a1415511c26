package collectors

import (
	"slices"
	"time"
)

// Attributes collects what a source states about one resource, in the forms that
// are stored: text, bool, int64, lists and maps. What is nil or empty text is
// not said, and stays absent.
type Attributes map[string]any

// Text sets a text.
func (a Attributes) Text(name string, v *string) {
	if v != nil && *v != "" {
		a[name] = *v
	}
}

// Bool sets a boolean.
func (a Attributes) Bool(name string, v *bool) {
	if v != nil {
		a[name] = *v
	}
}

// Int sets a number.
func (a Attributes) Int(name string, v *int) {
	if v != nil {
		a[name] = int64(*v)
	}
}

// Time sets a time, as RFC 3339 in UTC. The zero time is not said.
func (a Attributes) Time(name string, v *time.Time) {
	if v != nil && !v.IsZero() {
		a[name] = v.UTC().Format(time.RFC3339)
	}
}

// Set sets the sorted set of texts, empty if there are none: a list that was
// read and is empty is a fact.
func (a Attributes) Set(name string, texts []string) {
	sorted := slices.Clone(texts)
	slices.Sort(sorted)
	list := []any{}
	for _, t := range slices.Compact(sorted) {
		list = append(list, t)
	}
	a[name] = list
}
