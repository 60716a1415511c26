package verify_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/evidence"
)

var newVectors = flag.Bool("new-vectors", false, "write the test vectors anew")

// vectors are values that a verifier must come to.
type vectors struct {
	Canonical  []canonicalVector `json:"canonical"`
	Key        string            `json:"key"`
	PublicKey  string            `json:"public_key"`
	PublicSPKI string            `json:"public_key_spki"`
	// Leaves are lines of the log, Hashes and Roots those of the tree over the first n of them.
	Leaves []string      `json:"leaves"`
	Hashes []string      `json:"leaf_hashes"`
	Roots  []string      `json:"roots"`
	Proofs []proofVector `json:"proofs"`
	// Checkpoint covers all leaves; Manifest is a text, ManifestNote what is signed over it.
	Checkpoint   string `json:"checkpoint"`
	Manifest     string `json:"manifest"`
	ManifestNote string `json:"manifest_note"`
}

type canonicalVector struct {
	Given string `json:"given"`
	Text  string `json:"text"`
}

type proofVector struct {
	Index int      `json:"index"`
	Size  int      `json:"size"`
	Proof []string `json:"proof"`
}

func makeVectors(t *testing.T) vectors {
	t.Helper()
	key := otherKey(t, "evidenced/acme", 7)
	v := vectors{Key: key.Verifier, Manifest: `{"format":"evidenced-bundle/2"}`}
	for _, given := range []string{`{"b": 1, "a": [true, null, "x"]}`, `{"é": "\u00fc", "e": "\n\u001f\"\\/", "z": "\u2028<&>"}`, `{"😀": 1, "\uffff": 2, "": 3}`, `[-5, 0, 9007199254740993]`} {
		var value any
		d := json.NewDecoder(strings.NewReader(given))
		d.UseNumber()
		must(t, d.Decode(&value))
		v.Canonical = append(v.Canonical, canonicalVector{given, string(canonicalOf(t, value))})
	}
	data, err := base64.StdEncoding.DecodeString(strings.SplitN(key.Verifier, "+", 3)[2])
	must(t, err)
	v.PublicKey, v.PublicSPKI = hex.EncodeToString(data[1:]), "302a300506032b6570032100"+hex.EncodeToString(data[1:])
	var leaves []evidence.Hash
	for i := range 9 {
		line := fmt.Sprintf(`{"index":%d,"recorded":"2026-01-01T00:00:0%dZ","type":"agent"}`, i, i)
		leaves = append(leaves, evidence.LeafHash([]byte(line)))
		v.Leaves, v.Hashes, v.Roots = append(v.Leaves, line), append(v.Hashes, leaves[i].String()), append(v.Roots, rootOf(leaves).String())
	}
	for _, size := range []int{1, 2, 3, 6, 7, 8, 9} {
		for i := range size {
			p := proofVector{i, size, []string{}}
			for _, h := range pathOf(i, leaves[:size]) {
				p.Proof = append(p.Proof, h.String())
			}
			v.Proofs = append(v.Proofs, p)
		}
	}
	v.Checkpoint = signedCheckpoint(t, key, leaves)
	note, err := key.Sign("evidenced bundle manifest\n" + evidence.HashOf([]byte(v.Manifest)).String() + "\n")
	must(t, err)
	v.ManifestNote = string(note)
	return v
}

// TestVectors holds the published vectors to what this program does, and to what
// the verifier in Python does.
func TestVectors(t *testing.T) {
	const path = "testdata/vectors.json"
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	must(t, e.Encode(makeVectors(t)))
	if *newVectors {
		must(t, os.WriteFile(path, want.Bytes(), 0o600))
	}
	got, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is not what this program does", path)
	}
	out, err := exec.CommandContext(t.Context(), python(t, "cryptography"), "testdata/python/verifier.py", "--vectors", path).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "the vectors fit" {
		t.Errorf("%v: %s", err, out)
	}
}
