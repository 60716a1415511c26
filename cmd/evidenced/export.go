package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/api"
)

func (a *app) exportCommand() *cobra.Command {
	var out string
	var from, to timeFlag
	var controls []string
	c := a.asOfFlag(&cobra.Command{
		Use:   "export --out FILE",
		Short: "Write the bundle of the period for the auditor",
		Args:  usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if out == "" {
				return api.Errorf(api.Usage, "export needs --out FILE")
			}
			return a.export(c.Context(), out, api.ExportRequest{AsOf: a.asOf.Time, From: from.Time, To: to.Time, Controls: controls})
		},
	})
	c.Flags().StringVar(&out, "out", "", "the bundle to write, a new `file`")
	c.Flags().Var(&from, "from", "first instant of the period; default the configured one")
	c.Flags().StringSliceVar(&controls, "control", nil, "`ID` of a control that the bundle is of, with the evidence that it rests on; more than one is fine; default all")
	c.Flags().Var(&to, "to", "end of the period, exclusive; default the configured one")
	return c
}

func (a *app) export(ctx context.Context, out string, req api.ExportRequest) error {
	if _, err := os.Lstat(out); err == nil {
		return fmt.Errorf("%s is there already: name a new file", out)
	}
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	sum, err := a.writeBundle(out, func(w io.Writer, progress api.ProgressFunc) (*api.Exported, error) {
		return s.Export(ctx, req, w, progress)
	})
	if err != nil {
		return err
	}
	summary := map[string]any{"files": sum.Files, "bytes": sum.Bytes, "entries": sum.Entries, "complete": sum.Complete}
	return a.print(map[string]any{"bundle": out, "summary": summary, "key": sum.Key}, func(w io.Writer) {
		fmt.Fprintf(w, "wrote %s: %d files, %d bytes unpacked, %d log entries\n", out, sum.Files, sum.Bytes, sum.Entries)
		if !sum.Complete {
			fmt.Fprintln(w, "The period has not ended, or its last events were not read yet: the bundle says so.")
		}
		fmt.Fprintf(w, "Give the auditor this key by another way than the bundle:\n%s\n", sum.Key)
	})
}

// writeBundle writes the bundle beside its place and moves it there when it is
// complete, so that a bundle is never half there.
func (a *app) writeBundle(out string, write func(io.Writer, api.ProgressFunc) (*api.Exported, error)) (*api.Exported, error) {
	f, err := os.CreateTemp(filepath.Dir(out), ".evidenced-*")
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	defer os.Remove(f.Name()) // of no effect once it was moved
	p := a.progress()
	w := bufio.NewWriterSize(f, 1<<20)
	sum, err := write(w, p.set)
	p.end()
	if err = errors.Join(err, w.Flush(), f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	if err := os.Rename(f.Name(), out); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return sum, nil
}
