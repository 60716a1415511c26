package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
)

func (a *app) reviewOpenCommand() *cobra.Command {
	var by, title string
	var sources []string
	var due timeFlag
	c := &cobra.Command{
		Use:   "open NAME",
		Short: "Freeze who has access, as it was last read, for a review",
		Long: `Freezes every active account of the sources, and each thing that it was granted, as
rows to decide on. What was not read whole, or not for eight days, cannot be
reviewed: collect it first.`,
		Example: "  evidenced review open 2026-Q1 --due 2026-04-15 --by ann@acme.example\n  evidenced review open 2026-Q1-okta --source okta --by ann@acme.example",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			req := api.OpenReviewRequest{Name: args[0], Title: title, By: by, Sources: sources}
			if !due.IsZero() {
				req.Due = &due.Time
			}
			return a.reviewOpen(c.Context(), req)
		},
	}
	c.Flags().StringSliceVar(&sources, "source", nil, "only the accounts of this `source`; may be repeated")
	c.Flags().Var(&due, "due", "by when it is to be closed")
	c.Flags().StringVar(&by, "by", "", "who opens it, an `address`")
	c.Flags().StringVar(&title, "title", "", "what it is called in the bundle")
	return c
}

func (a *app) reviewOpen(ctx context.Context, req api.OpenReviewRequest) error {
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	req.Write = a.actor()
	sum, err := s.OpenReview(ctx, req)
	if err != nil {
		return err
	}
	return a.print(sum, func(w io.Writer) { headText(w, *sum); nextText(w, *sum) })
}

func (a *app) reviewDecideCommand() *cobra.Command {
	var by, sheet string
	var d evidence.RowDecision
	c := &cobra.Command{
		Use:   "decide NAME",
		Short: "Decide on one row of a review, or on those that a filled sheet decides",
		Long: `Writes down what is decided on one row (--row, --decision), or on every row of a
sheet that has a decision (--csv). To revoke and to modify needs a reason; so does
whoever decides on their own account, where nobody else can. Until the review is
closed the last decision on a row counts.`,
		Example: "  evidenced review decide 2026-Q1 --row 0a1b2c3d4e5f --decision revoke --reason \"left the team\" --by ann@acme.example\n  evidenced review decide 2026-Q1 --csv filled.csv --by ann@acme.example",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			return a.reviewDecide(c.Context(), api.DecideReviewRequest{Name: args[0], By: by, SheetName: sheet}, d)
		},
	}
	c.Flags().StringVar(&d.Row, "row", "", "the `key` of a row, as show prints it")
	c.Flags().StringVar(&d.Decision, "decision", "", "keep, revoke or modify")
	c.Flags().StringVar(&d.Reason, "reason", "", "why")
	c.Flags().StringVar(&sheet, "csv", "", "a filled sheet, a `file`")
	c.Flags().StringVar(&by, "by", "", "who decides, an `address`")
	return c
}

func (a *app) reviewDecide(ctx context.Context, req api.DecideReviewRequest, d evidence.RowDecision) (err error) {
	if req.SheetName == "" && (d.Row != "" || d.Decision != "") {
		req.Decisions = []evidence.RowDecision{d}
	} else if req.SheetName != "" && (d.Row != "" || d.Decision != "") {
		return api.Errorf(api.Usage, "name one row with --row and --decision, or a sheet with --csv, and not both")
	}
	if req.SheetName != "" {
		if req.CSV, err = readSheet(req.SheetName); err != nil {
			return err
		}
	}
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	req.Write = a.actor()
	out, err := s.DecideReview(ctx, req)
	if err != nil {
		return err
	}
	return a.print(out, func(w io.Writer) {
		fmt.Fprintf(w, "decided on %d rows\n", out.Decided)
		headText(w, out.ReviewSummary)
		nextText(w, out.ReviewSummary)
	})
}

// maxSheet bounds a filled sheet, in bytes.
const maxSheet = 32 << 20

func readSheet(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, api.AsUsage(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSheet+1))
	if err == nil && len(b) > maxSheet {
		err = api.Errorf(api.Usage, "%s has more than %d bytes: it is no sheet of a review", path, maxSheet)
	}
	if b == nil {
		b = []byte{}
	}
	return b, err
}

func (a *app) reviewCancelCommand() *cobra.Command {
	var by, reason string
	c := &cobra.Command{
		Use:   "cancel NAME",
		Short: "End a review that was opened in error; it stays in the log",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			return a.reviewCancel(c.Context(), api.CancelReviewRequest{Write: a.actor(), Name: args[0], By: by, Reason: reason})
		},
	}
	c.Flags().StringVar(&by, "by", "", "who cancels it, an `address`")
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}

func (a *app) reviewCancel(ctx context.Context, req api.CancelReviewRequest) error {
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	out, err := s.CancelReview(ctx, req)
	if err != nil {
		return err
	}
	return a.print(out, func(w io.Writer) { fmt.Fprintf(w, "review %s is canceled\n", out.ID) })
}

func (a *app) reviewCloseCommand() *cobra.Command {
	var by, label string
	c := &cobra.Command{
		Use:   "close NAME",
		Short: "Sign a review off; from then on it is seen whether what was revoked goes",
		Long: `Signs the decisions off by their digest, leaves them in the log as records that
tests read, and brings the sheet as evidence that access was reviewed. Every row
must be decided. Nothing can be changed after that.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			return a.reviewClose(c.Context(), api.CloseReviewRequest{Name: args[0], By: by, Occurrence: label})
		},
	}
	c.Flags().StringVar(&by, "by", "", "who signs it off, an `address`")
	c.Flags().StringVar(&label, "for", "", "the quarter that it is for, a `label` such as 2026-Q1, where the day does not tell")
	return c
}

func (a *app) reviewClose(ctx context.Context, req api.CloseReviewRequest) error {
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	req.Write = a.actor()
	out, err := s.CloseReview(ctx, req)
	if err != nil {
		return err
	}
	return a.print(out.Document(), func(w io.Writer) { closedText(w, out) })
}

func closedText(w io.Writer, c *api.ClosedReview) {
	headText(w, c.ReviewSummary)
	fmt.Fprintf(w, "rows by stream: %s\n", evidence.Printable(strings.Join(c.ByStream, ", ")))
	fmt.Fprintf(w, "signed off %s\nthe sheet is entry %d of the log\n", c.Digest, c.Entry)
	for _, o := range c.Counts {
		fmt.Fprintf(w, "It counts for %s, %s: %s.\n", o.Duty, o.Label, o.State)
	}
	if len(c.Counts) == 0 {
		fmt.Fprintf(w, "It counts for no quarter of this period. `evidenced status` shows what is due.\n")
	}
	if c.Revoke > 0 {
		fmt.Fprintf(w, "Now take away the %d that were revoked: a later snapshot that still has one, seven days from its decision, is a gap of uar.revocations-executed.\n", c.Revoke)
	}
}
