package gap

import "time"

// A test reads a row as a map of its fields and of the lists of joined rows.
// Compiled expressions ask for single fields; for CEL the maps are made. Lists and
// maps are kept until every test was evaluated.

// rowCache lists the rows that keep a list or a map.
type rowCache struct{ rows []*row }

// release drops the lists and maps.
func (c *rowCache) release() {
	for _, r := range c.rows {
		r.lists, r.asMember = nil, nil
	}
	c.rows = c.rows[:0]
}

// rowView is a row in a list of joined rows.
type rowView row

// Field returns a field of a row, or a list of joined rows.
func (r *row) Field(name string) (any, bool) {
	for i, j := range r.table.view.joins {
		if j.Name == name {
			list := r.joinedList(i)
			return list, list != nil
		}
	}
	return r.get(name)
}

// joinedList returns the rows that a join finds; nil where no source feeds its
// target, or there are more than maxJoined.
func (r *row) joinedList(i int) []any {
	joins := r.table.view.joins
	if r.lists == nil {
		r.lists = make([][]any, len(joins))
		r.addToCache()
	}
	if r.lists[i] == nil && len(joins[i].target.tables) > 0 {
		if joins[i].countRows(r.seeks[i]) <= maxJoined {
			rows := joins[i].joinedRows(r.seeks[i])
			r.lists[i] = make([]any, len(rows))
			for n, other := range rows {
				r.lists[i][n] = (*rowView)(other)
			}
		}
	}
	return r.lists[i]
}

func (r *row) addToCache() {
	c := r.table.view.cache
	c.rows = append(c.rows, r)
}

// Map returns all fields and lists.
func (r *row) Map() map[string]any {
	m := r.attributes()
	for i, j := range r.table.view.joins {
		if list := r.joinedList(i); list != nil {
			m[j.Name] = memberMaps(list)
		}
	}
	return m
}

func memberMaps(list []any) []any {
	out := make([]any, 0, len(list))
	for _, v := range list {
		out = append(out, v.(*rowView).Map())
	}
	return out
}

// Field returns a field of a row, or of where it comes from.
func (v *rowView) Field(name string) (any, bool) {
	if name == "effective" && v.effective != nil {
		return v.effective.UTC().Format(time.RFC3339Nano), true
	}
	if field, ok := (*row)(v).get(name); ok {
		return field, true
	}
	switch id := v.table.stream.id; name {
	case "id":
		return v.id, true
	case "name":
		return v.name, true
	case "source":
		return id.Source, true
	case "kind":
		return string(id.Kind), true
	}
	return nil, false
}

// Map returns all fields.
func (v *rowView) Map() map[string]any {
	if v.asMember == nil {
		v.asMember = (*row)(v).attributes()
		for _, k := range []string{"id", "name", "source", "kind", "effective"} {
			if field, ok := v.Field(k); ok {
				v.asMember[k] = field
			}
		}
		(*row)(v).addToCache()
	}
	return v.asMember
}
