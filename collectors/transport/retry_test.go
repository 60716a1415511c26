package transport

import (
	"testing"
	"time"
)

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2026, 7, 1, 6, 0, 0, 0, time.UTC)
	tests := []struct {
		in   string
		want time.Duration
		ok   bool
	}{
		{"", 0, false},
		{"120", 2 * time.Minute, true},
		{" 1 ", time.Second, true},
		{"0", 0, true},
		{"-1", 0, false},
		{"1.5", 0, false},
		{"soon", 0, false},
		{"18446744073709551615", longest, true},
		{"18446744073709551616", 0, false},
		{"Wed, 01 Jul 2026 06:00:30 GMT", 30 * time.Second, true},
		{"Wednesday, 01-Jul-26 06:00:30 GMT", 30 * time.Second, true},
		{"Wed, 01 Jul 2026 05:00:00 GMT", 0, true},
		{"Fri, 31 Dec 9999 23:59:59 GMT", longest, true},
	}
	for _, tt := range tests {
		if got, ok := parseRetryAfter(tt.in, now); got != tt.want || ok != tt.ok {
			t.Errorf("%q: got %v, %v; want %v, %v", tt.in, got, ok, tt.want, tt.ok)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "1", "Wed, 01 Jul 2026 06:00:30 GMT", "-9", "1e9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		now := time.Unix(1782885600, 0)
		for _, parse := range []func(string, time.Time) (time.Duration, bool){parseRetryAfter, parseReset} {
			if d, ok := parse(s, now); d < 0 || d > longest || !ok && d != 0 {
				t.Fatalf("%q: %v, %v", s, d, ok)
			}
		}
	})
}
