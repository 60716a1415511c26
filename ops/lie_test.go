package ops_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/ops"
	"github.com/evidenced/evidenced/store"
	"github.com/evidenced/evidenced/verify"
)

// TestReperformFindsALyingGenerator: whoever writes bundles holds the key and
// leaves a gap out; the bundle is sound, but does not follow from its evidence.
func TestReperformFindsALyingGenerator(t *testing.T) {
	dir := demoFolder(t)
	c, err := ops.Load(filepath.Join(dir, "evidenced.yaml"), false)
	if err != nil {
		t.Fatal(err)
	}
	s, key, err := (&ops.Process{Path: c.Path}).OpenForWrite(c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b := ops.Bundled{Config: c, Store: s, Signer: key}
	for name, lie := range map[string]func(*result.Result){
		"honest":   func(*result.Result) {},
		"a gap":    func(r *result.Result) { r.Gaps = r.Gaps[1:] },
		"coverage": func(r *result.Result) { r.Slots.Missed, r.Slots.Collected = 0, r.Slots.Expected },
		"verdict":  func(r *result.Result) { r.Controls[0].Status = result.Pass },
	} {
		t.Run(name, func(t *testing.T) {
			var bundle bytes.Buffer
			if _, err := ops.WriteJudged(t.Context(), &bundle, b, c.Period.To, lie); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "b.zip")
			if err := os.WriteFile(path, bundle.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, again := range []bool{false, true} {
				res, err := ops.VerifyBundle(t.Context(), path, verify.Options{}, again, nil)
				if err != nil {
					t.Fatal(err)
				}
				if sound := name == "honest" || !again; res.OK != sound {
					t.Fatalf("reperform %t: ok %t, want %t: %v", again, res.OK, sound, res.Failures)
				}
			}
		})
	}
}

// TestNoBundleByAnotherKey: a bundle is signed by the key that signed its log, or not at all.
func TestNoBundleByAnotherKey(t *testing.T) {
	dir := demoFolder(t)
	c, err := ops.Load(filepath.Join(dir, "evidenced.yaml"), false)
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := (&ops.Process{Path: c.Path}).OpenForWrite(c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	wrong, err := store.NewKey("evidenced/acme", nil)
	if err != nil {
		t.Fatal(err)
	}
	var bundle bytes.Buffer
	if _, err := ops.WriteBundle(t.Context(), &bundle, ops.Bundled{Config: c, Store: s, Signer: ops.SignerOf(wrong)}, c.Period.To, nil); err == nil || bundle.Len() > 0 {
		t.Fatalf("%v, %d bytes written", err, bundle.Len())
	}
}
