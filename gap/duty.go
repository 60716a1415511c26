package gap

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// Duty is recurring work that a person does, and brings evidence of: a review
// each quarter, a risk assessment each year.
type Duty struct {
	ID       string   `json:"id" yaml:"id"`
	Title    string   `json:"title" yaml:"title"`
	Control  string   `json:"control" yaml:"-"`
	Family   string   `json:"family" yaml:"-"`
	Criteria []string `json:"criteria" yaml:"criteria"`
	// Per is month, quarter or year: once in each of the calendar that ends in
	// the period. WithinDays is instead the age that the newest evidence may have
	// on any day of the period. One of the two is set.
	Per        string `json:"per,omitempty" yaml:"per"`
	WithinDays int    `json:"within_days,omitempty" yaml:"within_days"`
	// GraceDays is how long after it was due it is still in time.
	GraceDays int `json:"grace_days" yaml:"grace_days"`
	// RemindDays is how long before it is due it is announced.
	RemindDays int `json:"remind_days" yaml:"remind_days"`
	// Evidence says what to bring.
	Evidence    string `json:"evidence" yaml:"evidence"`
	Severity    string `json:"severity" yaml:"severity"`
	Basis       string `json:"basis" yaml:"basis"`
	Remediation string `json:"remediation" yaml:"remediation"`
	Procedure   string `json:"procedure" yaml:"procedure"`
}

// DutyState is what has become of one occurrence.
type DutyState string

const (
	// Upcoming: not due yet, and not done.
	Upcoming DutyState = "upcoming"
	// DueNow: it is announced, or due and still in its days of grace.
	DueNow DutyState = "due"
	// Performed in time.
	Performed DutyState = "performed"
	// PerformedLate: done after the days of grace. Late is not absent.
	PerformedLate DutyState = "late"
	// MissedDuty: not done, and the days of grace are over.
	MissedDuty DutyState = "missed"
)

// Occurrence is one time that a duty is expected.
type Occurrence struct {
	Duty     string `json:"duty"`
	Control  string `json:"control"`
	Title    string `json:"title"`
	Severity string `json:"severity"`
	// Label names it: 2026-Q1, 2026-03, 2026; or the day on which it fell due.
	Label string `json:"label"`
	// From and Due bound it: done before From it is not this one, after Due plus
	// grace it is late.
	From      time.Time  `json:"from"`
	Due       time.Time  `json:"due"`
	Late      time.Time  `json:"late"`
	Performed *time.Time `json:"performed"`
	// Entry is the log entry that proves it.
	Entry *uint64   `json:"entry"`
	By    string    `json:"by,omitempty"`
	State DutyState `json:"state"`

	known time.Time
	tardy bool // its evidence was brought late, whatever day it names
}

// performance is a time that a duty was done.
type performance struct {
	at      time.Time
	known   time.Time // when the log took it
	until   time.Time // of a document that expires; zero if it does not say
	label   string
	entry   uint64
	by      string
	claimed bool
}

// performances gives those of a duty that the log knew at asOf, by their day.
func performances(id string, acts []evidence.Act, asOf time.Time) []*performance {
	var out []*performance
	for _, a := range acts {
		if u := a.Upload; u != nil && !a.At.After(asOf) && slices.Contains(u.Duties, id) && u.Effective.Before(a.At.Add(day)) {
			p := &performance{at: u.Effective.UTC(), known: a.At, label: u.Occurrence, entry: a.Entry, by: u.By}
			if u.Expires != nil {
				p.until = u.Expires.UTC()
			}
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b *performance) int { return a.at.Compare(b.at) })
	return out
}

// occurrences gives every occurrence of a duty that the period knows, in order.
// began is when the log did: what was recorded late because nobody kept a log is
// no later for that.
func (d *Duty) occurrences(cal *Calendar, p Period, acts []evidence.Act, began, asOf time.Time) []Occurrence {
	done := performances(d.ID, acts, asOf)
	var all []Occurrence
	if d.Per != "" {
		all = d.windows(cal, p, done)
	} else {
		all = d.stretches(p, done, asOf)
	}
	for i := range all {
		o := &all[i]
		o.tardy = o.Performed != nil && !o.known.Before(o.Late) && began.Before(o.Late)
		o.State = d.state(o, asOf)
	}
	return all
}

