package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/export"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/store"
)

func (a *app) exportCommand() *cobra.Command {
	var out string
	var from, to timeFlag
	c := a.asOfFlag(a.served(&cobra.Command{
		Use:   "export --out FILE",
		Short: "Write the bundle of the period for the auditor",
		Args:  usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if out == "" {
				return usageError{errors.New("export needs --out FILE")}
			}
			return a.export(c.Context(), a.path(out), from, to)
		},
	}))
	c.Flags().StringVar(&out, "out", "", "the bundle to write, a new `file`")
	c.Flags().Var(&from, "from", "first instant of the period; default the configured one")
	c.Flags().Var(&to, "to", "end of the period, exclusive; default the configured one")
	return c
}

func (a *app) export(ctx context.Context, out string, from, to timeFlag) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	if !from.IsZero() {
		c.Period.From = from.Time
	}
	if !to.IsZero() {
		c.Period.To = to.Time
	}
	if !c.Period.From.Before(c.Period.To) {
		return usageError{errors.New("the period is empty: --from is not before --to")}
	}
	if _, err := os.Lstat(out); err == nil {
		return fmt.Errorf("%s is there already: name a new file", out)
	}
	s, key, err := a.settled(ctx, c, a.at())
	if err != nil {
		return err
	}
	defer s.Close()
	// A bundle holds the evidence of its period, and is judged by that alone.
	if a.at().After(c.Period.To) {
		a.asOf = timeFlag{c.Period.To}
	}
	res, err := a.judge(ctx, c, ofPeriod{s, period(c)})
	if err != nil {
		return err
	}
	sum, err := a.writeBundle(ctx, out, c, s, key, res)
	if err != nil {
		return err
	}
	err = a.print(map[string]any{"bundle": out, "summary": sum, "key": s.VerifierKey()}, func(w io.Writer) {
		fmt.Fprintf(w, "wrote %s: %d files, %d bytes unpacked, %d log entries\n", out, sum.Files, sum.Bytes, sum.Entries)
		if !sum.Complete {
			fmt.Fprintln(w, "The period has not ended: the bundle says so.")
		}
		fmt.Fprintf(w, "Give the auditor this key by another way than the bundle:\n%s\n", s.VerifierKey())
	})
	return err
}

// settled opens the store, first writing down as missed what was due by now
// and nobody filled: a bundle holds what it is judged by, silence too.
func (a *app) settled(ctx context.Context, c *config.Config, now time.Time) (*store.Store, *store.Key, error) {
	if !exists(c.Store.Path) {
		s, err := reading(c) // says that there is none
		return s, nil, err
	}
	s, key, err := a.signing(c, store.Options{})
	if err != nil {
		return nil, nil, err
	}
	if a.host != nil { // the daemon writes down what it misses itself
		return s, key, nil
	}
	r, err := ledger(c, s, s)
	if err == nil {
		_, err = r.Settle(ctx, now, c.Period.To)
	}
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return s, key, nil
}

// writeBundle writes the bundle beside its place and moves it there whole, so
// that a bundle is never half there.
func (a *app) writeBundle(ctx context.Context, out string, c *config.Config, s *store.Store, key *store.Key, res *result.Result) (sum export.Summary, err error) {
	if key.Verifier != s.VerifierKey() {
		return sum, fmt.Errorf("export: %w: %s holds %s, the log was signed by %s", store.ErrWrongKey, c.Store.Key, key.Verifier, s.VerifierKey())
	}
	cat, err := loadCatalogue(c)
	if err != nil {
		return sum, err
	}
	f, err := os.CreateTemp(filepath.Dir(out), ".evidenced-*")
	if err != nil {
		return sum, fmt.Errorf("export: %w", err)
	}
	defer os.Remove(f.Name()) // of no effect once it was moved
	p := a.progress("exporting")
	w := bufio.NewWriterSize(f, 1<<20)
	sum, err = export.Write(ctx, w, export.Input{Organization: c.Organization, Type: c.Period.Type, Result: res, Catalogue: cat,
		Roots: rootKinds(c), Log: s, Sign: key.Sign, Generator: generator(), Progress: p.set})
	p.end()
	if err = errors.Join(err, w.Flush(), f.Sync(), f.Close()); err != nil {
		return sum, err
	}
	if err := os.Rename(f.Name(), out); err != nil {
		return sum, fmt.Errorf("export: %w", err)
	}
	return sum, nil
}
