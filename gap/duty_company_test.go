package gap_test

import (
	"slices"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/simulator"
)

// TestDutiesOfCompanies compares the duty gaps of the engine with those that the
// simulator planted, for companies with short periods and their ends on every
// side of the days of grace. No collection is run: duties rest on acts alone.
func TestDutiesOfCompanies(t *testing.T) {
	cat, err := catalogue.Default()
	if err != nil {
		t.Fatal(err)
	}
	var duties []simulator.Duty
	for _, d := range cat.Duties() {
		duties = append(duties, simulator.Duty{ID: d.ID, Per: d.Per, WithinDays: d.WithinDays, GraceDays: d.GraceDays})
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	gaps := 0
	for _, days := range []int{20, 21, 28, 29, 30, 31, 32, 44, 45, 46, 59, 60, 61, 75, 89, 90, 91, 105, 120, 121} {
		for seed := range int64(8) {
			company := simulator.New(simulator.Options{Seed: seed, Start: start, Days: days, Plant: true, Faults: true})
			deeds, planted := company.Duties(duties)
			p := result.Period{From: start, To: start.AddDate(0, 0, days)}
			res := gap.NewEngine(cat, p, gap.WithActs(actsOf(deeds, p.To))).Result(p.To)
			gaps += len(res.Gaps)
			for _, g := range res.Gaps {
				if !slices.ContainsFunc(planted, func(d simulator.Planted) bool { return isPlanted(g, d) }) {
					t.Errorf("seed %d, %d days: %s %s, late on %s, was not planted", seed, days, g.Test, g.Resource, g.FirstSeen.Format(time.DateOnly))
				}
			}
			for _, d := range planted {
				if !slices.ContainsFunc(res.Gaps, func(g result.Gap) bool { return isPlanted(g, d) }) {
					t.Errorf("seed %d, %d days: %s %s was planted and not found", seed, days, d.Test, d.Resource)
				}
			}
		}
	}
	if gaps < 100 {
		t.Errorf("only %d gaps: the companies do too little wrong", gaps)
	}
}

// actsOf are the deeds that were recorded before an instant.
func actsOf(deeds []simulator.Deed, before time.Time) (acts []evidence.Act) {
	for i, d := range deeds {
		if d.Recorded.Before(before) {
			acts = append(acts, evidence.Act{Entry: uint64(i), At: d.Recorded,
				Upload: &evidence.Upload{Title: d.Duty, Duties: []string{d.Duty}, Occurrence: d.Occurrence, Effective: d.Effective, By: d.By}})
		}
	}
	return acts
}

// isPlanted reports whether a gap is the planted one, with bounds that hold.
func isPlanted(g result.Gap, d simulator.Planted) bool {
	if string(g.Kind) != d.Kind || g.Test != d.Test || g.Resource != d.Resource || d.Start.Before(*g.NotBefore) || d.Start.After(g.FirstSeen) {
		return false
	}
	if d.End.IsZero() {
		return g.FixedBy == nil
	}
	return g.FixedBy != nil && g.LastSeen.Before(d.End) && !d.End.After(*g.FixedBy)
}
