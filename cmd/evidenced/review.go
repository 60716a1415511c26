package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/review"
	"github.com/evidenced/evidenced/store"
)

// reviewing lets one step of a review at a time be checked and written: a
// decision after the sign-off would make the log unreadable. No other process
// writes to the store meanwhile.
var reviewing sync.Mutex

func (a *app) reviewCommand() *cobra.Command {
	return group("review", "Hold access reviews: freeze who has access, decide, sign off",
		a.reviewOpenCommand(), a.reviewShowCommand(), a.reviewDecideCommand(), a.reviewCloseCommand(), a.reviewCancelCommand(), a.reviewListCommand())
}

// campaignName is what a campaign may be called: it is the scope of streams, and part of file names.
var campaignName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// reviewer gives the address of who takes a step, as the roster writes addresses.
func reviewer(by string) (string, error) {
	by = strings.ToLower(strings.TrimSpace(by))
	if name, domain, ok := strings.Cut(by, "@"); !ok || name == "" || domain == "" || strings.ContainsAny(by, " <>,;") {
		return "", usageError{errors.New("--by wants the address of the person, such as ann@acme.example: by that it is seen who decides on their own access")}
	}
	return by, nil
}

// campaigns reads the reviews of the log.
func campaigns(s *store.Store, name string) ([]*review.Campaign, *review.Campaign, error) {
	all, err := review.Campaigns(s.Entries(0), s)
	if err != nil {
		return nil, nil, err
	}
	return all, review.Find(all, name), nil
}

// noCampaign is the error of a review that is not there.
func noCampaign(name string, all []*review.Campaign) error {
	var names []string
	for _, c := range all {
		names = append(names, c.ID)
	}
	return usageError{fmt.Errorf("there is no review %q%s; `evidenced review list` shows them all", name, nearest(name, names))}
}

// change runs one step of an open review against the store that it is written to.
func (a *app) change(ctx context.Context, name string, do func(*config.Config, *store.Store, *review.Campaign) error) error {
	c, s, err := a.amending()
	if err != nil {
		return err
	}
	defer s.Close()
	reviewing.Lock()
	defer reviewing.Unlock()
	all, found, err := campaigns(s, name)
	switch {
	case err != nil:
		return err
	case found == nil:
		return noCampaign(name, all)
	case found.Status != review.Open:
		return usageError{fmt.Errorf("review %s is %s: nothing is changed any more; open another one", name, found.Status)}
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return do(c, s, found)
}

// campaignSum is a campaign with what became of its rows.
type campaignSum struct {
	*review.Campaign
	Keep   int `json:"keep"`
	Revoke int `json:"revoke"`
	Modify int `json:"modify"`
	// Privileged, Machines and Unowned count rows, of which sources say so, or
	// that belong to nobody in the roster.
	Privileged int `json:"privileged"`
	Machines   int `json:"machines"`
	Unowned    int `json:"unowned"`
}

func newCampaignSum(c *review.Campaign) campaignSum {
	s := campaignSum{Campaign: c}
	for _, r := range c.Rows {
		switch r.Decision {
		case review.Keep:
			s.Keep++
		case review.Revoke:
			s.Revoke++
		case review.Modify:
			s.Modify++
		}
		for n, is := range map[*int]bool{&s.Privileged: yes(r.Privileged), &s.Machines: yes(r.Machine), &s.Unowned: len(r.Owners) == 0} {
			if is {
				*n++
			}
		}
	}
	return s
}

func yes(b *bool) bool { return b != nil && *b }

func (s campaignSum) head(w io.Writer) {
	fmt.Fprintf(w, "review %s, %s: opened on %s by %s, as of %s", evidence.Printable(s.ID), s.Status, when(&s.Opened), evidence.Printable(s.By), when(&s.AsOf))
	if s.Due != nil {
		fmt.Fprintf(w, ", due %s", s.Due.Format(time.DateOnly))
	}
	if s.Closed != nil {
		fmt.Fprintf(w, ", %s on %s by %s", s.Status, when(s.Closed), evidence.Printable(s.Signed))
	}
	fmt.Fprintf(w, "\n%d rows: %d keep, %d revoke, %d modify, %d without a decision\n", s.Count, s.Keep, s.Revoke, s.Modify, s.Undecided)
	fmt.Fprintf(w, "%d are privileged, %d are machines, %d belong to nobody in the roster\n", s.Privileged, s.Machines, s.Unowned)
}

// ahead says what comes next, before it happens.
func (s campaignSum) ahead(w io.Writer) {
	switch {
	case s.Status != review.Open:
	case s.Undecided > 0:
		fmt.Fprintf(w, "It cannot be closed yet: %d rows have no decision. Fill a sheet: `evidenced review show %s --csv FILE`, then `evidenced review decide %s --csv FILE --by YOU`.\n", s.Undecided, s.ID, s.ID)
	default:
		fmt.Fprintf(w, "Closing signs off %d rows: %d stay, and %d that are revoked must be gone from a later whole snapshot within seven days, or are a gap. Nothing can be changed after that.\n", s.Count, s.Keep+s.Modify, s.Revoke)
	}
}

func (a *app) reviewListCommand() *cobra.Command {
	return a.served(&cobra.Command{
		Use:   "list",
		Short: "List the access reviews, newest first",
		Args:  usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			_, s, err := a.opened()
			if err != nil {
				return err
			}
			defer s.Close()
			all, _, err := campaigns(s, "")
			if err != nil {
				return err
			}
			sums := []campaignSum{}
			for _, c := range slices.Backward(all) {
				sums = append(sums, newCampaignSum(c))
			}
			return a.print(map[string]any{"reviews": sums}, func(w io.Writer) {
				table(w, "NAME\tSTATUS\tOPENED\tDUE\tCLOSED\tROWS\tKEEP\tREVOKE\tMODIFY\tUNDECIDED", func(row func(...any)) {
					for _, c := range sums {
						row(c.ID, c.Status, when(&c.Opened), when(c.Due), when(c.Closed), c.Count, c.Keep, c.Revoke, c.Modify, c.Undecided)
					}
				})
			})
		},
	})
}

