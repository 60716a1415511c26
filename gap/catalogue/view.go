package catalogue

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/rule"
)

// View is a kind that no source has: records of other kinds under names that
// they share, joined with the records of other views. An account is a user of
// Okta, of AWS or of GitHub, joined with the person it belongs to. Tests read
// it like any other kind.
type View struct {
	// Kind is the name that tests and other views use, without a dot: account.
	Kind  evidence.Kind `json:"kind" yaml:"kind"`
	Title string        `json:"title" yaml:"title"`
	// From are the kinds that it is made of; each record is one row.
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
	// Each returns a text or a list of texts; one in common makes a pair. An empty
	// text pairs with nothing.
	On  string `json:"on" yaml:"on"`
	Key string `json:"key" yaml:"key"`
	// Optional: where no source feeds the other view, tests are evaluated without the
	// join. Otherwise a test that reads it is not evaluated.
	Optional bool `json:"optional,omitempty" yaml:"optional"`
}

// maxViewTests is how many tests one view may have: a bit for each.
const maxViewTests = 62

// CompiledView is the compiled form of a view.
type CompiledView struct {
	View
	Parts []CompiledPart
	Joins []CompiledJoin // sorted by name
}

// CompiledPart is the compiled form of a part.
type CompiledPart struct {
	*rule.Projection
	Kind  evidence.Kind
	Fixed bool
}

// CompiledJoin is the compiled form of a join.
type CompiledJoin struct {
	Join
	Name    string
	On, Key rule.Term
}

// compileView returns the compiled form of v; on error it names the member that is wrong.
func compileView(comp *rule.Compiler, v View) (*CompiledView, string, error) {
	r := &CompiledView{View: v}
	for i, p := range v.From {
		projection, member, err := comp.Projection(p.When, p.Fields)
		if err != nil {
			return nil, fmt.Sprintf("from[%d].%s", i, member), err
		}
		r.Parts = append(r.Parts, CompiledPart{projection, p.Kind, p.Fixed})
	}
	for _, name := range slices.Sorted(maps.Keys(v.Join)) {
		j := CompiledJoin{Join: v.Join[name], Name: name}
		var err error
		if j.On, err = comp.Term(j.Join.On); err != nil {
			return nil, "join." + name + ".on", err
		}
		if j.Key, err = comp.Term(j.Join.Key); err != nil {
			return nil, "join." + name + ".key", err
		}
		r.Joins = append(r.Joins, j)
	}
	return r, "", nil
}

// finishViews checks and compiles the views.
func (c *Catalogue) finishViews(comp *rule.Compiler, fail failFunc) error {
	c.views = map[evidence.Kind]*CompiledView{}
	for i, v := range c.Views {
		path := fmt.Sprintf("views[%d]", i)
		if err := c.checkView(v, path, fail); err != nil {
			return err
		}
		r, member, err := compileView(comp, c.withParts(v))
		if err != nil {
			return fail(path+"."+member, "view %s: %v", v.Kind, err)
		}
		c.views[v.Kind] = r
	}
	for i, v := range c.Views { // now that each has its compiled form
		for name, j := range v.Join {
			if c.views[j.View] == nil {
				return fail(fmt.Sprintf("views[%d].join.%s.view", i, name), "view %s: %q is not a view", v.Kind, j.View)
			}
		}
	}
	slices.SortFunc(c.Views, func(a, b View) int { return cmp.Compare(a.Kind, b.Kind) })
	return nil
}

// withParts returns a view with the parts of the one that it is of.
func (c *Catalogue) withParts(v View) View {
	if i := slices.IndexFunc(c.Views, func(o View) bool { return o.Kind == v.Of }); i >= 0 {
		v.From = c.Views[i].From
	}
	return v
}

func (c *Catalogue) checkView(v View, path string, fail failFunc) error {
	switch {
	case v.Kind == "" || v.Title == "" || len(v.From) == 0 && v.Of == "":
		return fail(path+".kind", "a view needs kind, title and from or of")
	case v.Of != "" && (len(v.From) > 0 || len(c.withParts(v).From) == 0):
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

// Kinds returns the kinds of records that a test on kind reads: of a view those
// that it and the views that it joins are made of, sorted.
func (c *Catalogue) Kinds(kind evidence.Kind) []evidence.Kind {
	v := c.views[kind]
	if v == nil {
		return []evidence.Kind{kind}
	}
	kinds := v.bases()
	for _, j := range v.Joins {
		kinds = append(kinds, c.views[j.View].bases()...)
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// Reads returns the kinds of records that the tests of a control read, sorted.
func (c *Catalogue) Reads(ctl Control) []evidence.Kind {
	var kinds []evidence.Kind
	for _, t := range ctl.Tests {
		kinds = append(kinds, c.Kinds(t.Kind)...)
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// ViewsOf returns the views that the tests of a control read, and those that these
// join or are of, sorted by kind.
func (c *Catalogue) ViewsOf(ctl Control) []View {
	read := map[evidence.Kind]bool{}
	for _, t := range ctl.Tests {
		if v := c.views[t.Kind]; v != nil {
			read[v.Kind], read[v.Of] = true, true
			for _, j := range v.Joins {
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

// Parts returns the kinds that a view is made of.
func (c *Catalogue) Parts(v View) []evidence.Kind { return c.views[v.Kind].bases() }

func (v *CompiledView) bases() []evidence.Kind {
	var kinds []evidence.Kind
	for _, p := range v.From {
		kinds = append(kinds, p.Kind)
	}
	return kinds
}
