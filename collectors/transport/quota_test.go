package transport

import (
	"net/http"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

func TestQuota(t *testing.T) {
	now := time.Date(2026, 7, 1, 6, 0, 0, 0, time.UTC)
	epoch := &collectors.Quota{Limit: "X-Rate-Limit-Limit", Remaining: "X-Rate-Limit-Remaining", Reset: "X-Rate-Limit-Reset", Share: 0.5}
	left := &collectors.Quota{Remaining: "Ratelimit-Remaining", Reset: "Ratelimit-Reset", Left: true}
	for _, tt := range []struct {
		name  string
		quota *collectors.Quota
		h     map[string]string
		spent bool
		wait  time.Duration
	}{
		{"none", nil, map[string]string{"X-Rate-Limit-Remaining": "0"}, false, 0},
		{"half is left", epoch, map[string]string{"X-Rate-Limit-Limit": "600", "X-Rate-Limit-Remaining": "300", "X-Rate-Limit-Reset": "1782885630"}, true, 30 * time.Second},
		{"more is left", epoch, map[string]string{"X-Rate-Limit-Limit": "600", "X-Rate-Limit-Remaining": "301"}, false, 0},
		{"no limit is stated", epoch, map[string]string{"X-Rate-Limit-Remaining": "1"}, false, 0},
		{"nothing is stated", epoch, nil, false, 0},
		{"seconds", left, map[string]string{"Ratelimit-Remaining": "0", "Ratelimit-Reset": "12"}, true, 12 * time.Second},
		{"no number", left, map[string]string{"Ratelimit-Remaining": "few", "Ratelimit-Reset": "soon"}, false, 0},
	} {
		h := http.Header{}
		for k, v := range tt.h {
			h.Set(k, v)
		}
		wait, _ := quotaReset(tt.quota, h, now)
		if got := quotaSpent(tt.quota, h); got != tt.spent || wait != tt.wait {
			t.Errorf("%s: spent %v, wait %s; want %v, %s", tt.name, got, wait, tt.spent, tt.wait)
		}
	}
}

// TestSpare: the lane rests until the limit begins anew, before anything is refused.
func TestSpare(t *testing.T) {
	now := time.Date(2026, 7, 1, 6, 0, 0, 0, time.UTC)
	opt, err := Options{Now: func() time.Time { return now }}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	d := &gateway{opt: opt, limits: newLimiter(8, 64), quota: &collectors.Quota{Remaining: "R", Reset: "S", Left: true}}
	d.applyQuota("a", &http.Response{Header: http.Header{"R": {"0"}, "S": {"40"}}})
	d.applyQuota("b", &http.Response{Header: http.Header{"R": {"0"}, "S": {"86400"}}})
	if a, b := d.limits.pause("a", now), d.limits.pause("b", now); a != 40*time.Second || b > 0 {
		t.Errorf("rests of %s and %s; want 40s, and none beyond the patience", a, b)
	}
}
