package simulator

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"time"
)

// rosterColumns are those of the HR system's export. The last two are nobody's
// business, and must be left where they are.
var rosterColumns = strings.Fields("id name email type status start end title department manager owner purpose reviewed changed login.aws login.github login.okta salary birthday")

// entry is one row of the HR system's list: a person, or an account of a
// service. Every cell is a timeline.
type entry struct {
	id    string
	who   *person // nil for a service, and for whoever works elsewhere
	there timeline[bool]
	cells map[string]*timeline[string]
}

func (c *Company) enter(id string, from time.Time) *entry {
	e := &entry{id: id, cells: map[string]*timeline[string]{}}
	e.there.set(from, true)
	e.put("id", id)
	c.roster = append(c.roster, e)
	return e
}

func (e *entry) cell(column string) *timeline[string] {
	if e.cells[column] == nil {
		e.cells[column] = &timeline[string]{}
	}
	return e.cells[column]
}

// put fills a cell for good.
func (e *entry) put(column, value string) { *e.cell(column) = constant(value) }

func (e *entry) at(column string, t time.Time) string {
	if l := e.cells[column]; l != nil {
		return l.at(t)
	}
	return ""
}

// cuts gives the instants at which the row changes.
func (e *entry) cuts() []time.Time {
	out := e.there.cuts()
	for _, column := range rosterColumns { // in order, as a map has none
		if l := e.cells[column]; l != nil {
			out = append(out, l.cuts()...)
		}
	}
	return out
}

// keys gives what an account must say to belong to the row.
func (e *entry) keys(t time.Time) (out []string) {
	if m := e.at("email", t); m != "" {
		out = append(out, "mail:"+strings.ToLower(m))
	}
	for _, source := range []string{"aws", "github", "okta"} {
		if l := e.at("login."+source, t); l != "" {
			out = append(out, source+":"+strings.ToLower(l))
		}
	}
	return out
}

func (e *entry) service(t time.Time) bool { return e.at("type", t) == "service" }

func (c *Company) entryOf(p *person) *entry {
	return c.roster[slices.IndexFunc(c.roster, func(e *entry) bool { return e.who == p })]
}

var (
	departments = []string{"Engineering", "Operations", "Finance", "Sales"}
	titles      = []string{"Engineer", "Analyst", "Manager"}
)

// enrol lets the HR system know everybody, some days before they come.
func (c *Company) enrol(d dice) {
	for i, p := range c.people {
		e := c.enter(fmt.Sprintf("E%d", 1000+i*7), d.workday(p.life.from.Truncate(day).AddDate(0, 0, -d.between(5, 12))))
		e.who = p
		e.put("name", p.name)
		e.put("email", p.email())
		e.put("type", map[bool]string{true: "contractor", false: "employee"}[i%9 == 8])
		e.put("title", titles[i%len(titles)])
		e.put("department", departments[i%5%len(departments)])
		e.put("manager", c.roster[0].id)
		e.put("start", p.life.from.Format(time.DateOnly))
		e.put("status", "active")
		e.put("login.aws", p.login)
		e.put("login.github", p.login)
		e.put("salary", fmt.Sprint(d.between(50, 150)*1000))
		e.put("birthday", fmt.Sprintf("19%d-02-%02d", d.between(60, 99), d.between(1, 28)))
		if !p.life.to.IsZero() {
			e.part(d, p.life.to)
		}
	}
	for range c.opts.Days / 45 {
		c.reassign(d)
	}
	c.enrolOthers(d)
}

// part notes the last day some time before it, and that it is over on the next one.
func (e *entry) part(d dice, last time.Time) {
	e.cell("end").set(d.workday(last.Truncate(day).AddDate(0, 0, -d.between(1, 15))), last.Format(time.DateOnly))
	e.cell("status").set(last.Truncate(day).AddDate(0, 0, 1), "ended")
}

// reassign moves somebody to another department.
func (c *Company) reassign(d dice) {
	e := c.entryOf(pick(d, c.permanent()))
	at := d.workday(c.start.Add(time.Duration(d.between(2, max(c.opts.Days-3, 2))) * day))
	e.cell("department").set(at, pick(d, departments))
	e.cell("changed").set(at, at.Format(time.DateOnly))
}

// enrolOthers lists the machines, each with whoever answers for it.
func (c *Company) enrolOthers(d dice) {
	for i, name := range []string{"svc-deploy", "svc-backup"} {
		c.enterService(d, fmt.Sprintf("S%d", i+1), name, c.start.Add(-900*day)).put("login.aws", name)
	}
	c.enterService(d, "S3", serviceLogin, c.start.Add(-900*day)).put("login.okta", serviceLogin)
}

func (c *Company) enterService(d dice, id, name string, from time.Time) *entry {
	e := c.enter(id, from)
	e.put("name", name)
	e.put("type", "service")
	e.put("owner", pick(d, c.permanent()).email())
	e.put("purpose", "what "+name+" does")
	e.review(d.workday(c.start).AddDate(0, 0, -d.between(10, 150)), c.end)
	return e
}

// review lets somebody look at the service twice a year from then on.
func (e *entry) review(first, last time.Time) {
	for t := first; t.Before(last); t = t.AddDate(0, 0, 180) {
		e.cell("reviewed").set(t, t.Format(time.DateOnly))
	}
}

// enterContractor lists somebody who works in one AWS account only.
func (c *Company) enterContractor(id string, u *iamUser, from time.Time) *entry {
	e := c.enter(id, from)
	e.put("name", "Contractor "+id)
	e.put("type", "contractor")
	e.put("status", "active")
	e.put("start", u.life.from.Format(time.DateOnly))
	e.put("login.aws", u.name)
	if to := u.life.to; !to.IsZero() {
		e.cell("end").set(to.AddDate(0, 0, -2), to.Format(time.DateOnly))
		e.cell("status").set(to.Truncate(day).AddDate(0, 0, 1), "ended")
	}
	return e
}

// Roster is the HR system's export as of now, as a CSV file. It is not ok when
// there is none; what there is may be torn.
func (c *Company) Roster() (file []byte, ok bool) {
	rows := [][]string{rosterColumns}
	now := c.Now()
	for _, e := range c.roster {
		if !e.there.at(now) {
			continue
		}
		row := make([]string, len(rosterColumns))
		for i, column := range rosterColumns {
			row[i] = e.at(column, now)
		}
		rows = append(rows, row)
	}
	return c.export("roster", rows)
}

// export gives a file as whoever wrote it left it.
func (c *Company) export(name string, rows [][]string) (file []byte, ok bool) {
	var b strings.Builder
	_ = csv.NewWriter(&b).WriteAll(rows) // a Builder takes everything
	text := b.String()
	switch e, _ := c.fault(call{vendor: "file", op: name}, c.Now()); e {
	case missing:
		return nil, false
	case truncated: // in the middle of the last row, for a cut between two would not show
		last := strings.LastIndexByte(text[:len(text)-1], '\n')
		return []byte(text[:(last+len(text))/2]), true
	}
	return []byte(text), true
}
