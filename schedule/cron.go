package schedule

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Spec is a parsed cron spec of five fields, in UTC unless it begins with "CRON_TZ=Zone ".
//
// Where clocks are put forward, a time that the day does not have is due at the
// instant of the change; where they are put back, a time that the day has twice
// is due the first time. A spec of every hour ("*") follows the hours as they pass.
type Spec struct {
	cron cron.Schedule
	// wall is cron for the clock on the wall, taken for UTC; nil if that makes no difference.
	wall *cron.SpecSchedule
	zone *time.Location
}

// Default is the spec of a source that names none: daily at six, UTC.
const Default = "0 6 * * *"

// star is the bit by which the parser marks a field that was "*".
const star = 1 << 63

// Parse reads a cron spec. A spec that never fires is an error.
func Parse(text string) (s Spec, err error) {
	defer func() { // the parser panics on some inputs, such as a time zone without a spec
		if r := recover(); r != nil {
			err = fmt.Errorf("schedule %q is not a cron spec of five fields such as %q", text, Default)
		}
	}()
	if strings.TrimSpace(text) == "" {
		text = Default
	}
	spec := text
	if !strings.HasPrefix(spec, "CRON_TZ=") && !strings.HasPrefix(spec, "TZ=") {
		spec = "CRON_TZ=UTC " + spec
	}
	c, err := cron.ParseStandard(spec)
	if err != nil {
		return s, fmt.Errorf("schedule %q: %w; want five fields such as %q", text, err, Default)
	}
	fields, ok := c.(*cron.SpecSchedule)
	if !ok {
		return s, fmt.Errorf("schedule %q counts from when the agent starts, so that nobody could tell a missed slot: want five fields such as %q", text, Default)
	}
	if name := strings.ToLower(fields.Location.String()); name == "local" || name == "localtime" {
		return s, fmt.Errorf("schedule %q goes by the zone of the machine, so that its slots would depend on where it runs: name the zone, such as CRON_TZ=Europe/Berlin, or leave it out for UTC", text)
	}
	s = Spec{cron: c, zone: fields.Location}
	if fields.Location != time.UTC && fields.Hour&star == 0 {
		wall := *fields
		wall.Location = time.UTC
		s.wall = &wall
	}
	if s.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return s, fmt.Errorf("schedule %q never fires", text)
	}
	return s, nil
}

// Next returns the first due time after t, in UTC; zero if there is none.
func (s Spec) Next(t time.Time) time.Time {
	if s.wall != nil {
		return s.nextOnWall(t)
	}
	n := s.cron.Next(t)
	if n.IsZero() {
		return n
	}
	return n.UTC()
}

// nextOnWall asks what the clock on the wall shows next. It begins a little
// before t, as that clock may have been put back.
func (s Spec) nextOnWall(t time.Time) time.Time {
	for shown := onWall(t.In(s.zone)).Add(-3 * time.Hour); ; {
		if shown = s.wall.Next(shown); shown.IsZero() {
			return shown
		}
		if at := offWall(shown, s.zone); at.After(t) {
			return at.UTC()
		}
	}
}

// onWall returns what a clock on the wall shows, as if it were in UTC.
func onWall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// offWall returns the first instant at which the clock on the wall shows that, or
// the instant of the change that leaves it out.
func offWall(shown time.Time, zone *time.Location) time.Time {
	at := time.Date(shown.Year(), shown.Month(), shown.Day(), shown.Hour(), shown.Minute(), shown.Second(), 0, zone)
	begin, end := at.ZoneBounds()
	switch {
	case onWall(at).After(shown): // read with the offset from before the change
		return begin
	case onWall(at).Before(shown):
		return end
	case begin.IsZero():
		return at
	}
	_, now := at.Zone()
	_, before := begin.Add(-time.Second).Zone()
	if first := at.Add(time.Duration(now-before) * time.Second); first.Before(begin) && onWall(first.In(zone)).Equal(shown) {
		return first
	}
	return at
}

// Due yields every due time in (after, until].
func (s Spec) Due(after, until time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		for t := s.Next(after); !t.IsZero() && !t.After(until); t = s.Next(t) {
			if !yield(t) {
				return
			}
		}
	}
}
