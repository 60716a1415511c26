package verify

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/evidenced/evidenced/evidence"
)

const (
	// Format is the version of the bundle that is written; this package reads the
	// one before as well, for ever.
	Format        = "evidenced-bundle/2"
	format1       = "evidenced-bundle/1"
	manifestName  = "manifest.json"
	signatureName = "manifest.sig"
	entriesName   = "log/entries.jsonl"
	// maxManifest bounds the manifest: some 300 bytes a file.
	maxManifest = 64 << 20
	// maxSmall bounds the signature, a checkpoint, and a line with a proof.
	maxSmall = 64 << 10
	// maxEntry bounds an entry of the log.
	maxEntry = 16 << 20
)

// Bundle is an open bundle. Nothing in it is to be trusted before Check.
type Bundle struct {
	Manifest  Manifest
	file      *os.File
	size      int64
	raw       []byte // the manifest as it stands
	signature []byte
	zip       *zip.Reader
	members   map[string]*zip.File
	listed    map[string]int // place in the manifest, by path
	erased    map[evidence.Hash]evidence.Tombstone
	known     *sums // of lines of records that are of their form
}

// read reads the directory and the manifest.
func (b *Bundle) read() *Failure {
	if failure := b.directory(); failure != nil {
		return failure
	}
	var err error
	if b.raw, err = b.stored(manifestName, maxManifest); err != nil {
		return failed("manifest", manifestName, err)
	}
	if b.signature, err = b.stored(signatureName, maxSmall); err != nil {
		return failed("signature", signatureName, err)
	}
	if err := b.Manifest.read(b.raw); err != nil {
		return failed("manifest", manifestName, err)
	}
	return b.names()
}

// directory reads the archive's own list of its members.
func (b *Bundle) directory() *Failure {
	var err error
	if b.zip, err = zip.NewReader(b.file, b.size); err != nil {
		return failed("archive", "", fmt.Errorf("not a ZIP archive: %w", err))
	}
	b.members = make(map[string]*zip.File, len(b.zip.File))
	for _, f := range b.zip.File {
		if b.members[f.Name] != nil {
			return &Failure{"archive", clean(f.Name), "the archive holds it twice"}
		}
		b.members[f.Name] = f
	}
	return nil
}

// stored reads a member that no manifest bounds. It must not be compressed:
// then it costs no more memory than the archive has bytes.
func (b *Bundle) stored(name string, limit int64) ([]byte, error) {
	if f := b.members[name]; f != nil && (f.Method != zip.Store || f.UncompressedSize64 != f.CompressedSize64) {
		return nil, errors.New("it is compressed, but must be stored")
	}
	return b.slurp(name, limit)
}

func (b *Bundle) slurp(name string, limit int64) ([]byte, error) {
	f := b.members[name]
	if f == nil {
		return nil, errors.New("it is not in the archive")
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return limited(r, limit)
}

// open opens a member's content, bounded by the size that the manifest states.
func (b *Bundle) open(m Member) (io.ReadCloser, error) {
	f := b.members[m.Path]
	if f == nil {
		return nil, errors.New("it is not in the archive")
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(r, m.Size+1), r}, nil
}

// Member finds a file by path.
func (b *Bundle) Member(path string) (Member, bool) {
	if i, ok := b.listed[path]; ok {
		return b.Manifest.Files[i], true
	}
	return Member{}, false
}

// Read reads a whole file of the bundle, at most limit bytes.
func (b *Bundle) Read(path string, limit int64) ([]byte, error) {
	out, err := b.slurp(path, limit)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", clean(path), err)
	}
	return out, nil
}

// Entries yields the log of the bundle from an index on, in order.
func (b *Bundle) Entries(from uint64) iter.Seq2[evidence.Entry, error] {
	return func(yield func(evidence.Entry, error) bool) {
		for e, err := range lines[evidence.Entry](b, entriesName, maxEntry) {
			if err == nil && e.Index < from {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// VerifierKey is the key that signed the bundle.
func (b *Bundle) VerifierKey() string { return b.Manifest.Log.Key }

// Runs yields the runs of the log, in order.
func (b *Bundle) Runs() iter.Seq2[evidence.Run, error] {
	return func(yield func(evidence.Run, error) bool) {
		for e, err := range b.Entries(0) {
			var run evidence.Run
			if err == nil && e.Run == nil {
				continue
			}
			if err == nil {
				run = *e.Run
			}
			if !yield(run, err) || err != nil {
				return
			}
		}
	}
}

// Lines yields the records of a snapshot, each to be decoded by who needs it.
// Those that retention took away are evidence.ErrErased.
func (b *Bundle) Lines(ref evidence.Ref) iter.Seq2[evidence.Line, error] {
	path := recordsPath(ref.Hash)
	if _, ok := b.Member(path); !ok && b.wasErased(ref.Hash) {
		return func(yield func(evidence.Line, error) bool) {
			yield(evidence.Line{}, fmt.Errorf("%s: %w", path, evidence.ErrErased))
		}
	}
	return read(b, path, func(r io.Reader) iter.Seq2[evidence.Line, error] {
		return evidence.ReadRecordLines(r, evidence.MaxLine, path)
	})
}

// Records yields the records of a snapshot. Those that retention took away are
// evidence.ErrErased.
func (b *Bundle) Records(ref evidence.Ref) iter.Seq2[evidence.Record, error] {
	return evidence.DecodeLines(b.Lines(ref))
}

// wasErased reports a blob that the log says was erased.
func (b *Bundle) wasErased(h evidence.Hash) bool {
	if b.erased == nil {
		b.erased, _ = evidence.Tombstones(b.Entries(0)) // a log that does not read erases nothing
	}
	_, erased := b.erased[h]
	return erased
}

func recordsPath(h evidence.Hash) string   { return "evidence/records/" + h.String() + ".jsonl" }
func filesPath(h evidence.Hash) string     { return "evidence/files/" + h.String() }
func exchangesPath(h evidence.Hash) string { return "evidence/exchanges/" + h.String() + ".jsonl" }

// lines reads a file line by line, no further than the manifest says it goes.
func lines[T any](b *Bundle, path string, longest int) iter.Seq2[T, error] {
	return read(b, path, func(r io.Reader) iter.Seq2[T, error] {
		return func(yield func(T, error) bool) {
			for v, err := range evidence.ReadShortLines[T](r, longest) {
				if err != nil {
					err = fmt.Errorf("%s: %w", path, err)
				}
				if !yield(v, err) {
					return
				}
			}
		}
	})
}

// read opens a file and gives what each finds in it.
func read[T any](b *Bundle, path string, each func(io.Reader) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		m, ok := b.Member(path)
		if !ok {
			yield(zero, fmt.Errorf("%s is not in the bundle", path))
			return
		}
		r, err := b.open(m)
		if err != nil {
			yield(zero, fmt.Errorf("open %s: %w", path, err))
			return
		}
		defer r.Close()
		for v, err := range each(r) {
			if !yield(v, err) {
				return
			}
		}
	}
}
