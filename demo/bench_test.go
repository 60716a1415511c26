package demo

import (
	"net/http/httptest"
	"testing"

	"github.com/evidenced/evidenced/ops"
	"github.com/evidenced/evidenced/schedule"
	"github.com/evidenced/evidenced/simulator"
	"github.com/evidenced/evidenced/store"
)

// BenchmarkCollectDay collects one day of the simulated company: every stream
// of every source but the clone, over loopback, into the store.
func BenchmarkCollectDay(b *testing.B) {
	const days = 3000
	d := &demo{Options: Options{Seed: 1, Days: days, Out: b.TempDir()}, handouts: handouts(),
		company: simulator.New(simulator.Options{Seed: 1, Start: Start, Days: days})}
	server := httptest.NewServer(d.company.Handler())
	defer server.Close()
	d.dial = portless(server.Listener.Addr())
	s, runner := benchRunner(b, d)
	requests, at := 0, runner.Next(Start)
	b.ResetTimer()
	for b.Loop() {
		for day := at.Day(); at.Day() == day; at = runner.Next(at) {
			d.company.SetNow(at)
			if err := d.deliver(); err != nil {
				b.Fatal(err)
			}
			runs, err := runner.Tick(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			for _, r := range runs {
				requests += r.Certificate.Requests
			}
		}
	}
	b.ReportMetric(float64(requests)/float64(b.N), "requests/op")
	b.StopTimer()
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

func benchRunner(b *testing.B, d *demo) (*store.Store, *schedule.Runner) {
	b.Helper()
	if err := d.configure(demoURL); err != nil {
		b.Fatal(err)
	}
	key, err := store.NewKey("bench", newSeeded(1))
	if err != nil {
		b.Fatal(err)
	}
	s, err := store.Open(d.config.Store.Path, store.Options{Key: key, Now: d.company.Now})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(simulatedCredentials())
	srcs, err := ops.OpenSources(d.config, d.door(), nil)
	if err != nil {
		b.Fatal(err)
	}
	d.company.SetNow(Start)
	r, err := schedule.New(srcs, s, s, schedule.Options{Begin: Start, Now: d.company.Now})
	if err != nil {
		b.Fatal(err)
	}
	return s, r
}