func (a *app) reviewShowCommand() *cobra.Command {
	var sheet string
	c := a.served(&cobra.Command{
		Use:   "show NAME",
		Short: "Show an access review: its rows, the decisions so far, and what closing it will do",
		Args:  usage(cobra.ExactArgs(1)),
		RunE:  func(_ *cobra.Command, args []string) error { return a.reviewShow(args[0], sheet) },
	})
	c.Flags().StringVar(&sheet, "csv", "", "write the rows as a sheet to fill in, a new `file`")
	return c
}

// campaignDetail is what `review show --json` prints.
type campaignDetail struct {
	campaignSum
	Sheet string           `json:"sheet,omitempty"`
	List  []review.Decided `json:"list"`
}

func (a *app) reviewShow(name, sheet string) error {
	_, s, err := a.opened()
	if err != nil {
		return err
	}
	defer s.Close()
	all, c, err := campaigns(s, name)
	if err != nil {
		return err
	}
	if c == nil {
		return noCampaign(name, all)
	}
	if sheet != "" {
		if _, err := a.newFile(sheet, c.WriteSheet); err != nil {
			return err
		}
	}
	d := campaignDetail{newCampaignSum(c), sheet, c.Rows}
	return a.print(d, d.text)
}

func (d campaignDetail) text(w io.Writer) {
	d.head(w)
	for _, x := range d.Sources {
		fmt.Fprintf(w, "frozen from %s, read %s\n", evidence.Printable(x.Stream.String()), when(&x.Read))
	}
	d.ahead(w)
	if d.Sheet != "" {
		fmt.Fprintf(w, "wrote %s: fill in the last two columns, decision (keep, revoke or modify) and reason\n", d.Sheet)
		return
	}
	fmt.Fprintln(w)
	table(w, "ROW\tSOURCE\tACCOUNT\tGRANT\tOWNERS\tLAST USED\tDECISION\tBY\tREASON", func(row func(...any)) {
		for _, r := range d.List {
			row(r.Key, r.Stream.Source, r.Account, orDash(r.Grant), orDash(strings.Join(r.Owners, " ")), orDash(r.LastUsed), orDash(r.Decision), orDash(r.By), orDash(r.Reason))
		}
	})
}

