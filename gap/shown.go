package gap

import "time"

// A row is shown to tests as a map of its fields and of the lists that are
// joined. Shortcuts read it as it is; for CEL the maps are made, and kept until
// all tests were asked.

// shown are the rows of which some form is kept.
type shown struct{ rows []*row }

// forget drops what was kept of rows.
func (s *shown) forget() {
	for _, r := range s.rows {
		r.lists, r.facet = nil, nil
	}
	s.rows = s.rows[:0]
}

// facet is a row as another view sees it.
type facet row

// Field returns what a row says, or is joined with.
func (r *row) Field(name string) (any, bool) {
	for i, j := range r.table.rel.joins {
		if j.Name == name {
			list := r.list(i)
			return list, list != nil
		}
	}
	return r.says(name)
}

// list returns the rows that a join finds; nil where that is not said.
func (r *row) list(i int) []any {
	joins := r.table.rel.joins
	if r.lists == nil {
		r.lists = make([][]any, len(joins))
		r.show()
	}
	if r.lists[i] == nil && len(joins[i].to.tables) > 0 {
		if joins[i].count(r.on[i]) <= maxJoined {
			rows := joins[i].joinedRows(r.on[i])
			r.lists[i] = make([]any, len(rows))
			for n, other := range rows {
				r.lists[i][n] = (*facet)(other)
			}
		}
	}
	return r.lists[i]
}

func (r *row) show() {
	s := r.table.rel.shown
	s.rows = append(s.rows, r)
}

// Map returns a row as CEL reads it.
func (r *row) Map() map[string]any {
	m := r.attributes()
	for i, j := range r.table.rel.joins {
		if list := r.list(i); list != nil {
			m[j.Name] = facets(list)
		}
	}
	return m
}

func facets(list []any) []any {
	out := make([]any, 0, len(list))
	for _, v := range list {
		out = append(out, v.(*facet).Map())
	}
	return out
}

// Field returns what a row says, or where it comes from.
func (f *facet) Field(name string) (any, bool) {
	if name == "effective" && f.exact != nil {
		return f.exact.UTC().Format(time.RFC3339Nano), true
	}
	if v, said := (*row)(f).says(name); said {
		return v, true
	}
	switch id := f.table.base.id; name {
	case "id":
		return f.id, true
	case "name":
		return f.name, true
	case "source":
		return id.Source, true
	case "kind":
		return string(id.Kind), true
	}
	return nil, false
}

// Map returns a row as another view sees it.
func (f *facet) Map() map[string]any {
	if f.facet == nil {
		f.facet = (*row)(f).attributes()
		for _, k := range []string{"id", "name", "source", "kind", "effective"} {
			if v, said := f.Field(k); said {
				f.facet[k] = v
			}
		}
		(*row)(f).show()
	}
	return f.facet
}
