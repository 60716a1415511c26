package verify

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/evidenced/evidenced/evidence"
)

// required are the members that every bundle has.
var required = []string{"README.txt", "index.html", "catalogue/catalogue.json", "catalogue/roots.json", "gaps.jsonl", "result.json", "controls/matrix.csv",
	"evidence/index.csv", "evidence/manual.csv", "decisions.csv", entriesName, checkpointsName, latestName, proofsName, keyTextName}

const keyTextName = "log/key.txt"

// optional are the forms of all other members.
var optional = regexp.MustCompile(`^(evidence/erased\.csv` +
	`|evidence/(records|exchanges)/[0-9a-f]{64}\.jsonl|evidence/files/[0-9a-f]{64}` +
	`|controls/[A-Za-z0-9_.-]+/(control\.txt|tests\.csv|gaps\.csv|duties\.csv|population-[a-z0-9_.-]+\.csv)` +
	`|populations/[a-z0-9_.-]+\.csv)$`)

// goodName is a name that every system can unpack, each part of it.
var goodName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$`)

// reserved are names that Windows keeps for devices, whatever follows a dot.
var reserved = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$`)

// nameProblem says why a member may not be called so; empty if it may.
func nameProblem(name string) string {
	if !goodName.MatchString(name) || strings.Contains(name, "..") {
		return "not an allowed file name"
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasSuffix(part, ".") || reserved.MatchString(part) {
			return "not a file name that every system can unpack"
		}
	}
	if !slices.Contains(required, name) && !optional.MatchString(name) {
		return "a bundle has no file of this name"
	}
	return ""
}

// names compares the names in the manifest with those in the archive, and with
// the closed list of what a bundle holds.
func (b *Bundle) names() *Failure {
	b.listed = make(map[string]int, len(b.members))
	folded := make(map[string]string, len(b.members))
	for i, m := range b.Manifest.Files {
		_, twice := b.listed[m.Path]
		other, alike := folded[strings.ToLower(m.Path)]
		problem := nameProblem(m.Path)
		switch {
		case twice || m.Path == manifestName || m.Path == signatureName:
			return &Failure{"manifest", clean(m.Path), "listed twice"}
		case alike:
			return &Failure{"manifest", clean(m.Path), fmt.Sprintf("where names of other case are the same, it is %s", clean(other))}
		case problem != "":
			return &Failure{"manifest", clean(m.Path), problem}
		case b.members[m.Path] == nil:
			return &Failure{"file", clean(m.Path), "the manifest lists it, but it is not in the archive"}
		}
		b.listed[m.Path] = i
		folded[strings.ToLower(m.Path)] = m.Path
	}
	for _, f := range b.zip.File {
		if _, ok := b.listed[f.Name]; !ok && f.Name != manifestName && f.Name != signatureName {
			return &Failure{"file", clean(f.Name), "it is in the archive, but the manifest does not list it"}
		}
	}
	for _, name := range required {
		if _, ok := b.listed[name]; !ok {
			return &Failure{"file", name, "every bundle has it, and this one does not"}
		}
	}
	return nil
}

// clean makes a hostile name fit to print.
func clean(name string) string { return fmt.Sprintf("%.200q", name) }

// counter counts the bytes that are taken from it one by one, as a reader of a
// deflate stream does.
type counter struct {
	r io.ByteReader
	n int64
}

// Read is there for io.Reader; a reader of a deflate stream calls ReadByte.
func (c *counter) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b, err := c.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = b
	return 1, nil
}

// ReadByte implements io.ByteReader.
func (c *counter) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

// inflate unpacks packed bytes to w, at most limit, and returns how many of the
// packed bytes the stream has: what follows it says nothing, and could hold anything.
func inflate(w io.Writer, packed io.ByteReader, limit int64) (unpacked, used int64, err error) {
	c := &counter{r: packed}
	unpacked, err = io.Copy(w, io.LimitReader(flate.NewReader(c), limit))
	return unpacked, c.n, err
}

