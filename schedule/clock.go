package schedule

import "time"

// clockMonitor detects a clock that was set, and a machine that slept, by comparing
// the clock with the time that has gone by.
//
// A clock that is put forward far is distrusted for a while: a slot that is written
// as missed cannot be taken back. One that comes back by itself has done no harm; one
// that does not is trusted in the end, and the time in the answers of the sources is
// the next check.
type clockMonitor struct {
	now     func() time.Time
	elapsed func() time.Duration
	poll    time.Duration

	wall          time.Time
	at            time.Duration
	ahead         time.Duration // by how much the clock is ahead while it is distrusted
	distrustUntil time.Duration // distrusted until then
}

const (
	// jump is the least by which a clock that was set differs from one that is
	// kept by NTP, which goes faster or slower by little.
	jump = 5 * time.Second
	// distrustFrom is by how much a clock must be put forward to be distrusted, distrustFor for how long it is.
	distrustFrom = 2 * time.Minute
	distrustFor  = 10 * time.Minute
	// pollSlack is how much longer than its poll a loop may sleep on a busy machine.
	pollSlack = time.Minute
)

// clockEvent is one finding of a clockMonitor.
type clockEvent struct {
	event string
	by    time.Duration
}

func (w *clockMonitor) begin() {
	w.wall, w.at, w.ahead, w.distrustUntil = w.now().Round(0), w.elapsed(), 0, 0
}

// compare compares the clock with the time that has gone by since it did so last. It
// returns what is certain, and whether the clock is distrusted.
func (w *clockMonitor) compare() (seen []clockEvent, distrusted bool) {
	wall, at := w.now().Round(0), w.elapsed()
	gone := at - w.at
	set := wall.Sub(w.wall) - gone
	w.wall, w.at = wall, at
	if gone > w.poll+pollSlack {
		seen = append(seen, clockEvent{"slept", gone})
	}
	if set.Abs() >= jump || w.ahead != 0 {
		seen = append(seen, w.set(set)...)
	}
	return seen, w.ahead != 0
}

// set processes that the clock was set by so much, or, with less than a jump, that
// time goes on while it is distrusted.
func (w *clockMonitor) set(by time.Duration) []clockEvent {
	before := w.ahead != 0
	w.ahead += by
	switch {
	case !before && w.ahead < distrustFrom:
		w.ahead = 0
		return []clockEvent{{"clock_set", by}}
	case !before:
		w.distrustUntil = w.at + distrustFor
		return nil
	case w.ahead.Abs() < distrustFrom:
		w.ahead = 0
		return []clockEvent{{"clock_set_and_back", by.Abs()}}
	case w.at >= w.distrustUntil || w.ahead < 0:
		by, w.ahead = w.ahead, 0
		return []clockEvent{{"clock_set", by}}
	}
	return nil
}
