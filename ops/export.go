package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/export"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/ops/expected"
	"github.com/evidenced/evidenced/store"
)

// Export implements Service. It writes nothing to the store, but where the log
// never said yet by what is judged: nothing can be derived from such a one.
func (o *Operations) Export(ctx context.Context, req api.ExportRequest, w io.Writer, progress api.ProgressFunc) (*api.Exported, error) {
	c, err := o.backend.Config(false)
	if err != nil {
		return nil, err
	}
	asOf, err := o.at(req.AsOf)
	if err != nil {
		return nil, err
	}
	s, key, err := o.openDeclared(ctx, c)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if back := rolledBack(s); back != nil {
		return nil, fmt.Errorf("export: %w; `evidenced doctor` says what to do", back)
	}
	if err := choosePeriod(s, c, req); err != nil {
		return nil, err
	}
	return WriteBundle(ctx, w, Bundled{c, s, key, req.Controls}, asOf, progress)
}

// openDeclared opens the store to read it. The log says by what is judged, if
// need be from now on.
func (o *Operations) openDeclared(ctx context.Context, c *config.Config) (Store, Signer, error) {
	s, key, err := o.backend.OpenToSign(c)
	if err != nil {
		return nil, key, err
	}
	for e, err := range s.Entries(0) {
		if err != nil || e.Type == evidence.EntryCatalogue {
			return s, key, err
		}
	}
	if err := s.Close(); err != nil {
		return nil, key, err
	}
	if s, key, err = o.backend.OpenForWrite(c); err != nil {
		return nil, key, err
	}
	if err := Declare(ctx, s, c, nil); err != nil {
		return nil, key, errors.Join(err, s.Close())
	}
	return s, key, nil
}

// choosePeriod sets the period that a request names: nothing of it lies before
// anything was collected.
func choosePeriod(s Store, c *config.Config, req api.ExportRequest) error {
	begun := c.Period.From
	for e, err := range s.Entries(0) {
		if err != nil {
			return err
		}
		if e.Recorded.Before(begun) {
			begun = e.Recorded.UTC().Truncate(result.Day)
		}
		break
	}
	for _, t := range []struct {
		flag string
		at   time.Time
	}{{"--from", req.From}, {"--to", req.To}, {"--as-of", req.AsOf}} {
		if !t.at.IsZero() && t.at.Before(begun) {
			return api.Errorf(api.Usage, "%s %s is before %s: nothing was collected then", t.flag, t.at.Format(time.RFC3339), begun.Format(time.RFC3339))
		}
	}
	if !req.From.IsZero() {
		c.Period.From = req.From
	}
	if !req.To.IsZero() {
		c.Period.To = req.To
	}
	if !c.Period.From.Before(c.Period.To) {
		return api.Errorf(api.Usage, "the period is empty: --from is not before --to")
	}
	return nil
}

// Bundled is what a bundle is made of.
type Bundled struct {
	Config *config.Config
	Store  Store
	Signer Signer
	// Controls are the only ones that it is of; nil means all.
	Controls []string
}

// WriteBundle writes the bundle of the configured period as of asOf to w. A
// bundle holds the evidence of its period, and is judged by that alone.
func WriteBundle(ctx context.Context, w io.Writer, b Bundled, asOf time.Time, progress api.ProgressFunc) (*api.Exported, error) {
	return writeBundle(ctx, w, b, asOf, func(*result.Result) {}, progress)
}

// writeBundle is WriteBundle; seen is shown the result before it is written.
func writeBundle(ctx context.Context, w io.Writer, b Bundled, asOf time.Time, seen func(*result.Result), progress api.ProgressFunc) (*api.Exported, error) {
	if b.Signer.Verifier != b.Store.VerifierKey() {
		return nil, fmt.Errorf("export: %w: %s holds %s, the log was signed by %s", store.ErrWrongKey, b.Config.Store.Key, b.Signer.Verifier, b.Store.VerifierKey())
	}
	in, err := b.input(ctx, asOf)
	if err != nil {
		return nil, err
	}
	seen(in.Result)
	in.Progress = func(done, total int64) { progress.Set("exporting", done, total) }
	sum, err := export.Write(ctx, w, in)
	if err != nil {
		return nil, err
	}
	return &api.Exported{Files: sum.Files, Bytes: sum.Bytes, Entries: uint64(sum.Entries), Complete: sum.Complete, Key: b.Store.VerifierKey()}, nil
}