func (a *app) reviewOpenCommand() *cobra.Command {
	var by, title string
	var sources []string
	var due timeFlag
	c := a.served(&cobra.Command{
		Use:   "open NAME",
		Short: "Freeze who has access, as it was last read, for a review",
		Long: `Freezes every active account of the sources, and each thing that it was granted, as
rows to decide on. What was not read whole, or not for eight days, cannot be
reviewed: collect it first.`,
		Example: "  evidenced review open 2026-Q1 --due 2026-04-15 --by ann@acme.example\n  evidenced review open 2026-Q1-okta --source okta --by ann@acme.example",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			step := evidence.ReviewStep{Campaign: args[0], Step: evidence.ReviewOpen, By: by, Title: cmp.Or(title, "access review "+args[0])}
			if !due.IsZero() {
				step.Due = &due.Time
			}
			return a.reviewOpen(c.Context(), step, sources)
		},
	})
	c.Flags().StringSliceVar(&sources, "source", nil, "only the accounts of this `source`; may be repeated")
	c.Flags().Var(&due, "due", "by when it is to be closed")
	c.Flags().StringVar(&by, "by", "", "who opens it, an `address`")
	c.Flags().StringVar(&title, "title", "", "what it is called in the bundle")
	return c
}

func (a *app) reviewOpen(ctx context.Context, step evidence.ReviewStep, names []string) (err error) {
	now := a.now().UTC()
	switch {
	case !campaignName.MatchString(step.Campaign):
		return usageError{fmt.Errorf("review %q: a name has letters, digits, dots, dashes and underscores, 64 at most", step.Campaign)}
	case step.Due != nil && !step.Due.After(now):
		return usageError{fmt.Errorf("--due %s does not lie in the future", step.Due.Format(time.DateOnly))}
	}
	if step.By, err = reviewer(step.By); err != nil {
		return err
	}
	c, s, err := a.amending()
	if err != nil {
		return err
	}
	defer s.Close()
	if err := known(c, names); err != nil {
		return err
	}
	reviewing.Lock()
	defer reviewing.Unlock()
	if err := a.freeze(ctx, c, s, step, names, now); err != nil {
		return err
	}
	_, opened, err := campaigns(s, step.Campaign)
	if err != nil {
		return err
	}
	sum := newCampaignSum(opened)
	return a.print(sum, func(w io.Writer) { sum.head(w); sum.ahead(w) })
}

// freeze appends the first step of a review, with its rows.
func (a *app) freeze(ctx context.Context, c *config.Config, s *store.Store, step evidence.ReviewStep, names []string, now time.Time) error {
	_, before, err := campaigns(s, step.Campaign)
	if err != nil {
		return err
	}
	if before != nil {
		return usageError{fmt.Errorf("review %s was opened on %s and is %s: choose another name", step.Campaign, before.Opened.Format(time.DateOnly), before.Status)}
	}
	all, from, err := a.rows(c, s, review.Access)
	if err != nil {
		return err
	}
	rows, read, err := review.Freeze(all, from, names, now)
	if err != nil {
		return fmt.Errorf("open review %s: %w", step.Campaign, err)
	}
	if len(rows) == 0 {
		return fmt.Errorf("open review %s: no source has an active account: there is nothing to decide on", step.Campaign)
	}
	lines, err := review.Lines(rows)
	if err != nil {
		return err
	}
	step.AsOf, step.Count, step.Sources = &now, len(rows), read
	_, err = note(ctx, s, evidence.EntryReview, step, bytes.NewReader(lines))
	return err
}

func (a *app) reviewDecideCommand() *cobra.Command {
	var by, sheet string
	var d evidence.RowDecision
	c := a.served(&cobra.Command{
		Use:   "decide NAME",
		Short: "Decide on one row of a review, or on those that a filled sheet decides",
		Long: `Writes down what is decided on one row (--row, --decision), or on every row of a
sheet that has a decision (--csv). To revoke and to modify needs a reason; so does
whoever decides on their own account, where nobody else can. Until the review is
closed the last decision on a row counts.`,
		Example: "  evidenced review decide 2026-Q1 --row 0a1b2c3d4e5f --decision revoke --reason \"left the team\" --by ann@acme.example\n  evidenced review decide 2026-Q1 --csv filled.csv --by ann@acme.example",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			return a.reviewDecide(c.Context(), args[0], by, sheet, d)
		},
	})
	c.Flags().StringVar(&d.Row, "row", "", "the `key` of a row, as show prints it")
	c.Flags().StringVar(&d.Decision, "decision", "", "keep, revoke or modify")
	c.Flags().StringVar(&d.Reason, "reason", "", "why")
	c.Flags().StringVar(&sheet, "csv", "", "a filled sheet, a `file`")
	c.Flags().StringVar(&by, "by", "", "who decides, an `address`")
	return c
}

