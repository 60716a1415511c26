package gap

import (
	"reflect"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// absent stands for an attribute that the source did not say.
type absent struct{}

// unchanged reports whether the record says, in everything that a test reads,
// what the resource said before.
func (p *plan) unchanged(r *resource, rec *evidence.Record) bool {
	if r.name != rec.Name || (p.effective && !sameTime(r.effective, rec.Effective)) {
		return false
	}
	if p.all {
		return same(r.vals[0], rec.Attributes)
	}
	for i, k := range p.keys {
		v, ok := rec.Attributes[k]
		if !ok {
			v = absent{}
		}
		if !same(r.vals[i], v) {
			return false
		}
	}
	return true
}

// project keeps what unchanged will compare.
func (p *plan) project(rec *evidence.Record, vals []any) []any {
	if p.all {
		return append(vals[:0], rec.Attributes)
	}
	vals = vals[:0]
	for _, k := range p.keys {
		v, ok := rec.Attributes[k]
		if !ok {
			v = absent{}
		}
		vals = append(vals, v)
	}
	return vals
}

func sameTime(a, b *time.Time) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Equal(*b)
}

func same(a, b any) bool {
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
	case absent:
		_, ok := b.(absent)
		return ok
	case []any:
		b, ok := b.([]any)
		return ok && sameList(a, b)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && sameMap(a, b)
	}
	return reflect.DeepEqual(a, b)
}

func sameList(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !same(a[i], b[i]) {
			return false
		}
	}
	return true
}

func sameMap(a, b map[string]any) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || !same(v, w) {
			return false
		}
	}
	return true
}
