package evidence

import "time"

// Span tells which collections of a log belong to a period, as of an instant.
// Those do that were due in it and observed by then. If the period is over, the
// closing collection of each stream belongs to it as well: the first complete one
// that was due at its end or later, because only that has read the period's last
// events, and what they are joined with.
type Span struct {
	From, To, AsOf time.Time

	closed map[Stream]bool
}

// Holds reports whether the next run of the log belongs to the period. It is to
// be asked of each run once, in the order of the log.
func (s *Span) Holds(r Run) bool {
	over := !s.AsOf.Before(s.To)
	switch {
	case r.Due.Before(s.From):
		return false
	case r.Due.Before(s.To):
		return over || !r.Observed().After(s.AsOf)
	case !over || !r.Outcome.Complete() || r.Stream.Source == SourceReview || s.closed[r.Stream]:
		return false
	}
	if s.closed == nil {
		s.closed = map[Stream]bool{}
	}
	s.closed[r.Stream] = true
	return true
}
