package catalogue

import (
	"fmt"
	"slices"
	"time"
)

const calendarFile = "calendar.yaml"

// Calendar says which days are working days, and where they begin: a promise
// of "one business day" is measured against it.
type Calendar struct {
	Name string `json:"name" yaml:"name"`
	// Zone is the time zone in which a day begins, such as Europe/Berlin.
	Zone string `json:"zone" yaml:"zone"`
	// Weekend names the days of the week that are free.
	Weekend []string `json:"weekend" yaml:"weekend"`
	// Holidays are further free days, as 2026-12-25.
	Holidays []string `json:"holidays,omitempty" yaml:"holidays"`

	zone *time.Location
	free [7]bool
	off  map[string]bool
}

// finish checks the calendar and makes it ready.
func (c *Calendar) finish(fail failFunc) error {
	zone, err := time.LoadLocation(c.Zone)
	if err != nil || c.Zone == "" || c.Zone == "Local" {
		return fail("zone", "calendar %s: %q is not a time zone such as UTC or Europe/Berlin", c.Name, c.Zone)
	}
	c.zone, c.free, c.off = zone, [7]bool{}, map[string]bool{}
	for i, name := range c.Weekend {
		d := slices.IndexFunc(weekdays[:], func(w time.Weekday) bool { return w.String() == name })
		if d < 0 {
			return fail(fmt.Sprintf("weekend[%d]", i), "calendar %s: %q is not a day of the week such as Saturday", c.Name, name)
		}
		c.free[d] = true
	}
	if c.free == [7]bool{true, true, true, true, true, true, true} {
		return fail("weekend", "calendar %s: no day of the week is a working day", c.Name)
	}
	for i, text := range c.Holidays {
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			return fail(fmt.Sprintf("holidays[%d]", i), "calendar %s: %q is not a day such as 2026-12-25", c.Name, text)
		}
		c.off[text] = true
	}
	return nil
}

var weekdays = [7]time.Weekday{time.Sunday, time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday}

// midnight returns the first instant of the day of t.
func (c *Calendar) midnight(t time.Time) time.Time {
	y, m, d := t.In(c.zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, c.zone)
}

// working tells of a midnight whether its day is a working day.
func (c *Calendar) working(day time.Time) bool {
	return !c.free[day.Weekday()] && !c.off[day.Format(time.DateOnly)]
}

// Location is the zone in which a day begins.
func (c *Calendar) Location() *time.Location { return c.zone }

// Passed returns the first instant at which more than n working days have passed
// after the day of t.
func (c *Calendar) Passed(t time.Time, n int) time.Time {
	d := c.midnight(t)
	for left := n; left >= 0; {
		if d = c.midnight(d.AddDate(0, 0, 1).Add(12 * time.Hour)); c.working(d) {
			left--
		}
	}
	return d
}
