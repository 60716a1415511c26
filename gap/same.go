package gap

import (
	"reflect"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/rule"
)

// mask tells which parts of a record changed, or are read by a test or a view: a
// bit for each of plan.keys (the last one for all that find no bit of their own),
// and one for name and effective time, which every test is taken to read.
type mask uint64

const (
	selfBit    mask = 1
	lastBit    mask = 1 << 63
	everything      = ^mask(0)
)

func keyBit(i int) mask { return pick(i < 62, selfBit<<(i+1), lastBit) }

// changes gives what of a record that is read differs from what it said before.
func (p *plan) changes(r *resource, rec *evidence.Record) mask {
	if r.gone || r.name != rec.Name || (p.effective && !sameTime(r.effective, rec.Effective)) {
		return everything
	}
	if p.all && !same(r.vals[len(p.keys)], rec.Attributes) {
		return everything
	}
	var m mask
	for i, k := range p.keys {
		if !same(r.vals[i], said(rec, k)) {
			m |= keyBit(i)
		}
	}
	return m
}

// project keeps what changes will compare.
func (p *plan) project(rec *evidence.Record, vals []any) []any {
	vals = slices.Grow(vals[:0], len(p.keys)+pick(p.all, 1, 0))
	for _, k := range p.keys {
		vals = append(vals, said(rec, k))
	}
	if p.all {
		vals = append(vals, rec.Attributes)
	}
	return vals
}

func said(rec *evidence.Record, key string) any {
	if v, ok := rec.Attributes[key]; ok {
		return v
	}
	return rule.Absent{}
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
	case rule.Absent:
		_, ok := b.(rule.Absent)
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
