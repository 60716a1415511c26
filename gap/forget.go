package gap

import (
	"fmt"
	"time"

	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/gap/rule"
)

// forget keeps the retention gap of an event stream: from when half of the
// time has passed that the source keeps what was not read yet. It stays open
// for ever if that is lost.
func (e *Engine) forget(st *stream, o observation) {
	if c := o.run.Certificate; c != nil && c.KeptDays > 0 {
		st.kept = time.Duration(c.KeptDays) * result.Day
	}
	if c := o.run.Certificate; c != nil && c.Window != nil && (st.wanted.IsZero() || c.Window.From.Before(st.wanted)) {
		st.wanted = c.Window.From.UTC()
	}
	if st.kept == 0 || st.events == nil || st.wanted.IsZero() {
		return
	}
	hole := st.wanted // the first instant that was not read
	if len(st.events.covered) > 0 {
		hole = st.events.covered[0].To
	}
	warn, lost := hole.Add(st.kept/2), hole.Add(st.kept)
	switch {
	case o.at.After(warn) && st.fading == nil:
		st.fading = e.open(result.Gap{Kind: result.Retention, Criteria: e.criteria(st.plan.tests), Severity: blindSeverity, Stream: st.text,
			Reason: fmt.Sprintf("what happened since %s was not read, and the source forgets it from %s on", hole.Format(time.RFC3339), lost.Format(time.RFC3339))},
			0, o.at, warn)
		st.fading.SLADue = &lost
	case o.at.After(warn):
		st.fading.LastSeen = o.at
	case st.fading != nil:
		st.fading.fix(o.at, "")
		st.fading = nil
	}
}

// Of fewer records than minDrift, or where fewer than four of five said it, a
// field that nobody says is no drift.
const minDrift = 5

// voice tells, for one attribute that tests read, of how many records a source says it.
type voice struct {
	said  int
	loud  bool // it was said of nearly all
	drift *spell
}

// hear counts what a resource says, n times.
func (st *stream) hear(r *resource, n int) {
	if st.voices == nil {
		st.voices = make([]voice, st.plan.heard)
	}
	for i, v := range r.vals[:st.plan.heard] {
		if _, silent := v.(rule.Absent); !silent {
			st.voices[i].said += n
		}
	}
}

// listen keeps the drift gaps after a complete snapshot.
func (e *Engine) listen(st *stream, at time.Time) {
	all := len(st.order)
	for i := range st.voices {
		v := &st.voices[i]
		switch {
		case v.said == 0 && v.loud && all >= minDrift && v.drift == nil:
			key := st.plan.keys[i]
			v.drift = e.open(result.Gap{Kind: result.Drift, Criteria: e.criteria(st.plan.tests), Severity: blindSeverity, Stream: st.text, Resource: key, Name: key,
				Reason: fmt.Sprintf("the source no longer says %s of any of %d records", key, all)}, blindSLADays, at, st.wholeAt)
		case v.said == 0 && v.drift != nil:
			v.drift.LastSeen = at
		case v.said > 0 && v.drift != nil:
			v.drift.fix(at, "")
			v.drift = nil
		}
		if v.said > 0 {
			v.loud = all >= minDrift && v.said*5 >= all*4
		}
	}
}
