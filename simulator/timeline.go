package simulator

import (
	"slices"
	"sort"
	"time"
)

const day = 24 * time.Hour

// interval is [from, to); a zero to means without end.
type interval struct{ from, to time.Time }

// until gives the end, a far one if there is none.
func (iv interval) until() time.Time {
	if iv.to.IsZero() {
		return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return iv.to
}

func (iv interval) holds(t time.Time) bool { return !t.Before(iv.from) && t.Before(iv.until()) }

// near reports whether the two come closer to each other than gap.
func (iv interval) near(o interval, gap time.Duration) bool {
	return iv.from.Before(o.until().Add(gap)) && o.from.Before(iv.until().Add(gap))
}

// widened gives the interval with margin on both sides.
func (iv interval) widened(margin time.Duration) interval {
	return interval{iv.from.Add(-margin), iv.until().Add(margin)}
}

// timeline is a value that changes at known instants.
type timeline[T any] struct{ steps []step[T] }

type step[T any] struct {
	at    time.Time
	value T
}

func constant[T any](v T) timeline[T] { return timeline[T]{[]step[T]{{value: v}}} }

// after gives the index of the first step later than t.
func (l *timeline[T]) after(t time.Time) int {
	return sort.Search(len(l.steps), func(i int) bool { return l.steps[i].at.After(t) })
}

// at gives the value that holds at t, the zero value before the first step.
func (l *timeline[T]) at(t time.Time) (v T) {
	if i := l.after(t); i > 0 {
		v = l.steps[i-1].value
	}
	return v
}

// set changes the value from t to the next step.
func (l *timeline[T]) set(t time.Time, v T) {
	i := l.after(t)
	if i > 0 && l.steps[i-1].at.Equal(t) {
		l.steps[i-1].value = v
		return
	}
	l.steps = slices.Insert(l.steps, i, step[T]{t, v})
}

// during applies change to every value that holds in iv and leaves the rest as it was.
func (l *timeline[T]) during(iv interval, change func(T) T) {
	if !iv.to.IsZero() {
		l.set(iv.to, l.at(iv.to))
	}
	l.set(iv.from, l.at(iv.from))
	for i := range l.steps {
		if iv.holds(l.steps[i].at) {
			l.steps[i].value = change(l.steps[i].value)
		}
	}
}

// cuts gives the instants of change.
func (l *timeline[T]) cuts() []time.Time {
	out := make([]time.Time, len(l.steps))
	for i, s := range l.steps {
		out[i] = s.at
	}
	return out
}

// instants are times of events, in order.
type instants []time.Time

// last gives the latest event not after t, and zero if there is none.
func (e instants) last(t time.Time) time.Time {
	i := sort.Search(len(e), func(i int) bool { return e[i].After(t) })
	if i == 0 {
		return time.Time{}
	}
	return e[i-1]
}

// upTo gives the events not after t.
func (e instants) upTo(t time.Time) instants {
	return e[:sort.Search(len(e), func(i int) bool { return e[i].After(t) })]
}

// plus gives every event moved by d.
func (e instants) plus(d time.Duration) []time.Time {
	out := make([]time.Time, len(e))
	for i, t := range e {
		out[i] = t.Add(d)
	}
	return out
}

// spans gives the maximal intervals within life in which bad holds. The value
// of bad may change at the cuts only.
func spans(life interval, cuts []time.Time, bad func(time.Time) bool) []interval {
	points := []time.Time{life.from}
	for _, t := range cuts {
		if t.After(life.from) && t.Before(life.until()) {
			points = append(points, t)
		}
	}
	slices.SortFunc(points, time.Time.Compare)
	var out []interval
	open := false
	for _, t := range points {
		switch b := bad(t); {
		case b && !open:
			out, open = append(out, interval{t, life.to}), true
		case !b && open:
			out[len(out)-1].to, open = t, false
		}
	}
	return out
}