func (a *app) reviewDecide(ctx context.Context, name, by, sheet string, d evidence.RowDecision) error {
	by, err := reviewer(by)
	if err != nil {
		return err
	}
	if (sheet == "") == (d.Row == "" && d.Decision == "") {
		return usageError{errors.New("name one row with --row and --decision, or a sheet with --csv, and not both")}
	}
	return a.change(ctx, name, func(_ *config.Config, s *store.Store, c *review.Campaign) error {
		ds := []evidence.RowDecision{{Row: d.Row, Decision: d.Decision, Reason: strings.TrimSpace(d.Reason)}}
		if sheet != "" {
			if ds, err = a.readSheet(c, sheet); err != nil {
				return err
			}
		}
		if ds = news(c, ds); len(ds) > 0 {
			if err := c.Check(ds, by); err != nil {
				return usageError{err}
			}
			e, err := note(ctx, s, evidence.EntryReview, evidence.ReviewStep{Campaign: name, Step: evidence.ReviewDecide, By: by, Decisions: ds})
			if err != nil {
				return err
			}
			if err := c.Decide(ds, by, e.Recorded); err != nil {
				return err
			}
		}
		out := decidedRows{newCampaignSum(c), len(ds)}
		return a.print(out, func(w io.Writer) {
			fmt.Fprintf(w, "decided on %d rows\n", out.Decided)
			out.head(w)
			out.ahead(w)
		})
	})
}

// decidedRows is what `review decide --json` prints.
type decidedRows struct {
	campaignSum
	Decided int `json:"decided"`
}

func (a *app) readSheet(c *review.Campaign, sheet string) ([]evidence.RowDecision, error) {
	f, err := os.Open(a.path(sheet))
	if err != nil {
		return nil, usageError{err}
	}
	defer f.Close()
	ds, err := c.ReadSheet(f)
	if err != nil {
		return nil, usageError{fmt.Errorf("%s: %w", sheet, err)}
	}
	return ds, nil
}

// news leaves out what was decided just so before: who fills a sheet to its end
// takes nobody's earlier decisions over.
func news(c *review.Campaign, ds []evidence.RowDecision) []evidence.RowDecision {
	have := map[string]review.Decided{}
	for _, r := range c.Rows {
		have[r.Key] = r
	}
	return slices.DeleteFunc(ds, func(d evidence.RowDecision) bool {
		r, there := have[d.Row]
		return there && r.Decision == d.Decision && r.Reason == d.Reason
	})
}

func (a *app) reviewCancelCommand() *cobra.Command {
	var by, reason string
	c := a.served(&cobra.Command{
		Use:   "cancel NAME",
		Short: "End a review that was opened in error; it stays in the log",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			by, err := reviewer(by)
			if err != nil {
				return err
			}
			if err := given("reason", reason); err != nil {
				return err
			}
			return a.change(c.Context(), args[0], func(_ *config.Config, s *store.Store, _ *review.Campaign) error {
				e, err := note(c.Context(), s, evidence.EntryReview, evidence.ReviewStep{Campaign: args[0], Step: evidence.ReviewCancel, By: by, Reason: strings.TrimSpace(reason)})
				if err != nil {
					return err
				}
				return a.print(map[string]any{"id": args[0], "status": review.Canceled, "entry": e.Index}, func(w io.Writer) {
					fmt.Fprintf(w, "review %s is canceled\n", args[0])
				})
			})
		},
	})
	c.Flags().StringVar(&by, "by", "", "who cancels it, an `address`")
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}

// streamCounts counts rows per stream, in order.
func streamCounts(rows []review.Decided) []string {
	n := map[string]int{}
	for _, r := range rows {
		n[r.Stream.String()]++
	}
	var out []string
	for _, s := range slices.Sorted(maps.Keys(n)) {
		out = append(out, fmt.Sprintf("%s: %d", s, n[s]))
	}
	return out
}
