package ops

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/export"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/ops/expected"
	"github.com/evidenced/evidenced/verify"
)

// Verified is what `verify --json` prints, and how many files were derived again.
type Verified struct {
	verify.Result
	// Files counts the files that were derived again.
	Files int `json:"-"`
}

// VerifyBundle checks the bundle at path; if again, every verdict, table and
// page is also derived again from the evidence.
func VerifyBundle(ctx context.Context, path string, o verify.Options, again bool, progress api.ProgressFunc) (*Verified, error) {
	b, failure, err := verify.Open(path)
	if err != nil {
		return nil, err
	}
	out := &Verified{Result: verify.Result{Failures: []verify.Failure{}}}
	if failure != nil {
		out.Failures = append(out.Failures, *failure)
		return out, ctx.Err()
	}
	defer b.Close()
	o.Progress = func(done, total int64) { progress.Set("verifying", done, total) }
	if out.Result, err = b.Check(ctx, o); err != nil {
		return nil, err
	}
	if again && out.OK { // there is no sense in deriving from evidence that is not sound
		out.Files = reperform(ctx, b, &out.Result)
		out.Result.Derived = out.Files > 0
	}
	return out, ctx.Err()
}

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
	if b.Manifest.Format != export.Format {
		res.Unknown = append(res.Unknown, fmt.Sprintf("the bundle is of the format %s: what verdicts follow from its evidence, the version that wrote it derives, %s", b.Manifest.Format, b.Manifest.Generator))
		return 0
	}
	x, known, err := expected.Derive(b, periodOfBundle(b), b.Manifest.AsOf)
	if err != nil {
		failed("log/entries.jsonl", "derive what was expected: "+err.Error())
		return 0
	}
	compareExpected(x, known, res, failed)
	in, err := rejudge(ctx, b)
	if err != nil {
		failed("result.json", err.Error())
		return 0
	}
	res.Foreign = ForeignTests(in.Catalogue)
	if b.Manifest.Complete != in.Complete() {
		failed("manifest.json", fmt.Sprintf("whether it is complete comes out otherwise: derived from the evidence it is %t, and these were not read to the end of the period: %s", in.Complete(), orNone(in.Result.Unread)))
	}
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

// compareExpected names the collections that are expected by the logged schedules
// and that the log does not tell of.
func compareExpected(x *expected.Collections, known bool, res *verify.Result, failed func(path, detail string)) {
	if !known {
		res.Unknown = append(res.Unknown, "the log was begun by an older program and does not say by what schedules was collected: which collections were expected could not be derived")
		return
	}
	if len(x.Removed) > 0 {
		failed("log/entries.jsonl", fmt.Sprintf("%d collections were expected by the logged schedules, and the log does not tell of them: %s", len(x.Removed), expected.Named(x.Removed)))
	}
	if len(x.Unread) > 0 {
		res.Unknown = append(res.Unknown, fmt.Sprintf("the configuration of entry %d cannot be read back from the log: of its sources only the roots were held to their schedules", x.Unread[0]))
	}
	if len(x.Open) > 0 {
		res.Unknown = append(res.Unknown, fmt.Sprintf("%d collections were due before the log ends, and it does not tell of them: it was exported while they were under way or nobody was there, or its end was cut off: %s", len(x.Open), expected.Named(x.Open)))
	}
}

// mayDiffer reports whether a file may come out otherwise without saying
// anything else: versions lay pages and tables out each in its way, and add to
// them. The verdicts and the gaps are the same by all of them.
func mayDiffer(path, by string) bool {
	return by != Generator() && path != "result.json" && path != "gaps.jsonl"
}

// ForeignTests names the tests, views and duties that this program does not
// have, or has otherwise. That a catalogue is of some categories makes it no other,
// and neither does the control under which a test or a duty stands.
func ForeignTests(c *catalogue.Catalogue) (ids []string) {
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
	m := b.Manifest
	in = export.Input{Organization: m.Organization, Type: m.Period.Type, Generator: m.Generator}
	if in.Catalogue, err = bundleCatalogue(b); err != nil {
		return in, err
	}
	raw, err := b.Read("catalogue/roots.json", 1<<20)
	if err != nil {
		return in, err
	}
	if err := json.Unmarshal(raw, &in.Roots); err != nil {
		return in, fmt.Errorf("read the root kinds: %w", err)
	}
	if err := judge(ctx, &in, m.Controls, b, periodOfBundle(b), m.AsOf); err != nil {
		return in, err
	}
	if !slices.Equal(in.Kinds, m.Kinds) {
		return in, fmt.Errorf("the manifest names the kinds %v, and its controls read %v", m.Kinds, in.Kinds)
	}
	return in, nil
}

func periodOfBundle(b *verify.Bundle) result.Period {
	return result.Period{From: b.Manifest.Period.From, To: b.Manifest.Period.To}
}

// bundleCatalogue reads the catalogue of a bundle.
func bundleCatalogue(b *verify.Bundle) (*catalogue.Catalogue, error) {
	raw, err := b.Read("catalogue/catalogue.json", maxCatalogue)
	if err != nil {
		return nil, err
	}
	cat, err := catalogue.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("read the catalogue: %w", err)
	}
	return cat, nil
}
