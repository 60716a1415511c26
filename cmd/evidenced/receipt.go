package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/ops/custody"
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
	var entries []uint64
	for _, arg := range args {
		n, err := strconv.ParseUint(arg, 10, 64)
		if err != nil {
			return api.Errorf(api.Usage, "%q is not the number of a log entry", arg)
		}
		entries = append(entries, n)
	}
	k, err := a.keeper(nil)
	if err != nil {
		return err
	}
	all, key, err := k.Receipts(entries)
	if err != nil {
		return err
	}
	if err := writeReceipts(out, all, key); err != nil {
		return err
	}
	return a.print(all, func(w io.Writer) {
		for _, r := range all {
			fmt.Fprintf(w, "entry %d of %d: %s\n", r.Entry, r.Size, filepath.Join(out, fmt.Sprintf("entry-%d.receipt.cbor", r.Entry)))
		}
	})
}

// writeOnce writes a new file. One that is there with the same content is left as it is.
func writeOnce(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		if info, e := os.Lstat(path); e == nil && info.Mode().IsRegular() {
			if old, e := os.ReadFile(path); e == nil && bytes.Equal(old, content) {
				return nil
			}
		}
		return api.Errorf(api.Usage, "%s is there already, and is another file: name another folder", path)
	}
	if err != nil {
		return fmt.Errorf("write the receipts: %w", err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the receipts: %w", err)
	}
	return nil
}

func writeReceipts(folder string, all []custody.EntryReceipt, key []byte) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("write the receipts: %w", err)
	}
	files := map[string][]byte{"key.pem": key}
	for _, r := range all {
		files[fmt.Sprintf("entry-%d.json", r.Entry)], files[fmt.Sprintf("entry-%d.receipt.cbor", r.Entry)] = r.Leaf, r.Receipt
	}
	for name, content := range files {
		if err := writeOnce(filepath.Join(folder, name), content); err != nil {
			return err
		}
	}
	return nil
}
