package gap

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
)

// duty is a duty of the catalogue with its occurrences in a period.
type duty struct{ catalogue.Duty }

// performance is one time that a duty was done.
type performance struct {
	at       time.Time
	recorded time.Time // when it entered the log
	until    time.Time // of a document that expires; zero if it does not say
	label    string
	entry    uint64
	by       string
	claimed  bool
}

// performances returns those of a duty, by their day.
func performances(id string, acts []evidence.Act) []*performance {
	var out []*performance
	for _, a := range acts {
		if u := a.Upload; u != nil && slices.Contains(u.Duties, id) && u.Effective.Before(a.At.Add(result.Day)) {
			p := &performance{at: u.Effective.UTC(), recorded: a.At, label: u.Occurrence, entry: a.Entry, by: u.By}
			if u.Expires != nil {
				p.until = u.Expires.UTC()
			}
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b *performance) int { return a.at.Compare(b.at) })
	return out
}

// occurrences returns the occurrences of a duty that belong to the period, in
// order. began is when the log began: evidence of before is not late because it was
// recorded after that.
func (d *duty) occurrences(cal *catalogue.Calendar, p result.Period, acts []evidence.Act, began, asOf time.Time) []result.Occurrence {
	performed := performances(d.ID, acts)
	var all []result.Occurrence
	if d.Per != "" {
		all = d.windows(cal, p, performed)
	} else {
		all = d.renewals(p, performed)
	}
	for i := range all {
		o := &all[i]
		o.BroughtLate = o.Performed != nil && !o.Recorded.Before(o.Late) && began.Before(o.Late)
		o.State = d.state(o, asOf)
	}
	return all
}

func (d *duty) state(o *result.Occurrence, asOf time.Time) result.DutyState {
	switch {
	case o.Performed != nil && (o.BroughtLate || !o.Performed.Before(o.Late)):
		return result.PerformedLate
	case o.Performed != nil:
		return result.Performed
	case !asOf.Before(o.Late):
		return result.MissedDuty
	case !asOf.Before(o.Due.AddDate(0, 0, -d.RemindDays)):
		return result.DueNow
	}
	return result.Upcoming
}

func (d *duty) occurrence(label string, from, due time.Time) result.Occurrence {
	return result.Occurrence{Duty: d.ID, Control: d.Control, Title: d.Title, Severity: d.Severity, Label: label, From: from.UTC(), Due: due.UTC(), Late: due.AddDate(0, 0, d.GraceDays).UTC()}
}

func claim(o *result.Occurrence, p *performance) {
	p.claimed = true
	o.Performed, o.Entry, o.By, o.Recorded = &p.at, &p.entry, p.by, p.recorded
}

// windows returns the months, quarters or years that end in the period. A
// performance counts for the one that it names, or else for the first one for which
// it is in time.
func (d *duty) windows(cal *catalogue.Calendar, p result.Period, performed []*performance) []result.Occurrence {
	var all []result.Occurrence
	for from := d.windowOf(cal, p.From); ; {
		to := from.AddDate(1, 0, 0)
		switch d.Per {
		case "month":
			to = from.AddDate(0, 1, 0)
		case "quarter":
			to = from.AddDate(0, 3, 0)
		}
		if dateOf(to).After(p.To) {
			break
		}
		if dateOf(to).After(p.From) {
			all = append(all, d.occurrence(d.label(from), from, to))
		}
		from = to
	}
	for _, named := range []bool{true, false} {
		for i := range all {
			o := &all[i]
			for _, u := range performed {
				fits := !u.at.Before(d.countsFrom(o)) && (!named && u.label == "" && u.at.Before(o.Late) || named && u.label == o.Label)
				if o.Performed == nil && !u.claimed && fits {
					claim(o, u)
				}
			}
		}
	}
	return all
}

// countsFrom is from when on what is done counts for a window: its last day, unless
// it may be done earlier.
func (d *duty) countsFrom(o *result.Occurrence) time.Time {
	if d.Early {
		return o.From
	}
	return o.Due.Add(-result.Day)
}

