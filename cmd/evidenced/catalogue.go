package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
)

func (a *app) catalogueCommand() *cobra.Command {
	var tests, duties, criteria bool
	list := &cobra.Command{
		Use:   "list",
		Short: "List the controls, or the tests, duties or criteria, with their categories",
		Args:  usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			if tests && duties || tests && criteria || duties && criteria {
				return usageError{errors.New("name one of --tests, --duties and --criteria")}
			}
			cat, err := a.chosen()
			if err != nil {
				return err
			}
			switch {
			case tests:
				return a.listTests(cat)
			case duties:
				return a.listDuties(cat)
			case criteria:
				return a.listCriteria(cat)
			}
			return a.listControls(cat)
		},
	}
	list.Flags().BoolVar(&tests, "tests", false, "list the tests")
	list.Flags().BoolVar(&duties, "duties", false, "list the duties")
	list.Flags().BoolVar(&criteria, "criteria", false, "list the criteria, with what shows each")
	show := &cobra.Command{
		Use:   "show ID",
		Short: "Show one control, test, duty, view or criterion in full",
		Args:  usage(cobra.ExactArgs(1)),
		RunE:  func(_ *cobra.Command, args []string) error { return a.catalogueShow(args[0]) },
	}
	return group("catalogue", "Look at the controls, and check your own", list, show, a.lintCommand(), a.catalogueTestCommand())
}

// chosen is the catalogue that the configuration asks for; where there is no
// configuration, ours whole.
func (a *app) chosen() (*catalogue.Catalogue, error) {
	if !exists(a.config) && a.config == defaultConfig {
		return catalogue.Default()
	}
	c, err := a.load()
	if err != nil {
		return nil, err
	}
	return loadCatalogue(c)
}

