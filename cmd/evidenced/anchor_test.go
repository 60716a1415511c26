package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

// TestAnchorsAndWitness takes the log of a company to a folder and to the
// witness of its auditor, and the bundle back to the auditor.
func TestAnchorsAndWitness(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	key, err := store.NewKey("evidenced/acme", nil)
	check(t, err)
	check(t, key.WriteFile("evidence.key"))
	grow(t, key, "first")
	check(t, os.Mkdir("vault", 0o755))

	ctx, stop := context.WithCancel(context.Background())
	pr, pw := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"witness", "--json", "--listen", "127.0.0.1:0", "--name", "auditor.example", "--log", key.Verifier}, pw, io.Discard)
	}()
	var at struct{ Address, Key string }
	check(t, json.NewDecoder(pr).Decode(&at))
	go func() { _, _ = io.Copy(io.Discard, pr) }()

	check(t, os.WriteFile("evidenced.yaml", fmt.Appendf(nil, `organization: Acme
period: {start: 2026-01-01, end: 2026-12-31}
sources: {aws: {}}
anchors:
  - {name: vault, folder: vault}
  - {name: auditor, witness: {url: "http://%s", key: "%s"}}
`, at.Address, at.Key), 0o600))
	if code, out := program(t, "store", "anchor"); code != exitOK || strings.Count(out, "seen") != 2 {
		t.Fatalf("%d %s", code, out)
	}
	if code, out := program(t, "store", "anchor"); code != exitOK || !strings.Contains(out, "already") {
		t.Fatalf("again: %d %s", code, out)
	}
	files, err := filepath.Glob("vault/*/*.checkpoint")
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if code, out := program(t, "export", "--out", "bundle.zip"); code != exitOK {
		t.Fatalf("export: %d %s", code, out)
	}
	code, out := program(t, "verify", "--key", key.Verifier, "--witness", at.Key, "bundle.zip")
	if code == exitError || !strings.Contains(out, "checkpoints shown to somebody else: 2; receipts checked (--witness, --timestamp-ca): 1") {
		t.Fatalf("verify: %d %s", code, out)
	}
	if code, out := program(t, "verify", "--witness", strings.Replace(at.Key, "auditor", "AUDITOR", 1), "bundle.zip"); code != exitUsage || !strings.Contains(out, "witness") {
		t.Fatalf("a key that is none: %d %s", code, out)
	}
	if code, out := program(t, "verify", "--timestamp-ca", "nowhere.pem", "bundle.zip"); code != exitUsage {
		t.Fatalf("no certificates: %d %s", code, out)
	}

	// The holder of the key begins the log again; who saw it does not forget.
	check(t, os.Remove("evidence.db"))
	grow(t, key, "second")
	grow(t, key, "third")
	if code, out := program(t, "store", "anchor"); code != exitError || !strings.Contains(out, "the log has gone back") {
		t.Fatalf("a rewritten log, beside what its key has signed: %d %s", code, out)
	}
	check(t, os.Remove("evidence.key"+store.KeptSuffix)) // he holds that as well
	if code, out := program(t, "store", "anchor"); code != exitIncomplete || strings.Count(out, "FAILED") < 1 || !strings.Contains(out, "was rewritten") && !strings.Contains(out, "it was cut") {
		t.Fatalf("a rewritten log: %d %s", code, out)
	}
	stop()
	if code := <-ended; code != exitOK {
		t.Fatalf("the witness ended with %d", code)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// program runs a command line, and gives what it says.
func program(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	var b bytes.Buffer
	code = run(t.Context(), args, &b, &b)
	return code, b.String()
}

// grow appends one entry to evidence.db.
func grow(t *testing.T, key *store.Key, event string) {
	t.Helper()
	s, err := store.Open("evidence.db", store.Options{Key: key, Now: func() time.Time { return time.Now().Add(-time.Second) }})
	check(t, err)
	check(t, s.Append(t.Context(), func(w evidence.Writer) error {
		e, err := evidence.WithBody(evidence.EntryAgent, map[string]any{"event": event})
		if err == nil {
			_, err = w.Entry(e)
		}
		return err
	}))
	check(t, s.Close())
}
