package gap

import "time"

// A row is shown to tests as a map of its fields and of the lists that are
// joined. Shortcuts read it as it is; for CEL the maps are made, and kept until
// all tests were asked.

// facet is a row as another view sees it.
type facet row

// member gives what a map says under a key, or what is shown as one.
func (b *bench) member(v any, key string) (field any, said, isMap bool) {
	switch m := v.(type) {
	case map[string]any:
		field, said = m[key]
		return field, said, true
	case *row:
		field, said = b.field(m, key)
		return field, said, true
	case *facet:
		field, said = m.field(key)
		return field, said, true
	}
	return nil, false, false
}

// field gives what a row says, or is joined with.
func (b *bench) field(r *row, name string) (any, bool) {
	for i, j := range r.table.rel.joins {
		if j.name == name {
			list := b.list(r, i)
			return list, list != nil
		}
	}
	return r.says(name)
}

// list gives the rows that a join finds; nil where that is not said.
func (b *bench) list(r *row, i int) []any {
	joins := r.table.rel.joins
	if r.lists == nil {
		r.lists = make([][]any, len(joins))
		b.shown = append(b.shown, r)
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

// field gives what a row says, or where it comes from.
func (f *facet) field(name string) (any, bool) {
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

// asMap gives a row as CEL reads it.
func (b *bench) asMap(r *row) map[string]any {
	m := r.attributes()
	for i, j := range r.table.rel.joins {
		if list := b.list(r, i); list != nil {
			m[j.name] = b.facets(list)
		}
	}
	return m
}

func (b *bench) facets(list []any) []any {
	out := make([]any, 0, len(list))
	for _, v := range list {
		f := v.(*facet)
		if f.facet == nil {
			f.facet = f.asMap()
			b.shown = append(b.shown, (*row)(f))
		}
		out = append(out, f.facet)
	}
	return out
}

func (f *facet) asMap() map[string]any {
	m := (*row)(f).attributes()
	for _, k := range []string{"id", "name", "source", "kind", "effective"} {
		if v, said := f.field(k); said {
			m[k] = v
		}
	}
	return m
}

// forget drops what was kept of rows.
func (b *bench) forget() {
	for _, r := range b.shown {
		r.lists, r.facet = nil, nil
	}
	b.shown = b.shown[:0]
}
