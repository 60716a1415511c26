package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/anchor/timestamp"
	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/ops"
	"github.com/evidenced/evidenced/verify"
)

func (a *app) verifyCommand() *cobra.Command {
	var o verify.Options
	var ca, checkpoints string
	var reperform bool
	c := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check a bundle offline: integrity, order, omission, signatures, and every verdict",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			if o.Timestamp, err = timestamp.FromFile(ca); err == nil {
				o.Seen, err = verify.SeenIn(checkpoints)
			}
			err = errors.Join(err, o.Validate())
			if err != nil {
				return api.AsUsage(err)
			}
			return a.verify(c.Context(), args[0], o, reperform)
		},
	}
	c.Flags().StringArrayVar(&o.Witnesses, "witness", nil, "the `key` of a witness whose cosignatures are to be checked; more than one is fine")
	c.Flags().StringVar(&ca, "timestamp-ca", "", "PEM `file` of the certificates that timestamps must lead to; without it they are not checked")
	c.Flags().StringVar(&checkpoints, "checkpoints", "", "`folder` of checkpoints that were kept elsewhere; each must be of the log")
	c.Flags().StringVar(&o.Key, "key", "", "the verifier `key` you were given by another way than the bundle")
	c.Flags().BoolVar(&reperform, "reperform", false, "also derive every verdict, table and page again from the evidence")
	return c
}

func (a *app) verify(ctx context.Context, path string, o verify.Options, again bool) error {
	p := a.progress()
	defer p.end()
	res, err := ops.VerifyBundle(ctx, path, o, again, p.set)
	p.end()
	if err != nil {
		return err
	}
	err = a.print(res.Result, func(w io.Writer) {
		if res.Files > 0 && res.OK && len(res.Otherwise) == 0 {
			fmt.Fprintf(w, "derived %d files again from the evidence: every verdict, table and page\n", res.Files)
		}
		_ = res.WriteText(w)
	})
	if err != nil {
		return err
	}
	switch res.ExitCode() {
	case exitError:
		return errors.New("the bundle is not sound")
	case exitIncomplete:
		return errIncomplete
	}
	return nil
}