func (d *Duty) state(o *Occurrence, asOf time.Time) DutyState {
	switch {
	case o.Performed != nil && (o.tardy || !o.Performed.Before(o.Late)):
		return PerformedLate
	case o.Performed != nil:
		return Performed
	case !asOf.Before(o.Late):
		return MissedDuty
	case !asOf.Before(o.Due.AddDate(0, 0, -d.RemindDays)):
		return DueNow
	}
	return Upcoming
}

func (d *Duty) occurrence(label string, from, due time.Time) Occurrence {
	return Occurrence{Duty: d.ID, Control: d.Control, Title: d.Title, Severity: d.Severity, Label: label, From: from.UTC(), Due: due.UTC(), Late: due.AddDate(0, 0, d.GraceDays).UTC()}
}

func (o *Occurrence) claim(p *performance) {
	p.claimed = true
	o.Performed, o.Entry, o.By, o.known = &p.at, &p.entry, p.by, p.known
}

// windows gives the months, quarters or years that end in the period. A
// performance counts for the one it names, or else for the first that it can
// still be in time for; one that is late counts for the one it names.
func (d *Duty) windows(cal *Calendar, p Period, done []*performance) []Occurrence {
	var all []Occurrence
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
			for _, u := range done {
				fits := !u.at.Before(o.From) && (!named && u.label == "" && u.at.Before(o.Late) || named && u.label == o.Label)
				if o.Performed == nil && !u.claimed && fits {
					o.claim(u)
				}
			}
		}
	}
	return all
}

