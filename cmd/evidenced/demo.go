package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/demo"
	"github.com/evidenced/evidenced/evidence"
)

func (a *app) demoCommand() *cobra.Command {
	o := demo.Options{}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Live through a period of a simulated company: collect, find gaps, export, verify",
		Long: `Runs the whole story on a simulated company, with no credentials: its AWS,
GitHub and Okta speak the vendors' formats over loopback, its HR system exports the
roster, the real collectors read all of it on schedule under a simulated clock, and
what was found is compared with what was planted. With --out the configuration, the store and the bundle stay there, and
every other command works on them.`,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.demo(c.Context(), o) },
	}
	c.Flags().Int64Var(&o.Seed, "seed", 1, "which company")
	c.Flags().IntVar(&o.Days, "days", 180, "length of the period in days")
	c.Flags().StringVar(&o.Out, "out", "", "leave everything in this `folder`")
	return c
}

func (a *app) demo(ctx context.Context, o demo.Options) error {
	p := a.progress()
	defer p.end()
	o.Progress = p.set
	res, err := demo.Run(ctx, o)
	p.end()
	if err != nil {
		return err
	}
	if err := a.print(res, func(w io.Writer) { demoText(w, res) }); err != nil {
		return err
	}
	if !res.OK() {
		return errors.New("demo: what was found is not what was planted")
	}
	return nil
}

func demoText(w io.Writer, r *demo.Result) {
	n := r.Slots
	fmt.Fprintf(w, "A simulated company (seed %d) lived through %d days in %.1f s.\n\n", r.Seed, r.Days, r.Seconds)
	fmt.Fprintf(w, "slots    %d expected: %d collected, %d late, %d partial, %d failed, %d missed\n", n.Expected, n.Collected, n.Late, n.Partial, n.Failed, n.Missed)
	fmt.Fprintf(w, "gaps     %d planted, %d found, %d not found, %d too many\n", r.Planted, r.Found, len(r.Missing), len(r.Extra))
	for _, m := range r.Missing {
		fmt.Fprintln(w, "  not found:", evidence.Printable(m))
	}
	for _, m := range r.Extra {
		fmt.Fprintln(w, "  too many: ", evidence.Printable(m))
	}
	verified := "verified"
	if !r.Verified {
		verified = "NOT SOUND"
	}
	fmt.Fprintf(w, "bundle   %s\n", verified)
	if r.Bundle != "" {
		fmt.Fprintf(w, "\nIt is all in %s. Try there:\n  evidenced status --as-of %s\n  evidenced gaps --all\n  evidenced verify bundle.zip\n", filepath.Dir(r.Bundle), demo.Start.AddDate(0, 0, r.Days).Format(time.DateOnly))
	}
}
