package simulator

import (
	"math/rand/v2"
	"time"
)

// dice are one seeded source of chance. Life, accidents and faults have dice
// of their own, so that the same seed lives the same life with or without accidents.
type dice struct{ *rand.Rand }

func newDice(seed int64, purpose uint64) dice {
	return dice{rand.New(rand.NewPCG(uint64(seed), purpose))}
}

// between gives a number in [lo, hi].
func (d dice) between(lo, hi int) int { return lo + d.IntN(hi-lo+1) }

func (d dice) chance(p float64) bool { return d.Float64() < p }

// days gives a duration of lo to hi days and some hours, to the second.
func (d dice) days(lo, hi int) time.Duration {
	return time.Duration(d.between(lo, hi))*day + time.Duration(d.between(0, 3*3600))*time.Second
}

// workday gives an instant between 09:00 and 20:00 of the day that begins at midnight.
func (d dice) workday(midnight time.Time) time.Time {
	return midnight.Add(9*time.Hour + time.Duration(d.IntN(11*3600))*time.Second)
}

// every gives events from first to last, lo to hi days apart.
func (d dice) every(first, last time.Time, lo, hi int) (out instants) {
	for t := first; t.Before(last); t = t.Add(d.days(lo, hi)) {
		out = append(out, t)
	}
	return out
}

func pick[T any](d dice, xs []T) T { return xs[d.IntN(len(xs))] }
