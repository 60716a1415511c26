package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
)

// Format is the version of the bundle that this package writes.
const Format = "evidenced-bundle/2"

// What docs/bundle.md lets a manifest and an entry of the log have at most, in bytes.
const (
	maxManifest = 64 << 20
	maxEntry    = 16 << 20
)

// Source is what the derived files of a bundle follow from; a store fulfils
// it, and so does a bundle.
type Source interface {
	gap.Evidence
	Entries(from uint64) iter.Seq2[evidence.Entry, error]
	VerifierKey() string
}

// Log is what a bundle is written from; a store fulfils it.
type Log interface {
	Source
	Leaves(from uint64) iter.Seq2[[]byte, error]
	Checkpoints() iter.Seq2[evidence.Checkpoint, error]
	Proof(index, size uint64) ([]evidence.Hash, error)
	Blob(evidence.Hash) (io.ReadCloser, error)
}

// Input is everything that a bundle follows from: same input, same bytes.
type Input struct {
	Organization string
	// Type is TypeI, as of a date, or "II", over a period.
	Type      string
	Result    *result.Result
	Catalogue *catalogue.Catalogue
	// Controls are the only ones that the bundle is of, and Kinds those whose evidence
	// it holds, both sorted; nil means all. Limit sets them.
	Controls []string
	Kinds    []evidence.Kind
	// Derived are missed collections that follow from the schedule, and that no entry
	// of the log tells of.
	Derived []evidence.Run
	Log     Log
	// Roots are the root kinds of the sources, as the result was made with them.
	Roots map[string]evidence.Kind
	// Sign gives a signed note of a text that ends in a newline.
	Sign func(text string) ([]byte, error)
	// Generator names the program and its version.
	Generator string
	// Progress is told how many of the files are written. It may be nil.
	Progress func(done, total int64)
}

// TypeI is the type of a bundle that is as of a date, and of no period.
const TypeI = "I"

// Limit lets the bundle be of some controls alone, with the evidence of the kinds
// that they read and of the root kinds, from which the scopes follow.
func (in *Input) Limit(controls []string) {
	if len(controls) == 0 {
		return
	}
	in.Controls = slices.Compact(slices.Sorted(slices.Values(controls)))
	for _, c := range in.Judged().Controls {
		in.Kinds = append(in.Kinds, in.Catalogue.Reads(c)...)
	}
	for _, k := range in.Roots {
		in.Kinds = append(in.Kinds, k)
	}
	slices.Sort(in.Kinds)
	in.Kinds = slices.Compact(in.Kinds)
}

// Judged returns the catalogue with the controls that the bundle is of.
func (in *Input) Judged() *catalogue.Catalogue {
	if in.Controls == nil {
		return in.Catalogue
	}
	return in.Catalogue.Only(in.Controls)
}

// Complete reports whether nothing of what the bundle is of is still to come.
func (in *Input) Complete() bool { return in.Type == TypeI || in.Result.Whole() }

// Summary says what was written.
type Summary struct {
	Files   int   `json:"files"`
	Bytes   int64 `json:"bytes"` // unpacked
	Entries int   `json:"entries"`
	// Complete is false if the period had not ended, or its last events were not read yet.
	Complete bool `json:"complete"`
}

// manifest is manifest.json; docs/bundle.md describes it.
type manifest struct {
	Format       string          `json:"format"`
	Organization string          `json:"organization"`
	Period       period          `json:"period"`
	AsOf         time.Time       `json:"as_of"`
	Generator    string          `json:"generator"`
	Complete     bool            `json:"complete"`
	Controls     []string        `json:"controls,omitempty"`
	Kinds        []evidence.Kind `json:"kinds,omitempty"`
	Log          manifestLog     `json:"log"`
	Files        []Member        `json:"files"`
}

