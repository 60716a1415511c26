package main

import (
	"context"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/cmd/evidenced/page"
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
	if !slices.Contains([]api.Verdict{"", api.Fail, api.Unknown, api.Pass, api.NotApplicable}, req.Verdict) {
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
	return a.print(l, func(w io.Writer) { page.Changes(w, l) })
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
	return a.print(d, func(w io.Writer) { page.Change(w, d) })
}
