package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/review"
	"github.com/evidenced/evidenced/store"
)

func (a *app) gapAcceptCommand() *cobra.Command {
	d := evidence.Decision{Verb: evidence.Accept}
	var until timeFlag
	c := a.served(&cobra.Command{
		Use:   "accept ID",
		Short: "Accept an open gap until a day, with a reason",
		Long: `Writes down that a named person knows of an open gap and accepts it until a day, a
year away at most. From that day on it is open again, if it was not fixed. Nobody
accepts a gap of their own account. An acceptance hides nothing: the gap stays in
the record and in the bundle, with who, when and why; the last acceptance counts.`,
		Example: `  evidenced gaps accept G-0123456789 --reason "replaced by the new VPN in May" --approver cto@acme.example --until 2026-06-01`,
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			d.Gap, d.Until = args[0], &until.Time
			if err := given("reason", d.Reason, "approver", d.Approver, "until", until.String()); err != nil {
				return err
			}
			return a.decide(c.Context(), d)
		},
	})
	c.Flags().StringVar(&d.Reason, "reason", "", "why it can be accepted")
	c.Flags().StringVar(&d.Approver, "approver", "", "who accepts it, a `person` by name or address")
	c.Flags().Var(&until, "until", "the day from which on it is open again, a year away at most")
	c.Flags().StringVar(&d.By, "by", "", "who writes it down, if that is another `person`")
	return c
}

func (a *app) gapRespondCommand() *cobra.Command {
	d := evidence.Decision{Verb: evidence.Respond}
	c := a.served(&cobra.Command{
		Use:   "respond ID",
		Short: "Write down what management says of a gap; it changes no state",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			d.Gap = args[0]
			if err := given("text", d.Reason, "approver", d.Approver); err != nil {
				return err
			}
			return a.decide(c.Context(), d)
		},
	})
	c.Flags().StringVar(&d.Reason, "text", "", "the response, for the auditor to read")
	c.Flags().StringVar(&d.Approver, "approver", "", "who answers for it, a `person` by name or address")
	c.Flags().StringVar(&d.By, "by", "", "who writes it down, if that is another `person`")
	return c
}

// decided is what `gaps accept` and `gaps respond` print as JSON.
type decided struct {
	Entry    uint64            `json:"entry"`
	Recorded time.Time         `json:"recorded"`
	Decision evidence.Decision `json:"decision"`
	Name     string            `json:"name"`
}

func (a *app) decide(ctx context.Context, d evidence.Decision) error {
	d.Reason, d.Approver, d.By = strings.TrimSpace(d.Reason), strings.TrimSpace(d.Approver), strings.TrimSpace(d.By)
	if err := checkUntil(d, a.now().UTC()); err != nil {
		return err
	}
	c, s, err := a.amending()
	if err != nil {
		return err
	}
	defer s.Close()
	res, err := a.evaluate(ctx, c, s)
	if err != nil {
		return err
	}
	g, err := a.mayDecide(c, s, res, d)
	if err != nil {
		return err
	}
	e, err := note(ctx, s, evidence.EntryDecision, d)
	if err != nil {
		return err
	}
	out := decided{e.Index, e.Recorded, d, subject(g)}
	return a.print(out, out.text)
}

// checkUntil bounds an acceptance: from tomorrow to a year from now.
func checkUntil(d evidence.Decision, now time.Time) error {
	switch {
	case d.Until == nil:
		return nil
	case !d.Until.After(now):
		return usageError{fmt.Errorf("--until %s does not lie in the future", d.Until.Format(time.DateOnly))}
	case d.Until.After(now.AddDate(1, 0, 0)):
		return usageError{fmt.Errorf("--until %s is more than a year away: accept it for less, and decide again then", d.Until.Format(time.DateOnly))}
	}
	return nil
}

// mayDecide finds the gap, and refuses what may not be accepted, or not by that person.
func (a *app) mayDecide(c *config.Config, s *store.Store, res *result.Result, d evidence.Decision) (g result.Gap, err error) {
	i := slices.IndexFunc(res.Gaps, func(g result.Gap) bool { return g.ID == d.Gap })
	if i < 0 {
		return g, noGap(res, d.Gap)
	}
	if g = res.Gaps[i]; d.Verb != evidence.Accept {
		return g, nil
	}
	if g.State != result.Open && g.State != result.Accepted {
		return g, usageError{fmt.Errorf("gap %s is %s: only an open one can be accepted; `evidenced gaps respond` says something of it", g.ID, g.State)}
	}
	owners, err := a.ownersOf(c, s, g)
	if err != nil {
		return g, err
	}
	if i := slices.IndexFunc(owners, func(o string) bool { return samePerson(d.Approver, o) }); i >= 0 {
		return g, usageError{fmt.Errorf("%s is the owner of what fails (%s): another person must accept it", d.Approver, owners[i])}
	}
	return g, nil
}

