package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/population"
	"github.com/evidenced/evidenced/verify"
)

// sampling is the command line of `sample`.
type sampling struct {
	control, kind, table, engagement string
	size                             int
	bundle, csv, population          string
}

func (a *app) sampleCommand() *cobra.Command {
	var o sampling
	var tables []string
	for _, t := range gap.SizeTables {
		tables = append(tables, "  "+t.ID+strings.Repeat(" ", max(0, 18-len(t.ID)))+t.Title)
	}
	c := a.asOfFlag(a.served(&cobra.Command{
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
			o.control = args[0]
			if err := o.check(); err != nil {
				return err
			}
			return a.sample(c.Context(), o)
		},
	}))
	c.Flags().StringVar(&o.kind, "kind", "", "only this `kind`; default every one that the control reads")
	c.Flags().IntVar(&o.size, "size", 0, "how many to draw, at most the population")
	c.Flags().StringVar(&o.table, "table", "", "the table that says how many, an `id`; default "+gap.SizeTables[0].ID)
	c.Flags().StringVar(&o.engagement, "engagement", "", "the `name` of the audit, which the draw follows from")
	c.Flags().StringVar(&o.bundle, "bundle", "", "draw from this bundle in place of the store, a `file`")
	c.Flags().StringVar(&o.csv, "csv", "", "write the picks as a table, a new `file`")
	c.Flags().StringVar(&o.population, "population", "", "write the population as it is hashed, a new `file`; needs --kind")
	return c
}

func (o sampling) check() error {
	switch {
	case strings.TrimSpace(o.engagement) == "":
		return usageError{errors.New("--engagement is missing: the draw follows from its name")}
	case strings.ContainsAny(o.engagement, "\n\r"):
		return usageError{errors.New("--engagement is one line")}
	case o.size < 0:
		return usageError{fmt.Errorf("--size %d is negative", o.size)}
	case o.size > 0 && o.table != "":
		return usageError{errors.New("name --size or --table, not both")}
	case o.population != "" && o.kind == "":
		return usageError{errors.New("--population writes one kind: name it with --kind")}
	}
	_, err := sizeTable(o.table)
	return err
}

func sizeTable(id string) (gap.SizeTable, error) {
	id = cmp.Or(id, gap.SizeTables[0].ID)
	var ids []string
	for _, t := range gap.SizeTables {
		if t.ID == id {
			return t, nil
		}
		ids = append(ids, t.ID)
	}
	return gap.SizeTable{}, usageError{fmt.Errorf("there is no table %q: there are %s", id, strings.Join(ids, ", "))}
}

// drawFrom is what a sample is drawn from: a store or a bundle.
type drawFrom struct {
	evidence  gap.Evidence
	catalogue *gap.Catalogue
	period    gap.Period
	asOf      time.Time
}

// drawn is one draw, with what it rests on.
type drawn struct {
	*gap.Draw
	// Verdict is drawn; did_not_occur where the population was read whole and is
	// empty; unknown where it is empty and was not read whole.
	Verdict string `json:"verdict"`
	Size    int    `json:"size"`
	// Table names the table that gave the size; empty where it was named.
	Table   string              `json:"table,omitempty"`
	Whole   bool                `json:"whole"`
	Streams []population.Stream `json:"streams"`
}

// sampled is what `sample --json` prints.
type sampled struct {
	Engagement string     `json:"engagement"`
	Control    string     `json:"control"`
	Period     gap.Period `json:"period"`
	AsOf       time.Time  `json:"as_of"`
	Draws      []drawn    `json:"draws"`
	// NotCollected are kinds that the control reads and no slot of the period was of.
	NotCollected []evidence.Kind `json:"not_collected"`

	bundle string
}

func (a *app) sample(ctx context.Context, o sampling) error {
	if a.host == nil { // a process of its own: what is read and let go is not to add up
		defer debug.SetGCPercent(debug.SetGCPercent(40))
	}
	from, done, err := a.drawFrom(o.bundle)
	if err != nil {
		return err
	}
	defer done()
	kinds, err := kindsOf(from.catalogue, o)
	if err != nil {
		return err
	}
	out := sampled{Engagement: o.engagement, Control: o.control, Period: from.period, AsOf: from.asOf, Draws: []drawn{}, NotCollected: []evidence.Kind{}, bundle: o.bundle}
	for _, k := range kinds {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := population.Read(from.evidence, k, from.period, from.asOf)
		if err != nil {
			return fmt.Errorf("population of %s: %w", k, err)
		}
		if len(p.Streams) == 0 {
			out.NotCollected = append(out.NotCollected, k)
			continue
		}
		d, err := o.draw(p)
		if err != nil {
			return err
		}
		out.Draws = append(out.Draws, d)
		if o.population != "" {
			if _, err := a.newFile(o.population, p.WriteLines); err != nil {
				return err
			}
		}
	}
	if o.csv != "" {
		if _, err := a.newFile(o.csv, out.csv); err != nil {
			return err
		}
	}
	return a.print(out, out.text)
}

// drawFrom opens what is drawn from.
func (a *app) drawFrom(bundle string) (from drawFrom, done func(), err error) {
	if bundle != "" {
		return a.drawFromBundle(bundle)
	}
	c, s, err := a.opened()
	if err != nil {
		return from, nil, err
	}
	done = func() { _ = s.Close() } // it was only read
	from = drawFrom{s, nil, period(c), a.at()}
	if from.asOf.After(from.period.To) {
		from.asOf = from.period.To // as the bundle is
	}
	if from.catalogue, err = catalogue(c); err == nil && a.host == nil {
		r, ledgerErr := ledger(c, s, nil)
		if err = ledgerErr; err == nil {
			from.evidence = withSilence{s, r.Outstanding(from.asOf, c.Period.To)}
		}
	}
	if err != nil {
		done()
	}
	return from, done, err
}

