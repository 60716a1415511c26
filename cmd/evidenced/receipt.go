package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"
)

func (a *app) receiptCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "receipt ID...",
		Short: "Write COSE receipts (RFC 9942, SCITT) of entries of the log, which any program for these checks",
		Long: `Writes, for each entry that is named, its text as it stands in the log (entry-N.json) and
a COSE receipt (entry-N.receipt.cbor), which states under the key of the log (key.pem)
that the entry is in it. The tree is RFC9162_SHA256; the payload, the root, is detached.`,
		Example: "  evidenced evidence receipt 120 121 --out receipts",
		Args:    usage(cobra.MinimumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := requireFlags("out", out); err != nil {
				return err
			}
			return a.receipts(args, out)
		},
	}
	c.Flags().StringVar(&out, "out", "", "`folder` to write them to; it is made if it is not there")
	return c
}

func (a *app) receipts(args []string, out string) error {
	k, err := a.keeper(nil)
	if err != nil {
		return err
	}
	all, err := k.WriteReceipts(args, out)
	if err != nil {
		return err
	}
	return a.print(all, func(w io.Writer) {
		for _, r := range all {
			fmt.Fprintf(w, "entry %d of %d: %s\n", r.Entry, r.Size, filepath.Join(out, fmt.Sprintf("entry-%d.receipt.cbor", r.Entry)))
		}
	})
}
