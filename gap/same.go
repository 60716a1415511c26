package gap

import (
	"reflect"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// absent stands for an attribute that the source did not say.
type absent struct{}

// mask tells which parts of a record changed, or are read by a test: a bit for
// each of plan.keys (the last one for all that find no bit of their own), and
// one for name and effective time, which every test is taken to read.
type mask uint64

const (
	selfBit    mask = 1
	lastBit    mask = 1 << 63
	everything      = ^mask(0)
)

func keyBit(i int) mask { return pick(i < 62, selfBit<<(i+1), lastBit) }

// changes gives what of a record that tests read differs from what it said before.
func (p *plan) changes(r *resource, rec *evidence.Record) mask {
	if r.name != rec.Name || (p.effective && !sameTime(r.effective, rec.Effective)) {
		return everything
	}
	if p.all {
		return pick(same(r.vals[0], rec.Attributes), 0, everything)
	}
	var m mask
	for i, k := range p.keys {
		v, ok := rec.Attributes[k]
		if !ok {
			v = absent{}
		}
		if !same(r.vals[i], v) {
			m |= keyBit(i)
		}
	}
	return m
}

// project keeps what unchanged will compare.
func (p *plan) project(rec *evidence.Record, vals []any) []any {
	return project(p.keys, p.all, rec, vals)
}

func project(keys []string, all bool, rec *evidence.Record, vals []any) []any {
	if all {
		return append(vals[:0], rec.Attributes)
	}
	vals = vals[:0]
	for _, k := range keys {
		v, ok := rec.Attributes[k]
		if !ok {
			v = absent{}
		}
		vals = append(vals, v)
	}
	return vals
}

// project keeps what changes will compare.
func (p *partRule) project(rec *evidence.Record, vals []any) []any {
	return project(p.keys, p.all, rec, vals)
}

func (p *partRule) changes(vals []any, rec *evidence.Record) bool {
	if p.all {
		return !same(vals[0], rec.Attributes)
	}
	for i, k := range p.keys {
		v, ok := rec.Attributes[k]
		if !ok {
			v = absent{}
		}
		if !same(vals[i], v) {
			return true
		}
	}
	return false
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
