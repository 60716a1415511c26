package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/api"
)

func (a *app) bridgeCommand() *cobra.Command {
	var until timeFlag
	var out string
	c := &cobra.Command{
		Use:   "bridge-letter --until DAY",
		Short: "Draft a bridge letter from what the log says since the period ended",
		Long: `Drafts the letter that covers the time from the end of the period to a day, from
facts of the log: what changed in configuration and catalogue, scopes that appeared
or vanished, open critical and high gaps, statements of incidents. What only
management can say is left blank, and marked. Nothing is claimed that the log does
not say; it is no opinion of an auditor.`,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := requireFlags("until", until.String()); err != nil {
				return err
			}
			return a.bridge(c.Context(), until.Time, out)
		},
	}
	c.Flags().Var(&until, "until", "the last day that the letter covers")
	c.Flags().StringVar(&out, "out", "", "write it there, a new `file`; default to the screen")
	return c
}

func (a *app) bridge(ctx context.Context, until time.Time, out string) error {
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	l, err := s.BridgeLetter(ctx, api.BridgeRequest{Until: until})
	if err != nil {
		return err
	}
	if out != "" {
		if err := newFile(out, func(w io.Writer) error { _, err := io.WriteString(w, l.Text); return err }); err != nil {
			return err
		}
	}
	for _, warning := range l.Warnings {
		fmt.Fprintln(a.stderr, "warning:", warning)
	}
	return a.print(l, func(w io.Writer) {
		if out != "" {
			fmt.Fprintf(w, "wrote %s: fill in what stands between [[ and ]]\n", out)
			return
		}
		fmt.Fprint(w, l.Text)
	})
}
