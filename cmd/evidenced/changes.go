package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/spf13/cobra"
)

func (a *app) changesCommand() *cobra.Command {
	c := &cobra.Command{Use: "changes", Short: "Show what was merged, who wrote and approved it, and what the tests say", Args: usage(cobra.NoArgs)}
	var req api.ChangesRequest
	var verdict string
	list := &cobra.Command{
		Use:   "list",
		Short: "List the changes that were merged in the period",
		Args:  usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			req.AsOf, req.Verdict = a.asOf.Time, api.Verdict(verdict)
			return a.changes(c.Context(), req)
		},
	}
	list.Flags().StringVar(&req.Repository, "repository", "", "list those of one repository only, such as acme/app")
	list.Flags().StringVar(&verdict, "verdict", "", "list those of one verdict only: fail, unknown, pass, not_applicable")
	c.AddCommand(a.asOfFlag(list), a.asOfFlag(&cobra.Command{
		Use:   "show NAME",
		Short: "Show one change: merge, contributors, approvals, checks, tickets, deployments, verdicts",
		Args:  usage(cobra.ExactArgs(1)),
		RunE:  func(c *cobra.Command, args []string) error { return a.changeShow(c.Context(), args[0]) },
	}))
	return c
}

func (a *app) changes(ctx context.Context, req api.ChangesRequest) error {
	switch req.Verdict {
	case "", api.Fail, api.Unknown, api.Pass, api.NotApplicable:
	default:
		return api.Errorf(api.Usage, "--verdict %q is none of fail, unknown, pass, not_applicable", req.Verdict)
	}
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	l, err := s.Changes(ctx, req)
	if err != nil {
		return err
	}
	return a.print(l, func(w io.Writer) { changesText(w, l) })
}

func changesText(w io.Writer, l *api.ChangeList) {
	if len(l.Changes) == 0 {
		fmt.Fprintf(w, "No such changes as of %s.\n", l.AsOf.Format(time.RFC3339))
		return
	}
	table(w, "CHANGE\tMERGED\tVERDICT\tINTO\tAUTHOR\tTITLE", func(row func(...any)) {
		for _, c := range l.Changes {
			row(c.Name, when(&c.MergedAt), c.Verdict, orDash(c.Base), orDash(c.Author), orDash(c.Title))
		}
	})
	fmt.Fprintf(w, "\n%d changes as of %s. `evidenced changes show NAME` says more.\n", len(l.Changes), l.AsOf.Format(time.RFC3339))
}

func (a *app) changeShow(ctx context.Context, name string) error {
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	d, err := s.Change(ctx, api.ChangeRequest{Name: name, AsOf: a.asOf.Time})
	if err != nil {
		return err
	}
	return a.print(d, func(w io.Writer) { changeText(w, d) })
}

func changeText(w io.Writer, d *api.ChangeDetail) {
	line := func(name string, values ...string) {
		fmt.Fprintf(w, "%-12s %s\n", name, evidence.Printable(strings.Join(values, "  ")))
	}
	fmt.Fprintf(w, "%s  %s\n", evidence.Printable(d.Name), d.Verdict)
	line("title", orDash(d.Title))
	line("merged", when(&d.MergedAt), "into "+orDash(d.Base), "by "+orDash(d.MergedBy))
	line("became", orDash(strings.Join(d.Landed, ", ")))
	line("read", when(&d.Record.ReadAt), d.Record.Stream+" "+d.Record.ID)
	for _, p := range d.Contributors {
		line("wrote", p.Account, p.Role, "person: "+orDash(p.Person), map[bool]string{true: "named by an unsigned commit"}[p.Unsigned])
	}
	for _, p := range d.Approvals {
		line("approved", p.Account, "person: "+orDash(p.Person), when(p.At), "commit "+orDash(p.Commit), said(p.CoversHead, "of what was merged", "of an earlier commit"), said(p.CanPush, "", "may not write"))
	}
	for _, c := range d.Checks {
		line("check", c.Name, orDash(c.Conclusion), when(c.At), map[bool]string{true: "of the merge commit"}[c.On == "merge"])
	}
	for _, t := range d.Tickets {
		read := "not read"
		if t.Source != nil {
			read = "read " + when(&t.Source.ReadAt) + " " + t.Source.Stream
		}
		line("ticket", t.Key, orDash(t.Status), "created "+when(t.CreatedAt), read)
	}
	for _, x := range d.Deployments {
		line("deployed", x.Environment, when(&x.At), x.SHA, "read "+when(&x.Source.ReadAt)+" "+x.Source.Stream)
	}
	for _, v := range d.Verdicts {
		line("test", string(v.Verdict), v.Test, orDash(v.Gap), v.Reason)
	}
}

// said returns one of two texts, "" where it is not known.
func said(v *bool, yes, no string) string {
	switch {
	case v == nil:
		return ""
	case *v:
		return yes
	}
	return no
}