// dateOf returns midnight UTC of a day, as the bounds of a period are.
func dateOf(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// windowOf returns the start of the window that the day of t lies in.
func (d *duty) windowOf(cal *catalogue.Calendar, t time.Time) time.Time {
	zone := time.UTC
	if cal != nil {
		zone = cal.Location()
	}
	y, m, _ := t.UTC().Date()
	switch d.Per {
	case "quarter":
		m = (m-1)/3*3 + 1
	case "year":
		m = time.January
	}
	return time.Date(y, m, 1, 0, 0, 0, 0, zone)
}

func (d *duty) label(from time.Time) string {
	switch d.Per {
	case "month":
		return from.Format("2006-01")
	case "quarter":
		return fmt.Sprintf("%d-Q%d", from.Year(), (int(from.Month())+2)/3)
	}
	return from.Format("2006")
}

// renewals returns, for evidence of limited age, each time that it was renewed or
// should have been. The first is due when the period begins.
func (d *duty) renewals(p result.Period, performed []*performance) []result.Occurrence {
	from, due := p.From.AddDate(0, 0, -d.WithinDays), p.From
	var all []result.Occurrence
	for _, u := range performed {
		until := u.at.AddDate(0, 0, d.WithinDays)
		if !u.until.IsZero() {
			until = earlier(until, u.until)
		}
		if !until.After(p.From) || !u.at.Before(p.To) {
			continue // it is of no day of this period
		}
		if len(all) > 0 && !until.After(due) {
			continue // it is no longer valid than the one before
		}
		o := d.occurrence(due.UTC().Format(time.DateOnly), from, due)
		claim(&o, u)
		all = append(all, o)
		from, due = u.at, until
	}
	if due.Before(p.To) || len(all) == 0 {
		all = append(all, d.occurrence(due.UTC().Format(time.DateOnly), from, due))
	}
	return all
}

// dutyResults adds the duties to a result: their occurrences, their gaps, and
// one test result for each.
func (e *Engine) dutyResults(r *result.Result) {
	for _, d := range e.cat.Duties() {
		d := duty{d}
		all := d.occurrences(e.cat.Calendar, e.period, e.known(r.AsOf), e.began, r.AsOf)
		t := result.TestResult{Test: d.ID, Control: d.Control, Now: result.ManualEvidence, Period: result.ManualEvidence, Duty: true}
		days := make(result.Days, e.period.Days())
		for i := range all {
			o := &all[i]
			if g, missed := d.gap(o, r.AsOf); missed {
				r.Gaps = append(r.Gaps, g)
			}
			countOccurrence(&t, o, d.Per != "" && !r.AsOf.Before(o.Due))
			e.markDutyDays(days, &d, o, r.AsOf)
		}
		t.Days, t.Coverage = days.String(), result.Percent(t.Complete, t.Expected)
		r.Tests = append(r.Tests, t)
		r.Duties = append(r.Duties, all...)
	}
	slices.SortStableFunc(r.Duties, func(a, b result.Occurrence) int {
		return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Duty, b.Duty))
	})
}

// countOccurrence adds one occurrence to the result of its duty. ended tells that it
// is of an interval that is over.
func countOccurrence(t *result.TestResult, o *result.Occurrence, ended bool) {
	switch o.State {
	case result.Performed, result.PerformedLate:
		t.Complete++
	case result.Upcoming, result.DueNow:
		if ended { // the interval is owed, though not missed yet
			t.Expected++
			t.Population++
		}
		return
	}
	t.Expected++
	t.Population++
	if o.State == result.Performed {
		t.Now, t.Period = result.Worse(t.Now, result.Provided), result.Worse(t.Period, result.Provided)
		return
	}
	t.Deviations++
	t.Deviating++
	t.Period = result.Fail
	if o.State == result.MissedDuty {
		t.Open++
		t.Now = result.Fail
	} else {
		t.Now = result.Worse(t.Now, result.Provided)
	}
}

// gap returns the gap of an occurrence; not ok where it was neither missed nor late.
func (d *duty) gap(o *result.Occurrence, asOf time.Time) (result.Gap, bool) {
	if o.State != result.MissedDuty && o.State != result.PerformedLate {
		return result.Gap{}, false
	}
	due := o.Due
	g := result.Gap{Kind: result.DutyGap, Control: d.Control, Test: d.ID, Criteria: d.Criteria, Severity: d.Severity, Resource: o.Label, Name: d.Title,
		NotBefore: &due, FirstSeen: o.Late, LastSeen: later(o.Late, asOf), SLADue: &o.Late, State: result.Open, Reason: "not done: " + d.Title}
	if o.Performed != nil {
		at := later(*o.Performed, o.Late.Add(time.Second))
		if o.BroughtLate {
			at = later(at, o.Recorded)
		}
		g.LastSeen, g.FixedBy, g.State, g.Reason = o.Late, &at, result.FixedLate, "done late: "+d.Title
		if o.BroughtLate && o.Performed.Before(o.Late) {
			g.Reason = fmt.Sprintf("done on %s, as the evidence says that was brought late: %s", o.Performed.Format(time.DateOnly), d.Title)
		}
	}
	g.ID = gapID(g)
	return g, true
}

// markDutyDays marks the days on which a duty has evidence, and those on which it
// was missed.
func (e *Engine) markDutyDays(days result.Days, d *duty, o *result.Occurrence, asOf time.Time) {
	mark := func(from, to time.Time, b byte) {
		to = earlier(earlier(to, asOf), e.period.To)
		for at := later(from, e.period.From); at.Before(to); at = at.Add(result.Day) {
			days.Mark(e.period.Day(at), b)
		}
	}
	end := e.period.To
	if o.Performed != nil {
		end = *o.Performed
		from, to := o.From, o.Due
		if d.Per == "" {
			from, to = end, end.AddDate(0, 0, d.WithinDays)
		}
		mark(from, to, result.DayManual)
	}
	if o.State == result.MissedDuty || o.State == result.PerformedLate {
		mark(o.Late, end, result.DayFail)
	}
}