// dateOf gives a day as a period has it, which begins at midnight UTC.
func dateOf(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// windowOf gives the start of the window that the day of t lies in.
func (d *Duty) windowOf(cal *Calendar, t time.Time) time.Time {
	zone := time.UTC
	if cal != nil {
		zone = cal.zone
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

func (d *Duty) label(from time.Time) string {
	switch d.Per {
	case "month":
		return from.Format("2006-01")
	case "quarter":
		return fmt.Sprintf("%d-Q%d", from.Year(), (int(from.Month())+2)/3)
	}
	return from.Format("2006")
}

// stretches gives, for evidence that may be so old at most, each time that it
// was renewed or should have been. The first is due when the period begins.
func (d *Duty) stretches(p Period, done []*performance, asOf time.Time) []Occurrence {
	from, due := p.From.AddDate(0, 0, -d.WithinDays), p.From
	var all []Occurrence
	for _, u := range done {
		until := u.at.AddDate(0, 0, d.WithinDays)
		if !u.until.IsZero() {
			until = earlier(until, u.until)
		}
		if !until.After(p.From) || !u.at.Before(p.To) {
			continue // it proves nothing of this period
		}
		if len(all) > 0 && !until.After(due) {
			continue // it ends before what is there
		}
		o := d.occurrence(due.UTC().Format(time.DateOnly), from, due)
		o.claim(u)
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
func (e *Engine) dutyResults(r *Result) {
	for _, d := range e.cat.duties() {
		all := d.occurrences(e.cat.Calendar, e.period, e.acts, e.began, r.AsOf)
		t := TestResult{Test: d.ID, Control: d.Control, Now: ManualEvidence, Period: ManualEvidence, Duty: true}
		days := make([]byte, e.period.days())
		for i := range all {
			o := &all[i]
			if g, missed := d.gap(o, r.AsOf); missed {
				r.Gaps = append(r.Gaps, g)
			}
			t.occur(o)
			e.dutyDays(days, d, o, r.AsOf)
		}
		t.Days, t.Coverage = dayText(days), percent(t.complete, t.expected)
		r.Tests = append(r.Tests, t)
		r.Duties = append(r.Duties, all...)
	}
	slices.SortStableFunc(r.Duties, func(a, b Occurrence) int {
		return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Duty, b.Duty))
	})
}

// occur counts one occurrence.
func (t *TestResult) occur(o *Occurrence) {
	switch o.State {
	case Performed, PerformedLate:
		t.complete++
	case Upcoming, DueNow:
		return
	}
	t.expected++
	t.Population++
	if o.State == Performed {
		t.Now, t.Period = worse(t.Now, Provided), worse(t.Period, Provided)
		return
	}
	t.Deviations++
	t.Deviating++
	t.Period = Fail
	if o.State == MissedDuty {
		t.Open++
		t.Now = Fail
	} else {
		t.Now = worse(t.Now, Provided)
	}
}

// gap gives the gap of an occurrence that was missed or late.
func (d *Duty) gap(o *Occurrence, asOf time.Time) (Gap, bool) {
	if o.State != MissedDuty && o.State != PerformedLate {
		return Gap{}, false
	}
	due := o.Due
	g := Gap{Kind: DutyGap, Control: d.Control, Test: d.ID, Criteria: d.Criteria, Severity: d.Severity, Resource: o.Label, Name: d.Title,
		NotBefore: &due, FirstSeen: o.Late, LastSeen: later(o.Late, asOf), SLADue: &o.Late, State: Open, Reason: "not done: " + d.Title}
	if o.Performed != nil {
		at := later(*o.Performed, o.Late.Add(time.Second))
		if o.tardy {
			at = later(at, o.known)
		}
		g.LastSeen, g.FixedBy, g.State, g.Reason = o.Late, &at, FixedLate, "done late: "+d.Title
		if o.tardy && o.Performed.Before(o.Late) {
			g.Reason = fmt.Sprintf("done on %s, as the evidence says that was brought late: %s", o.Performed.Format(time.DateOnly), d.Title)
		}
	}
	g.ID = gapID(g)
	return g, true
}

// dutyDays marks the days on which a duty stood proven, and those on which it was missed.
func (e *Engine) dutyDays(days []byte, d *Duty, o *Occurrence, asOf time.Time) {
	mark := func(from, to time.Time, b byte) {
		to = earlier(earlier(to, asOf), e.period.To)
		for at := later(from, e.period.From); at.Before(to); at = at.Add(day) {
			if i := e.period.day(at); order(b) > order(days[i]) {
				days[i] = b
			}
		}
	}
	end := e.period.To
	if o.Performed != nil {
		end = *o.Performed
		from, to := o.From, o.Due
		if d.Per == "" {
			from, to = end, end.AddDate(0, 0, d.WithinDays)
		}
		mark(from, to, DayManual)
	}
	if o.State == MissedDuty || o.State == PerformedLate {
		mark(o.Late, end, DayFail)
	}
}

// duties gives every duty, sorted by id.
func (c *Catalogue) duties() []*Duty {
	var all []*Duty
	for i := range c.Controls {
		for j := range c.Controls[i].Duties {
			all = append(all, &c.Controls[i].Duties[j])
		}
	}
	slices.SortFunc(all, func(a, b *Duty) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// Duties gives every duty, sorted by id.
func (c *Catalogue) Duties() []Duty {
	var all []Duty
	for _, d := range c.duties() {
		all = append(all, *d)
	}
	return all
}

// finishDuty checks one duty and fills what follows from where it stands.
func (c *Catalogue) finishDuty(ctl *Control, j int, path string, known, seen map[string]bool, fail failFunc) error {
	d := &ctl.Duties[j]
	d.Control, d.Family = ctl.ID, ctl.Family
	switch {
	case d.ID == "" || d.Title == "" || d.Evidence == "" || d.Basis == "":
		return fail(path, "a duty needs id, title, evidence and basis")
	case seen[d.ID] || c.rules[d.ID] != nil:
		return fail(path+".id", "%s stands in the catalogue twice", d.ID)
	case len(d.Criteria) == 0:
		return fail(path+".id", "duty %s holds no criteria", d.ID)
	case (d.Per == "") == (d.WithinDays == 0):
		return fail(path+".id", "duty %s needs per or within_days, and not both", d.ID)
	case d.Per != "" && !slices.Contains([]string{"month", "quarter", "year"}, d.Per):
		return fail(path+".per", "duty %s: per %q is none of month, quarter, year", d.ID, d.Per)
	case d.WithinDays < 0 || d.WithinDays > 3650 || d.GraceDays < 0 || d.GraceDays > 365 || d.RemindDays < 0 || d.RemindDays > 365:
		return fail(path+".id", "duty %s: days are not negative, and at most 3650, and 365 of grace and reminding", d.ID)
	case !slices.Contains(severities, d.Severity):
		return fail(path+".severity", "duty %s: severity %q is none of critical, high, medium, low", d.ID, d.Severity)
	}
	seen[d.ID] = true
	return checkKnown(d.Criteria, path, known, fail)
}
