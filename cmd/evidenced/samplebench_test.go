package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evidenced/evidenced/demo"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

// BenchmarkSampleMillion draws from a million merged pull requests, in a hundred
// windows of a store, in a process of its own whose memory is measured; from ten
// thousand with -short.
func BenchmarkSampleMillion(b *testing.B) {
	windows, each := 100, 10_000
	if testing.Short() {
		each = 100
	}
	dir := b.TempDir()
	key, err := store.NewKey("bench", nil)
	if err == nil {
		err = key.WriteFile(filepath.Join(dir, "evidence.key"))
	}
	if err != nil {
		b.Fatal(err)
	}
	config := filepath.Join(dir, "evidenced.yaml")
	if err := os.WriteFile(config, []byte("organization: Bench\nperiod: {start: 2026-01-01, end: 2026-12-31}\nsources: {github: {organization: acme, token: x, kinds: [github.member]}}\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	at := demo.Start
	s, err := store.Open(filepath.Join(dir, "evidence.db"), store.Options{Key: key, Now: func() time.Time { return at }})
	if err != nil {
		b.Fatal(err)
	}
	stream := evidence.Stream{Source: "github", Kind: "github.pull_request", Scope: "acme"}
	for w := range windows {
		window := evidence.Window{From: demo.Start.AddDate(0, 0, w), To: demo.Start.AddDate(0, 0, w+1)}
		at = window.To
		records := make([]evidence.Record, each)
		for i := range records {
			when := window.From.Add(time.Duration(i) * time.Second)
			n := w*each + i
			records[i] = evidence.Record{Kind: stream.Kind, ID: fmt.Sprintf("PR_kwDO%012d", n), Name: fmt.Sprintf("acme/product#%d", n), Effective: &when,
				Attributes: map[string]any{"number": int64(n), "author": "ann", "repository": "acme/product", "base": "main", "merged_at": when.Format(time.RFC3339)}}
		}
		if err := s.Append(context.Background(), func(wr evidence.Writer) error {
			return appendRun(wr, stream, at, evidence.Collected, &window, records)
		}); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for b.Loop() {
		cmd := exec.Command(program, "--config", config, "sample", "change-approval", "--kind", string(stream.Kind), "--engagement", "bench", "--json")
		cmd.Args[0] = "evidenced" // by that name TestMain is the program
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), fmt.Sprintf(`"population": %d`, windows*each)) {
			b.Fatalf("%v\n%s", err, out)
		}
		if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			b.ReportMetric(float64(usage.Maxrss)/1024, "MB")
			b.ReportMetric(cmd.ProcessState.UserTime().Seconds()+cmd.ProcessState.SystemTime().Seconds(), "cpu-s")
		}
	}
}
