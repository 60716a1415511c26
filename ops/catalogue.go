package ops

import (
	"slices"
	"strings"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/gap/catalogue"
)

// The catalogue, as commands and pages show it.
type (
	Catalogue = catalogue.Catalogue
	Control   = catalogue.Control
	Test      = catalogue.Test
	Duty      = catalogue.Duty
	View      = catalogue.View
)

// EffectiveCatalogue is the catalogue that the configuration at path asks for;
// where path is the default one and does not exist, the program's with every category.
func EffectiveCatalogue(path string, isDefault bool) (*Catalogue, error) {
	if isDefault && !exists(path) {
		return catalogue.Default()
	}
	c, err := Load(path, false)
	if err != nil {
		return nil, err
	}
	return LoadCatalogue(c)
}

// CategoriesOf names the trust services categories of criteria.
func CategoriesOf(criteria []string) []string {
	out := []string{}
	for _, id := range criteria {
		prefix := strings.TrimRight(id, "0123456789.")
		for name, p := range catalogue.Categories {
			if p == prefix && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return out
}

// CriteriaOf gives the criteria of a control: its own, and those of its tests and duties.
func CriteriaOf(cat *Catalogue, ctl Control) []string {
	has := map[string]bool{}
	mark := func(ids []string) {
		for _, id := range ids {
			has[id] = true
		}
	}
	mark(ctl.Criteria)
	for _, t := range ctl.Tests {
		mark(t.Criteria)
	}
	for _, d := range ctl.Duties {
		mark(d.Criteria)
	}
	out := []string{}
	for _, c := range cat.Criteria {
		if has[c.ID] {
			out = append(out, c.ID)
		}
	}
	return out
}

// ControlLine is one control in `catalogue list --json`.
type ControlLine struct {
	ID         string   `json:"id"`
	Title      string   `json:"title"`
	Family     string   `json:"family"`
	Tests      int      `json:"tests"`
	Duties     int      `json:"duties"`
	Criteria   []string `json:"criteria"`
	Categories []string `json:"categories"`
}

// ControlLines returns the controls by family.
func ControlLines(cat *Catalogue) []ControlLine {
	lines := []ControlLine{}
	for _, f := range cat.Families() {
		for _, c := range f.Controls {
			ids := CriteriaOf(cat, c)
			lines = append(lines, ControlLine{c.ID, c.Title, c.Family, len(c.Tests), len(c.Duties), ids, CategoriesOf(ids)})
		}
	}
	return lines
}

// CriterionLine is one criterion in `catalogue list --criteria --json`.
type CriterionLine struct {
	catalogue.Criterion
	Category string   `json:"category"`
	Tests    []string `json:"tests"`
	Duties   []string `json:"duties"`
}

// CriterionLines returns the criteria, with what shows each.
func CriterionLines(cat *Catalogue) []CriterionLine {
	lines := []CriterionLine{}
	for _, c := range cat.Criteria {
		l := CriterionLine{Criterion: c, Category: strings.Join(CategoriesOf([]string{c.ID}), ""), Tests: []string{}, Duties: []string{}}
		for _, t := range cat.Tests() {
			if slices.Contains(t.Criteria, c.ID) {
				l.Tests = append(l.Tests, t.ID)
			}
		}
		for _, d := range cat.Duties() {
			if slices.Contains(d.Criteria, c.ID) {
				l.Duties = append(l.Duties, d.ID)
			}
		}
		lines = append(lines, l)
	}
	return lines
}

// CatalogueItem is one thing of the catalogue; one of the members is set.
type CatalogueItem struct {
	Control   *Control       `json:"control,omitempty"`
	Test      *Test          `json:"test,omitempty"`
	Duty      *Duty          `json:"duty,omitempty"`
	View      *View          `json:"view,omitempty"`
	Criterion *CriterionLine `json:"criterion,omitempty"`
}

// FindInCatalogue finds a control, test, duty, view or criterion by its id.
func FindInCatalogue(cat *Catalogue, id string) (found CatalogueItem, err error) {
	var ids []string
	is := func(other string) bool { ids = append(ids, other); return other == id }
	for _, c := range cat.Controls {
		if is(c.ID) {
			return CatalogueItem{Control: &c}, nil
		}
	}
	for _, t := range cat.Tests() {
		if is(t.ID) {
			return CatalogueItem{Test: &t}, nil
		}
	}
	for _, d := range cat.Duties() {
		if is(d.ID) {
			return CatalogueItem{Duty: &d}, nil
		}
	}
	for _, v := range cat.Views {
		if is(string(v.Kind)) {
			return CatalogueItem{View: &v}, nil
		}
	}
	for _, l := range CriterionLines(cat) {
		if is(l.ID) {
			return CatalogueItem{Criterion: &l}, nil
		}
	}
	if into := catalogue.SplitInto(id); len(into) > 0 {
		_, err := findControl(cat, id)
		return found, err
	}
	return found, api.Errorf(api.Usage, "the catalogue has no control, test, duty, view or criterion %q%s", id, Suggest(id, ids))
}

// OwnFolder returns the folder of the user's own catalogue: the one named, or
// that of the configuration at path.
func OwnFolder(path, named string) (string, error) {
	if named != "" {
		return named, nil
	}
	c, err := Load(path, false)
	if err != nil {
		return "", err
	}
	if c.Catalogue == "" {
		return "", api.Errorf(api.Usage, "%s names no `catalogue`: name the folder", c.Path)
	}
	return c.Catalogue, nil
}
