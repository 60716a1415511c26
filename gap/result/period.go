package result

import "time"

// Period is the half-open observation period [From, To).
type Period struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Holds reports whether t lies in the period.
func (p Period) Holds(t time.Time) bool { return !t.Before(p.From) && t.Before(p.To) }

// Day is one of 24 hours.
const Day = 24 * time.Hour

// Days is the number of days that the period touches, counted from its start.
func (p Period) Days() int { return max(int((p.To.Sub(p.From)+Day-1)/Day), 0) }

// Day returns the number of the day of t, counted from the start of the period.
func (p Period) Day(t time.Time) int { return int(t.Sub(p.From) / Day) }
