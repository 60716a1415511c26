package simulator

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// person works at the company from joined to left and is a member of the
// GitHub organisation for as long, unless somebody forgets to take them out.
type person struct {
	id     int64
	login  string
	name   string
	life   interval
	member interval
	admin  timeline[bool]
	second timeline[bool] // two-factor authentication
	user   []byte         // GitHub's simple-user
}

// email is the address at work.
func (p *person) email() string { return p.login + "@example.com" }

// stays reports whether the person is there through all of iv, a day more on either side.
func (p *person) stays(iv interval) bool {
	return p.life.holds(iv.from.Add(-day)) && p.life.holds(iv.until().Add(day))
}

var (
	firstNames = strings.Fields("Ada Bela Carla Dmitri Elif Farid Grace Hana Ivo Jana Kofi Lena Mateo Nadia Omar Petra Quinn Rosa Samir Tilda Uma Viktor Wanda Xenia Yusuf Zoe")
	lastNames  = strings.Fields("Abara Brandt Castillo Duarte Eriksen Fischer Gupta Haddad Ito Jansen Kowalski Lindqvist Moreau Novak Okafor Petrov Rossi Silva Tanaka Weber")
)

// hire fills the company: those who are there at the start, those who join,
// those who leave, and one change of administrator.
func (c *Company) hire(d dice) {
	founders := d.between(24, 30)
	joiners := c.opts.Days / 25
	for i := range founders + joiners {
		from := d.workday(c.start.Add(-time.Duration(d.between(120, 900)) * day))
		if i >= founders {
			from = d.workday(c.start.Add(time.Duration(d.between(1, max(c.opts.Days-2, 1))) * day))
		}
		c.people = append(c.people, newPerson(d, i, from))
	}
	for range min(c.opts.Days/15, 12) {
		p := c.people[d.between(10, founders-1)]
		if p.life.to.IsZero() {
			p.life.to = d.workday(c.start.Add(time.Duration(d.between(3, max(c.opts.Days-4, 3))) * day))
			p.member.to = p.life.to
		}
	}
	c.promote(d)
}

func newPerson(d dice, i int, from time.Time) *person {
	first, last := firstNames[i%len(firstNames)], lastNames[(i*7+i/len(firstNames)+3)%len(lastNames)]
	p := &person{
		id: 4_000_000 + int64(i)*7919 + d.Int64N(7000), name: first + " " + last,
		login: strings.ToLower(first) + "-" + strings.ToLower(last),
		life:  interval{from: from}, member: interval{from: from},
		second: constant(true), admin: constant(false),
	}
	p.user = userJSON(p.login, p.id, "User")
	return p
}

// promote makes three administrators, and swaps one for another in the course of the period.
func (c *Company) promote(d dice) {
	for _, p := range c.people[:3] {
		p.admin = constant(true)
	}
	swap := d.workday(c.start.Add(time.Duration(c.opts.Days/2) * day))
	c.people[2].admin.set(swap, false)
	c.people[3].admin.set(swap, true)
}

// members gives who is in the organisation at t.
func (c *Company) members(t time.Time) (out []*person) {
	for _, p := range c.people {
		if p.member.holds(t) {
			out = append(out, p)
		}
	}
	return out
}

// permanent gives the people who are there before the period and stay.
func (c *Company) permanent() []*person {
	return slices.DeleteFunc(c.members(c.start.Add(-day)), func(p *person) bool { return !p.life.to.IsZero() })
}

// organization is the GitHub organisation.
type organization struct {
	id         int64
	login      string
	created    time.Time
	twoFactor  timeline[bool]
	permission timeline[string]
	user       []byte // as owner of its repositories
}

func (c *Company) foundOrganization(d dice) {
	o := &organization{
		id: 9_000_000 + d.Int64N(900_000), login: pick(d, strings.Fields("acme initech umbra hooli vandelay")),
		created:   d.workday(c.start.Add(-1500 * day)),
		twoFactor: constant(true), permission: constant(pick(d, []string{"none", "read"})),
	}
	o.login = fmt.Sprintf("%s-%d", o.login, d.between(10, 99))
	o.user = userJSON(o.login, o.id, "Organization")
	c.org = o
}
