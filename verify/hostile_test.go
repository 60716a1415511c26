package verify_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/store"
	"github.com/evidenced/evidenced/verify"
)

// TestTextIsHarmless: nothing that a bundle says reaches the terminal as more than text.
func TestTextIsHarmless(t *testing.T) {
	const bad = "x\x1b]0;title\a\nsound: nothing was changed\r\u009b2J\u202e\x7f"
	var b bytes.Buffer
	err := verify.Result{Key: bad, Failures: []verify.Failure{{Check: bad, File: bad, Detail: bad}}}.WriteText(&b)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x1b\a\r\u009b\u202e\x7f") || strings.Count(b.String(), "\n") != 5 {
		t.Fatalf("%q", b.String())
	}
}

// TestHostileKeyName: a bundle that its maker signed with a key whose name speaks to the terminal.
func TestHostileKeyName(t *testing.T) {
	s, key := filled(t, 2, 2)
	bundle := write(t, s, key, 2)
	for _, name := range []string{"a\x1b[2J", "acme\u202e", "", "a b", strings.Repeat("a", 201)} {
		bad := rewrite(t, bundle, func(file string, c []byte) []byte {
			if file == "manifest.json" {
				return bytes.Replace(c, []byte(`"key":"evidenced/acme`), []byte(`"key":"`+strings.ReplaceAll(name, "\x1b", "\\u001b")), 1)
			}
			return c
		}, nil)
		res := check(t, bad, "")
		wantFailure(t, res, "signature")
		if !strings.Contains(res.Failures[0].Detail, "letters, digits") {
			t.Errorf("%q: %v", name, res.Failures[0])
		}
	}
	if _, err := store.NewKey("evidenced/acme_1.x-2", nil); err != nil {
		t.Fatal(err)
	}
}

// TestSmallBundlesStaySmall: bundles that their maker signed well, made to
// cost time and memory. None may cost more than some ten times its manifest.
func TestSmallBundlesStaySmall(t *testing.T) {
	s, key := filled(t, 2, 2)
	bundle := write(t, s, key, 2)
	file := func(name string, content []byte) func(string, []byte) []byte {
		return func(path string, c []byte) []byte {
			if path == name {
				return content
			}
			return c
		}
	}
	again := func(line string, size int) []byte { return bytes.Repeat([]byte(line), size/len(line)) }
	for name, c := range map[string]struct {
		bundle []byte
		check  string
	}{
		"log of numbers":      {resealed(t, bundle, key, file("log/entries.jsonl", again("0\n", 40<<20))), "log"},
		"log of empty lines":  {resealed(t, bundle, key, file("log/entries.jsonl", again("\n", 40<<20))), "log"},
		"log of one line":     {resealed(t, bundle, key, file("log/entries.jsonl", again("[", 40<<20))), "log"},
		"many checkpoints":    {resealed(t, bundle, key, file("log/checkpoints.jsonl", again(`{"signed":"","size":1}`+"\n", 40<<20))), "checkpoint"},
		"a long checkpoint":   {resealed(t, bundle, key, file("log/checkpoints.jsonl", again("[", 40<<20))), "checkpoint"},
		"many proofs":         {resealed(t, bundle, key, file("log/proofs.jsonl", again(`{"index":0}`+"\n", 40<<20))), "proof"},
		"a proof of nulls":    {resealed(t, bundle, key, file("log/proofs.jsonl", []byte(`{"proof":[`+strings.Repeat("null,", 8<<20)+`null]}`+"\n"))), "proof"},
		"manifest of numbers": {manifest(t, bundle, []byte(`{"files":[`+strings.Repeat("0,", 20<<20)+`0]}`), zip.Store), "manifest"},
		"manifest of nothing": {manifest(t, bundle, []byte(`{"files":[`+strings.Repeat("{},", 13<<20)+`{}]}`), zip.Store), "manifest"},
		"manifest of nulls":   {manifest(t, bundle, []byte(`{"files":[`+strings.Repeat("null,", 8<<20)+`null]}`), zip.Store), "manifest"},
		"manifest too long":   {manifest(t, bundle, again(" ", 65<<20), zip.Store), "manifest"},
		"packed manifest":     {manifest(t, bundle, again(" ", 40<<20), zip.Deflate), "manifest"},
	} {
		t.Run(name, func(t *testing.T) {
			before := allocated()
			wantFailure(t, check(t, c.bundle, ""), c.check)
			if cost := allocated() - before; cost > 600<<20 {
				t.Errorf("cost %d MiB", cost>>20)
			}
		})
	}
}

// allocated counts every byte ever allocated, so it bounds what was held at a time.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// manifest gives an archive with another manifest.
func manifest(t *testing.T, bundle, raw []byte, method uint16) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(bundle), int64(len(bundle)))
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, f := range r.File {
		if f.Name != "manifest.json" {
			if err := w.Copy(f); err != nil {
				t.Fatal(err)
			}
			continue
		}
		dst, err := w.CreateHeader(&zip.FileHeader{Name: f.Name, Method: method})
		if err == nil {
			_, err = dst.Write(raw)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestManifestHasOneForm: whatever another reader might take for the same manifest is refused.
func TestManifestHasOneForm(t *testing.T) {
	s, key := filled(t, 2, 2)
	bundle := write(t, s, key, 2)
	for name, edit := range map[string]func(string) string{
		"spaces":        func(s string) string { return s + " " },
		"between files": func(s string) string { return strings.Replace(s, `},{"packed"`, `}, {"packed"`, 1) },
		"another case":  func(s string) string { return strings.Replace(s, `"organization"`, `"Organization"`, 1) },
		"case in files": func(s string) string { return strings.Replace(s, `"sha256"`, `"SHA256"`, 1) },
		"twice":         func(s string) string { return strings.Replace(s, `"files":[`, `"files":[],"files":[`, 1) },
		"more":          func(s string) string { return strings.Replace(s, `{"as_of"`, `{"a":1,"as_of"`, 1) },
		"more in files": func(s string) string { return strings.Replace(s, `{"packed"`, `{"a":1,"packed"`, 1) },
		"escape":        func(s string) string { return strings.Replace(s, `Acme`, `\u0041cme`, 1) },
		"no files": func(s string) string {
			i := strings.Index(s, `"files":[`)
			return s[:i] + `"files":[]` + s[strings.Index(s, `],"format"`)+1:]
		},
	} {
		t.Run(name, func(t *testing.T) {
			wantFailure(t, check(t, rewriteManifest(t, bundle, edit), ""), map[bool]string{true: "file", false: "manifest"}[name == "no files"])
		})
	}
}

func rewriteManifest(t *testing.T, bundle []byte, edit func(string) string) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(bundle), int64(len(bundle)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.Open("manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	changed := edit(string(raw))
	if changed == string(raw) {
		t.Fatal("nothing was changed")
	}
	return manifest(t, bundle, []byte(changed), zip.Store)
}

// TestStops: a check that was called off gives no verdict.
func TestStops(t *testing.T) {
	s, key := filled(t, 2, 2)
	path := filepath.Join(t.TempDir(), "b.zip")
	if err := os.WriteFile(path, write(t, s, key, 2), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	res, err := verify.File(ctx, path, verify.Options{Progress: func(int64, int64) { cancel() }})
	if !errors.Is(err, context.Canceled) || res.OK || res.Checked.Entries > 0 {
		t.Fatalf("%v %+v", err, res)
	}
}
