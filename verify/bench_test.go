package verify_test

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/evidenced/evidenced/verify"
)

func BenchmarkVerify(b *testing.B) {
	s, key := filled(b, 60, 2000)
	bundle := write(b, s, key, 60)
	path := filepath.Join(b.TempDir(), "b.zip")
	if err := os.WriteFile(path, bundle, 0o600); err != nil {
		b.Fatal(err)
	}
	var bytes int64
	for b.Loop() {
		res, err := verify.File(context.Background(), path, verify.Options{})
		if err != nil || !res.OK {
			b.Fatal(err, res.Failures)
		}
		bytes = res.Checked.Bytes
	}
	b.SetBytes(bytes)
}

// BenchmarkVerifyLarge verifies a bundle of about 1 GB, or of a hundredth of that
// under -short, and compares the time with that of SHA-256 and inflate of the same
// bytes; the peak is that of the heap.
func BenchmarkVerifyLarge(b *testing.B) {
	days, users := 330, 15_000
	if testing.Short() {
		days, users = 33, 1_500
	}
	s, key := filled(b, days, users)
	path := filepath.Join(b.TempDir(), "b.zip")
	if err := os.WriteFile(path, write(b, s, key, days), 0o600); err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	peak := watchHeap(b)
	var base, took time.Duration
	for b.Loop() { // side by side, as a machine has other things to do
		begun := time.Now()
		b.SetBytes(inflated(b, path))
		base += time.Since(begun)
		begun = time.Now()
		res, err := verify.File(context.Background(), path, verify.Options{})
		if err != nil || !res.OK {
			b.Fatal(err, res.Failures)
		}
		took += time.Since(begun)
	}
	b.ReportMetric(100*base.Seconds()/took.Seconds(), "%-of-sha256+inflate")
	b.ReportMetric(float64(peak())/1e6, "MB-peak")
}

// inflated unpacks and hashes every member, and returns how many bytes they have.
func inflated(b *testing.B, path string) (n int64) {
	r, err := zip.OpenReader(path)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	for _, f := range r.File {
		rc, err := f.Open()
		if err != nil {
			b.Fatal(err)
		}
		k, err := io.Copy(sha256.New(), rc)
		if err != nil {
			b.Fatal(err)
		}
		n += k
	}
	return n
}

// watchHeap looks at the heap until what it returns is called, which returns the
// most that it saw.
func watchHeap(b *testing.B) (peak func() uint64) {
	done, most := make(chan struct{}), make(chan uint64)
	go func() {
		var high uint64
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				most <- high
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				high = max(high, m.HeapInuse)
			}
		}
	}()
	return func() uint64 { close(done); return <-most }
}

func BenchmarkExport(b *testing.B) {
	s, key := filled(b, 60, 2000)
	for b.Loop() {
		b.SetBytes(int64(len(write(b, s, key, 60))))
	}
}