// ownersOf gives by what names the owner of a gap's resource may go: the
// resource's own, and those of the people to whom an account belongs.
func (a *app) ownersOf(c *config.Config, s *store.Store, g result.Gap) ([]string, error) {
	names := []string{g.Resource, g.Name}
	if g.Stream == "" || g.Resource == "" {
		return names, nil
	}
	rows, _, err := a.rows(c, s, review.Access)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if r.ID != g.Resource || r.Stream.String() != g.Stream {
			continue
		}
		for _, field := range []string{"login", "email"} {
			if text, ok := r.Fields[field].(string); ok {
				names = append(names, text)
			}
		}
		names = append(names, review.Owners(r)...)
	}
	return names, nil
}

// samePerson compares whom a person named with a name of the owner: letters in
// any case, and of "Ann <ann@acme.example>" the address and the name as well.
func samePerson(named, owner string) bool {
	owner = strings.ToLower(strings.TrimSpace(owner))
	named = strings.ToLower(strings.TrimSpace(named))
	name, address, _ := strings.Cut(named, "<")
	parts := []string{named, strings.TrimSpace(name), strings.TrimSuffix(strings.TrimSpace(address), ">")}
	return owner != "" && slices.Contains(parts, owner)
}

// rows gives the rows of a view as the log has them now.
func (a *app) rows(c *config.Config, s *store.Store, view evidence.Kind) ([]gap.Row, []gap.ViewSource, error) {
	if a.host != nil {
		return a.host.judge.rows(view)
	}
	cat, err := loadCatalogue(c)
	if err != nil {
		return nil, nil, err
	}
	engine, err := replay(cat, c, s)
	if err != nil {
		return nil, nil, err
	}
	rows, from := engine.Rows(view)
	return rows, from, nil
}

// note appends one entry with a body, and the blobs that write gives.
func note(ctx context.Context, log evidence.Log, t evidence.EntryType, body any, blobs ...io.Reader) (e evidence.Entry, err error) {
	if v, ok := body.(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return e, usageError{err}
		}
	}
	if e, err = evidence.WithBody(t, body); err != nil {
		return e, err
	}
	err = log.Append(ctx, func(w evidence.Writer) (err error) {
		for _, b := range blobs {
			ref, err := w.Blob(evidence.Series{Content: evidence.ContentFile}, b, 0)
			if err != nil {
				return err
			}
			e.Blobs = append(e.Blobs, ref)
		}
		e, err = w.Entry(e)
		return err
	})
	if err != nil {
		return e, fmt.Errorf("write it to the log: %w", err)
	}
	return e, nil
}

func (d decided) text(w io.Writer) {
	fmt.Fprintf(w, "entry %d of the log: %s\n", d.Entry, evidence.Printable(decisionLine{d.Entry, d.Recorded, d.Decision, true}.text()))
	fmt.Fprintf(w, "of gap %s, %s\n", d.Decision.Gap, evidence.Printable(d.Name))
}

// decisionLine is one decision in `gaps show --json`.
type decisionLine struct {
	Entry uint64    `json:"entry"`
	At    time.Time `json:"at"`
	evidence.Decision
	// InForce: it is the last of its sort, and its day has not come.
	InForce bool `json:"in_force"`
}

// decisions gives those on a gap that the log knew at asOf.
func decisions(s *store.Store, id string, asOf time.Time) ([]decisionLine, error) {
	acts, err := evidence.Acts(s.Entries(0))
	if err != nil {
		return nil, err
	}
	out := []decisionLine{}
	for _, x := range acts {
		if d := x.Decision; d != nil && d.Gap == id && !x.At.After(asOf) {
			out = append(out, decisionLine{x.Entry, x.At, *d, d.Until == nil || asOf.Before(*d.Until)})
		}
	}
	last := map[evidence.DecisionVerb]bool{}
	for i := len(out) - 1; i >= 0; i-- {
		out[i].InForce = out[i].InForce && !last[out[i].Verb]
		last[out[i].Verb] = true
	}
	return out, nil
}

func (l decisionLine) text() string {
	by := ""
	if l.By != "" && !strings.EqualFold(l.By, l.Approver) {
		by = ", written down by " + l.By
	}
	if l.Verb == evidence.Respond {
		return fmt.Sprintf("%s answered on %s%s: %s", l.Approver, when(&l.At), by, l.Reason)
	}
	over := ""
	if !l.InForce {
		over = " (no longer in force)"
	}
	return fmt.Sprintf("accepted by %s on %s until %s%s%s: %s", l.Approver, when(&l.At), l.Until.Format(time.DateOnly), over, by, l.Reason)
}
