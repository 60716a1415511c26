package verify

import (
	"archive/zip"
	"fmt"
	"io"
	"iter"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

const (
	// Format is the version of the bundle that this package reads.
	Format        = "evidenced-bundle/1"
	manifestName  = "manifest.json"
	signatureName = "manifest.sig"
	entriesName   = "log/entries.jsonl"
	// maxManifest bounds the manifest: some 300 bytes a file.
	maxManifest = 512 << 20
)

// Manifest names every file of the bundle but itself and its signature.
type Manifest struct {
	Format       string         `json:"format"`
	Organization string         `json:"organization"`
	Period       ManifestPeriod `json:"period"`
	AsOf         time.Time      `json:"as_of"`
	Generator    string         `json:"generator"`
	// Complete is true if the bundle was made after the period's end.
	Complete bool        `json:"complete"`
	Log      ManifestLog `json:"log"`
	Files    []Member    `json:"files"`
}

// ManifestPeriod is the observation period; To is exclusive.
type ManifestPeriod struct {
	Type string    `json:"type"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Holds reports whether t lies in the period.
func (p ManifestPeriod) Holds(t time.Time) bool { return !t.Before(p.From) && t.Before(p.To) }

// ManifestLog states the log as it was when the bundle was made.
type ManifestLog struct {
	Size int           `json:"size"`
	Root evidence.Hash `json:"root"`
	Key  string        `json:"key"`
}

// Member is one file: its content, and how it is packed.
type Member struct {
	Path         string        `json:"path"`
	Size         int64         `json:"size"`
	SHA256       evidence.Hash `json:"sha256"`
	Packed       int64         `json:"packed"`
	PackedSHA256 evidence.Hash `json:"packed_sha256"`
}

// Bundle is an open bundle. Nothing in it is to be trusted before Check.
type Bundle struct {
	Manifest  Manifest
	file      *os.File
	size      int64
	raw       []byte // the manifest as it stands
	signature []byte
	zip       *zip.Reader
	members   map[string]*zip.File
}

// read reads the directory and the manifest.
func (b *Bundle) read() *Failure {
	var err error
	if b.zip, err = zip.NewReader(b.file, b.size); err != nil {
		return &Failure{"archive", "", "not a ZIP archive: " + err.Error()}
	}
	b.members = make(map[string]*zip.File, len(b.zip.File))
	for _, f := range b.zip.File {
		if b.members[f.Name] != nil {
			return &Failure{"archive", clean(f.Name), "the archive holds it twice"}
		}
		b.members[f.Name] = f
	}
	if b.raw, err = b.slurp(manifestName, maxManifest); err != nil {
		return &Failure{"manifest", manifestName, err.Error()}
	}
	if b.signature, err = b.slurp(signatureName, 1<<16); err != nil {
		return &Failure{"signature", signatureName, err.Error()}
	}
	if err := evidence.DecodeCanonical(b.raw, &b.Manifest); err != nil {
		return &Failure{"manifest", manifestName, err.Error()}
	}
	if b.Manifest.Format != Format {
		return &Failure{"manifest", manifestName, fmt.Sprintf("format %.40q, this program reads %q", b.Manifest.Format, Format)}
	}
	return b.names()
}

func (b *Bundle) slurp(name string, limit int64) ([]byte, error) {
	f := b.members[name]
	if f == nil {
		return nil, fmt.Errorf("it is not in the archive")
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return limited(r, limit)
}

var goodName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$`)

// names compares the names in the manifest with those in the archive.
func (b *Bundle) names() *Failure {
	listed := map[string]bool{manifestName: true, signatureName: true}
	for _, m := range b.Manifest.Files {
		switch {
		case !goodName.MatchString(m.Path) || strings.Contains(m.Path, ".."):
			return &Failure{"manifest", clean(m.Path), "not an allowed file name"}
		case listed[m.Path]:
			return &Failure{"manifest", m.Path, "listed twice"}
		case b.members[m.Path] == nil:
			return &Failure{"file", m.Path, "the manifest lists it, but it is not in the archive"}
		}
		listed[m.Path] = true
	}
	for _, f := range b.zip.File {
		if !listed[f.Name] {
			return &Failure{"file", clean(f.Name), "it is in the archive, but the manifest does not list it"}
		}
	}
	return nil
}

// clean makes a hostile name fit to print.
func clean(name string) string { return fmt.Sprintf("%.200q", name) }

// open opens a member's content, bounded by the size that the manifest states.
func (b *Bundle) open(m Member) (io.ReadCloser, error) {
	f := b.members[m.Path]
	if f == nil {
		return nil, fmt.Errorf("it is not in the archive")
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
	for _, m := range b.Manifest.Files {
		if m.Path == path {
			return m, true
		}
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
		for e, err := range lines[evidence.Entry](b, entriesName) {
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

// Records yields the records of a snapshot.
func (b *Bundle) Records(ref evidence.Ref) iter.Seq2[evidence.Record, error] {
	return lines[evidence.Record](b, recordsPath(ref.Hash))
}

func recordsPath(h evidence.Hash) string   { return "evidence/records/" + h.String() + ".jsonl" }
func exchangesPath(h evidence.Hash) string { return "evidence/exchanges/" + h.String() + ".jsonl" }

func lines[T any](b *Bundle, path string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		f := b.members[path]
		if f == nil {
			yield(zero, fmt.Errorf("%s is not in the bundle", path))
			return
		}
		r, err := f.Open()
		if err != nil {
			yield(zero, fmt.Errorf("open %s: %w", path, err))
			return
		}
		defer r.Close()
		for v, err := range evidence.ReadLines[T](r) {
			if err != nil {
				err = fmt.Errorf("%s: %w", path, err)
			}
			if !yield(v, err) {
				return
			}
		}
	}
}
