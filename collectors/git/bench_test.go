package git

import (
	"runtime"
	"testing"

	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// BenchmarkCommits reads 100,000 first-parent commits of a repository made by
// fast-import, and the one that comes after them; 5,000 with -short.
func BenchmarkCommits(b *testing.B) {
	n := 100_000
	if testing.Short() {
		n = 5000
	}
	r := newRepo(b)
	importCommits(r, n)
	w := evidence.Window{From: day, To: day.AddDate(1, 0, 0)}
	mark := r.git("rev-parse", "main~1") + " main"
	src := source(b, transport.Options{}, r.path())
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			snap := reading(b, src, r.path(), kindCommit, w)
			if snap.Err != nil || len(snap.Records) != n {
				b.Fatal(snap.Err, len(snap.Records))
			}
			b.ReportMetric(float64(held(snap))/(1<<20), "MB-held")
			b.ReportMetric(float64(len(snap.Exchanges)), "requests")
		}
		b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "commits/s")
	})
	b.Run("next", func(b *testing.B) {
		for b.Loop() {
			w.After = mark
			snap := reading(b, src, r.path(), kindCommit, w)
			if snap.Err != nil || len(snap.Records) != 1 {
				b.Fatal(snap.Err, len(snap.Records))
			}
			b.ReportMetric(float64(len(snap.Exchanges)), "requests")
		}
	})
}

// held is the memory in use while the snapshot is.
func held(snap transport.Snapshot) uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	runtime.KeepAlive(snap)
	return m.HeapAlloc
}