// input judges the period and returns what the bundle follows from.
func (b Bundled) input(ctx context.Context, asOf time.Time) (in export.Input, err error) {
	whole, err := LoadCatalogue(b.Config)
	if err != nil {
		return in, err
	}
	if err := inForce(b.Store, whole); err != nil {
		return in, err
	}
	p := periodOf(b.Config)
	if asOf.After(p.To) {
		asOf = p.To
	}
	if b.Config.Period.Type == export.TypeI && asOf.Equal(p.To) {
		p.To = p.To.Add(result.Day) // it is of an instant, and of no end of a period
	}
	in = export.Input{Organization: b.Config.Organization, Type: b.Config.Period.Type, Catalogue: whole, Log: b.Store, Sign: b.Signer.Sign, Generator: Generator()}
	if in.Roots, err = rootsInForce(b.Store, b.Config); err != nil {
		return in, err
	}
	for _, id := range b.Controls {
		if _, err := findControl(whole, id); err != nil {
			return in, err
		}
	}
	return in, judge(ctx, &in, b.Controls, b.Store, p, asOf)
}

// judge judges a period by what belongs to it alone, and by no more controls than
// those that are asked for, nil for all.
func judge(ctx context.Context, in *export.Input, controls []string, log EvidenceLog, p result.Period, asOf time.Time) error {
	in.Limit(controls)
	of, err := spanOf(log, p, asOf, in.Kinds)
	if err != nil {
		return err
	}
	acts, err := evidence.Acts(log.Entries(0))
	if err != nil {
		return err
	}
	in.Derived = of.missed
	e := gap.NewEngine(in.Judged(), p, gap.WithRoots(in.Roots), gap.WithActs(acts), gap.WithLateActs())
	if err := of.observed(ctx, e); err != nil {
		return err
	}
	in.Result = e.Result(asOf)
	if in.Type == export.TypeI {
		in.Result.AsOfDate()
	}
	if in.Controls != nil {
		in.Result.Criteria = slices.DeleteFunc(in.Result.Criteria, func(c result.CriterionState) bool {
			return !slices.ContainsFunc(in.Result.Controls, func(r result.ControlResult) bool { return slices.Contains(r.Criteria, c.Criterion) })
		})
	}
	return nil
}

// inForce reports a catalogue that is not the one that the log says is in force.
func inForce(s Store, cat *catalogue.Catalogue) error {
	var body struct {
		Digest string `json:"digest"`
	}
	for e, err := range s.Entries(0) {
		if err == nil && e.Type == evidence.EntryCatalogue {
			err = decodeMembers(e.Body, &body)
		}
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
	}
	if body.Digest != cat.Digest().String() {
		return fmt.Errorf("export: the controls and tests are others than those that the log says are in force: `evidenced collect now`, or a start of the daemon, writes that down first")
	}
	return nil
}

// rootsInForce returns the root kinds of the sources that the log says are in
// force, or the configured ones where an older program wrote it.
func rootsInForce(s Store, c *config.Config) (map[string]evidence.Kind, error) {
	roots := rootKinds(c)
	for e, err := range s.Entries(0) {
		var body struct {
			Sources map[string]expected.Source `json:"sources"`
		}
		if err == nil && e.Type == evidence.EntryConfig {
			err = decodeMembers(e.Body, &body)
		}
		if err != nil {
			return nil, fmt.Errorf("read the log: %w", err)
		}
		if body.Sources != nil {
			roots = map[string]evidence.Kind{}
			for name, src := range body.Sources {
				roots[name] = src.Root
			}
		}
	}
	return roots, nil
}

// span is the evidence of a period alone, and of some kinds, where there are any,
// followed by missed collections that the log does not tell of. A bundle holds no
// other, and what it says must follow from what it holds.
type span struct {
	EvidenceLog
	period result.Period
	asOf   time.Time
	kinds  []evidence.Kind
	missed []evidence.Run
}

// spanOf returns what belongs to a period of a log; kinds nil means all.
func spanOf(log EvidenceLog, p result.Period, asOf time.Time, kinds []evidence.Kind) (span, error) {
	x, _, err := expected.Derive(log, p, asOf)
	if err != nil {
		return span{}, fmt.Errorf("derive what was expected: %w", err)
	}
	of := span{EvidenceLog: log, period: p, asOf: asOf, kinds: kinds}
	for _, r := range x.Missed() {
		if of.holds(r) {
			of.missed = append(of.missed, r)
		}
	}
	return of, nil
}

// observed lets an engine see all of it.
func (s span) observed(ctx context.Context, e *gap.Engine) error {
	for r, err := range s.Runs() {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = e.Observe(r, gap.LinesOf(s, r))
		}
		if err != nil {
			return fmt.Errorf("evaluate the period: %w", err)
		}
	}
	return nil
}

func (s span) holds(r evidence.Run) bool {
	return s.kinds == nil || slices.Contains(s.kinds, r.Stream.Kind)
}

// Runs implements gap.Evidence.
func (s span) Runs() iter.Seq2[evidence.Run, error] {
	return func(yield func(evidence.Run, error) bool) {
		belongs := evidence.Span{From: s.period.From, To: s.period.To, AsOf: s.asOf}
		for r, err := range s.EvidenceLog.Runs() {
			if err == nil && !(belongs.Holds(r) && s.holds(r)) {
				continue
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
		for _, r := range s.missed {
			if !yield(r, nil) {
				return
			}
		}
	}
}
