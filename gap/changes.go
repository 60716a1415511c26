package gap

import (
	"reflect"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/rule"
)

// mask is the set of the parts of a record that changed, or that a test or a view
// reads: a bit for each of kindTests.keys (the last one for all from the 63rd on),
// and one for name and effective time, which count as read by every test.
type mask uint64

const (
	selfBit    mask = 1
	lastBit    mask = 1 << 63
	everything      = ^mask(0)
)

func keyBit(i int) mask { return pick(i < 62, selfBit<<(i+1), lastBit) }

// changes returns which parts of a record differ from those of its resource.
func (k *kindTests) changes(r *resource, rec *evidence.Record) mask {
	if r.gone || r.name != rec.Name || (k.effective && !equalTime(r.effective, rec.Effective)) {
		return everything
	}
	if k.all && !equal(r.values[len(k.keys)], rec.Attributes) {
		return everything
	}
	var m mask
	for i, key := range k.keys {
		if !equal(r.values[i], attribute(rec, key)) {
			m |= keyBit(i)
		}
	}
	return m
}

// project returns the values that changes compares, in the space of values.
func (k *kindTests) project(rec *evidence.Record, values []any) []any {
	values = slices.Grow(values[:0], len(k.keys)+pick(k.all, 1, 0))
	for _, key := range k.keys {
		values = append(values, attribute(rec, key))
	}
	if k.all {
		values = append(values, rec.Attributes)
	}
	return values
}

func attribute(rec *evidence.Record, key string) any {
	if v, ok := rec.Attributes[key]; ok {
		return v
	}
	return rule.Absent{}
}

func equalTime(a, b *time.Time) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Equal(*b)
}

func equal(a, b any) bool {
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return ok && a == b
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case int64:
		b, ok := b.(int64)
		return ok && a == b
	case rule.Absent:
		_, ok := b.(rule.Absent)
		return ok
	case []any:
		b, ok := b.([]any)
		return ok && equalList(a, b)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && equalMap(a, b)
	}
	return reflect.DeepEqual(a, b)
}

func equalList(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func equalMap(a, b map[string]any) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || !equal(v, w) {
			return false
		}
	}
	return true
}
