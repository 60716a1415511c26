package ops

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/export"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/store"
)

// Export implements Service.
func (o *Operations) Export(ctx context.Context, req api.ExportRequest, w io.Writer, progress api.ProgressFunc) (*api.Exported, error) {
	c, err := o.backend.Config(false)
	if err != nil {
		return nil, err
	}
	configured := *c
	if !req.From.IsZero() {
		c.Period.From = req.From
	}
	if !req.To.IsZero() {
		c.Period.To = req.To
	}
	if !c.Period.From.Before(c.Period.To) {
		return nil, api.Errorf(api.Usage, "the period is empty: --from is not before --to")
	}
	s, key, err := o.openSettled(ctx, &configured, c, o.at(req.AsOf))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return WriteBundle(ctx, w, Bundled{c, s, key}, o.at(req.AsOf), progress)
}

// openSettled opens the store, first writing down by what is judged, and as
// missed what was due by now and was not collected: a bundle holds what it is
// judged by, silence too.
func (o *Operations) openSettled(ctx context.Context, configured, c *config.Config, now time.Time) (Store, Signer, error) {
	if !exists(c.Store.Path) {
		s, err := o.backend.OpenForRead(c) // says that there is none
		return s, Signer{}, err
	}
	s, key, err := o.backend.OpenForWrite(c)
	if err != nil {
		return nil, Signer{}, err
	}
	if err = Declare(ctx, s, configured, o.backend.Judge(configured, s)); err == nil {
		err = o.backend.Settle(ctx, c, s, now)
	}
	if err != nil {
		_ = s.Close() // nothing of it is of use
		return nil, Signer{}, err
	}
	return s, key, nil
}

// Settle implements Backend.
func (p *Process) Settle(ctx context.Context, c *config.Config, s Store, now time.Time) error {
	r, err := ledger(c, s, s)
	if err == nil {
		_, err = r.Settle(ctx, now, c.Period.To)
	}
	return err
}

// Bundled is what a bundle is made of.
type Bundled struct {
	Config *config.Config
	Store  Store
	Signer Signer
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
	cat, err := LoadCatalogue(b.Config)
	if err != nil {
		return nil, err
	}
	res, err := judgePeriod(ctx, cat, b.Config, b.Store, asOf)
	if err != nil {
		return nil, err
	}
	seen(res)
	sum, err := export.Write(ctx, w, export.Input{Organization: b.Config.Organization, Type: b.Config.Period.Type, Result: res, Catalogue: cat,
		Roots: rootKinds(b.Config), Log: b.Store, Sign: b.Signer.Sign, Generator: Generator(), Progress: func(done, total int64) { progress.Set("exporting", done, total) }})
	if err != nil {
		return nil, err
	}
	return &api.Exported{Files: sum.Files, Bytes: sum.Bytes, Entries: uint64(sum.Entries), Complete: sum.Complete, Key: b.Store.VerifierKey()}, nil
}

// judgePeriod judges the configured period as of asOf, or its end, by the evidence of the period alone.
func judgePeriod(ctx context.Context, cat *catalogue.Catalogue, c *config.Config, log EvidenceLog, asOf time.Time) (*result.Result, error) {
	if asOf.After(c.Period.To) {
		asOf = c.Period.To
	}
	acts, err := evidence.Acts(log.Entries(0))
	if err != nil {
		return nil, err
	}
	return evaluate(ctx, cat, c, periodFilter{log, periodOf(c)}, acts, asOf)
}
