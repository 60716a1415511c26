package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/evidence"
)

func (a *app) storeCommand() *cobra.Command {
	check := &cobra.Command{
		Use:   "check",
		Short: "Read the whole store and prove it: pages, hashes, log, signatures, references",
		Args:  usage(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return a.storeCheck(c) },
	}
	return group("store", "Care for the store", check)
}

func (a *app) storeCheck(cmd *cobra.Command) error {
	c, s, err := a.opened()
	if err != nil {
		return err
	}
	defer s.Close()
	report, err := s.Check(cmd.Context())
	if err != nil {
		return err
	}
	err = a.print(map[string]any{"ok": report.OK(), "entries": report.Entries, "blobs": report.Blobs, "bytes": report.Bytes,
		"checkpoints": report.Checkpoints, "problems": report.Problems}, func(w io.Writer) {
		for _, p := range report.Problems {
			fmt.Fprintln(w, "PROBLEM", evidence.Printable(p))
		}
		fmt.Fprintf(w, "%d entries, %d checkpoints, %d blobs of %d bytes: %d problems\n", report.Entries, report.Checkpoints,
			report.Blobs, report.Bytes, len(report.Problems))
	})
	if err == nil && !report.OK() {
		err = fmt.Errorf("the store %s is damaged: restore a backup; do not append to it", c.Store.Path)
	}
	return err
}
