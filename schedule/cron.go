package schedule

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Spec is a parsed cron spec of five fields, in UTC unless it begins with "CRON_TZ=Zone ".
type Spec struct{ cron cron.Schedule }

// Default is the spec of a source that names none: daily at six, UTC.
const Default = "0 6 * * *"

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
	s = Spec{cron: c}
	if s.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return s, fmt.Errorf("schedule %q never fires", text)
	}
	return s, nil
}

// Next gives the first due time after t, in UTC; zero if there is none.
func (s Spec) Next(t time.Time) time.Time {
	n := s.cron.Next(t)
	if n.IsZero() {
		return n
	}
	return n.UTC()
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
