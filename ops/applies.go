package ops

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/population"
)

// applicability tells which items of a population the tests of a control apply to:
// a sample for leavers is drawn from those who left.
type applicability struct {
	of      span
	from    drawFrom
	control string

	to func(stream string, scope evidence.Scope, id string) bool // nil until the evidence was evaluated
}

// keep leaves in a population what a test of the control applies to, and says what that is.
func (a *applicability) keep(ctx context.Context, p *population.Population) (reason string, err error) {
	cat := a.from.catalogue
	ctl, err := findControl(cat, a.control)
	if err != nil {
		return "", err
	}
	var some []string
	for _, t := range ctl.Tests {
		if t.Mode != catalogue.Each || !slices.Contains(judgedKinds(cat, t), p.Kind) {
			continue
		}
		if t.Kind == p.Kind && t.When == "" {
			return fmt.Sprintf("every item: the test %s applies to all", t.ID), nil
		}
		some = append(some, t.ID+appliesWhen(t))
	}
	if len(some) == 0 {
		return "every item: the tests look them up, and judge none of them alone", nil
	}
	if a.to == nil {
		if err := a.evaluate(ctx, cat.Only([]string{ctl.ID})); err != nil {
			return "", err
		}
	}
	p.Items = slices.DeleteFunc(p.Items, func(it population.Item) bool { return !a.to(it.Stream, it.Scope, it.ID) })
	return "the items to which a test applies: " + strings.Join(some, "; "), nil
}

func (a *applicability) evaluate(ctx context.Context, cat *catalogue.Catalogue) error {
	e := gap.NewEngine(cat, a.of.period)
	if err := a.of.observed(ctx, e); err != nil {
		return err
	}
	a.to = e.Applies(a.control)
	return nil
}

// judgedKinds returns the kinds whose records a test judges, each as an item.
func judgedKinds(cat *catalogue.Catalogue, t catalogue.Test) []evidence.Kind {
	i := slices.IndexFunc(cat.Views, func(v catalogue.View) bool { return v.Kind == t.Kind })
	if i < 0 {
		return []evidence.Kind{t.Kind}
	}
	return cat.Parts(cat.Views[i])
}

// appliesWhen says when a test applies.
func appliesWhen(t catalogue.Test) string {
	if t.When == "" {
		return " applies to each row of the view " + string(t.Kind)
	}
	return " applies when " + strings.Join(strings.Fields(t.When), " ")
}