// stated checks the small files of the log that say what is said elsewhere too.
func (c *check) stated() {
	text, err := c.b.Read(keyTextName, maxSmall)
	if err != nil {
		c.fail("log", keyTextName, "%v", err)
	} else if string(text) != c.b.Manifest.Log.Key+"\n" {
		c.fail("log", keyTextName, "it names another key than the manifest, %s", c.b.Manifest.Log.Key)
	}
	c.catalogueOfLog()
	c.rootsOfLog()
}

// maxCatalogue bounds the catalogue of a bundle.
const maxCatalogue = 64 << 20

// catalogueOfLog holds the tests to the log: the catalogue of the bundle is the
// one that the log says is in force.
func (c *check) catalogueOfLog() {
	const name = "catalogue/catalogue.json"
	text, err := c.b.Read(name, maxCatalogue)
	switch {
	case err != nil:
		c.fail("catalogue", name, "%v", err)
	case len(c.catalogues) == 0:
		c.fail("catalogue", name, "the log does not say by which catalogue was judged")
	case evidence.HashOf(text).String() != c.catalogues[len(c.catalogues)-1].digest:
		c.fail("catalogue", name, "it has the digest %s; in force, by entry %d of the log, is %s", evidence.HashOf(text), c.catalogues[len(c.catalogues)-1].entry, c.catalogues[len(c.catalogues)-1].digest)
	}
}

// inForce is a catalogue or a configuration that came into force.
type inForce struct {
	entry  uint64
	digest string
}

// declared takes an entry that says what is in force from here on.
func (c *check) declared(e evidence.Entry) error {
	var body struct {
		Digest  string `json:"digest"`
		YAML    string `json:"yaml"`
		Sources map[string]struct {
			Root string `json:"root"`
		} `json:"sources"`
	}
	switch e.Type {
	case evidence.EntryCatalogue:
		if err := decodeLoosely(e.Body, &body); err != nil {
			return err
		}
		c.catalogues = append(c.catalogues, inForce{e.Index, body.Digest})
	case evidence.EntryConfig:
		if err := decodeLoosely(e.Body, &body); err != nil {
			return err
		}
		if evidence.HashOf([]byte(body.YAML)).String() != body.Digest {
			return errors.New("the configuration does not have the digest that stands beside it")
		}
		c.configs++
		c.roots = nil
		for name, source := range body.Sources {
			if c.roots == nil {
				c.roots = map[string]string{}
			}
			c.roots[name] = source.Root
		}
	default:
		return nil
	}
	if n := len(c.catalogues) + c.configs; n > 0 && c.b.Manifest.Period.Holds(e.Recorded) {
		c.changed(e)
	}
	return nil
}

// changed counts what came into force within the period, but for the first of its sort.
func (c *check) changed(e evidence.Entry) {
	switch {
	case e.Type == evidence.EntryCatalogue && len(c.catalogues) > 1:
		c.res.Changes = append(c.res.Changes, fmt.Sprintf("entry %d, %s: another catalogue of controls and tests", e.Index, e.Recorded.UTC().Format("2006-01-02 15:04")))
	case e.Type == evidence.EntryConfig && c.configs > 1:
		c.res.Changes = append(c.res.Changes, fmt.Sprintf("entry %d, %s: another configuration of the collection", e.Index, e.Recorded.UTC().Format("2006-01-02 15:04")))
	}
}

// rootsOfLog holds roots.json to what the log says with the configuration. Logs
// of before that was written down say nothing of it.
func (c *check) rootsOfLog() {
	const name = "catalogue/roots.json"
	raw, err := c.b.Read(name, maxSmall)
	if err != nil {
		c.fail("catalogue", name, "%v", err)
		return
	}
	want, err := evidence.Canonical(c.roots)
	if err != nil {
		c.fail("catalogue", name, "%v", err)
		return
	}
	if c.roots != nil && !bytes.Equal(raw, want) {
		c.fail("catalogue", name, "it does not name the root kinds of the configuration in force, by the log")
	}
}

// decodeLoosely reads the members of the body of an entry that v has.
func decodeLoosely(b []byte, v any) error { return json.Unmarshal(b, v) }
