package schedule

import (
	"slices"
	"testing"
	"time"
)

// TestClocksChange: what is due on the days on which clocks are put forward and back.
func TestClocksChange(t *testing.T) {
	for _, c := range []struct {
		spec, from string
		want       []string
	}{
		// New York, 8 March 2026: 02:00 EST is followed by 03:00 EDT, at 07:00 UTC.
		{"CRON_TZ=America/New_York 30 2 * * *", "2026-03-07T00:00:00Z", []string{"2026-03-07T07:30:00Z", "2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"}},
		{"CRON_TZ=America/New_York 0 2,3 * * *", "2026-03-08T00:00:00Z", []string{"2026-03-08T07:00:00Z", "2026-03-09T06:00:00Z", "2026-03-09T07:00:00Z"}},
		{"CRON_TZ=America/New_York 30 * * * *", "2026-03-08T06:00:00Z", []string{"2026-03-08T06:30:00Z", "2026-03-08T07:30:00Z", "2026-03-08T08:30:00Z"}},
		// 1 November 2026: 02:00 EDT is followed by 01:00 EST, at 06:00 UTC.
		{"CRON_TZ=America/New_York 30 1 * * *", "2026-11-01T00:00:00Z", []string{"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"}},
		{"CRON_TZ=America/New_York 30 1 * * *", "2026-11-01T05:30:00Z", []string{"2026-11-02T06:30:00Z"}},
		{"CRON_TZ=America/New_York 30 * * * *", "2026-11-01T05:00:00Z", []string{"2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-01T07:30:00Z"}},
		// Lord Howe changes by half an hour, on 4 October 2026 at 15:30 UTC the day before.
		{"CRON_TZ=Australia/Lord_Howe 15 2 * * *", "2026-10-02T16:00:00Z", []string{"2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"}},
		// Apia left out 30 December 2011.
		{"CRON_TZ=Pacific/Apia 0 6 * * *", "2011-12-29T12:00:00Z", []string{"2011-12-29T16:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T16:00:00Z"}},
	} {
		s, err := Parse(c.spec)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, c.from)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for range c.want {
			at = s.Next(at)
			got = append(got, at.Format(time.RFC3339))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s after %s: %v, want %v", c.spec, c.from, got, c.want)
		}
	}
}

// TestEachDayHasItsSlot: a daily spec is due once on every day of years, in
// every zone that changes its clocks in an odd way.
func TestEachDayHasItsSlot(t *testing.T) {
	for _, zone := range []string{"America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca", "Asia/Beirut"} {
		for _, at := range []string{"0 0", "30 0", "0 1", "30 1", "15 2", "30 2", "0 3", "59 23"} {
			s, err := Parse("CRON_TZ=" + zone + " " + at + " * * *")
			if err != nil {
				t.Fatal(err)
			}
			from := time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
			n := 0
			for range s.Due(from, from.AddDate(3, 0, 0)) {
				n++
			}
			if n != 3*365+1 {
				t.Errorf("%s %s: %d slots in 1096 days", zone, at, n)
			}
		}
	}
}
