package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/ops"
)

// sampling is the command line of `sample`.
type sampling struct {
	api.SampleRequest
	bundle, csv, population string
}

func (a *app) sampleCommand() *cobra.Command {
	var o sampling
	var tables []string
	for _, t := range ops.SizeTables() {
		tables = append(tables, "  "+t.ID+strings.Repeat(" ", max(0, 18-len(t.ID)))+t.Title)
	}
	c := a.asOfFlag(&cobra.Command{
		Use:   "sample CONTROL",
		Short: "Draw a sample of a control's population that anyone can draw again",
		Long: `Draws from every event of the period, or every resource that a slot of it saw, of
the kinds that the tests of a control read. The draw follows from the engagement's
name and the population itself: nobody can steer it, and from the bundle anyone can
draw it again (docs/sample.md). The size is the auditor's judgement: --size, or a
published table:
` + strings.Join(tables, "\n"),
		Example: "  evidenced sample change-approval --kind github.pull_request --engagement \"Acme 2026\"\n  evidenced sample change-approval --engagement \"Acme 2026\" --bundle bundle.zip",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			o.Control = args[0]
			return a.sample(c.Context(), o)
		},
	})
	c.Flags().StringVar(&o.Kind, "kind", "", "only this `kind`; default every one that the control reads")
	c.Flags().IntVar(&o.Size, "size", 0, "how many to draw, at most the population")
	c.Flags().StringVar(&o.Table, "table", "", "the table that says how many, an `id`; default "+ops.SizeTables()[0].ID)
	c.Flags().StringVar(&o.Engagement, "engagement", "", "the `name` of the audit, which the draw follows from")
	c.Flags().StringVar(&o.bundle, "bundle", "", "draw from this bundle in place of the store, a `file`")
	c.Flags().StringVar(&o.csv, "csv", "", "write the picks as a table, a new `file`")
	c.Flags().StringVar(&o.population, "population", "", "write the population as it is hashed, a new `file`; needs --kind")
	return c
}

func (a *app) sample(ctx context.Context, o sampling) error {
	if err := ops.CheckSample(o.SampleRequest, o.population != ""); err != nil {
		return err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(40)) // what is read and let go is not to add up
	o.AsOf = a.asOf.Time
	draw := func(w io.Writer) (*api.Sample, error) { return ops.SampleBundle(ctx, o.bundle, o.SampleRequest, w) }
	if o.bundle == "" {
		s, err := a.service(ctx)
		if err != nil {
			return err
		}
		draw = func(w io.Writer) (*api.Sample, error) { return s.Sample(ctx, o.SampleRequest, w) }
	}
	out, err := sampled(draw, o.population)
	if err != nil {
		return err
	}
	if o.csv != "" {
		if err := newFile(o.csv, func(w io.Writer) error { return sampleCSV(w, out) }); err != nil {
			return err
		}
	}
	return a.print(out.Document(), func(w io.Writer) { sampleText(w, out, o.bundle != "") })
}

// sampled draws, and writes the population to a new file, if one is named.
func sampled(draw func(io.Writer) (*api.Sample, error), population string) (out *api.Sample, err error) {
	if population == "" {
		return draw(nil)
	}
	err = newFile(population, func(w io.Writer) error {
		buffer := bufio.NewWriterSize(w, 1<<16)
		out, err = draw(buffer)
		return errors.Join(err, buffer.Flush())
	})
	return out, err
}

// sampleCSV writes the picks for a spreadsheet.
func sampleCSV(w io.Writer, s *api.Sample) error {
	rows := [][]string{{"kind", "number", "at", "stream", "scope", "id", "name"}}
	for _, d := range s.Draws {
		for _, p := range d.Picks {
			row := []string{d.Kind, strconv.Itoa(p.Number), p.At.Format(time.RFC3339Nano), p.Stream, string(p.Scope), p.ID, p.Name}
			for i, cell := range row {
				row[i] = evidence.SpreadsheetCell(cell)
			}
			rows = append(rows, row)
		}
	}
	return csv.NewWriter(w).WriteAll(rows)
}

func sampleText(w io.Writer, s *api.Sample, bundle bool) {
	fmt.Fprintf(w, "sample of control %s for %s\nperiod %s to %s, as of %s\n", s.Control, evidence.Printable(s.Engagement),
		s.Period.From.Format(time.DateOnly), s.Period.To.AddDate(0, 0, -1).Format(time.DateOnly), s.AsOf.Format(time.RFC3339Nano))
	if s.AsOf.Before(s.Period.To) {
		fmt.Fprintln(w, "The period has not ended: the population grows, and the draw changes with it.")
	}
	for _, d := range s.Draws {
		drawText(w, d)
	}
	for _, k := range s.NotCollected {
		fmt.Fprintf(w, "\n%s: no slot of the period was of this kind: nothing is known, and nothing drawn\n", k)
	}
	fmt.Fprintf(w, "\nTo repeat it: the same command%s.\nBy hand, and with no program of ours: docs/sample.md\n", againText(bundle))
}

func againText(bundle bool) string {
	if bundle {
		return "; whether the bundle is sound says `evidenced verify`"
	}
	return " with --bundle and the bundle of this period, as of the same instant"
}

func drawText(w io.Writer, d api.Draw) {
	fmt.Fprintf(w, "\n%s\n", d.Kind)
	for _, s := range d.Streams {
		fmt.Fprintf(w, "  %-12s %s: %d of %d slots complete, %d rows\n", "stream", evidence.Printable(s.Stream), s.Complete, s.Slots, s.Rows)
	}
	line := func(name string, value any) { fmt.Fprintf(w, "  %-12s %v\n", name, value) }
	switch {
	case d.Verdict == "did_not_occur":
		line("result", "did not occur: recorded query, 0 rows")
	case d.Verdict == "unknown":
		line("result", "unknown: 0 rows, but the population was not read whole")
	case !d.Whole:
		line("warning", "not all of the population is proven to be there: see the slots")
	}
	line("population", fmt.Sprintf("%d of %d items of the kind", d.Population, d.Seen))
	line("drawn from", evidence.Printable(d.Reason))
	line("digest", d.Digest)
	line("seed", d.Seed)
	line("size", sizeText(d))
	if len(d.Picks) == 0 {
		return
	}
	fmt.Fprintln(w)
	table(w, "NUMBER\tAT\tID\tNAME\tSTREAM", func(row func(...any)) {
		for _, p := range d.Picks {
			row(p.Number, p.At.Format(time.RFC3339), p.ID, p.Name, p.Stream)
		}
	})
}

func sizeText(d api.Draw) string {
	if d.Table == "" {
		return strconv.Itoa(d.Size)
	}
	return fmt.Sprintf("%d, by the table %s (%s)", d.Size, d.Table, d.TableTitle)
}
