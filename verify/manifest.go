package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// Manifest names every file of the bundle but itself and its signature.
type Manifest struct {
	Format       string         `json:"format"`
	Organization string         `json:"organization"`
	Period       ManifestPeriod `json:"period"`
	AsOf         time.Time      `json:"as_of"`
	Generator    string         `json:"generator"`
	// Complete is true if the bundle was made after the period's end, and all of the period was read.
	Complete bool `json:"complete"`
	// Controls are the only ones that the bundle is of, and Kinds those whose evidence
	// it holds; nil means all.
	Controls []string        `json:"controls,omitempty"`
	Kinds    []evidence.Kind `json:"kinds,omitempty"`
	Log      ManifestLog     `json:"log"`
	Files    []Member        `json:"files"`
}

// ManifestPeriod is the observation period; To is exclusive.
type ManifestPeriod struct {
	Type string    `json:"type"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Holds reports whether t lies in the period.
func (p ManifestPeriod) Holds(t time.Time) bool { return !t.Before(p.From) && t.Before(p.To) }

// of reports whether the bundle holds evidence of a kind.
func (m *Manifest) of(k evidence.Kind) bool { return m.Kinds == nil || slices.Contains(m.Kinds, k) }

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

// UnmarshalJSON takes a file's line in the manifest only in its one form. So
// no text of the manifest can become much more in memory than it is.
func (m *Member) UnmarshalJSON(b []byte) error {
	type plain Member // without this method
	var p plain
	if err := decodeStrict(b, &p); err != nil {
		return err
	}
	again, err := Member(p).canonical()
	if err != nil {
		return err
	}
	if !bytes.Equal(again, b) {
		return errNotCanonical
	}
	*m = Member(p)
	return nil
}

func (m Member) canonical() ([]byte, error) {
	return evidence.Canonical(map[string]any{"path": m.Path, "size": m.Size, "sha256": m.SHA256.String(),
		"packed": m.Packed, "packed_sha256": m.PackedSHA256.String()})
}

var errNotCanonical = errors.New("not canonical JSON")

func decodeStrict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// read reads the manifest and refuses any but its one form. It never makes a
// tree of the text: this comes before any signature was checked, so it is
// bounded by what each file's line may be.
func (m *Manifest) read(raw []byte) error {
	if err := decodeStrict(raw, m); err != nil {
		return err
	}
	if m.Format != Format && m.Format != format1 {
		return fmt.Errorf("format %.40q, this program reads %q and %q", m.Format, format1, Format)
	}
	return m.same(raw)
}

// same compares raw with the canonical form: that of a manifest without files,
// around the files, each of which was compared when it was read.
func (m *Manifest) same(raw []byte) error {
	const none = `"files":null`
	frame := *m
	frame.Files = nil
	text, err := evidence.Canonical(frame)
	if err != nil {
		return err
	}
	before, after, _ := bytes.Cut(text, []byte(none))
	rest, ok := bytes.CutPrefix(raw, append(before, `"files":[`...))
	for i := 0; ok && i < len(m.Files); i++ {
		var file []byte
		if file, err = m.Files[i].canonical(); err != nil {
			return err
		}
		if i > 0 {
			file = slices.Insert(file, 0, ',')
		}
		rest, ok = bytes.CutPrefix(rest, file)
	}
	if !ok || string(rest) != "]"+string(after) {
		return errNotCanonical
	}
	return nil
}
