package simulator

import (
	"slices"
	"strings"
	"time"
)

// listing is one row of the register of privileged access.
type listing struct {
	source, login, role string
	there               timeline[bool]
	approver            timeline[string]
	reviewed            string
}

// id is that of the record which the row becomes.
func (l *listing) id() string { return l.source + "|" + l.login + "|" + l.role }

// listPrivileged writes down who may be an administrator, as life has it: what
// goes wrong later is in no list.
func (c *Company) listPrivileged(d dice) {
	for _, p := range c.people {
		if slices.ContainsFunc(p.admin.steps, func(s step[bool]) bool { return s.value }) {
			c.list(d, "github", p.login, "owner", p.admin)
		}
	}
	for _, u := range c.directory {
		var held timeline[bool]
		role := ""
		for _, s := range u.roles.steps {
			if held.set(s.at, s.value != ""); s.value != "" {
				role = s.value
			}
		}
		if role != "" {
			c.list(d, "okta", u.login, role, held)
		}
	}
}

func (c *Company) list(d dice, source, login, role string, there timeline[bool]) *listing {
	l := &listing{source: source, login: login, role: role, approver: constant(c.people[0].email()),
		there:    timeline[bool]{slices.Clone(there.steps)},
		reviewed: c.start.AddDate(0, 0, -d.between(10, 90)).Format(time.DateOnly)}
	c.register = append(c.register, l)
	return l
}

// Register is the register of privileged access as of now, as a CSV file; see Roster.
func (c *Company) Register() (file []byte, ok bool) {
	now := c.Now()
	rows := [][]string{strings.Fields("source login role approved_by reviewed")}
	for _, l := range c.register {
		if l.there.at(now) {
			rows = append(rows, []string{l.source, l.login, l.role, l.approver.at(now), l.reviewed})
		}
	}
	return c.export("register", rows)
}
