package evidence

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Record is one normalised resource or event. What the source does not say is
// absent from Attributes: never false, never zero, never null.
type Record struct {
	Kind Kind `json:"kind"`
	// ID is stable and unique within kind and scope: an ARN, a node id.
	ID string `json:"id"`
	// Name is what a person calls it.
	Name string `json:"name"`
	// Scope is the part of the stream's scope the record was read from, if finer.
	Scope Scope `json:"scope,omitempty"`
	// Effective is the source's own time of the fact, where it states one:
	// the time of an event, the generation time of a report.
	Effective *time.Time `json:"effective,omitempty"`
	// Attributes holds strings, booleans, integers, floats, lists and maps of
	// these. Times are RFC 3339 UTC strings.
	Attributes map[string]any `json:"attributes"`
}

// Validate reports a record that could not be told from another one, or that
// states a null.
func (r Record) Validate() error {
	switch {
	case !kindName().MatchString(string(r.Kind)):
		return fmt.Errorf("record kind %q is not a kind", r.Kind)
	case r.ID == "":
		return fmt.Errorf("record of kind %s has no id", r.Kind)
	}
	if err := noNulls(r.Attributes); err != nil {
		return fmt.Errorf("record %s %q: %w", r.Kind, r.ID, err)
	}
	return nil
}

func noNulls(m map[string]any) error {
	for k, v := range m {
		if hasNull(v) {
			return fmt.Errorf("attribute %q is null or holds one: leave it out instead", k)
		}
	}
	return nil
}

func hasNull(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return slices.ContainsFunc(v, hasNull)
	case map[string]any:
		return noNulls(v) != nil
	}
	return false
}

// append appends the canonical JSON: the members in the order of their names.
func (r Record) append(dst []byte) (_ []byte, err error) {
	dst = append(dst, `{"attributes":`...)
	if r.Attributes == nil {
		dst = append(dst, "null"...)
	} else if dst, err = appendObject(dst, r.Attributes); err != nil {
		return nil, err
	}
	if r.Effective != nil {
		if dst, err = appendCanonical(append(dst, `,"effective":`...), *r.Effective); err != nil {
			return nil, err
		}
	}
	for _, m := range []struct{ name, text string }{{"id", r.ID}, {"kind", string(r.Kind)}, {"name", r.Name}, {"scope", string(r.Scope)}} {
		if m.name == "scope" && m.text == "" {
			continue
		}
		dst = append(append(append(dst, `,"`...), m.name...), `":`...)
		if dst, err = AppendText(dst, m.text); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// SortRecords puts records into their canonical order, by scope and id, and
// reports a duplicate: two resources that could not be told apart.
func SortRecords(rs []Record) error {
	slices.SortFunc(rs, func(a, b Record) int {
		if c := strings.Compare(string(a.Scope), string(b.Scope)); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	for i := 1; i < len(rs); i++ {
		if rs[i].ID == rs[i-1].ID && rs[i].Scope == rs[i-1].Scope {
			return fmt.Errorf("two records of kind %s in scope %q share the id %q", rs[i].Kind, rs[i].Scope, rs[i].ID)
		}
	}
	return nil
}
