package verify_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/verify"
)

// python finds a Python that has a module. Where there is none the test is
// skipped, and under CI it fails.
func python(t *testing.T, module string) string {
	t.Helper()
	for _, name := range []string{"../.venv/bin/python", "python3"} {
		if bin, err := exec.LookPath(name); err == nil && exec.CommandContext(t.Context(), bin, "-c", "import "+module).Run() == nil {
			if bin, err = filepath.Abs(bin); err == nil {
				return bin
			}
		}
	}
	why := "SKIPPED: nothing is checked by another program here, because there is no Python with " + module + ": `make .venv/verifier.ok` installs it"
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
	return ""
}

// pythonResult is what verifier.py prints of a bundle.
type pythonResult struct {
	OK       bool             `json:"ok"`
	Complete bool             `json:"complete"`
	Checked  verify.Counts    `json:"checked"`
	Failures []verify.Failure `json:"failures"`
	Holes    []string         `json:"holes"`
	Unknown  []string         `json:"unknown"`
	WentBack []string         `json:"went_back"`
}

// byPython lets the verifier in Python check bundles.
func byPython(t *testing.T, bundles [][]byte, args ...string) (out []pythonResult) {
	t.Helper()
	bin, dir := python(t, "cryptography"), t.TempDir()
	for i, b := range bundles {
		path := filepath.Join(dir, fmt.Sprintf("%d.zip", i))
		must(t, os.WriteFile(path, b, 0o600))
		args = append(args, path)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), bin, append([]string{"testdata/python/verifier.py"}, args...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); stderr.Len() > 0 {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	d := json.NewDecoder(&stdout)
	for {
		var r pythonResult
		err := d.Decode(&r)
		if err == io.EOF {
			break
		}
		must(t, err)
		out = append(out, r)
	}
	if len(out) != len(bundles) {
		t.Fatalf("%d results for %d bundles", len(out), len(bundles))
	}
	return out
}

// TestPythonAgrees: a verifier that was written from docs/bundle.md alone, in
// another language, says of each bundle what this package says: of honest ones,
// of every forgery, and of bundles with a byte changed.
func TestPythonAgrees(t *testing.T) {
	s, key := filled(t, 5, 5)
	plain := write(t, s, key, 5)
	long, longKey := honest(t)
	names, bundles := []string{"plain", "with events", "of each entry"}, [][]byte{plain, long, everything(t)}
	add := func(name string, bundle []byte) { names, bundles = append(names, name), append(bundles, bundle) }
	for name, f := range holderForgeries() {
		add(name, f.packed(t, plain, key))
	}
	for name, c := range bends {
		b := unpack(t, long)
		c.bend(b)
		add(name, b.sealed(t, longKey))
	}
	for name, b := range zipTricks(t, plain) {
		add(name, b)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		bad, what := tamper(plain, rng)
		add(what, bad)
	}
	for i, got := range byPython(t, bundles, "--witness", newCosigner(1).vkey) {
		want := checkWith(t, bundles[i], verify.Options{Witnesses: []string{newCosigner(1).vkey}})
		switch {
		case got.OK != want.OK:
			t.Errorf("%s: ok is %t, by Python %t\n%+v\n%+v", names[i], want.OK, got.OK, want.Failures, got.Failures)
		case !got.OK && !slices.ContainsFunc(got.Failures, func(f verify.Failure) bool { return f.Check == want.Failures[0].Check }):
			t.Logf("%s: first found by %s, by Python in %+v", names[i], want.Failures[0].Check, got.Failures[0])
		case got.OK && (got.Complete != (want.ExitCode() == 0 || len(want.WentBack) > 0) || got.Checked != want.Checked):
			t.Errorf("%s: complete %t, %+v, by Python complete %t, %+v", names[i], want.Complete, want.Checked, got.Complete, got.Checked)
		case got.OK && (strings.Join(got.Holes, "") == "") != (len(want.Holes) == 0) || len(got.WentBack) != len(want.WentBack):
			t.Errorf("%s: %v %v, by Python %v %v", names[i], want.Holes, want.WentBack, got.Holes, got.WentBack)
		}
	}
}

// TestPythonKnowsTheGoldenBundles: those of every format.
func TestPythonKnowsTheGoldenBundles(t *testing.T) {
	all, err := filepath.Glob(golden + "/*.zip")
	must(t, err)
	var bundles [][]byte
	for _, path := range all {
		b, err := os.ReadFile(path)
		must(t, err)
		bundles = append(bundles, b)
	}
	for i, r := range byPython(t, bundles, "--witness", newCosigner(1).vkey, "--key", otherKey(t, "evidenced/acme", 7).Verifier) {
		want, err := os.ReadFile(strings.TrimSuffix(all[i], ".zip") + ".json")
		must(t, err)
		got, err := json.Marshal(r.Checked)
		must(t, err)
		if !r.OK || !r.Complete || string(got) != strings.TrimSpace(string(want)) {
			t.Errorf("%s: %+v", all[i], r)
		}
	}
	if r := byPython(t, bundles[:1], "--key", otherKey(t, "evidenced/acme", 3).Verifier); r[0].OK {
		t.Error("a bundle that another key signed")
	}
}
