package simulator

import (
	"encoding/csv"
	"strings"
	"testing"
	"time"
)

// row is one line of a credential report by column name.
type row map[string]string

func rowsOf(t *testing.T, text string) (out []row) {
	t.Helper()
	lines := must[[][]string](t)(csv.NewReader(strings.NewReader(text)).ReadAll())
	for _, l := range lines[1:] {
		r := row{}
		for i, name := range lines[0] {
			r[name] = l[i]
		}
		out = append(out, r)
	}
	return out
}

// old reports whether the first of the columns that states a time states one
// more than 90 days before now.
func (r row) old(now time.Time, columns ...string) bool {
	for _, c := range columns {
		if at, err := time.Parse("2006-01-02T15:04:05-07:00", r[c]); err == nil {
			return now.Sub(at) >= limit90
		}
	}
	return false
}

// breaks judges a row as the catalogue does, by nothing but its text.
func (r row) breaks(now time.Time) map[string]bool {
	key1, key2 := r["access_key_1_active"] == "true", r["access_key_2_active"] == "true"
	if r["user"] == "<root_account>" {
		used := r["password_last_used"] != "no_information" && !r.old(now, "password_last_used") ||
			r["access_key_1_last_used_date"] != "N/A" && !r.old(now, "access_key_1_last_used_date")
		return map[string]bool{"aws.iam.root-unused": used}
	}
	password := r["password_enabled"] == "true"
	return map[string]bool{
		"aws.iam.user-console-mfa": password && r["mfa_active"] != "true",
		"aws.iam.key-age-90":       key1 && r.old(now, "access_key_1_last_rotated") || key2 && r.old(now, "access_key_2_last_rotated"),
		"aws.iam.unused-creds-90": password && r.old(now, "password_last_used", "password_last_changed", "user_creation_time") ||
			key1 && r.old(now, "access_key_1_last_used_date", "access_key_1_last_rotated") || key2 && r.old(now, "access_key_2_last_used_date", "access_key_2_last_rotated"),
	}
}

// TestReportTellsTheTruth judges every account's report of every day by its
// text, and compares with the truth, in both directions.
func TestReportTellsTheTruth(t *testing.T) {
	for seed := range int64(20) {
		for _, plant := range []bool{true, false} {
			c := New(Options{Seed: seed, Start: start, Days: 180, Plant: plant})
			broken := 0
			for now := c.start.Add(6 * time.Hour); now.Before(c.end); now = now.Add(day) {
				for _, a := range c.accounts {
					if a.seen().holds(now) {
						broken += compareReport(t, c, a, now)
					}
				}
			}
			if plant != (broken > 0) {
				t.Errorf("seed %d, plant %t: %d failures", seed, plant, broken)
			}
		}
	}
}

// compareReport gives how many rows break a test.
func compareReport(t *testing.T, c *Company, a *account, now time.Time) (broken int) {
	t.Helper()
	want := map[string]bool{}
	for _, p := range c.truth {
		if p.Stream == c.awsStream("aws.iam.user", a) && strings.HasPrefix(p.Test, "aws.iam.") && (interval{p.Start, p.End}).holds(now) {
			want[p.Test+" "+p.Resource] = true
		}
	}
	for _, r := range rowsOf(t, a.report(now)) {
		for test, bad := range r.breaks(now) {
			key := test + " " + r["arn"]
			if bad != want[key] {
				t.Errorf("seed %d at %v: %s is broken: %t, in truth: %t; the row: %v", c.opts.Seed, now, key, bad, want[key], r)
			}
			broken += count(bad)
			delete(want, key)
		}
	}
	for key := range want {
		t.Errorf("seed %d at %v: the row of %s is missing", c.opts.Seed, now, key)
	}
	return broken
}
