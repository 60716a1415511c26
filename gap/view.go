package gap

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/evidenced/evidenced/evidence"
)

// View is a kind that no source has: records of other kinds under names that
// they share, joined with the records of other views. An account is a user of
// Okta, of AWS or of GitHub, joined with the person it belongs to. Tests read
// it like any other kind.
type View struct {
	// Kind is the name that tests and other views use, without a dot: account.
	Kind  evidence.Kind `json:"kind" yaml:"kind"`
	Title string        `json:"title" yaml:"title"`
	// From are the kinds that it is made of; each record gives one row.
	From []Part `json:"from,omitempty" yaml:"from"`
	// Of, in place of From, is another view: its rows, with other joins.
	Of evidence.Kind `json:"of,omitempty" yaml:"of"`
	// Join adds, under each name, the list of the rows of another view that
	// belong to the row. The order of the list is that of their streams and ids.
	Join map[string]Join `json:"join,omitempty" yaml:"join"`
}

// Part is one kind of a view.
type Part struct {
	Kind evidence.Kind `json:"kind" yaml:"kind"`
	// When leaves records out; where it cannot be answered they stay in.
	When string `json:"when,omitempty" yaml:"when"`
	// Fields are CEL over one record, as in a test. What a record does not say
	// leaves its field out, so that a test of it is unknown.
	Fields map[string]string `json:"fields" yaml:"fields"`
	// Fixed: what a record says never changes, as a decision does not; it is not
	// read again.
	Fixed bool `json:"fixed,omitempty" yaml:"fixed"`
}

// Join finds rows of another view: those that are Key of, where a row is On.
type Join struct {
	View evidence.Kind `json:"view" yaml:"view"`
	// On is CEL over the fields of this view's row, Key over those of the other.
	// Each gives a text or a list of texts; one in common makes a pair. An empty
	// text pairs with nothing.
	On  string `json:"on" yaml:"on"`
	Key string `json:"key" yaml:"key"`
	// Optional: where no source gives the other view, tests are asked without it,
	// and the join is not said. Otherwise a test that reads it is not asked.
	Optional bool `json:"optional,omitempty" yaml:"optional"`
}

// maxViewTests is how many tests one view may have: a bit for each.
const maxViewTests = 62

// viewRule is the compiled form of a view.
type viewRule struct {
	View
	parts []partRule
	joins []joinRule // sorted by name
}

type partRule struct {
	rule   // when, and which attributes the part reads
	kind   evidence.Kind
	fixed  bool
	names  []string
	fields []term
}

type joinRule struct {
	Join
	name    string
	on, key term
}

// term is an expression of a view. Most name one attribute, and need no evaluation.
type term struct {
	attribute string
	prg       *expression
}

// compileView gives the rule of v; on error it names the member that is wrong.
func (c *compiler) compileView(v View) (*viewRule, string, error) {
	r := &viewRule{View: v}
	for i, p := range v.From {
		part, member, err := c.compilePart(p)
		part.kind, part.fixed = p.Kind, p.Fixed
		if err != nil {
			return nil, fmt.Sprintf("from[%d].%s", i, member), err
		}
		r.parts = append(r.parts, part)
	}
	for _, name := range slices.Sorted(maps.Keys(v.Join)) {
		j := joinRule{Join: v.Join[name], name: name}
		var err error
		if j.on, err = c.timeless(new(rule), j.On); err != nil {
			return nil, "join." + name + ".on", err
		}
		if j.key, err = c.timeless(new(rule), j.Key); err != nil {
			return nil, "join." + name + ".key", err
		}
		r.joins = append(r.joins, j)
	}
	return r, "", nil
}

func (c *compiler) compilePart(p Part) (r partRule, member string, err error) {
	if p.When != "" {
		if _, err = c.timeless(&r.rule, p.When); err == nil {
			r.when, err = c.program(&r.rule, "when", p.When, cel.BoolType)
		}
		if err != nil {
			return r, "when", err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Fields)) {
		t, err := c.timeless(&r.rule, p.Fields[name])
		if err != nil {
			return r, "fields." + name, err
		}
		r.names, r.fields = append(r.names, name), append(r.fields, t)
	}
	return r, "", nil
}

// timeless compiles what must not depend on when it is asked: a row is made
// once, and read at any time.
func (c *compiler) timeless(r *rule, src string) (term, error) {
	prg, err := c.program(r, "field", src, cel.DynType)
	if err == nil && (r.now || r.aged) {
		err = errors.New("a view says what is, not how old it is: measure age in the test")
	}
	if err != nil {
		return term{}, err
	}
	tree, _ := c.env.Compile(src) // which was just compiled
	e := tree.NativeRep().Expr()
	if e.Kind() == ast.SelectKind && !e.AsSelect().IsTestOnly() {
		if name, ok := attribute(e); ok {
			return term{attribute: name}, nil
		}
	}
	return term{prg: prg}, nil
}

// row gives the fields of the record on the bench, in the order of their names,
// and whether the part takes it.
func (p *partRule) row(b *bench) (fields []any, taken bool) {
	if p.when != nil {
		if applies, why := ask(p.when, b); why == "" && !applies {
			return nil, false
		}
	}
	fields = make([]any, len(p.names))
	for i := range p.names {
		v, ok := p.fields[i].value(b)
		fields[i] = pick(ok, v, any(absent{}))
	}
	return fields, true
}

