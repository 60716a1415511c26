package gap

import (
	"crypto/sha256"
	"iter"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/gap/rule"
)

// eventSet is the state of an event stream: a few bytes for each event, and the
// windows that were read completely.
type eventSet struct {
	index   map[eventKey]int32
	days    []int32       // by event: the day of the period, or outsidePeriod
	answers []rule.Answer // by event, one for each test
	gaps    map[eventTest]*trackedGap
	// windows are those of complete runs, merged and sorted.
	windows []evidence.Window
}

const outsidePeriod = -1

type (
	eventKey  [16]byte // the first half of the hash of scope and id
	eventTest struct{ event, test int32 }
)

func keyOf(rec *evidence.Record) eventKey {
	sum := sha256.Sum256([]byte(string(rec.Scope) + "\x00" + rec.ID))
	return eventKey(sum[:16])
}

// readEvents evaluates the events of one window. Windows may overlap: of an event
// that was read before the last reading counts.
func (e *Engine) readEvents(st *stream, o observation, records iter.Seq2[evidence.Line, error]) error {
	e.initEvents(st)
	open := make([]unknowns, len(st.tests))
	e.eval.SetNow(o.at)
	rows := 0
	for _, t := range st.tables {
		t.gen++
	}
	for rec, err := range evidence.DecodeLines(records) {
		if err != nil {
			return err
		}
		rows++
		e.addEvent(st, &rec)
		e.evaluateEvent(st, &rec, o, open)
	}
	if o.complete && o.run.Certificate.Window == nil {
		st.dropUnlistedEvents()
	}
	if w := o.run.Certificate.Window; o.complete && w != nil {
		st.events.addWindow(*w)
	}
	e.finishWindow(st, o, open, rows)
	return nil
}

func (e *Engine) initEvents(st *stream) {
	if st.events != nil {
		return
	}
	st.events = &eventSet{index: map[eventKey]int32{}, gaps: map[eventTest]*trackedGap{}}
	for _, ts := range st.kind.tests {
		if ts.eventDays == nil {
			ts.eventDays = make([]counts, e.period.Days())
		}
	}
}

// unknowns collects the events of one window that do not answer one test.
type unknowns struct {
	n       int
	reasons []string
}

func (e *Engine) evaluateEvent(st *stream, rec *evidence.Record, o observation, open []unknowns) {
	n, fresh := st.events.add(rec, e.period, o.at)
	if fresh {
		st.events.answers = append(st.events.answers, make([]rule.Answer, len(st.tests))...)
	}
	e.eval.SetRecord(rec, st.id)
	for i, ts := range st.kind.tests {
		c := &st.events.answers[int(n)*len(st.tests)+i]
		j := ts.rule.Evaluate(&e.eval)
		was := *c
		switch {
		case st.derived && decided(was) && !decided(j.Answer): // a joined row is no longer listed
			continue
		case was == rule.Fail && j.Answer == rule.NotApplicable: // neither a fix nor a change of what applies erases a deviation
			continue
		}
		*c = j.Answer
		st.tests[i].now.move(was, j.Answer)
		if d := st.events.days[n]; d != outsidePeriod {
			ts.eventDays[d].move(was, j.Answer)
			ts.addPopulation(applies(j.Answer) - applies(was))
		}
		if j.Answer == rule.Unknown {
			open[i].n++
			open[i].reasons = append(open[i].reasons, j.Reason)
		}
		e.updateEventGap(st, rec, o, n, i, j.Answer)
	}
}

func decided(c rule.Answer) bool { return c == rule.Pass || c == rule.Fail }

func applies(c rule.Answer) int { return pick(c == rule.None || c == rule.NotApplicable, 0, 1) }

// updateEventGap opens, retracts or prolongs the deviation of one event and test.
func (e *Engine) updateEventGap(st *stream, rec *evidence.Record, o observation, n int32, i int, c rule.Answer) {
	key := eventTest{n, int32(i)}
	g := st.events.gaps[key]
	switch {
	case g != nil:
		if g.retracted = c != rule.Fail; !g.retracted {
			g.LastSeen = o.at
		}
	case c == rule.Fail:
		ts := st.kind.tests[i]
		g = e.openGap(ts.newDeviation(st, rec, ts.rule.Explain(&e.eval, ts.Title)), ts.SLADays, o.at, effective(rec))
		g.event = true
		st.events.gaps[key] = g
	}
}

// finishWindow sets the answers of a window. An event that does not say enough
// keeps the unknown gap open until it is read again and does.
func (e *Engine) finishWindow(st *stream, o observation, open []unknowns, rows int) {
	for i := range st.tests {
		t := &st.tests[i]
		t.answer = pick(o.complete, rule.Pass, rule.Unknown)
		switch {
		case !o.complete:
		case open[i].n > 0:
			e.openUnknownGap(st, i, o.at, open[i].n, rows, open[i].reasons)
		case t.now[rule.Unknown] == 0:
			t.closeUnknownGap(o.at)
		}
	}
}

// add returns the number of an event, and whether it is new.
func (s *eventSet) add(rec *evidence.Record, period result.Period, observed time.Time) (n int32, fresh bool) {
	key := keyOf(rec)
	if n, ok := s.index[key]; ok {
		return n, false
	}
	n = int32(len(s.days))
	s.index[key] = n
	d := int32(outsidePeriod)
	if at := firstNonZero(effective(rec), observed); period.Holds(at) {
		d = int32(period.Day(at))
	}
	s.days = append(s.days, d)
	return n, true
}

func effective(rec *evidence.Record) time.Time { return utc(rec.Effective) }

func utc(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// addWindow adds a window that was read completely.
func (s *eventSet) addWindow(w evidence.Window) {
	if !w.From.Before(w.To) {
		return
	}
	s.windows = append(s.windows, evidence.Window{From: w.From.UTC(), To: w.To.UTC()})
	slices.SortFunc(s.windows, func(a, b evidence.Window) int { return a.From.Compare(b.From) })
	merged := s.windows[:1]
	for _, w := range s.windows[1:] {
		if last := &merged[len(merged)-1]; !w.From.After(last.To) {
			last.To = later(last.To, w.To)
		} else {
			merged = append(merged, w)
		}
	}
	s.windows = merged
}

// covers reports whether all of [from, to) was read.
func (s *eventSet) covers(from, to time.Time) bool {
	return slices.ContainsFunc(s.windows, func(w evidence.Window) bool {
		return !w.From.After(from) && !w.To.Before(to)
	})
}

// reach is the end of the last window that was read; zero if there is none.
func (s *eventSet) reach() time.Time {
	if len(s.windows) == 0 {
		return time.Time{}
	}
	return s.windows[len(s.windows)-1].To
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
