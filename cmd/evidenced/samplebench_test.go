package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

// BenchmarkSampleMillion draws from a million merged pull requests, in a hundred
// windows of a store. It tells the most memory that the process ever had, the
// making of the store included.
func BenchmarkSampleMillion(b *testing.B) {
	const windows, each = 100, 10_000
	dir := b.TempDir()
	key, err := store.NewKey("bench", newSeeded(1))
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
	at := demoStart
	s, err := store.Open(filepath.Join(dir, "evidence.db"), store.Options{Key: key, Now: func() time.Time { return at }})
	if err != nil {
		b.Fatal(err)
	}
	stream := evidence.Stream{Source: "github", Kind: "github.pull_request", Scope: "acme"}
	for w := range windows {
		window := evidence.Window{From: demoStart.AddDate(0, 0, w), To: demoStart.AddDate(0, 0, w+1)}
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
	made := peak()
	b.ResetTimer()
	for b.Loop() {
		a := &app{stdout: io.Discard, stderr: io.Discard, config: config, json: true, now: func() time.Time { return at.AddDate(1, 0, 0) }}
		if err := a.sample(b.Context(), sampling{control: "change", kind: "github.pull_request", engagement: "bench"}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(made, "MB-before")
	b.ReportMetric(peak(), "MB-peak")
}

// peak is the most memory that the process ever had, in MB; 0 where the system does not tell.
func peak() float64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, text, _ := strings.Cut(string(b), "VmHWM:")
	kb, err := strconv.ParseFloat(strings.Fields(text + " 0")[0], 64)
	if err != nil {
		return 0
	}
	return kb / 1024
}
