package receipt_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/receipt"
)

// leaf is a leaf of the tests' log.
func leaf(n int) []byte { return fmt.Appendf(nil, `{"index":%d,"type":"agent"}`, n) }

// subtree returns the root of leaves from to, and the proof of leaf n if it is among them.
func subtree(from, to, n int) (root evidence.Hash, path []evidence.Hash) {
	if to-from == 1 {
		return evidence.LeafHash(leaf(from)), nil
	}
	k := 1
	for k*2 < to-from {
		k *= 2
	}
	left, inLeft := subtree(from, from+k, n)
	right, inRight := subtree(from+k, to, n)
	root = evidence.HashOf(append(append([]byte{1}, left[:]...), right[:]...))
	switch {
	case n >= from && n < from+k:
		path = append(inLeft, right)
	case n >= from+k && n < to:
		path = append(inRight, left)
	}
	return root, path
}

var key = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))

func verifier() string {
	data := append([]byte{1}, key.Public().(ed25519.PublicKey)...)
	sum := sha256.Sum256([]byte("evidenced/acme\n" + string(data)))
	return fmt.Sprintf("evidenced/acme+%x+%s", sum[:4], base64.StdEncoding.EncodeToString(data))
}

func sign(b []byte) ([]byte, error) { return ed25519.Sign(key, b), nil }

func of(t *testing.T, n, size int) []byte {
	t.Helper()
	root, path := subtree(0, size, n)
	b, err := receipt.Inclusion{Verifier: verifier(), Index: uint64(n), Size: uint64(size), Path: path, Root: root}.Sign(sign)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestKnownReceipt holds the encoding to one receipt, byte by byte.
func TestKnownReceipt(t *testing.T) {
	got := hex.EncodeToString(of(t, 1, 3))
	want, err := os.ReadFile("testdata/entry-1-of-3.hex")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(bytes.TrimSpace(want)) {
		t.Errorf("%s", got)
	}
}

func TestNoSuchEntry(t *testing.T) {
	for _, in := range []receipt.Inclusion{{Verifier: verifier(), Index: 3, Size: 3}, {Verifier: "evidenced/acme", Size: 3}} {
		if _, err := in.Sign(sign); err == nil {
			t.Errorf("%+v has a receipt", in)
		}
	}
}

// The program that others wrote, on PyPI: scitt-cose.
const check = `
import json, sys
from scitt_cose.receipt import verify_receipt
for c in json.load(sys.stdin):
    r = verify_receipt(bytes.fromhex(c["receipt"]), leaf_entry_hex=c["leaf"], log_public_key_pem=c["key"])
    print(json.dumps([r.ok, r.leaf_index, r.tree_size, r.root, r.issuer, r.subject]))
`

// TestOthersVerify: a program that others wrote takes each receipt of logs of many
// sizes, reads of it what it states, and takes none that was altered.
func TestOthersVerify(t *testing.T) {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	type given struct {
		Receipt string `json:"receipt"`
		Leaf    string `json:"leaf"`
		Key     string `json:"key"`
	}
	var cases []given
	var want []string
	public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	for _, size := range []int{1, 2, 3, 4, 7, 8, 100, 70_000} {
		for _, n := range []int{0, size / 3, size - 1} {
			root, _ := subtree(0, size, n)
			good := of(t, n, size)
			cases = append(cases, given{hex.EncodeToString(good), hex.EncodeToString(leaf(n)), public}, given{hex.EncodeToString(good), hex.EncodeToString(leaf(n + 1)), public})
			want = append(want, fmt.Sprintf(`[true, %d, %d, "%s", "evidenced/acme", "entry %d of the log evidenced/acme"]`, n, size, root, n), "false")
			for _, at := range []int{5, len(good) / 2, len(good) - 1} {
				bad := bytes.Clone(good)
				bad[at] ^= 1
				cases, want = append(cases, given{hex.EncodeToString(bad), hex.EncodeToString(leaf(n)), public}), append(want, "false")
			}
		}
	}
	in, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python(t), "-c", check)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if len(lines) != len(want) {
		t.Fatalf("%d answers for %d receipts", len(lines), len(want))
	}
	for i, line := range lines {
		if refused := want[i] == "false"; refused != bytes.HasPrefix(line, []byte("[false")) || !refused && string(line) != want[i] {
			t.Errorf("%s, want %s", line, want[i])
		}
	}
}

// python finds a Python that has scitt-cose. Where there is none the test is
// skipped, and under CI it fails.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"../.venv/bin/python", "python3"} {
		if bin, err := exec.LookPath(name); err == nil && exec.CommandContext(t.Context(), bin, "-c", "import scitt_cose").Run() == nil {
			if bin, err = filepath.Abs(bin); err == nil {
				return bin
			}
		}
	}
	const why = "SKIPPED: no receipt is checked by another program here, because there is no Python with scitt-cose: `make .venv/verifier.ok` installs it"
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
	return ""
}
