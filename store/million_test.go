package store

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// BenchmarkMillion checks a store of a million entries. EVIDENCED_SOAK asks
// for it, as making it takes a while.
func BenchmarkMillion(b *testing.B) {
	if !soak {
		b.Skip("EVIDENCED_SOAK=1 asks for it: it takes minutes")
	}
	const entries, batch = 1_000_000, 5_000
	path := filepath.Join(b.TempDir(), "e.db")
	s := open(b, path, Options{Key: testKey(b, "a")})
	begin := time.Now()
	for n := 0; n < entries; n += batch {
		mustDo(b, s.Append(context.Background(), func(w evidence.Writer) error {
			for i := range batch {
				run := evidence.Run{Slot: evidence.Slot{Stream: users, Due: start.Add(time.Duration(n+i) * time.Second), Trigger: evidence.Scheduled}, Outcome: evidence.Missed,
					Reason: &evidence.Reason{Class: evidence.AgentOff, Detail: fmt.Sprint("no agent was running at slot ", n+i)}}
				if _, err := w.Entry(evidence.Entry{Type: evidence.EntryRun, Run: &run}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	appended := entries / time.Since(begin).Seconds()
	mustDo(b, s.Close())
	fi, err := os.Stat(path)
	mustDo(b, err)
	debug.FreeOSMemory()
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64))
	debug.SetMemoryLimit(64 << 20)
	s = open(b, path, Options{})
	for b.Loop() {
		if r := mustCheck(b, s); r.Entries != entries {
			b.Fatalf("%d entries", r.Entries)
		}
	}
	b.ReportMetric(inUse()/1e6, "heap-MB")
	b.ReportMetric(float64(fi.Size())/1e6, "MB")
	b.ReportMetric(appended, "appended/s")
}

// inUse is the memory that Go holds for its heap.
func inUse() float64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
	metrics.Read(sample)
	return float64(sample[0].Value.Uint64() + sample[1].Value.Uint64())
}
