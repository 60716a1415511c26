package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
)

func (a *app) reviewCommand() *cobra.Command {
	return group("review", "Hold access reviews: freeze who has access, decide, sign off",
		a.reviewOpenCommand(), a.reviewShowCommand(), a.reviewDecideCommand(), a.reviewCloseCommand(), a.reviewCancelCommand(), a.reviewListCommand())
}

func headText(w io.Writer, s api.ReviewSummary) {
	fmt.Fprintf(w, "review %s, %s: opened on %s by %s, as of %s", evidence.Printable(s.ID), s.Status, when(&s.Opened), evidence.Printable(s.By), when(&s.AsOf))
	if s.Due != nil {
		fmt.Fprintf(w, ", due %s", s.Due.Format(time.DateOnly))
	}
	if s.Closed != nil {
		fmt.Fprintf(w, ", %s on %s by %s", s.Status, when(s.Closed), evidence.Printable(s.Signed))
	}
	fmt.Fprintf(w, "\n%d rows: %d keep, %d revoke, %d modify, %d without a decision\n", s.Rows, s.Keep, s.Revoke, s.Modify, s.Undecided)
	fmt.Fprintf(w, "%d are privileged, %d are machines, %d belong to nobody in the roster\n", s.Privileged, s.Machines, s.Unowned)
}

// nextText says what comes next, before it happens.
func nextText(w io.Writer, s api.ReviewSummary) {
	switch {
	case s.Status != "open":
	case s.Undecided > 0:
		fmt.Fprintf(w, "It cannot be closed yet: %d rows have no decision. Fill a sheet: `evidenced review show %s --csv FILE`, then `evidenced review decide %s --csv FILE --by YOU`.\n", s.Undecided, s.ID, s.ID)
	default:
		fmt.Fprintf(w, "Closing signs off %d rows: %d stay, and %d that are revoked must be gone from a later whole snapshot within seven days, or are a gap. Nothing can be changed after that.\n", s.Rows, s.Keep+s.Modify, s.Revoke)
	}
}

func (a *app) reviewListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the access reviews, newest first",
		Args:  usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.service(c.Context())
			if err != nil {
				return err
			}
			out, err := s.Reviews(c.Context(), api.ReviewsRequest{})
			if err != nil {
				return err
			}
			return a.print(out, func(w io.Writer) {
				table(w, "NAME\tSTATUS\tOPENED\tDUE\tCLOSED\tROWS\tKEEP\tREVOKE\tMODIFY\tUNDECIDED", func(row func(...any)) {
					for _, c := range out.Reviews {
						row(c.ID, c.Status, when(&c.Opened), when(c.Due), when(c.Closed), c.Rows, c.Keep, c.Revoke, c.Modify, c.Undecided)
					}
				})
			})
		},
	}
}

func (a *app) reviewShowCommand() *cobra.Command {
	var sheet string
	c := &cobra.Command{
		Use:   "show NAME",
		Short: "Show an access review: its rows, the decisions so far, and what closing it will do",
		Args:  usage(cobra.ExactArgs(1)),
		RunE:  func(c *cobra.Command, args []string) error { return a.reviewShow(c.Context(), args[0], sheet) },
	}
	c.Flags().StringVar(&sheet, "csv", "", "write the rows as a sheet to fill in, a new `file`")
	return c
}

func (a *app) reviewShow(ctx context.Context, name, sheet string) error {
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	d, err := s.Review(ctx, api.ReviewRequest{Name: name, Sheet: sheet != ""})
	if err != nil {
		return err
	}
	if sheet != "" {
		if err := newFile(sheet, func(w io.Writer) error { _, err := w.Write(d.CSV); return err }); err != nil {
			return err
		}
	}
	doc := struct {
		api.ReviewSummary
		Sheet string          `json:"sheet,omitempty"`
		List  []api.ReviewRow `json:"list"`
	}{d.ReviewSummary, sheet, d.List}
	return a.print(doc, func(w io.Writer) { reviewText(w, d, sheet) })
}

func reviewText(w io.Writer, d *api.ReviewDetail, sheet string) {
	headText(w, d.ReviewSummary)
	for _, x := range d.Sources {
		fmt.Fprintf(w, "frozen from %s, read %s\n", evidence.Printable(x.Stream.String()), when(&x.Read))
	}
	nextText(w, d.ReviewSummary)
	if sheet != "" {
		fmt.Fprintf(w, "wrote %s: fill in the last two columns, decision (keep, revoke or modify) and reason\n", sheet)
		return
	}
	fmt.Fprintln(w)
	table(w, "ROW\tSOURCE\tACCOUNT\tGRANT\tOWNERS\tLAST USED\tDECISION\tBY\tREASON", func(row func(...any)) {
		for _, r := range d.List {
			row(r.Key, r.Stream.Source, r.Account, orDash(r.Grant), orDash(strings.Join(r.Owners, " ")), orDash(r.LastUsed), orDash(r.Decision), orDash(r.By), orDash(r.Reason))
		}
	})
}
