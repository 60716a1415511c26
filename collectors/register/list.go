package register

import (
	"slices"
	"strings"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/sheet"
	"github.com/evidenced/evidenced/evidence"
)

// register declares one register.
type register struct {
	// name is the key in the configuration, and the kind without its prefix.
	name string
	doc  string
	// key are the columns that tell a row from all others; together they are the id.
	key []string
	// title is the column that names the row, if any.
	title string
	// oneOf are columns of which each row must fill one.
	oneOf   []string
	columns []column
	// order are pairs of dates of which the first is not after the second.
	order [][2]string
}

func (g register) kind() evidence.Kind { return evidence.Kind("register." + g.name) }

// registers are all that there are, in order of name.
var registers = []register{
	{name: "acknowledgement", doc: "That a person acknowledged a version of a policy.", key: []string{"person", "policy", "version"}, columns: []column{
		{"person", who, nil, filled}, {"policy", text, nil, filled}, {"version", text, nil, filled}, {"acknowledged", date, nil, present}}},
	{name: "approval", doc: "That access was asked for and approved: whose, to what, by whom.", key: []string{"person", "login", "source", "access", "approved"},
		oneOf: []string{"person", "login"}, columns: []column{
			{"person", who, nil, free}, {"login", text, nil, free}, {"source", text, nil, filled}, {"access", text, nil, free}, {"requested_by", who, nil, present},
			{"approved_by", who, nil, present}, {"approved", date, nil, present}, {"expires", date, nil, free}}, order: [][2]string{{"approved", "expires"}}},
	{name: "incident", doc: "An incident: when it was found, classified, contained and resolved, and what was learnt.", key: []string{"id"}, title: "title", columns: []column{
		{"id", text, nil, filled}, {"title", text, nil, free}, {"severity", word, []string{"critical", "high", "medium", "low"}, present}, {"detected", date, nil, filled},
		{"classified", date, nil, present}, {"contained", date, nil, free}, {"resolved", date, nil, present}, {"postmortem", date, nil, present},
		{"actions_open", number, nil, free}, {"customer_notified", date, nil, free}}, order: [][2]string{{"detected", "classified"}, {"detected", "contained"}, {"detected", "resolved"}}},
	{name: "oauth_app", doc: "An application that was let into a source, and who approved that.", key: []string{"source", "app"}, title: "name", columns: []column{
		{"source", text, nil, filled}, {"app", text, nil, filled}, {"name", text, nil, free}, {"approved_by", who, nil, present}, {"reviewed", date, nil, present}}},
	{name: "policy", doc: "A policy in its current version.", key: []string{"id"}, title: "title", columns: []column{
		{"id", text, nil, filled}, {"title", text, nil, free}, {"version", text, nil, filled}, {"effective", date, nil, filled}, {"approved_by", who, nil, free},
		{"approved", date, nil, free}, {"owner", who, nil, free}}},
	{name: "privileged", doc: "That somebody may hold privileged access to a source.", key: []string{"source", "login", "role"}, columns: []column{
		{"source", text, nil, filled}, {"login", text, nil, filled}, {"role", text, nil, free}, {"approved_by", who, nil, present}, {"reviewed", date, nil, free}}},
	{name: "training", doc: "A training that a person was given, and when it was completed.", key: []string{"person", "course", "completed", "due"}, columns: []column{
		{"person", who, nil, filled}, {"course", text, nil, filled}, {"completed", date, nil, present}, {"due", date, nil, free}}},
	{name: "vendor", doc: "A vendor, what it is for, and the report that it gave.", key: []string{"id"}, title: "name", columns: []column{
		{"id", text, nil, filled}, {"name", text, nil, free}, {"tier", word, []string{"critical", "high", "low"}, present}, {"subservice", yesNo, nil, filled},
		{"owner", who, nil, free}, {"services", list, nil, free}, {"data", list, nil, free}, {"reviewed", date, nil, present},
		{"report_type", word, []string{"type2", "type1", "iso27001", "other"}, present}, {"report_from", date, nil, free}, {"report_to", date, nil, present},
		{"opinion", word, []string{"unqualified", "qualified", "adverse", "disclaimer"}, present}, {"exceptions", text, nil, present}, {"cuecs_mapped", yesNo, nil, present},
		{"bridge_letter_to", date, nil, present}}, order: [][2]string{{"report_from", "report_to"}, {"report_to", "bridge_letter_to"}}},
}

// named returns the register of a name.
func named(name string) (register, bool) {
	i := slices.IndexFunc(registers, func(g register) bool { return g.name == name })
	if i < 0 {
		return register{}, false
	}
	return registers[i], true
}

func (g register) column(name string) (column, bool) {
	i := slices.IndexFunc(g.columns, func(c column) bool { return c.name == name })
	if i < 0 {
		return column{}, false
	}
	return g.columns[i], true
}

func (g register) isField(name string) bool { _, ok := g.column(name); return ok }

// missing says which columns a file lacks.
func (g register) missing(found []string) string {
	var lacking []string
	for _, c := range g.columns {
		if c.need != free && !slices.Contains(found, c.name) {
			lacking = append(lacking, c.name)
		}
	}
	switch {
	case len(lacking) > 0:
		return "there is no column for " + strings.Join(lacking, ", ") + ": name it under columns; it may be empty where there is nothing to say"
	case len(g.oneOf) > 0 && !slices.ContainsFunc(g.oneOf, func(c string) bool { return slices.Contains(found, c) }):
		return "there is no column for " + strings.Join(g.oneOf, " or ")
	}
	return ""
}

// records returns every row, or the first mistakes.
func (g register) records(t *sheet.Table, words sheet.Words) ([]evidence.Record, error) {
	var all []evidence.Record
	seen := map[string]string{} // line by id
	err := t.Each(func(r *sheet.Row) error {
		rec, err := g.record(r, words)
		if err != nil {
			return err
		}
		if line, twice := seen[rec.ID]; twice {
			return r.Wrong(g.firstOf(r), "%.100q stands on line %s already", rec.ID, line)
		}
		seen[rec.ID] = r.Line()
		all = append(all, rec)
		return nil
	})
	return all, err
}

func (g register) record(r *sheet.Row, words sheet.Words) (evidence.Record, error) {
	a := collectors.Attributes{}
	for _, c := range g.columns {
		if err := c.read(r, words, a); err != nil {
			return evidence.Record{}, err
		}
	}
	if g.firstOf(r) == "" {
		return evidence.Record{}, r.Wrong(g.oneOf[0], "it is empty, and so is %s", strings.Join(g.oneOf[1:], ", "))
	}
	for _, p := range g.order {
		if first, then := a[p[0]], a[p[1]]; first != nil && then != nil && then.(string) < first.(string) {
			return evidence.Record{}, r.Wrong(p[1], "%s is before %s, %s", then, p[0], first)
		}
	}
	rec := evidence.Record{ID: g.id(a), Attributes: a}
	rec.Name = rec.ID
	if title, ok := a[g.title].(string); ok {
		rec.Name = title
	}
	return rec, nil
}

// firstOf is the first column of the key that the row fills; of a register with
// columns of which one must be filled, the first of those.
func (g register) firstOf(r *sheet.Row) string {
	among := g.oneOf
	if len(among) == 0 {
		among = g.key
	}
	for _, name := range among {
		if r.Value(name) != "" {
			return name
		}
	}
	return ""
}

// id joins what tells a row from all others.
func (g register) id(a collectors.Attributes) string {
	var parts []string
	for _, name := range g.key {
		if v, ok := a[name].(string); ok {
			parts = append(parts, v)
		}
	}
	return strings.Join(parts, "|")
}