func (a *app) drawFromBundle(path string) (from drawFrom, done func(), err error) {
	if !a.asOf.IsZero() {
		return from, nil, usageError{errors.New("a bundle is as of when it was made: leave --as-of out")}
	}
	b, failure, err := verify.Open(a.path(path))
	if err != nil {
		return from, nil, err
	}
	if failure != nil {
		return from, nil, fmt.Errorf("%s is no sound bundle: %s: %s", path, failure.Check, failure.Detail)
	}
	done = func() { _ = b.Close() } // it was only read
	raw, err := b.Read("catalogue/catalogue.json", maxCatalogue)
	if err == nil {
		from.catalogue, err = gap.Parse(raw)
	}
	if err != nil {
		done()
		return from, nil, fmt.Errorf("%s: %w", path, err)
	}
	m := b.Manifest
	from.evidence, from.period, from.asOf = b, gap.Period{From: m.Period.From, To: m.Period.To}, m.AsOf
	return from, done, nil
}

// kindsOf gives the kinds to draw from.
func kindsOf(cat *gap.Catalogue, o sampling) ([]evidence.Kind, error) {
	ctl, err := control(cat, o.control)
	if err != nil {
		return nil, err
	}
	kinds := cat.Reads(ctl)
	switch {
	case len(kinds) == 0:
		return nil, usageError{fmt.Errorf("control %s has no test that reads a population: people bring its evidence, `evidenced evidence list --manual`", ctl.ID)}
	case o.kind == "":
		return kinds, nil
	case !slices.Contains(kinds, evidence.Kind(o.kind)):
		return nil, usageError{fmt.Errorf("control %s does not read the kind %q: it reads %s%s", ctl.ID, o.kind, strings.ReplaceAll(kindList(kinds), ",", ", "), nearest(o.kind, strings.Split(kindList(kinds), ",")))}
	}
	return []evidence.Kind{evidence.Kind(o.kind)}, nil
}

func (o sampling) draw(p *population.Population) (d drawn, err error) {
	d = drawn{Verdict: "drawn", Size: o.size, Whole: p.Whole(), Streams: p.Streams}
	n := len(p.Items)
	if o.size == 0 {
		t, err := sizeTable(o.table)
		if err != nil {
			return d, err
		}
		d.Table, d.Size = t.ID, t.Size(n)
	} else if d.Size > n && n > 0 {
		return d, usageError{fmt.Errorf("--size %d is more than the population of %s has, %d", o.size, p.Kind, n)}
	}
	switch {
	case n == 0 && d.Whole:
		d.Verdict, d.Size = string(gap.DidNotOccur), 0
	case n == 0:
		d.Verdict, d.Size = string(gap.Unknown), 0
	}
	d.Draw, err = gap.NewDraw(o.engagement, o.control, string(p.Kind), p.Items, d.Size)
	return d, err
}

// csv writes the picks for a spreadsheet.
func (s sampled) csv(w io.Writer) error {
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

func (s sampled) text(w io.Writer) {
	fmt.Fprintf(w, "sample of control %s for %s\nperiod %s to %s, as of %s\n", s.Control, evidence.Printable(s.Engagement),
		s.Period.From.Format(time.DateOnly), s.Period.To.AddDate(0, 0, -1).Format(time.DateOnly), s.AsOf.Format(time.RFC3339Nano))
	if s.AsOf.Before(s.Period.To) {
		fmt.Fprintln(w, "The period has not ended: the population grows, and the draw changes with it.")
	}
	for _, d := range s.Draws {
		d.text(w)
	}
	for _, k := range s.NotCollected {
		fmt.Fprintf(w, "\n%s: no slot of the period was of this kind: nothing is known, and nothing drawn\n", k)
	}
	fmt.Fprintf(w, "\nTo repeat it: the same command%s.\nBy hand, and with no program of ours: docs/sample.md\n", s.again())
}

func (s sampled) again() string {
	if s.bundle != "" {
		return "; whether the bundle is sound says `evidenced verify`"
	}
	return " with --bundle and the bundle of this period, as of the same instant"
}

func (d drawn) text(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n", d.Kind)
	for _, s := range d.Streams {
		fmt.Fprintf(w, "  %-12s %s: %d of %d slots complete, %d rows\n", "stream", evidence.Printable(s.Stream), s.Complete, s.Slots, s.Rows)
	}
	line := func(name string, value any) { fmt.Fprintf(w, "  %-12s %v\n", name, value) }
	switch {
	case d.Verdict == string(gap.DidNotOccur):
		line("result", "did not occur: recorded query, 0 rows")
	case d.Verdict == string(gap.Unknown):
		line("result", "unknown: 0 rows, but the population was not read whole")
	case !d.Whole:
		line("warning", "not all of the population is proven to be there: see the slots")
	}
	line("population", d.Population)
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

func sizeText(d drawn) string {
	if d.Table == "" {
		return strconv.Itoa(d.Size)
	}
	t, err := sizeTable(d.Table)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d, by the table %s (%s)", d.Size, t.ID, t.Title)
}
