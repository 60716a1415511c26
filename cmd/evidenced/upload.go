package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/ops/setup"
)

func (a *app) uploadCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "upload SOURCE FILE",
		Short: "Put a file in the place of the one that a source reads, and collect it",
		Long: `Reads FILE as the source SOURCE would, such as a new export of the HR system for the roster. If it is whole, it takes
the place of the file that the configuration names, at once and as a whole, and is collected with a certificate of
its own. If it is not, the mistakes are told with line and column, and nothing changes. Of a source that reads several
files, as the registers are, it takes the place of the one of the same name.`,
		Example: "  evidenced upload roster ~/Downloads/people.csv",
		Args:    usage(cobra.ExactArgs(2)),
		RunE:    func(c *cobra.Command, args []string) error { return a.upload(c.Context(), args[0], args[1]) },
	}
}

func (a *app) upload(ctx context.Context, source, file string) error {
	if err := setup.ReplaceFile(ctx, a.config, source, file, a.logger()); err != nil {
		return err
	}
	return a.collectNow(ctx, []string{source})
}
