package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/ops/setup"
)

func (a *app) initCommand() *cobra.Command {
	var organization string
	c := &cobra.Command{
		Use:   "init",
		Short: "Write a commented configuration from what is found here, and make a signing key",
		Args:  usage(cobra.NoArgs),
		RunE:  func(*cobra.Command, []string) error { return a.init(organization) },
	}
	c.Flags().StringVar(&organization, "organization", "Acme Inc", "the `name` of the company")
	return c
}

func (a *app) init(organization string) error {
	out, err := setup.Initialize(a.config, organization, a.now())
	if err != nil {
		return err
	}
	return a.print(out, func(w io.Writer) {
		fmt.Fprintf(w, "wrote %s\n", out.Config)
		if out.KeyMade {
			fmt.Fprintf(w, "made the signing key %s: keep a copy apart from the store, and tell your auditor its second line\n", out.Key)
		}
		for _, f := range out.Found {
			fmt.Fprintf(w, "found %s: %s\n", f.Source, f.Where)
		}
		fmt.Fprintln(w, "next: edit it, then `evidenced doctor`, then `evidenced collect now`")
	})
}
