package rule

import (
	"fmt"
	"math"
	"reflect"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Forever is the Evaluation.Until of an answer that stays.
const Forever = math.MaxInt64

const (
	clockName = "@clock" // not an identifier that a predicate can contain
	maxDays   = 100_000

	maxWorkdays = 1000
)

// Calendar knows which days are working days.
type Calendar interface {
	// Location is the zone in which a day begins.
	Location() *time.Location
	// Passed returns the first instant at which more than n working days have
	// passed after the day of t.
	Passed(t time.Time, n int) time.Time
}

var clockType = cel.OpaqueType("gap.clock")

// clock is the instant of one evaluation. It records until when (Unix seconds,
// exclusive) its answers stay the same for the same record, so that an unchanged
// record is evaluated again only then.
type clock struct {
	now      time.Time
	until    int64
	calendar Calendar
}

func (c *clock) holdUntil(t time.Time) { c.until = min(c.until, t.Unix()) }

func (c *clock) olderThan(t, days ref.Val) ref.Val {
	at, err := c.date(t)
	if err != nil {
		return types.WrapErr(err)
	}
	n, err := dayCount(days)
	if err != nil {
		return types.WrapErr(err)
	}
	limit := at.Add(n)
	if c.now.After(limit) {
		return types.True // and ever after
	}
	c.holdUntil(limit)
	return types.False
}

func (c *clock) ageDays(t ref.Val) ref.Val {
	at, err := c.date(t)
	if err != nil {
		return types.WrapErr(err)
	}
	days := int64(math.Floor(c.now.Sub(at).Hours() / 24))
	c.holdUntil(at.Add(time.Duration(days+1) * 24 * time.Hour))
	return types.Int(days)
}

// workdaysPassed reports whether more than n working days have passed after
// the day of t.
func (c *clock) workdaysPassed(t, n ref.Val) ref.Val {
	at, err := c.date(t)
	if err != nil {
		return types.WrapErr(err)
	}
	days, ok := n.(types.Int)
	switch {
	case c.calendar == nil:
		return types.NewErr("there is no calendar to tell working days by")
	case !ok || days < 0 || days > maxWorkdays:
		return types.NewErr("%v is not a number of working days from 0 to %d", n.Value(), maxWorkdays)
	}
	limit := c.calendar.Passed(at, int(days))
	if !c.now.Before(limit) {
		return types.True // and ever after
	}
	c.holdUntil(limit)
	return types.False
}

// date returns an instant, or the first one of a day such as 2026-07-02.
func (c *clock) date(v ref.Val) (time.Time, error) {
	if s, ok := v.(types.String); ok && len(s) == len(time.DateOnly) && c.calendar != nil {
		if t, err := time.ParseInLocation(time.DateOnly, string(s), c.calendar.Location()); err == nil {
			return t, nil
		}
	}
	return instant(v)
}

func instant(v ref.Val) (time.Time, error) {
	switch v := v.(type) {
	case types.Timestamp:
		return v.Time, nil
	case types.String:
		t, err := time.Parse(time.RFC3339, string(v))
		if err != nil {
			return time.Time{}, fmt.Errorf("%.40q is not an RFC 3339 time", string(v))
		}
		return t, nil
	case *types.Err:
		return time.Time{}, v
	}
	return time.Time{}, fmt.Errorf("a %s is not a time", v.Type().TypeName())
}

func dayCount(v ref.Val) (time.Duration, error) {
	var days float64
	switch v := v.(type) {
	case types.Int:
		days = float64(v)
	case types.Double:
		days = float64(v)
	default:
		return 0, fmt.Errorf("a %s is not a number of days", v.Type().TypeName())
	}
	if !(days >= 0 && days <= maxDays) {
		return 0, fmt.Errorf("%v days is not between 0 and %d", days, maxDays)
	}
	return time.Duration(days * 24 * float64(time.Hour)), nil
}

// The rest makes a clock a CEL value; no predicate can do anything else with it.

// ConvertToNative refuses.
func (c *clock) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("a clock is not a %s", t)
}

// ConvertToType refuses.
func (c *clock) ConvertToType(ref.Type) ref.Val { return types.NewErr("a clock is nothing else") }

// Equal compares identity.
func (c *clock) Equal(other ref.Val) ref.Val { return types.Bool(ref.Val(c) == other) }

// Type is the opaque type.
func (c *clock) Type() ref.Type { return clockType }

// Value is the clock itself.
func (c *clock) Value() any { return c }