// categoriesOf names the trust services categories of criteria.
func categoriesOf(criteria []string) []string {
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

// criteriaOf gives the criteria of a control: its own, and those of its tests and duties.
func criteriaOf(cat *catalogue.Catalogue, ctl catalogue.Control) []string {
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

// controlLine is one control in `catalogue list --json`.
type controlLine struct {
	ID         string   `json:"id"`
	Title      string   `json:"title"`
	Family     string   `json:"family"`
	Tests      int      `json:"tests"`
	Duties     int      `json:"duties"`
	Criteria   []string `json:"criteria"`
	Categories []string `json:"categories"`
}

func (a *app) listControls(cat *catalogue.Catalogue) error {
	lines := []controlLine{}
	for _, f := range cat.Families() {
		for _, c := range f.Controls {
			ids := criteriaOf(cat, c)
			lines = append(lines, controlLine{c.ID, c.Title, c.Family, len(c.Tests), len(c.Duties), ids, categoriesOf(ids)})
		}
	}
	return a.print(map[string]any{"controls": lines}, func(w io.Writer) {
		table(w, "CONTROL\tFAMILY\tTESTS\tDUTIES\tCATEGORIES\tCRITERIA\tTITLE", func(row func(...any)) {
			for _, l := range lines {
				row(l.ID, l.Family, l.Tests, l.Duties, strings.Join(l.Categories, ","), strings.Join(l.Criteria, ","), l.Title)
			}
		})
	})
}

func (a *app) listTests(cat *catalogue.Catalogue) error {
	all := cat.Tests()
	return a.print(map[string]any{"tests": all}, func(w io.Writer) {
		table(w, "TEST\tCONTROL\tKIND\tSEVERITY\tSLA DAYS\tCATEGORIES\tCRITERIA\tTITLE", func(row func(...any)) {
			for _, t := range all {
				row(t.ID, t.Control, t.Kind, t.Severity, t.SLADays, strings.Join(categoriesOf(t.Criteria), ","), strings.Join(t.Criteria, ","), t.Title)
			}
		})
	})
}

func (a *app) listDuties(cat *catalogue.Catalogue) error {
	all := cat.Duties()
	return a.print(map[string]any{"duties": all}, func(w io.Writer) {
		table(w, "DUTY\tCONTROL\tHOW OFTEN\tSEVERITY\tCATEGORIES\tCRITERIA\tTITLE", func(row func(...any)) {
			for _, d := range all {
				row(d.ID, d.Control, often(d), d.Severity, strings.Join(categoriesOf(d.Criteria), ","), strings.Join(d.Criteria, ","), d.Title)
			}
		})
	})
}

// often says how often a duty falls due.
func often(d catalogue.Duty) string {
	if d.Per == "" {
		return fmt.Sprintf("within %d days", d.WithinDays)
	}
	return "each " + d.Per
}

// criterionLine is one criterion in `catalogue list --criteria --json`.
type criterionLine struct {
	catalogue.Criterion
	Category string   `json:"category"`
	Tests    []string `json:"tests"`
	Duties   []string `json:"duties"`
}

func criterionLines(cat *catalogue.Catalogue) []criterionLine {
	lines := []criterionLine{}
	for _, c := range cat.Criteria {
		l := criterionLine{Criterion: c, Category: strings.Join(categoriesOf([]string{c.ID}), ""), Tests: []string{}, Duties: []string{}}
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

func (a *app) listCriteria(cat *catalogue.Catalogue) error {
	lines := criterionLines(cat)
	return a.print(map[string]any{"criteria": lines}, func(w io.Writer) {
		table(w, "CRITERION\tCATEGORY\tTESTS\tDUTIES\tTITLE", func(row func(...any)) {
			for _, l := range lines {
				row(l.ID, l.Category, len(l.Tests), len(l.Duties), l.Title)
			}
		})
	})
}

func (a *app) catalogueShow(id string) error {
	cat, err := a.chosen()
	if err != nil {
		return err
	}
	var ids []string
	for _, c := range cat.Controls {
		if ids = append(ids, c.ID); c.ID == id {
			return a.print(map[string]any{"control": c}, func(w io.Writer) { controlText(w, cat, c) })
		}
	}
	for _, t := range cat.Tests() {
		if ids = append(ids, t.ID); t.ID == id {
			return a.print(map[string]any{"test": t}, func(w io.Writer) { testText(w, t) })
		}
	}
	for _, d := range cat.Duties() {
		if ids = append(ids, d.ID); d.ID == id {
			return a.print(map[string]any{"duty": d}, func(w io.Writer) { dutyText(w, d) })
		}
	}
	for _, v := range cat.Views {
		if ids = append(ids, string(v.Kind)); string(v.Kind) == id {
			return a.print(map[string]any{"view": v}, func(w io.Writer) { viewText(w, cat, v) })
		}
	}
	for _, l := range criterionLines(cat) {
		if ids = append(ids, l.ID); l.ID == id {
			return a.print(map[string]any{"criterion": l}, func(w io.Writer) { criterionText(w, l) })
		}
	}
	if into := catalogue.SplitInto(id); len(into) > 0 {
		_, err := control(cat, id)
		return err
	}
	return usageError{fmt.Errorf("the catalogue has no control, test, duty, view or criterion %q%s", id, nearest(id, ids))}
}

// fact prints one named line for a person; nothing where there is nothing to tell.
func fact(w io.Writer, name, value string) {
	if value = strings.TrimSpace(value); value != "" {
		fmt.Fprintf(w, "%-12s %s\n", name, evidence.Printable(strings.Join(strings.Fields(value), " ")))
	}
}

func controlText(w io.Writer, cat *catalogue.Catalogue, c catalogue.Control) {
	fact(w, "control", c.ID)
	fact(w, "title", c.Title)
	fact(w, "family", c.Family)
	fact(w, "promise", c.Description)
	fact(w, "tested by", c.Procedure)
	fact(w, "criteria", strings.Join(criteriaOf(cat, c), ", "))
	fact(w, "categories", strings.Join(categoriesOf(criteriaOf(cat, c)), ", "))
	for _, t := range c.Tests {
		fmt.Fprintln(w)
		testText(w, t)
	}
	for _, d := range c.Duties {
		fmt.Fprintln(w)
		dutyText(w, d)
	}
}

func testText(w io.Writer, t catalogue.Test) {
	fact(w, "test", t.ID)
	fact(w, "title", t.Title)
	fact(w, "control", t.Control)
	fact(w, "reads", string(t.Kind))
	fact(w, "mode", t.Mode)
	fact(w, "when", t.When)
	fact(w, "passes", t.Pass)
	fact(w, "detail", t.Detail)
	fact(w, "severity", t.Severity)
	if t.SLADays > 0 {
		fact(w, "fix within", fmt.Sprintf("%d days", t.SLADays))
	}
	fact(w, "criteria", strings.Join(t.Criteria, ", "))
	fact(w, "basis", t.Basis)
	fact(w, "to do", t.Remediation)
	fact(w, "tested by", t.Procedure)
}

func dutyText(w io.Writer, d catalogue.Duty) {
	fact(w, "duty", d.ID)
	fact(w, "title", d.Title)
	fact(w, "control", d.Control)
	fact(w, "how often", fmt.Sprintf("%s, %d days of grace, announced %d days before", often(d), d.GraceDays, d.RemindDays))
	fact(w, "bring", d.Evidence)
	fact(w, "severity", d.Severity)
	fact(w, "criteria", strings.Join(d.Criteria, ", "))
	fact(w, "basis", d.Basis)
	fact(w, "to do", d.Remediation)
	fact(w, "tested by", d.Procedure)
	fact(w, "command", "evidenced evidence add FILE --duty "+d.ID+" --by YOU")
}

func viewText(w io.Writer, cat *catalogue.Catalogue, v catalogue.View) {
	fact(w, "view", string(v.Kind))
	fact(w, "title", v.Title)
	fact(w, "of", string(v.Of))
	fact(w, "made of", strings.ReplaceAll(kindList(cat.Parts(v)), ",", ", "))
	for _, name := range slices.Sorted(maps.Keys(v.Join)) {
		j := v.Join[name]
		fact(w, "join", fmt.Sprintf("%s: %s, where %s is %s", name, j.View, j.On, j.Key))
	}
}

func kindList(kinds []evidence.Kind) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = string(k)
	}
	return strings.Join(words, ",")
}

func criterionText(w io.Writer, l criterionLine) {
	fact(w, "criterion", l.ID)
	fact(w, "title", l.Title)
	fact(w, "category", l.Category)
	fact(w, "tests", cmp.Or(strings.Join(l.Tests, ", "), "none"))
	fact(w, "duties", cmp.Or(strings.Join(l.Duties, ", "), "none"))
}

// ownFolder gives the folder of the user's catalogue: named, or configured.
func (a *app) ownFolder(args []string) (string, error) {
	if len(args) > 0 {
		return a.path(args[0]), nil
	}
	c, err := a.load()
	if err != nil {
		return "", err
	}
	if c.Catalogue == "" {
		return "", usageError{fmt.Errorf("%s names no `catalogue`: name the folder", c.Path)}
	}
	return c.Catalogue, nil
}

// laidOver loads the catalogue of a folder, laid over ours.
func laidOver(folder string) (*catalogue.Catalogue, error) {
	own, err := config.Folder(folder)
	if err != nil {
		return nil, usageError{fmt.Errorf("catalogue %s: %w", folder, err)}
	}
	cat, err := catalogue.LoadOver(own)
	if err != nil {
		return nil, usageError{fmt.Errorf("in folder %s: %w", folder, err)}
	}
	return cat, nil
}