// value gives what a term says of the record on the bench; not ok where it says nothing.
func (t term) value(b *bench) (any, bool) {
	if t.prg == nil {
		v, ok := b.rec.Attributes[t.attribute]
		return v, ok
	}
	if v, sure := t.prg.short.answer(b); sure && storable(v) {
		return v, true
	}
	out, _, err := t.prg.Eval(b)
	if err != nil {
		return nil, false
	}
	return native(out)
}

// texts gives the texts of a value that is one, or a list of them.
func texts(v any) []string {
	if s, ok := v.(string); ok && s != "" {
		return []string{s}
	}
	list, _ := v.([]any)
	var out []string
	for _, v := range list {
		if s, ok := v.(string); ok && s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// native gives a CEL value as the value of an attribute; not ok if it is none.
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

// finishViews checks and compiles the views.
func (c *Catalogue) finishViews(comp *compiler, fail failFunc) error {
	c.views = map[evidence.Kind]*viewRule{}
	for i, v := range c.Views {
		path := fmt.Sprintf("views[%d]", i)
		if err := c.checkView(v, path, fail); err != nil {
			return err
		}
		r, member, err := comp.compileView(c.whole(v))
		if err != nil {
			return fail(path+"."+member, "view %s: %v", v.Kind, err)
		}
		c.views[v.Kind] = r
	}
	for i, v := range c.Views { // now that all are known
		for name, j := range v.Join {
			if c.views[j.View] == nil {
				return fail(fmt.Sprintf("views[%d].join.%s.view", i, name), "view %s: %q is not a view", v.Kind, j.View)
			}
		}
	}
	slices.SortFunc(c.Views, func(a, b View) int { return compareKinds(a.Kind, b.Kind) })
	return nil
}

// whole gives a view with the parts of the one that it is of.
func (c *Catalogue) whole(v View) View {
	if i := slices.IndexFunc(c.Views, func(o View) bool { return o.Kind == v.Of }); i >= 0 {
		v.From = c.Views[i].From
	}
	return v
}

func (c *Catalogue) checkView(v View, path string, fail failFunc) error {
	switch {
	case v.Kind == "" || v.Title == "" || len(v.From) == 0 && v.Of == "":
		return fail(path+".kind", "a view needs kind, title and from or of")
	case v.Of != "" && (len(v.From) > 0 || len(c.whole(v).From) == 0):
		return fail(path+".of", "view %s: of names a view that has parts of its own, and stands in place of from", v.Kind)
	case c.views[v.Kind] != nil:
		return fail(path+".kind", "view %s stands in two files", v.Kind)
	}
	for i, p := range v.From {
		at := fmt.Sprintf("%s.from[%d]", path, i)
		switch {
		case p.Kind == "" || len(p.Fields) == 0:
			return fail(at, "view %s: a part needs kind and fields", v.Kind)
		case slices.ContainsFunc(v.From[:i], func(q Part) bool { return q.Kind == p.Kind }):
			return fail(at+".kind", "view %s: %s stands in it twice", v.Kind, p.Kind)
		}
		for name := range v.Join {
			if _, taken := p.Fields[name]; taken {
				return fail(fmt.Sprintf("%s.fields.%s", at, name), "view %s: %s is the name of a join", v.Kind, name)
			}
		}
	}
	return nil
}

func compareKinds(a, b evidence.Kind) int {
	if a < b {
		return -1
	}
	return pick(a > b, 1, 0)
}

// Kinds gives the kinds of records that a test on kind reads: of a view those
// that it and the views that it joins are made of, sorted.
func (c *Catalogue) Kinds(kind evidence.Kind) []evidence.Kind {
	v := c.views[kind]
	if v == nil {
		return []evidence.Kind{kind}
	}
	kinds := v.bases()
	for _, j := range v.joins {
		kinds = append(kinds, c.views[j.View].bases()...)
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// Reads gives the kinds of records that the tests of a control read, sorted.
func (c *Catalogue) Reads(ctl Control) []evidence.Kind {
	var kinds []evidence.Kind
	for _, t := range ctl.Tests {
		kinds = append(kinds, c.Kinds(t.Kind)...)
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// ViewsOf gives the views that the tests of a control read, and those that these
// join or are of, sorted by kind.
func (c *Catalogue) ViewsOf(ctl Control) []View {
	read := map[evidence.Kind]bool{}
	for _, t := range ctl.Tests {
		if v := c.views[t.Kind]; v != nil {
			read[v.Kind], read[v.Of] = true, true
			for _, j := range v.joins {
				read[j.View], read[c.views[j.View].Of] = true, true
			}
		}
	}
	var out []View
	for _, v := range c.Views {
		if read[v.Kind] {
			out = append(out, v)
		}
	}
	return out
}

// Parts gives the kinds that a view is made of.
func (c *Catalogue) Parts(v View) []evidence.Kind { return c.views[v.Kind].bases() }

func (v *viewRule) bases() []evidence.Kind {
	var kinds []evidence.Kind
	for _, p := range v.From {
		kinds = append(kinds, p.Kind)
	}
	return kinds
}
