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

// population is the state of an event stream: each event judged once, a few
// bytes each, and which windows were read whole.
type population struct {
	index  map[eventKey]int32
	days   []int32       // by event: the day of the period, or outside
	codes  []rule.Answer // by event, one for each test
	spells map[spellKey]*spell
	// covered are the windows of complete runs, merged and sorted.
	covered []evidence.Window
}

const outside = -1

type (
	eventKey [16]byte // of the hash of scope and id
	spellKey struct{ event, test int32 }
)

func keyOf(rec *evidence.Record) eventKey {
	sum := sha256.Sum256([]byte(string(rec.Scope) + "\x00" + rec.ID))
	return eventKey(sum[:16])
}

// takeEvents judges the events of one window. Windows may overlap: of an event
// read again the last reading counts.
func (e *Engine) takeEvents(st *stream, o observation, records iter.Seq2[evidence.Line, error]) error {
	e.beginEvents(st)
	dims := make([]dimming, len(st.tests))
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
		e.file(st, &rec)
		e.judgeEvent(st, &rec, o, dims)
	}
	if o.complete && o.run.Certificate.Window == nil {
		st.sweepEvents()
	}
	if w := o.run.Certificate.Window; o.complete && w != nil {
		st.events.cover(*w)
	}
	e.judgeWindow(st, o, dims, rows)
	return nil
}

func (e *Engine) beginEvents(st *stream) {
	if st.events != nil {
		return
	}
	st.events = &population{index: map[eventKey]int32{}, spells: map[spellKey]*spell{}}
	for _, ts := range st.plan.tests {
		if ts.events == nil {
			ts.events = make([]counts, e.period.Days())
		}
	}
}

// dimming collects the unknowns of one window for one test.
type dimming struct {
	n    int
	whys []string
}

func (e *Engine) judgeEvent(st *stream, rec *evidence.Record, o observation, dims []dimming) {
	n, fresh := st.events.find(rec, e.period, o.at)
	if fresh {
		st.events.codes = append(st.events.codes, make([]rule.Answer, len(st.tests))...)
	}
	e.eval.SetRecord(rec, st.id)
	for i, ts := range st.plan.tests {
		c := &st.events.codes[int(n)*len(st.tests)+i]
		j := ts.rule.Judge(&e.eval)
		was := *c
		switch {
		case st.rows && decided(was) && !decided(j.Answer): // what was joined is no longer listed
			continue
		case was == rule.Fail && j.Answer == rule.NotApplicable: // fixing never erases, and no more does a change of what applies
			continue
		}
		*c = j.Answer
		st.tests[i].now.move(was, j.Answer)
		if d := st.events.days[n]; d != outside {
			ts.events[d].move(was, j.Answer)
			ts.count(applies(j.Answer) - applies(was))
		}
		if j.Answer == rule.Unknown {
			dims[i].n++
			dims[i].whys = append(dims[i].whys, j.Why)
		}
		e.judgeSpell(st, rec, o, n, i, j.Answer)
	}
}

func decided(c rule.Answer) bool { return c == rule.Pass || c == rule.Fail }

func applies(c rule.Answer) int { return pick(c == rule.None || c == rule.NotApplicable, 0, 1) }

// judgeSpell keeps the deviation of one event and test.
func (e *Engine) judgeSpell(st *stream, rec *evidence.Record, o observation, n int32, i int, c rule.Answer) {
	key := spellKey{n, int32(i)}
	s := st.events.spells[key]
	switch {
	case s != nil:
		if s.void = c != rule.Fail; !s.void {
			s.LastSeen = o.at
		}
	case c == rule.Fail:
		ts := st.plan.tests[i]
		s = e.open(ts.deviation(st, rec, ts.rule.Explain(&e.eval, ts.Title)), ts.SLADays, o.at, effective(rec))
		s.event = true
		st.events.spells[key] = s
	}
}

// judgeWindow ends the reading of a window. An event that does not say enough
// keeps its gap open until it is read again and does.
func (e *Engine) judgeWindow(st *stream, o observation, dims []dimming, rows int) {
	for i := range st.tests {
		t := &st.tests[i]
		t.verdict = pick(o.complete, rule.Pass, rule.Unknown)
		switch {
		case !o.complete:
		case dims[i].n > 0:
			e.dim(st, i, o.at, dims[i].n, rows, dims[i].whys)
		case t.now[rule.Unknown] == 0:
			t.lighten(o.at)
		}
	}
}

// find gives the number of an event, and whether it is new.
func (p *population) find(rec *evidence.Record, period result.Period, observed time.Time) (n int32, fresh bool) {
	key := keyOf(rec)
	if n, ok := p.index[key]; ok {
		return n, false
	}
	n = int32(len(p.days))
	p.index[key] = n
	d := int32(outside)
	if at := known(effective(rec), observed); period.Holds(at) {
		d = int32(period.Day(at))
	}
	p.days = append(p.days, d)
	return n, true
}

func effective(rec *evidence.Record) time.Time { return utc(rec.Effective) }

func utc(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// cover adds a window that was read whole.
func (p *population) cover(w evidence.Window) {
	if !w.From.Before(w.To) {
		return
	}
	p.covered = append(p.covered, evidence.Window{From: w.From.UTC(), To: w.To.UTC()})
	slices.SortFunc(p.covered, func(a, b evidence.Window) int { return a.From.Compare(b.From) })
	merged := p.covered[:1]
	for _, w := range p.covered[1:] {
		if last := &merged[len(merged)-1]; !w.From.After(last.To) {
			last.To = later(last.To, w.To)
		} else {
			merged = append(merged, w)
		}
	}
	p.covered = merged
}

// covers reports whether all of [from, to) was read whole.
func (p *population) covers(from, to time.Time) bool {
	return slices.ContainsFunc(p.covered, func(w evidence.Window) bool {
		return !w.From.After(from) && !w.To.Before(to)
	})
}

// reach is the end of the last window that was read whole; zero if there is none.
func (p *population) reach() time.Time {
	if len(p.covered) == 0 {
		return time.Time{}
	}
	return p.covered[len(p.covered)-1].To
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
