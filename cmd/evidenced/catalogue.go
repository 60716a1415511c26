package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/ops"
)

func (a *app) catalogueCommand() *cobra.Command {
	var tests, duties, criteria bool
	list := &cobra.Command{
		Use:   "list",
		Short: "List the controls, or the tests, duties or criteria, with their categories",
		Args:  usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			if tests && duties || tests && criteria || duties && criteria {
				return api.Errorf(api.Usage, "name one of --tests, --duties and --criteria")
			}
			cat, err := a.effectiveCatalogue()
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

func (a *app) effectiveCatalogue() (*ops.Catalogue, error) {
	return ops.EffectiveCatalogue(a.config, a.config == defaultConfig)
}

func (a *app) listControls(cat *ops.Catalogue) error {
	lines := ops.ControlLines(cat)
	return a.print(map[string]any{"controls": lines}, func(w io.Writer) {
		table(w, "CONTROL\tFAMILY\tTESTS\tDUTIES\tCATEGORIES\tCRITERIA\tTITLE", func(row func(...any)) {
			for _, l := range lines {
				row(l.ID, l.Family, l.Tests, l.Duties, strings.Join(l.Categories, ","), strings.Join(l.Criteria, ","), l.Title)
			}
		})
	})
}

func (a *app) listTests(cat *ops.Catalogue) error {
	all := cat.Tests()
	return a.print(map[string]any{"tests": all}, func(w io.Writer) {
		table(w, "TEST\tCONTROL\tKIND\tSEVERITY\tSLA DAYS\tCATEGORIES\tCRITERIA\tTITLE", func(row func(...any)) {
			for _, t := range all {
				row(t.ID, t.Control, t.Kind, t.Severity, t.SLADays, strings.Join(ops.CategoriesOf(t.Criteria), ","), strings.Join(t.Criteria, ","), t.Title)
			}
		})
	})
}

func (a *app) listDuties(cat *ops.Catalogue) error {
	all := cat.Duties()
	return a.print(map[string]any{"duties": all}, func(w io.Writer) {
		table(w, "DUTY\tCONTROL\tHOW OFTEN\tSEVERITY\tCATEGORIES\tCRITERIA\tTITLE", func(row func(...any)) {
			for _, d := range all {
				row(d.ID, d.Control, often(d), d.Severity, strings.Join(ops.CategoriesOf(d.Criteria), ","), strings.Join(d.Criteria, ","), d.Title)
			}
		})
	})
}

// often says how often a duty falls due.
func often(d ops.Duty) string {
	if d.Per == "" {
		return fmt.Sprintf("within %d days", d.WithinDays)
	}
	return "each " + d.Per
}

func (a *app) listCriteria(cat *ops.Catalogue) error {
	lines := ops.CriterionLines(cat)
	return a.print(map[string]any{"criteria": lines}, func(w io.Writer) {
		table(w, "CRITERION\tCATEGORY\tTESTS\tDUTIES\tTITLE", func(row func(...any)) {
			for _, l := range lines {
				row(l.ID, l.Category, len(l.Tests), len(l.Duties), l.Title)
			}
		})
	})
}

func (a *app) catalogueShow(id string) error {
	cat, err := a.effectiveCatalogue()
	if err != nil {
		return err
	}
	found, err := ops.FindInCatalogue(cat, id)
	if err != nil {
		return err
	}
	return a.print(found, func(w io.Writer) {
		switch {
		case found.Control != nil:
			controlText(w, cat, *found.Control)
		case found.Test != nil:
			testText(w, *found.Test)
		case found.Duty != nil:
			dutyText(w, *found.Duty)
		case found.View != nil:
			viewText(w, cat, *found.View)
		default:
			criterionText(w, *found.Criterion)
		}
	})
}

// fact prints one named line for a person; nothing where there is nothing to tell.
func fact(w io.Writer, name, value string) {
	if value = strings.TrimSpace(value); value != "" {
		fmt.Fprintf(w, "%-12s %s\n", name, evidence.Printable(strings.Join(strings.Fields(value), " ")))
	}
}

func controlText(w io.Writer, cat *ops.Catalogue, c ops.Control) {
	fact(w, "control", c.ID)
	fact(w, "title", c.Title)
	fact(w, "family", c.Family)
	fact(w, "promise", c.Description)
	fact(w, "tested by", c.Procedure)
	fact(w, "criteria", strings.Join(ops.CriteriaOf(cat, c), ", "))
	fact(w, "categories", strings.Join(ops.CategoriesOf(ops.CriteriaOf(cat, c)), ", "))
	for _, t := range c.Tests {
		fmt.Fprintln(w)
		testText(w, t)
	}
	for _, d := range c.Duties {
		fmt.Fprintln(w)
		dutyText(w, d)
	}
}

func testText(w io.Writer, t ops.Test) {
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

func dutyText(w io.Writer, d ops.Duty) {
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

func viewText(w io.Writer, cat *ops.Catalogue, v ops.View) {
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

func criterionText(w io.Writer, l ops.CriterionLine) {
	fact(w, "criterion", l.ID)
	fact(w, "title", l.Title)
	fact(w, "category", l.Category)
	fact(w, "tests", cmp.Or(strings.Join(l.Tests, ", "), "none"))
	fact(w, "duties", cmp.Or(strings.Join(l.Duties, ", "), "none"))
}
