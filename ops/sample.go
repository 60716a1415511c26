package ops

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/population"
	"github.com/evidenced/evidenced/verify"
)

// SizeTable is a published table of sample sizes.
type SizeTable = population.SizeTable

// SizeTables are those that a sample's size may follow from; the first is the default.
func SizeTables() []SizeTable { return population.SizeTables }

// drawFrom is what a sample is drawn from: a store or a bundle.
type drawFrom struct {
	log       EvidenceLog
	catalogue *catalogue.Catalogue
	period    result.Period
	asOf      time.Time
	// kinds are those that the bundle holds; nil for all.
	kinds []evidence.Kind
}

// Sample implements Service.
func (o *Operations) Sample(ctx context.Context, req api.SampleRequest, w io.Writer) (*api.Sample, error) {
	if err := CheckSample(req, w != nil); err != nil {
		return nil, err
	}
	s, err := o.openForRead()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	from := drawFrom{period: periodOf(s.config)}
	if from.asOf, err = o.at(req.AsOf); err != nil {
		return nil, err
	}
	if from.asOf.After(from.period.To) {
		from.asOf = from.period.To // as the bundle is
	}
	if from.catalogue, err = s.judge.Catalogue(); err != nil {
		return nil, err
	}
	from.log = s
	return from.sample(ctx, req, w)
}

// SampleBundle draws from the bundle at path, as of when it was made.
func SampleBundle(ctx context.Context, path string, req api.SampleRequest, w io.Writer) (*api.Sample, error) {
	if err := CheckSample(req, w != nil); err != nil {
		return nil, err
	}
	if !req.AsOf.IsZero() {
		return nil, api.Errorf(api.Usage, "a bundle is as of when it was made: leave --as-of out")
	}
	b, failure, err := verify.Open(path)
	if err != nil {
		return nil, err
	}
	if failure != nil {
		return nil, fmt.Errorf("%s is no sound bundle: %s: %s", path, failure.Check, failure.Detail)
	}
	defer b.Close()
	m := b.Manifest
	if req.Control != "" && len(m.Controls) > 0 && !slices.Contains(m.Controls, req.Control) {
		return nil, api.Errorf(api.Usage, "%s is a bundle of %s alone", path, joined(m.Controls))
	}
	from := drawFrom{log: b, period: result.Period{From: m.Period.From, To: m.Period.To}, asOf: m.AsOf, kinds: m.Kinds}
	if from.catalogue, err = bundleCatalogue(b); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return from.sample(ctx, req, w)
}

// CheckSample reports a request that makes no sense. withPopulation tells that the population is asked for, too.
func CheckSample(req api.SampleRequest, withPopulation bool) error {
	switch {
	case strings.TrimSpace(req.Engagement) == "":
		return api.Errorf(api.Usage, "--engagement is missing: the draw follows from its name")
	case strings.ContainsAny(req.Engagement, "\n\r"):
		return api.Errorf(api.Usage, "--engagement is one line")
	case req.Size < 0:
		return api.Errorf(api.Usage, "--size %d is negative", req.Size)
	case req.Size > 0 && req.Table != "":
		return api.Errorf(api.Usage, "name --size or --table, not both")
	case withPopulation && req.Kind == "":
		return api.Errorf(api.Usage, "--population writes one kind: name it with --kind")
	}
	_, err := sizeTable(req.Table)
	return err
}

func sizeTable(id string) (population.SizeTable, error) {
	id = cmp.Or(id, population.SizeTables[0].ID)
	var ids []string
	for _, t := range population.SizeTables {
		if t.ID == id {
			return t, nil
		}
		ids = append(ids, t.ID)
	}
	return population.SizeTable{}, api.Errorf(api.Usage, "there is no table %q: there are %s", id, joined(ids))
}

