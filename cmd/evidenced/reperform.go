package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/export"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/verify"
)

// maxCatalogue bounds the catalogue of a bundle.
const maxCatalogue = 64 << 20

// reperform derives every verdict, gap, table and page of a bundle again, from
// its records and its catalogue. It counts the files, and names each that comes out otherwise.
func reperform(ctx context.Context, b *verify.Bundle) (derived int, failures []verify.Failure) {
	failures = []verify.Failure{}
	in, err := rejudge(ctx, b)
	if err != nil {
		return 0, append(failures, verify.Failure{Check: "reperform", File: "result.json", Detail: err.Error()})
	}
	err = export.Derive(in, b, func(path string, write func(io.Writer) error) error {
		derived++
		h := sha256.New()
		if err := write(h); err != nil {
			return err
		}
		if m, ok := b.Member(path); !ok || m.SHA256 != evidence.Hash(h.Sum(nil)) {
			failures = append(failures, verify.Failure{Check: "reperform", File: path, Detail: "derived from the evidence again, it comes out otherwise"})
		}
		return nil
	})
	if err != nil {
		failures = append(failures, verify.Failure{Check: "reperform", Detail: err.Error()})
	}
	return derived, failures
}

// rejudge evaluates the bundle's evidence by the bundle's catalogue.
func rejudge(ctx context.Context, b *verify.Bundle) (in export.Input, err error) {
	raw, err := b.Read("catalogue/catalogue.json", maxCatalogue)
	if err != nil {
		return in, err
	}
	m := b.Manifest
	in = export.Input{Organization: m.Organization, Type: m.Period.Type, Generator: m.Generator}
	if in.Catalogue, err = gap.Parse(raw); err != nil {
		return in, fmt.Errorf("read the catalogue: %w", err)
	}
	if raw, err = b.Read("catalogue/roots.json", 1<<20); err != nil {
		return in, err
	}
	if err := json.Unmarshal(raw, &in.Roots); err != nil {
		return in, fmt.Errorf("read the root kinds: %w", err)
	}
	in.Result, err = gap.Evaluate(ctx, in.Catalogue, b, gap.Period{From: m.Period.From, To: m.Period.To}, m.AsOf, gap.WithRoots(in.Roots))
	return in, err
}
