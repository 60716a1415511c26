package gap

import (
	"fmt"
	"time"

	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/gap/rule"
)

// trackRetention opens, prolongs or fixes the retention gap of an event stream. It
// begins once half of the time has passed for which the source keeps events that
// were not read yet, and is never fixed if they are lost.
func (e *Engine) trackRetention(st *stream, o observation) {
	if c := o.run.Certificate; c != nil && c.KeptDays > 0 {
		st.retention = time.Duration(c.KeptDays) * result.Day
	}
	if c := o.run.Certificate; c != nil && c.Window != nil && (st.firstWindow.IsZero() || c.Window.From.Before(st.firstWindow)) {
		st.firstWindow = c.Window.From.UTC()
	}
	if st.retention == 0 || st.events == nil || st.firstWindow.IsZero() {
		return
	}
	hole := st.firstWindow // the first instant that was not read
	if len(st.events.windows) > 0 {
		hole = st.events.windows[0].To
	}
	warn, lost := hole.Add(st.retention/2), hole.Add(st.retention)
	switch {
	case o.at.After(warn) && st.retentionGap == nil:
		st.retentionGap = e.openGap(result.Gap{Kind: result.Retention, Criteria: e.criteria(st.kind.tests), Severity: blindSeverity, Stream: st.text,
			Reason: fmt.Sprintf("what happened since %s was not read, and the source forgets it from %s on", hole.Format(time.RFC3339), lost.Format(time.RFC3339))},
			0, o.at, warn)
		st.retentionGap.SLADue = &lost
	case o.at.After(warn):
		st.retentionGap.LastSeen = o.at
	case st.retentionGap != nil:
		st.retentionGap.fix(o.at, "")
		st.retentionGap = nil
	}
}

// An attribute that no record has is drift only where a snapshot had at least so
// many records, and four of five of them had it before.
const minDriftRecords = 5

// attributePresence counts the records that have one attribute that tests read.
type attributePresence struct {
	present int
	usual   bool        // four of five had it in the last complete snapshot
	gap     *trackedGap // open
}

// countPresence adds n to the count of each attribute that a resource has.
func (st *stream) countPresence(r *resource, n int) {
	if st.presence == nil {
		st.presence = make([]attributePresence, st.kind.monitored)
	}
	for i, v := range r.values[:st.kind.monitored] {
		if _, absent := v.(rule.Absent); !absent {
			st.presence[i].present += n
		}
	}
}

// checkDrift opens, prolongs or fixes the drift gaps after a complete snapshot.
func (e *Engine) checkDrift(st *stream, at time.Time) {
	all := len(st.order)
	for i := range st.presence {
		p := &st.presence[i]
		switch {
		case p.present == 0 && p.usual && all >= minDriftRecords && p.gap == nil:
			key := st.kind.keys[i]
			p.gap = e.openGap(result.Gap{Kind: result.Drift, Criteria: e.criteria(st.kind.tests), Severity: blindSeverity, Stream: st.text, Resource: key, Name: key,
				Reason: fmt.Sprintf("the source no longer says %s of any of %d records", key, all)}, blindSLADays, at, st.completeAt)
		case p.present == 0 && p.gap != nil:
			p.gap.LastSeen = at
		case p.present > 0 && p.gap != nil:
			p.gap.fix(at, "")
			p.gap = nil
		}
		if p.present > 0 {
			p.usual = all >= minDriftRecords && p.present*5 >= all*4
		}
	}
}
