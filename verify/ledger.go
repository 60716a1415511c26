package verify

import (
	"fmt"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// slotID is what may be only once in a log.
type slotID struct {
	stream evidence.Stream
	due    time.Time
}

// ledger follows the slots of the log.
type ledger struct {
	ended map[slotID]bool
	read  map[evidence.Stream]time.Time // end of the last window read whole
	later map[evidence.Stream]time.Time // the last scheduled collection, read or not
	span  *evidence.Span                // what belongs to the bundle
}

// run checks one slot's outcome against its own certificate and against the
// slots before it, and notes the evidence it names.
func (c *check) run(index int, recorded time.Time, r evidence.Run) {
	c.res.Checked.Snapshots++
	c.slotOnce(index, r)
	c.claims(index, r)
	c.times(index, recorded, r)
	c.window(index, r)
	if !c.belongs(r) || !c.b.Manifest.of(r.Stream.Kind) {
		return // evidence of other periods stays with its owner; the leaf is here
	}
	if r.Records != nil {
		c.refs[recordsPath(r.Records.Hash)] = *r.Records
	}
	if r.Exchanges != nil {
		c.refs[exchangesPath(r.Exchanges.Hash)] = *r.Exchanges
	}
}

// belongs reports whether the evidence of a run must be in the bundle. In the first
// format that was whatever was due in the period.
func (c *check) belongs(r evidence.Run) bool {
	m := &c.b.Manifest
	if m.Format == format1 {
		return m.Period.Holds(r.Due)
	}
	if c.runs.span == nil {
		c.runs.span = &evidence.Span{From: m.Period.From, To: m.Period.To, AsOf: m.AsOf}
	}
	return c.runs.span.Holds(r)
}

func (c *check) slotOnce(index int, r evidence.Run) {
	if c.runs.ended == nil {
		c.runs = ledger{ended: map[slotID]bool{}, read: map[evidence.Stream]time.Time{}, later: map[evidence.Stream]time.Time{}}
	}
	if r.Trigger != evidence.Scheduled {
		return
	}
	id := slotID{r.Stream, r.Due}
	if c.runs.ended[id] {
		c.fail("ledger", entriesName, "entry %d: the slot of %s due %s ended before", index, r.Stream, r.Due.Format(time.RFC3339))
	}
	c.runs.ended[id] = true
	if r.Due.After(c.runs.later[r.Stream]) {
		c.runs.later[r.Stream] = r.Due
	}
}

// claims checks that an outcome does not say more than its certificate.
func (c *check) claims(index int, r evidence.Run) {
	cert := r.Certificate
	switch {
	case r.Outcome == evidence.Missed && (cert != nil || r.Records != nil):
		c.fail("ledger", entriesName, "entry %d: a missed slot has no evidence", index)
	case r.Outcome != evidence.Missed && cert == nil:
		c.fail("ledger", entriesName, "entry %d: no certificate", index)
	case r.Outcome.Complete() && (!cert.Complete || r.Records == nil || cert.Rows != r.Records.Count):
		c.fail("ledger", entriesName, "entry %d: called %s, but its certificate is not complete", index, r.Outcome)
	case r.Outcome.Complete():
		for _, s := range cert.Scopes {
			if s.Status.Unread() {
				c.fail("ledger", entriesName, "entry %d: called %s, but scope %s was not read", index, r.Outcome, s.Scope)
			}
		}
	}
}

// times checks that nothing was read before it was due, or was due, read or known
// after it was written down.
func (c *check) times(index int, recorded time.Time, r evidence.Run) {
	late := recorded.Add(slack)
	if r.Trigger == evidence.Scheduled && r.Due.After(late) {
		c.fail("ledger", entriesName, "entry %d: it was due at %s, and written down before", index, r.Due.Format(time.RFC3339))
	}
	cert := r.Certificate
	switch {
	case cert == nil:
	case cert.Ended.Before(cert.Started), cert.Ended.After(late):
		c.fail("ledger", entriesName, "entry %d: the reading ended at %s, before it began or after it was written down", index, cert.Ended.Format(time.RFC3339))
	case r.Trigger == evidence.Scheduled && cert.Started.Before(r.Due.Add(-slack)):
		c.fail("ledger", entriesName, "entry %d: the reading began at %s, before it was due", index, cert.Started.Format(time.RFC3339))
	case cert.Window != nil && cert.Window.To.After(cert.Ended.Add(slack)):
		c.fail("ledger", entriesName, "entry %d: it says that it read events until %s, and ended before", index, cert.Window.To.Format(time.RFC3339))
	}
}

// window checks that the windows of a population leave no hole in the period.
func (c *check) window(index int, r evidence.Run) {
	if r.Certificate == nil || r.Certificate.Window == nil || !r.Outcome.Complete() {
		return
	}
	w, before := r.Certificate.Window, c.runs.read[r.Stream]
	if p := c.b.Manifest.Period; before.IsZero() && w.From.After(p.From) && w.From.Before(p.To) {
		c.hole(fmt.Sprintf("the population of %s has a hole at its start: it was read from %s on", r.Stream, w.From.Format(time.RFC3339)))
	}
	if p := c.b.Manifest.Period; !before.IsZero() && w.From.After(before) && w.From.After(p.From) && before.Before(p.To) {
		c.fail("ledger", entriesName, "entry %d: the population of %s has a hole from %s to %s", index, r.Stream,
			before.Format(time.RFC3339), w.From.Format(time.RFC3339))
	}
	if w.To.After(before) {
		c.runs.read[r.Stream] = w.To
	}
}

// hole says that a population does not cover the period: what the bundle says of
// it can be no more than that it is not known.
func (c *check) hole(text string) {
	c.res.Complete = false
	c.res.Holes = append(c.res.Holes, text)
}

// readToTheEnd looks, in a bundle that calls itself complete, for populations
// whose last events were not read, though the schedule went on. Which streams no
// longer were expected only the schedules tell: that is derived by the program.
func (c *check) readToTheEnd() {
	p := c.b.Manifest.Period
	if !c.b.Manifest.Complete || c.b.Manifest.Format == format1 { // which did not hold the closing collections
		return
	}
	for stream, read := range c.runs.read {
		if read.Before(p.To) && read.After(p.From) && c.runs.later[stream].After(read) {
			c.hole(fmt.Sprintf("the population of %s has a hole at its end: it was read until %s only", stream, read.Format(time.RFC3339)))
		}
	}
	slices.Sort(c.res.Holes)
}
