package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/evidence"
)

func (a *app) acceptRollbackCommand() *cobra.Command {
	var by, reason string
	c := &cobra.Command{
		Use:   "accept-rollback",
		Short: "Go on with a log that went back, and say in the log who decided that and why",
		Long: `The newest checkpoint of the log is kept beside the signing key. Where the log does
not begin with the log that it speaks of, an older copy of the store was put in
its place, or it was cut, and nothing more is added to it: put the newer store
back. Only if that one is lost, accept it. The log then holds the signed
checkpoint of what is missing, and the critical gap stays.`,
		Example: `  evidenced store accept-rollback --by ann@acme.example --reason "disk failed on 3 March, restored the backup of 2 March"`,
		Args:    usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := requireFlags("by", by, "reason", reason); err != nil {
				return err
			}
			return a.acceptRollback(c.Context(), by, reason)
		},
	}
	c.Flags().StringVar(&by, "by", "", "who accepts it, by name or address")
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}

func (a *app) acceptRollback(ctx context.Context, by, reason string) error {
	k, err := a.keeper(nil)
	if err != nil {
		return err
	}
	done, err := k.AcceptRollback(evidence.WithActor(ctx, a.actor().Actor), by, reason)
	if err != nil {
		return err
	}
	return a.print(done, func(w io.Writer) {
		fmt.Fprintf(w, "accepted: the key had signed %d entries, the log had %d; the log says so, and a critical gap stays\n", done.Had, done.Has)
	})
}
