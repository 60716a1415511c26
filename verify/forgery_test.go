package verify_test

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
	"github.com/evidenced/evidenced/verify"
)

// TestForgeriesOfTheHolder are bundles that the holder of the signing key packed
// and signed anew: what each of them does, which check finds it, and how it says so.
func TestForgeriesOfTheHolder(t *testing.T) {
	s, key := filled(t, 5, 5)
	bundle := write(t, s, key, 5)
	for name, c := range holderForgeries() {
		t.Run(name, func(t *testing.T) {
			res := check(t, c.packed(t, bundle, key), s.VerifierKey())
			if res.OK {
				t.Fatal("it was taken for sound")
			}
			for _, f := range res.Failures {
				if f.Check == c.check && strings.Contains(f.Detail, c.says) {
					return
				}
			}
			t.Errorf("no failure of %q says %q: %+v", c.check, c.says, res.Failures)
		})
	}
}

// foundForgery is a forgery, the check that finds it, and what it says.
type foundForgery struct {
	forgery
	check, says string
}

func holderForgeries() map[string]foundForgery {
	content := func(name string, f func(string) string) forgery {
		return forgery{edit: func(n string, c []byte) []byte {
			if n == name {
				return []byte(f(string(c)))
			}
			return c
		}}
	}
	added := func(name string) forgery { return forgery{add: name} }
	return map[string]foundForgery{
		"a test is weakened": {content("catalogue/catalogue.json", func(c string) string {
			return strings.Replace(c, `"pass":"`, `"pass":"true || `, 1)
		}), "catalogue", "in force, by entry 1 of the log, is"},
		"a test is left out": {content("catalogue/catalogue.json", func(c string) string {
			return strings.Replace(c, `"severity":"high"`, `"severity":"low"`, 1)
		}), "catalogue", "in force"},
		"the key is another in key.txt": {content("log/key.txt", func(string) string { return "evidenced/acme+00000000+AAAA\n" }), "log", "another key than the manifest"},
		"key.txt is emptied":            {content("log/key.txt", func(string) string { return "" }), "log", "another key than the manifest"},
		"the checkpoints are emptied":   {content("log/checkpoints.jsonl", func(string) string { return "" }), "checkpoint", "was taken out"},
		"one checkpoint is taken out": {content("log/checkpoints.jsonl", func(c string) string {
			l := strings.SplitAfter(c, "\n")
			return strings.Join(append(l[:1:1], l[2:]...), "")
		}), "checkpoint", "was taken out"},
		"the last checkpoint is taken out":     {content("log/checkpoints.jsonl", func(c string) string { l := strings.SplitAfter(c, "\n"); return strings.Join(l[:len(l)-2], "") }), "checkpoint", "the last checkpoint covers"},
		"the first checkpoint is taken out":    {content("log/checkpoints.jsonl", func(c string) string { l := strings.SplitAfter(c, "\n"); return strings.Join(l[1:], "") }), "checkpoint", "was taken out"},
		"a proof is taken out":                 {content("log/proofs.jsonl", func(c string) string { l := strings.SplitAfter(c, "\n"); return strings.Join(l[:len(l)-2], "") }), "proof", "proofs for"},
		"a page in other case":                 {added("INDEX.HTML"), "manifest", "it is"},
		"a table in other case":                {added("controls/MATRIX.csv"), "manifest", "it is"},
		"a device of Windows":                  {added("NUL.txt"), "manifest", "every system"},
		"a device of Windows, in a folder":     {added("controls/con/control.txt"), "manifest", "every system"},
		"a name that ends in a dot":            {added("a."), "manifest", "every system"},
		"a file that no bundle has":            {added("controls/mfa-cloud-console/approved.pdf"), "manifest", "no file of this name"},
		"a second page":                        {added("verdicts.html"), "manifest", "no file of this name"},
		"a record that the log does not name":  {added("evidence/records/" + strings.Repeat("0", 64) + ".jsonl"), "evidence", "no entry of the log names it"},
		"a page is left out":                   {forgery{drop: "index.html"}, "file", "every bundle has it"},
		"the gaps are left out":                {forgery{drop: "gaps.jsonl"}, "file", "every bundle has it"},
		"the list of uploads is left out":      {forgery{drop: "evidence/manual.csv"}, "file", "every bundle has it"},
		"a snapshot is left out":               {forgery{drop: "evidence/records/"}, "evidence", ""},
		"something stands behind the stream":   {forgery{behind: "index.html"}, "file", "stand after its deflate stream"},
		"something stands behind the evidence": {forgery{behind: "evidence/records/"}, "file", "stand after its deflate stream"},
		"it calls itself complete":             {forgery{manifest: func(m *verify.Manifest) { m.Log.Size = 4 }}, "log", ""},
		"it is of another period":              {forgery{manifest: func(m *verify.Manifest) { m.Period.From = m.Period.From.AddDate(0, 0, 1) }}, "evidence", "no entry of the log names it"},
	}
}

// forgery is one change to a bundle, before it is packed and signed anew.
type forgery struct {
	edit     func(name string, content []byte) []byte
	add      string // a name
	drop     string // what the name of the first member that is left out begins with
	behind   string // likewise, of the member that gets bytes behind its deflate stream
	manifest func(*verify.Manifest)
}

// packed is the bundle with the forgery, packed and signed anew.
func (f forgery) packed(t *testing.T, bundle []byte, key *store.Key) []byte {
	t.Helper()
	return f.pack(t, bundle, func(m verify.Manifest, order []string, content func(string) []byte, behind string) []byte {
		return packBehind(t, m, order, content, behind, key.Sign)
	})
}

func (f forgery) pack(t *testing.T, bundle []byte, pack func(verify.Manifest, []string, func(string) []byte, string) []byte) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(bundle), int64(len(bundle)))
	must(t, err)
	files, order := map[string][]byte{}, []string{}
	behind, dropped := "", false
	for _, member := range r.File {
		rc, err := member.Open()
		must(t, err)
		files[member.Name], err = io.ReadAll(rc)
		must(t, err)
		switch {
		case strings.HasPrefix(member.Name, "manifest."):
		case f.drop != "" && !dropped && strings.HasPrefix(member.Name, f.drop):
			dropped = true
		default:
			order = append(order, member.Name)
			if f.behind != "" && behind == "" && strings.HasPrefix(member.Name, f.behind) {
				behind = member.Name
			}
		}
	}
	if f.add != "" {
		order, files[f.add] = append(order, f.add), []byte("x\n")
	}
	var m verify.Manifest
	must(t, evidence.DecodeCanonical(files["manifest.json"], &m))
	if f.manifest != nil {
		f.manifest(&m)
	}
	edit := f.edit
	if edit == nil {
		edit = func(_ string, c []byte) []byte { return c }
	}
	return pack(m, order, func(name string) []byte { return edit(name, files[name]) }, behind)
}