// sample draws from every kind that is asked for.
func (f drawFrom) sample(ctx context.Context, req api.SampleRequest, w io.Writer) (*api.Sample, error) {
	kinds, err := kindsOf(f.catalogue, req)
	if err != nil {
		return nil, err
	}
	of, err := spanOf(f.log, f.period, f.asOf, f.kinds)
	if err != nil {
		return nil, err
	}
	applies := &applicability{of: of, from: f, control: req.Control}
	out := &api.Sample{Engagement: req.Engagement, Control: req.Control, Period: f.period, AsOf: f.asOf, Draws: []api.Draw{}, NotCollected: []evidence.Kind{}}
	for _, k := range kinds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p, err := population.Read(of, k, f.period, f.asOf)
		if err != nil {
			return nil, fmt.Errorf("population of %s: %w", k, err)
		}
		seen := len(p.Items)
		reason, err := applies.keep(ctx, p)
		if err != nil {
			return nil, err
		}
		if len(p.Streams) == 0 {
			out.NotCollected = append(out.NotCollected, k)
			continue
		}
		d, err := draw(req, p)
		if err != nil {
			return nil, err
		}
		d.Seen, d.Reason = seen, reason
		out.Draws = append(out.Draws, d)
		if w != nil {
			if err := writePopulation(w, p.Items); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// kindsOf returns the kinds to draw from.
func kindsOf(cat *catalogue.Catalogue, req api.SampleRequest) ([]evidence.Kind, error) {
	ctl, err := findControl(cat, req.Control)
	if err != nil {
		return nil, err
	}
	kinds := cat.Reads(ctl)
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	switch {
	case len(kinds) == 0:
		return nil, api.Errorf(api.Usage, "control %s has no test that reads a population: people bring its evidence, `evidenced evidence list --manual`", ctl.ID)
	case req.Kind == "":
		return kinds, nil
	case !slices.Contains(names, req.Kind):
		return nil, api.Errorf(api.Usage, "control %s does not read the kind %q: it reads %s%s", ctl.ID, req.Kind, joined(names), Suggest(req.Kind, names))
	}
	return []evidence.Kind{evidence.Kind(req.Kind)}, nil
}

func draw(req api.SampleRequest, p *population.Population) (api.Draw, error) {
	d := api.Draw{Verdict: "drawn", Size: req.Size, Whole: p.Whole()}
	for _, s := range p.Streams {
		d.Streams = append(d.Streams, api.PopulationStream(s))
	}
	n := len(p.Items)
	if req.Size == 0 {
		t, err := sizeTable(req.Table)
		if err != nil {
			return d, err
		}
		d.Table, d.TableTitle, d.Size = t.ID, t.Title, t.Size(n)
	} else if d.Size > n && n > 0 {
		return d, api.Errorf(api.Usage, "--size %d is more than the population of %s has, %d", req.Size, p.Kind, n)
	}
	switch {
	case n == 0 && d.Whole:
		d.Verdict, d.Size = string(result.DidNotOccur), 0
	case n == 0:
		d.Verdict, d.Size = string(result.Unknown), 0
	}
	drawn, err := population.NewDraw(req.Engagement, req.Control, string(p.Kind), p.Items, d.Size)
	if err != nil {
		return d, err
	}
	d.Engagement, d.Control, d.Kind, d.Population, d.Digest, d.Seed = drawn.Engagement, drawn.Control, drawn.Kind, drawn.Population, drawn.Digest, drawn.Seed
	d.Picks = make([]api.Pick, 0, len(drawn.Picks))
	for _, x := range drawn.Picks {
		d.Picks = append(d.Picks, api.Pick{Number: x.Number, Stream: x.Stream, Scope: x.Scope, ID: x.ID, Name: x.Name, At: x.At})
	}
	return d, nil
}

// writePopulation writes a population, which the draw has put in order, as it is hashed.
func writePopulation(w io.Writer, items []population.Item) error {
	for _, it := range items {
		line, err := evidence.Canonical(it)
		if err != nil {
			return err
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}
