package simulator

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"
)

// oktaUser is one user of the identity provider.
type oktaUser struct {
	id, login   string
	first, last string
	owner       *person // nil for machines, and for whoever nobody knows
	created     time.Time
	status      timeline[string] // "" before it is created
	factors     timeline[string] // the types that are enrolled, separated by blanks
	roles       timeline[string] // the one administrator role, or ""
	logins      instants
}

// apiToken is one API token of Okta, with the rights of its owner.
type apiToken struct {
	id, name string
	owner    *oktaUser
	life     interval
}

// serviceLogin is the user whose token reads Okta.
const serviceLogin = "svc-evidence@example.com"

const (
	superAdmin    = "SUPER_ADMIN"
	readOnlyAdmin = "READ_ONLY_ADMIN"
)

// oktaID makes an id as Okta's are: a prefix and seventeen letters and digits.
func oktaID(prefix, seed string) string {
	h := fnv.New64a()
	fmt.Fprint(h, prefix, seed)
	text := strconv.FormatUint(h.Sum64(), 36)
	return prefix + strings.Repeat("0", 17-len(text)) + text
}

// OktaDomain is the host of the company's Okta organisation.
func (c *Company) OktaDomain() string { return c.org.login + ".okta.com" }

// OktaToken is the one API token of Okta that is accepted.
func (c *Company) OktaToken() string {
	return fmt.Sprintf("00%040x", uint64(c.opts.Seed)*2654435761+78)
}

// openDirectory gives everybody an account at the identity provider, some days
// before they come, and closes it some hours after they went.
func (c *Company) openDirectory(d dice) {
	for _, p := range c.people {
		u := c.newOktaUser(p.email(), d.workday(p.life.from.Truncate(day).AddDate(0, 0, -d.between(1, 3))))
		u.owner = p
		u.first, u.last, _ = strings.Cut(p.name, " ")
		c.activate(d, u, p.life.from.Add(-time.Hour))
		if !p.life.to.IsZero() {
			u.close(p.life.to.Add(time.Duration(d.between(60, 4*3600)) * time.Second))
		}
		if p.life.to.IsZero() && d.chance(0.2) {
			u.lockOut(d.workday(c.start.AddDate(0, 0, d.between(2, max(c.opts.Days-2, 2)))).Truncate(day).Add(20 * time.Hour))
		}
		u.roles = c.role(p)
	}
	svc := c.newOktaUser(serviceLogin, d.workday(c.start.AddDate(0, 0, -500)))
	svc.first, svc.last = "Evidence", "Service"
	c.activate(d, svc, svc.created)
	svc.roles = constant(readOnlyAdmin)
	c.tokens = append(c.tokens, &apiToken{oktaID("00T", "evidence"), "evidence", svc, interval{from: svc.created.Add(time.Hour)}})
}

// role gives the administrators of GitHub the same place in Okta.
func (c *Company) role(p *person) (roles timeline[string]) {
	for _, s := range p.admin.steps {
		roles.set(s.at, map[bool]string{true: superAdmin}[s.value])
	}
	return roles
}

func (c *Company) newOktaUser(login string, created time.Time) *oktaUser {
	u := &oktaUser{id: oktaID("00u", login), login: login, created: created, roles: constant("")}
	u.status.set(created, "STAGED")
	u.factors.set(created, "")
	c.directory = append(c.directory, u)
	return u
}

// activate lets the user in, who enrols and signs in at once, and from then on every few days.
func (c *Company) activate(d dice, u *oktaUser, at time.Time) {
	at = later(at, u.created)
	u.status.set(at, "ACTIVE")
	u.factors.set(at, pick(d, []string{"push", "token:software:totp", "webauthn", "push question", "push sms"}))
	next := d.workday(later(at, c.start.AddDate(0, 0, -20)).Truncate(day).AddDate(0, 0, 1))
	u.logins = append(instants{at}, d.every(next, c.end, 1, 5)...)
}

// close deprovisions the user for good.
func (u *oktaUser) close(at time.Time) {
	u.status.set(at, "DEPROVISIONED")
	u.logins = slices.Clone(u.logins.upTo(at))
}

// lockOut keeps the user out until somebody helps the next morning: too many
// wrong passwords. It is still an account.
func (u *oktaUser) lockOut(at time.Time) {
	iv := interval{at, at.Add(14 * time.Hour)}
	if u.status.at(iv.from) == "ACTIVE" && u.status.at(iv.to) == "ACTIVE" {
		u.status.during(iv, func(string) string { return "LOCKED_OUT" })
	}
}

// usable reports whether the user can sign in, or could after a new password.
func (u *oktaUser) usable(t time.Time) bool {
	return slices.Contains([]string{"ACTIVE", "PASSWORD_EXPIRED", "LOCKED_OUT", "RECOVERY"}, u.status.at(t))
}

// strong reports whether there is a factor that is more than a text message or a question.
func (u *oktaUser) strong(t time.Time) bool {
	return slices.ContainsFunc(strings.Fields(u.factors.at(t)), func(f string) bool {
		return !slices.Contains([]string{"sms", "call", "email", "question"}, f)
	})
}

func (u *oktaUser) cuts() []time.Time {
	return slices.Concat(u.status.cuts(), u.factors.cuts(), u.roles.cuts(), []time.Time{u.created})
}

func (c *Company) oktaUser(p *person) *oktaUser {
	return c.directory[slices.IndexFunc(c.directory, func(u *oktaUser) bool { return u.owner == p })]
}

// oktaGroup is a group; Everyone has no department.
type oktaGroup struct{ id, name, department string }

func (c *Company) groups() []oktaGroup {
	out := []oktaGroup{{oktaID("00g", "Everyone"), "Everyone", ""}}
	for _, name := range departments {
		out = append(out, oktaGroup{oktaID("00g", name), name, name})
	}
	return out
}

// membersOf gives who is in the group: everybody, or whom the HR system puts into the department.
func (c *Company) membersOf(g oktaGroup, t time.Time) (out []*oktaUser) {
	for _, u := range c.directory {
		in := g.department == "" || u.owner != nil && c.entryOf(u.owner).at("department", t) == g.department
		if in && u.exists(t) && u.status.at(t) != "DEPROVISIONED" {
			out = append(out, u)
		}
	}
	return out
}

func (u *oktaUser) exists(t time.Time) bool { return !u.created.After(t) }
