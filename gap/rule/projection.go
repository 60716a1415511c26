package rule

import (
	"errors"
	"maps"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Projection selects records and renames their values: one part of a view.
type Projection struct {
	Rule // the condition, and what is read
	// Names are those of the fields, sorted.
	Names  []string
	fields []Term
}

// Absent stands for a value that the source does not state.
type Absent struct{}

// Term is an expression that does not depend on time. Most name one attribute,
// and need no evaluation.
type Term struct {
	// Attribute is the name of the attribute where Simple.
	Attribute string
	prg       *expression
}

// Projection compiles a part of a view: a condition, which may be empty, and
// fields by name. On error it names the member that is wrong.
func (c *Compiler) Projection(when string, fields map[string]string) (p *Projection, member string, err error) {
	p = new(Projection)
	if when != "" {
		if _, err = c.timeless(&p.Rule, when); err == nil {
			p.when, err = c.program(&p.Rule, "when", when, cel.BoolType)
		}
		if err != nil {
			return nil, "when", err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		t, err := c.timeless(&p.Rule, fields[name])
		if err != nil {
			return nil, "fields." + name, err
		}
		p.Names, p.fields = append(p.Names, name), append(p.fields, t)
	}
	return p, "", nil
}

// Term compiles an expression that does not depend on time.
func (c *Compiler) Term(src string) (Term, error) { return c.timeless(new(Rule), src) }

// timeless compiles an expression that must not depend on the instant: a row is
// made once, and read at any time.
func (c *Compiler) timeless(r *Rule, src string) (Term, error) {
	prg, err := c.program(r, "field", src, cel.DynType)
	if err == nil && (r.now || r.aged) {
		err = errors.New("a view says what is, not how old it is: measure age in the test")
	}
	if err != nil {
		return Term{}, err
	}
	if prg.attribute != "" {
		return Term{Attribute: prg.attribute}, nil
	}
	return Term{prg: prg}, nil
}

// Row returns the fields of the record of the context, in the order of Names; not
// ok where the condition leaves it out. A condition without an answer does not.
func (p *Projection) Row(c *Context) (fields []any, ok bool) {
	if p.when != nil {
		if applies, reason := evaluate(p.when, c); reason == "" && !applies {
			return nil, false
		}
	}
	fields = make([]any, len(p.Names))
	for i := range p.Names {
		v, ok := p.fields[i].Value(c)
		fields[i] = pick(ok, v, any(Absent{}))
	}
	return fields, true
}

// Simple reports whether the term is an attribute, which needs no evaluation.
func (t Term) Simple() bool { return t.prg == nil }

// Value evaluates a term for the record of the context; not ok where it has no
// value.
func (t Term) Value(c *Context) (any, bool) {
	if t.Simple() {
		v, ok := c.rec.Attributes[t.Attribute]
		return v, ok
	}
	if v, ok := c.compiled(t.prg); ok && storable(v) {
		return v, true
	}
	out, _, err := t.prg.Eval(c)
	if err != nil {
		return nil, false
	}
	return native(out)
}

// native converts a CEL value to the value of an attribute; not ok for other types.
func native(v ref.Val) (any, bool) {
	switch v := v.(type) {
	case types.String:
		return string(v), true
	case types.Bool:
		return bool(v), true
	case types.Int:
		return int64(v), true
	case types.Double:
		return float64(v), true
	case types.Timestamp:
		return v.UTC().Format("2006-01-02T15:04:05.999999999Z07:00"), true
	case traits.Mapper:
		return nativeMap(v)
	case traits.Lister:
		return nativeList(v)
	}
	return nil, false
}

func nativeList(v traits.Lister) (any, bool) {
	out := []any{}
	for it := v.Iterator(); it.HasNext() == types.True; {
		item, ok := native(it.Next())
		if !ok {
			return nil, false
		}
		out = append(out, item)
	}
	return out, true
}

func nativeMap(v traits.Mapper) (any, bool) {
	out := map[string]any{}
	for it := v.Iterator(); it.HasNext() == types.True; {
		k := it.Next()
		name, isText := k.(types.String)
		item, ok := native(v.Get(k))
		if !isText || !ok {
			return nil, false
		}
		out[string(name)] = item
	}
	return out, true
}
