package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/ops/setup"
)

func (a *app) permissionsCommand() *cobra.Command {
	var as string
	c := &cobra.Command{
		Use:   "permissions SOURCE",
		Short: "Print the least-privilege policy that a source needs, from its declared calls",
		Example: "  evidenced permissions aws > policy.json\n" +
			"  evidenced permissions aws --as terraform > evidenced.tf\n" +
			"  evidenced permissions github",
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error { return a.permissions(args[0], as) },
	}
	c.Flags().StringVar(&as, "as", "", "print what puts it into place: terraform, cloudformation")
	return c
}

func (a *app) permissions(name, as string) error {
	policy, err := setup.Permissions(a.config, name, as)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.stdout, policy)
	return err
}
