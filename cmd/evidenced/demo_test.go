package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/demo"
	"github.com/evidenced/evidenced/store"
)

// TestDemoFindsWhatWasPlanted: for each seed every planted gap is found, with
// bounds that hold, and nothing else is.
func TestDemoFindsWhatWasPlanted(t *testing.T) {
	seeds := 6
	if os.Getenv("EVIDENCED_SOAK") != "" {
		seeds = 200
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			days := 50
			if seed == 0 {
				days = 180
			}
			out := demoRun(t, "--seed", fmt.Sprint(seed), "--days", fmt.Sprint(days))
			if out.Planted < 20 || out.Found != out.Planted || !out.Verified {
				t.Errorf("planted %d, found %d, verified %t", out.Planted, out.Found, out.Verified)
			}
			for _, m := range append(out.Missing, out.Extra...) {
				t.Error(m)
			}
		})
	}
}

func demoRun(t *testing.T, args ...string) (out demo.Result) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	run(context.Background(), append([]string{"demo", "--json"}, args...), &stdout, &stderr)
	if err := json.Unmarshal(stdout.Bytes(), &out); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	return out
}

// TestSameSeedSameBundle: collection, store and export are deterministic.
func TestSameSeedSameBundle(t *testing.T) {
	var bundles [2][]byte
	for i := range bundles {
		dir := filepath.Join(t.TempDir(), "d")
		demoRun(t, "--seed", "9", "--days", "40", "--out", dir)
		b, err := os.ReadFile(filepath.Join(dir, "bundle.zip"))
		if err != nil {
			t.Fatal(err)
		}
		bundles[i] = b
	}
	if !bytes.Equal(bundles[0], bundles[1]) {
		t.Fatal("the same seed gave another bundle")
	}
}

// TestKilledDemoLeavesASoundStore kills the demo at random points; what was
// acknowledged is there, and the whole store checks clean.
func TestKilledDemoLeavesASoundStore(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "evidenced") // by this name the test binary is the program
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	entries := 0
	for range 12 {
		dir := filepath.Join(t.TempDir(), "d")
		cmd := exec.Command(program, "demo", "--out", dir, "--days", "60")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(time.Duration(300+rng.IntN(2000))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // killed, or done before it was
		kill.Stop()
		s, err := store.Open(filepath.Join(dir, "evidence.db"), store.Options{})
		if errors.Is(err, fs.ErrNotExist) || err != nil && strings.Contains(err.Error(), "there is no store") {
			continue // killed before there was one
		}
		if err != nil {
			t.Fatal(err)
		}
		report, err := s.Check(context.Background())
		if err != nil || !report.OK() {
			t.Fatalf("%v %v", err, report.Problems)
		}
		entries += int(report.Entries)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if entries == 0 {
		t.Fatal("no round got as far as a store: the test shows nothing")
	}
}

// TestJSONMembers holds --json to the members that scripts depend on.
func TestJSONMembers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	cfg := filepath.Join(dir, "evidenced.yaml")
	for _, c := range []struct {
		args []string
		path string // of the object whose members are compared
		want string
	}{
		{[]string{"demo", "--json", "--seed", "3", "--days", "40", "--out", dir}, "", "bundle days extra found missing planted seconds seed slots verified"},
		{[]string{"gaps", "--json", "--config", cfg, "--all"}, "", "as_of gaps period"},
		{[]string{"gaps", "--json", "--config", cfg, "--all"}, "gaps", "control criteria first_seen fixed_by id kind last_seen not_before reason resource severity sla_due state stream test"},
		{[]string{"verify", "--json", filepath.Join(dir, "bundle.zip")}, "", "checked derived failures ok"},
	} {
		var stdout, stderr bytes.Buffer
		run(t.Context(), c.args, &stdout, &stderr)
		var doc map[string]any
		if err := json.Unmarshal(stdout.Bytes(), &doc); err != nil {
			t.Fatalf("%v: %v\n%s", c.args, err, stderr.String())
		}
		if c.path != "" {
			doc = doc[c.path].([]any)[0].(map[string]any)
		}
		if got := strings.Join(slices.Sorted(maps.Keys(doc)), " "); got != c.want {
			t.Errorf("%v: members %s, want %s", c.args, got, c.want)
		}
	}
}
