package verify_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
	"github.com/evidenced/evidenced/verify"
)

var newGolden = flag.Bool("new-golden", false, "write the golden bundle of the format, if there is none yet")

const golden = "testdata/golden"

// TestGoldenBundles: a bundle of each format that was ever written is sound for
// ever, and a change of one bit of it is found. They are never written anew.
func TestGoldenBundles(t *testing.T) {
	current := filepath.Join(golden, strings.ReplaceAll(verify.Format, "/", "-")+".zip")
	if _, err := os.Stat(current); err != nil && *newGolden {
		must(t, os.WriteFile(current, everything(t), 0o600))
	}
	all, err := filepath.Glob(golden + "/*.zip")
	must(t, err)
	if _, err := os.Stat(current); err != nil || len(all) < 2 {
		t.Fatalf("%d golden bundles, and of the current format: %v; `go test ./verify -run Golden -new-golden` makes it", len(all), err)
	}
	for _, path := range all {
		t.Run(filepath.Base(path), func(t *testing.T) {
			res, err := verify.File(context.Background(), path, verify.Options{Key: otherKey(t, "evidenced/acme", 7).Verifier, Witnesses: []string{newCosigner(1).vkey}})
			must(t, err)
			if !res.OK || res.ExitCode() != 0 {
				t.Fatalf("exit code %d, %+v", res.ExitCode(), res.Failures)
			}
			got, err := json.Marshal(res.Checked)
			must(t, err)
			counts := strings.TrimSuffix(path, ".zip") + ".json"
			if _, err := os.Stat(counts); err != nil && *newGolden {
				must(t, os.WriteFile(counts, append(got, '\n'), 0o600))
			}
			want, err := os.ReadFile(counts)
			must(t, err)
			if string(got) != strings.TrimSpace(string(want)) {
				t.Errorf("checked %s, want %s", got, want)
			}
			bundle, err := os.ReadFile(path)
			must(t, err)
			for at := 97; at < len(bundle); at += len(bundle) / 50 {
				bad := bytes.Clone(bundle)
				if bad[at] ^= 4; check(t, bad, "").OK {
					t.Errorf("a bit of byte %d was flipped, and nothing found", at)
				}
			}
		})
	}
}

// everything is the bundle of a log that has something of each sort of entry.
func everything(t *testing.T) []byte {
	t.Helper()
	s, _ := filled(t, 8, 6)
	_, err := s.Erase(context.Background(), store.Retention{Policy: "3 days", Before: begin.AddDate(0, 0, 2)})
	must(t, err)
	signed, size, err := s.Checkpoint()
	must(t, err)
	root, err := base64.StdEncoding.DecodeString(strings.Split(string(signed), "\n")[2])
	must(t, err)
	note(t, s, evidence.EntryAnchor, evidence.Anchor{Type: evidence.AnchorWitness, Name: "auditor", To: "https://witness.example", Size: size, Root: evidence.Hash(root),
		Digest: evidence.HashOf(signed), Receipt: []byte(newCosigner(1).line(signed, begin.AddDate(0, 0, 7).Add(6*time.Hour)))})
	must(t, s.Append(context.Background(), upload))
	next := otherKey(t, "evidenced/acme", 8)
	must(t, s.Rotate(context.Background(), next))
	until := begin.AddDate(1, 0, 0)
	note(t, s, evidence.EntryDecision, evidence.Decision{Verb: evidence.Accept, Gap: "G-0000000000", Reason: "known, ünd fine", Approver: "ann", Until: &until})
	must(t, s.Rotate(context.Background(), otherKey(t, "evidenced/acme", 9)))
	note(t, s, evidence.EntryAgent, map[string]any{"event": "heartbeat"})
	return write(t, s, otherKey(t, "evidenced/acme", 9), 7)
}

func upload(w evidence.Writer) error {
	ref, err := w.Blob(evidence.Series{Content: evidence.ContentFile}, strings.NewReader("%PDF minutes of a meeting"), 1)
	if err != nil {
		return err
	}
	e, err := evidence.WithBody(evidence.EntryUpload, evidence.Upload{Title: "minutes", Duties: []string{"gov.minutes"}, Effective: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		By: "ann", Files: []evidence.UploadFile{{Name: "minutes.pdf", Hash: ref.Hash, Size: ref.Size}}})
	if err != nil {
		return err
	}
	e.Blobs = []evidence.Ref{ref}
	_, err = w.Entry(e)
	return err
}
