package verify

import (
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// TestWindowHole: a hole in the period is found, one before or after it belongs
// to another bundle.
func TestWindowHole(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		name    string
		windows [][2]int
		found   int
	}{
		{"tiled", [][2]int{{10, 12}, {11, 20}}, 0},
		{"in the period", [][2]int{{10, 12}, {13, 20}}, 1},
		{"into the period", [][2]int{{5, 8}, {11, 20}}, 1},
		{"out of the period", [][2]int{{10, 18}, {25, 26}}, 1},
		{"before it", [][2]int{{1, 3}, {5, 20}}, 0},
		{"after it", [][2]int{{10, 21}, {24, 26}}, 0},
	} {
		k := &check{ctx: t.Context(), b: &Bundle{Manifest: Manifest{Period: ManifestPeriod{From: day(10), To: day(20)}}}, runs: ledger{read: map[evidence.Stream]time.Time{}, later: map[evidence.Stream]time.Time{}}}
		for i, w := range c.windows {
			k.window(i, evidence.Run{Outcome: evidence.Collected, Certificate: &evidence.Certificate{Window: &evidence.Window{From: day(w[0]), To: day(w[1])}}})
		}
		if len(k.res.Failures) != c.found {
			t.Errorf("%s: %d failures, want %d: %v", c.name, len(k.res.Failures), c.found, k.res.Failures)
		}
	}
}