type period struct {
	Type string    `json:"type"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

type manifestLog struct {
	Size int           `json:"size"`
	Root evidence.Hash `json:"root"`
	Key  string        `json:"key"`
}

// Write writes the bundle to w. It fails closed: a blob that is missing or is
// not what the log says ends it with an error, and what was written by then is
// no bundle, because its manifest is missing.
func Write(ctx context.Context, w io.Writer, in Input) (Summary, error) {
	if in.Progress == nil {
		in.Progress = func(int64, int64) {}
	}
	a, err := newArchive(ctx, w)
	if err != nil {
		return Summary{}, fmt.Errorf("export: %w", err)
	}
	b := &bundle{derived: derived{Input: in, from: in.Log, file: a.file}, archive: a}
	if err := b.write(); err != nil {
		return Summary{}, err
	}
	s := Summary{Files: len(a.members), Entries: b.log.Size, Complete: b.Complete()}
	for _, m := range a.members {
		s.Bytes += m.Size
	}
	return s, nil
}

// Derive gives every file of a bundle that follows from its evidence, to
// compare it with the one that stands there: in needs no Log and no Sign.
func Derive(in Input, from Source, file func(path string, write func(io.Writer) error) error) error {
	d := &derived{Input: in, from: from, file: file}
	return d.write()
}

// bundle is one bundle while it is written.
type bundle struct {
	derived
	archive *archive
	log     manifestLog
	refs    refs
}

func (b *bundle) write() error {
	for _, step := range []func() error{b.derived.write, b.collectRefs, b.blobs, b.logFiles, b.seal} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// derived is the part of a bundle that follows from its evidence.
type derived struct {
	Input
	from Source
	file func(path string, write func(io.Writer) error) error
}

// of reports whether the bundle holds evidence of a kind.
func (in *Input) of(k evidence.Kind) bool { return in.Kinds == nil || slices.Contains(in.Kinds, k) }

// span tells which collections belong to the bundle.
func (b *derived) span() *evidence.Span {
	return &evidence.Span{From: b.Result.Period.From, To: b.Result.Period.To, AsOf: b.Result.AsOf}
}

func (b *derived) write() error {
	for _, step := range []func() error{b.readme, b.index, b.judgement, b.controls, b.evidenceIndex, b.acts} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// judgement writes what the engine said, and what it said it by.
func (b *derived) judgement() error {
	catalogue, err := b.Catalogue.Canonical()
	if err != nil {
		return fmt.Errorf("export catalogue: %w", err)
	}
	roots, err := evidence.Canonical(b.Roots)
	if err != nil {
		return fmt.Errorf("export roots: %w", err)
	}
	gaps, err := evidence.Lines(b.Result.Gaps)
	if err != nil {
		return fmt.Errorf("export gaps: %w", err)
	}
	result, err := evidence.Canonical(b.Result)
	if err != nil {
		return fmt.Errorf("export result: %w", err)
	}
	return errors.Join(b.file("catalogue/catalogue.json", text(catalogue)), b.file("catalogue/roots.json", text(roots)),
		b.file("gaps.jsonl", text(gaps)), b.file("result.json", text(result)))
}

func text(content []byte) func(io.Writer) error {
	return func(w io.Writer) error { _, err := w.Write(content); return err }
}

// seal writes the manifest over all files, and its signature.
func (b *bundle) seal() error {
	raw, err := evidence.Canonical(manifest{
		Format: Format, Organization: b.Organization, AsOf: b.Result.AsOf, Generator: b.Generator, Complete: b.Complete(), Controls: b.Controls, Kinds: b.Kinds,
		Period: period{b.Type, b.Result.Period.From, b.Result.Period.To}, Log: b.log, Files: b.archive.members,
	})
	if err != nil {
		return fmt.Errorf("export manifest: %w", err)
	}
	if len(raw) > maxManifest {
		return fmt.Errorf("export: a manifest of %d files has %d bytes, more than the %d that are read again: export a shorter period", len(b.archive.members), len(raw), maxManifest)
	}
	signature, err := b.Sign("evidenced bundle manifest\n" + evidence.HashOf(raw).String() + "\n")
	if err != nil {
		return fmt.Errorf("sign manifest: %w", err)
	}
	if err := errors.Join(b.archive.stored("manifest.json", raw), b.archive.stored("manifest.sig", signature)); err != nil {
		return err
	}
	if err := b.archive.zip.Close(); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

// refs are the blobs that belong to the period, in log order, each once.
type refs struct {
	records, exchanges, files []evidence.Ref
	seen                      map[string]bool
	total                     int64
}

func (r *refs) add(list *[]evidence.Ref, folder string, ref *evidence.Ref, gone map[evidence.Hash]evidence.Tombstone) {
	if ref == nil || r.seen[folder+ref.Hash.String()] {
		return
	}
	if _, erased := gone[ref.Hash]; erased {
		return
	}
	r.seen[folder+ref.Hash.String()] = true
	*list = append(*list, *ref)
	r.total++
}

func (b *bundle) collectRefs() error {
	b.refs.seen = map[string]bool{}
	gone, err := evidence.Tombstones(b.Log.Entries(0))
	if err != nil {
		return fmt.Errorf("export: read the log: %w", err)
	}
	span := b.span()
	for e, err := range b.Log.Entries(0) {
		if err != nil {
			return fmt.Errorf("export: read the log: %w", err)
		}
		for _, ref := range e.Blobs {
			b.refs.add(&b.refs.files, "files/", &ref, gone)
		}
		if run := e.Run; run != nil && span.Holds(*run) && b.of(run.Stream.Kind) {
			b.refs.add(&b.refs.records, "records/", run.Records, gone)
			b.refs.add(&b.refs.exchanges, "exchanges/", run.Exchanges, gone)
		}
	}
	return nil
}

func recordsPath(h evidence.Hash) string   { return "evidence/records/" + h.String() + ".jsonl" }
func filesPath(h evidence.Hash) string     { return "evidence/files/" + h.String() }
func exchangesPath(h evidence.Hash) string { return "evidence/exchanges/" + h.String() + ".jsonl" }

// blobs writes the records and the raw exchanges, each blob once.
func (b *bundle) blobs() error {
	done := int64(0)
	for _, part := range []struct {
		refs []evidence.Ref
		path func(evidence.Hash) string
	}{{b.refs.records, recordsPath}, {b.refs.exchanges, exchangesPath}, {b.refs.files, filesPath}} {
		for _, ref := range part.refs {
			if err := b.file(part.path(ref.Hash), b.blob(ref)); err != nil {
				return err
			}
			done++
			b.Progress(done, b.refs.total)
		}
	}
	return nil
}

func (b *bundle) blob(ref evidence.Ref) func(io.Writer) error {
	return func(w io.Writer) error {
		r, err := b.Log.Blob(ref.Hash)
		if err != nil {
			return err
		}
		_, err = io.Copy(w, r)
		return errors.Join(err, r.Close())
	}
}

// line is the JSON of one line of a log file.
func line(w io.Writer, v any) error {
	raw, err := evidence.Canonical(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(raw, '\n'))
	return err
}
