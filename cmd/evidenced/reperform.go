package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"reflect"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/export"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/verify"
)

// maxCatalogue bounds the catalogue of a bundle.
const maxCatalogue = 64 << 20

// reperform derives every verdict, gap, table and page of a bundle again, from
// its records and its catalogue. It counts the files, and puts into the result
// each that comes out otherwise, and the tests that are not those of this program.
func reperform(ctx context.Context, b *verify.Bundle, res *verify.Result) (derived int) {
	failed := func(path, detail string) {
		res.OK = false
		res.Failures = append(res.Failures, verify.Failure{Check: "reperform", File: path, Detail: detail})
	}
	in, err := rejudge(ctx, b)
	if err != nil {
		failed("result.json", err.Error())
		return 0
	}
	res.Foreign = foreignTests(in.Catalogue)
	err = export.Derive(in, b, func(path string, write func(io.Writer) error) error {
		derived++
		h := sha256.New()
		if err := write(h); err != nil {
			return err
		}
		m, ok := b.Member(path)
		switch {
		case ok && m.SHA256 == evidence.Hash(h.Sum(nil)):
		case mayDiffer(path, b.Manifest.Generator):
			res.Otherwise = append(res.Otherwise, path)
		default:
			failed(path, "derived from the evidence again, it comes out otherwise")
		}
		return nil
	})
	if err != nil {
		failed("", err.Error())
	}
	return derived
}

// generator names this program, and its version.
func generator() string { return "evidenced " + version() }

// mayDiffer reports whether a file may come out otherwise without saying
// anything else: versions lay pages and tables out each in its way, and add to
// them. The verdicts and the gaps are the same by all of them.
func mayDiffer(path, by string) bool {
	return by != generator() && path != "result.json" && path != "gaps.jsonl"
}

// foreignTests names the tests, views and duties that this program does not
// have, or has otherwise. That a catalogue is of some categories makes it no other,
// and neither does the control under which a test or a duty stands.
func foreignTests(c *catalogue.Catalogue) (ids []string) {
	own, err := catalogue.Default()
	if err != nil {
		return []string{err.Error()}
	}
	known := map[string]any{}
	for _, t := range own.Tests() {
		known[t.ID] = testAlone(t)
	}
	for _, d := range own.Duties() {
		known[d.ID] = dutyAlone(d)
	}
	for _, v := range own.Views {
		known["view "+string(v.Kind)] = v
	}
	foreign := func(id string, v any) {
		if !reflect.DeepEqual(v, known[id]) {
			ids = append(ids, id)
		}
	}
	for _, t := range c.Tests() {
		foreign(t.ID, testAlone(t))
	}
	for _, d := range c.Duties() {
		foreign(d.ID, dutyAlone(d))
	}
	for _, v := range c.Views {
		foreign("view "+string(v.Kind), v)
	}
	return ids
}

func testAlone(t catalogue.Test) catalogue.Test {
	t.Criteria, t.Control, t.Family = nil, "", ""
	return t
}

func dutyAlone(d catalogue.Duty) catalogue.Duty {
	d.Criteria, d.Control, d.Family = nil, "", ""
	return d
}

// rejudge evaluates the bundle's evidence by the bundle's catalogue.
func rejudge(ctx context.Context, b *verify.Bundle) (in export.Input, err error) {
	raw, err := b.Read("catalogue/catalogue.json", maxCatalogue)
	if err != nil {
		return in, err
	}
	m := b.Manifest
	in = export.Input{Organization: m.Organization, Type: m.Period.Type, Generator: m.Generator}
	if in.Catalogue, err = catalogue.Parse(raw); err != nil {
		return in, fmt.Errorf("read the catalogue: %w", err)
	}
	if raw, err = b.Read("catalogue/roots.json", 1<<20); err != nil {
		return in, err
	}
	if err := json.Unmarshal(raw, &in.Roots); err != nil {
		return in, fmt.Errorf("read the root kinds: %w", err)
	}
	p := result.Period{From: m.Period.From, To: m.Period.To}
	acts, err := evidence.Acts(b.Entries(0))
	if err != nil {
		return in, err
	}
	in.Result, err = gap.Evaluate(ctx, in.Catalogue, ofPeriod{b, p}, p, m.AsOf, gap.WithRoots(in.Roots), gap.WithActs(acts))
	return in, err
}

// ofPeriod is the evidence of a period alone. A bundle holds no other, and what
// it says must follow from what it holds.
type ofPeriod struct {
	judged
	period result.Period
}

// Runs implements gap.Evidence.
func (o ofPeriod) Runs() iter.Seq2[evidence.Run, error] {
	return func(yield func(evidence.Run, error) bool) {
		for r, err := range o.judged.Runs() {
			if err == nil && !o.period.Holds(r.Due) {
				continue
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}
