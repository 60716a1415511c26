package simulator

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// holding is one account of whoever it belongs to, at any of the systems.
type holding struct {
	stream   evidence.Stream
	id       string
	keys     []string
	life     interval // of the evidence of it
	created  time.Time
	cuts     []time.Time
	active   func(time.Time) bool
	keyed    func(time.Time) bool // an access key works
	listable func(time.Time) bool // it is an administrator's
	granted  func(time.Time) bool // likewise, by a role that its source grants apart
	idp      *oktaUser
	code     bool
}

func never(time.Time) bool { return false }

// holdings gives every account there ever is.
func (c *Company) holdings() (out []*holding) {
	for _, u := range c.directory {
		out = append(out, &holding{stream: c.oktaStream("okta.user"), id: u.id, keys: []string{"okta:" + u.login, "mail:" + u.login},
			life: interval{from: u.created}, created: u.created, cuts: u.cuts(), active: u.usable, keyed: never, listable: never,
			granted: func(t time.Time) bool { return u.roles.at(t) != "" }, idp: u})
	}
	for _, p := range c.people {
		out = append(out, &holding{stream: c.githubStream("github.member"), id: fmt.Sprint(p.id), keys: []string{"github:" + p.login},
			life: p.member, cuts: p.admin.cuts(), active: func(time.Time) bool { return true }, keyed: never, listable: p.admin.at, granted: never, code: true})
	}
	for _, a := range c.accounts {
		for _, u := range a.users {
			out = append(out, c.iamHolding(a, u))
		}
	}
	return out
}

func (c *Company) iamHolding(a *account, u *iamUser) *holding {
	keyed := func(t time.Time) bool { return u.keys[0].state.at(t).active || u.keys[1].state.at(t).active }
	return &holding{stream: c.awsStream("aws.iam.user", a), id: u.arn, keys: []string{"aws:" + strings.ToLower(u.name)},
		life: interval{later(u.life.from, a.deployed), u.life.to}, created: u.life.from,
		cuts:   slices.Concat(u.password.cuts(), u.keys[0].state.cuts(), u.keys[1].state.cuts()),
		active: func(t time.Time) bool { return u.password.at(t) || keyed(t) }, keyed: keyed, listable: never, granted: never}
}

// ties are the rows of the roster and the accounts that ever belong together.
type ties struct {
	entries  map[*holding][]*entry
	accounts map[*entry][]*holding
}

func (c *Company) tie(holdings []*holding) ties {
	t := ties{map[*holding][]*entry{}, map[*entry][]*holding{}}
	rows := map[string][]*entry{}
	for _, e := range c.roster {
		for _, at := range e.cuts() {
			for _, k := range e.keys(at) {
				if !slices.Contains(rows[k], e) {
					rows[k] = append(rows[k], e)
				}
			}
		}
	}
	for _, h := range holdings {
		for _, k := range h.keys {
			for _, e := range rows[k] {
				if !slices.Contains(t.entries[h], e) {
					t.entries[h], t.accounts[e] = append(t.entries[h], e), append(t.accounts[e], h)
				}
			}
		}
	}
	return t
}

// belongs reports whether the row is there at t and names the account.
func (e *entry) belongs(h *holding, t time.Time) bool {
	return e.there.at(t) && slices.ContainsFunc(e.keys(t), func(k string) bool { return slices.Contains(h.keys, k) })
}

// identity notes what the roster, the identity provider and the register of
// administrators say against each other.
func (n *notes) identity() {
	all := n.c.holdings()
	t := n.c.tie(all)
	for _, h := range all {
		n.account(h, t.entries[h])
	}
	for _, e := range n.c.roster {
		n.row(e)
		n.person(e, t.accounts[e])
	}
	n.directory()
	n.privileges(all)
}

// account notes an account that belongs to nobody, to several, or to a service that nobody answers for.
func (n *notes) account(h *holding, rows []*entry) {
	cuts := slices.Clone(h.cuts)
	for _, e := range rows {
		cuts = append(append(cuts, e.cuts()...), e.reviewEnds()...)
	}
	owners := func(t time.Time) []*entry {
		return slices.DeleteFunc(slices.Clone(rows), func(e *entry) bool { return !e.belongs(h, t) })
	}
	n.state("id.account.linked", h.stream, h.id, "an account is in no roster", h.life, cuts,
		func(t time.Time) bool { return h.active(t) && len(owners(t)) == 0 })
	n.state("id.account.personal", h.stream, h.id, "an account is mapped to several people", h.life, cuts, func(t time.Time) bool {
		return h.active(t) && len(slices.DeleteFunc(owners(t), func(e *entry) bool { return e.service(t) })) > 1
	})
	n.state("id.service-accounts.registered", h.stream, h.id, "nobody answers for the service, or looked at it within a year", h.life, cuts, func(t time.Time) bool {
		services := slices.DeleteFunc(owners(t), func(e *entry) bool { return !e.service(t) })
		return h.active(t) && len(services) > 0 && !slices.ContainsFunc(services, func(e *entry) bool { return e.answeredFor(t) })
	})
}

const year = 365 * day

func dateOf(text string) time.Time {
	t, _ := time.Parse(time.DateOnly, text) // the zero time of an empty cell
	return t
}

// reviewEnds gives the instants at which a review is a year old.
func (e *entry) reviewEnds() (out []time.Time) {
	for _, s := range e.cell("reviewed").steps {
		out = append(out, dateOf(s.value).Add(year))
	}
	return out
}

// answeredFor reports whether the service has owner and purpose, and was reviewed within a year.
func (e *entry) answeredFor(t time.Time) bool {
	return e.at("owner", t) != "" && e.at("purpose", t) != "" && t.Before(dateOf(e.at("reviewed", t)).Add(year))
}

// row notes what is wrong with a row by itself.
func (n *notes) row(e *entry) {
	for _, life := range e.presence() {
		n.state("roster.service.owned", rosterStream, e.id, "nobody answers for the service, or looked at it within a year", life,
			append(e.cuts(), e.reviewEnds()...), func(t time.Time) bool { return e.service(t) && !e.answeredFor(t) })
		n.state("roster.leaver.dated", rosterStream, e.id, "somebody left without a last day", life, e.cuts(),
			func(t time.Time) bool { return e.at("status", t) == "ended" && e.at("end", t) == "" })
	}
}

// presence gives the times for which the row is in the list.
func (e *entry) presence() []interval {
	return spans(interval{from: e.there.steps[0].at}, e.there.cuts(), e.there.at)
}

// overdue gives the first instant at which more than so many working days have
// passed after a day.
func overdue(last time.Time, days int) time.Time {
	d := last.Truncate(day)
	for left := days; left >= 0; {
		if d = d.Add(day); d.Weekday() != time.Saturday && d.Weekday() != time.Sunday {
			left--
		}
	}
	return d
}

// member is a row of the roster and the accounts that ever belong to it.
type member struct {
	*entry
	accounts []*holding
}

// any reports whether an account that belongs to the row at t is like that.
func (m member) any(t time.Time, like func(*holding) bool) bool {
	return slices.ContainsFunc(m.accounts, func(h *holding) bool { return h.life.holds(t) && like(h) && m.belongs(h, t) })
}

// left reports whether more than so many working days have passed since the last one.
func (m member) left(t time.Time, days int) bool {
	end := m.entry.at("end", t)
	return end != "" && !t.Before(overdue(dateOf(end), days))
}

// cuts gives every instant at which something that is tested of a person may change.
func (m member) cuts() []time.Time {
	out := append(m.entry.cuts(), m.start().Add(year))
	for _, s := range m.cell("end").steps {
		if s.value != "" {
			out = append(out, overdue(dateOf(s.value), 1), overdue(dateOf(s.value), 5))
		}
	}
	for _, h := range m.accounts {
		out = append(append(out, h.cuts...), h.life.from, h.life.to)
	}
	return out
}

// start is the first day, which never changes; zero for a service.
func (m member) start() time.Time { return dateOf(m.entry.at("start", m.there.steps[0].at)) }

// early reports whether an account is over two weeks older than the first day, which is not long ago.
func (m member) early(t time.Time) bool {
	start := m.start()
	return !start.IsZero() && t.Before(start.Add(year)) &&
		m.any(t, func(h *holding) bool { return !h.created.IsZero() && h.created.Before(start.Add(-14*day)) })
}

// weak reports whether somebody is in the code host and has no second factor at the identity provider.
func (m member) weak(t time.Time) bool {
	return m.any(t, func(h *holding) bool { return h.code }) &&
		!m.any(t, func(h *holding) bool { return h.idp != nil && h.active(t) && h.idp.strong(t) })
}

// person notes what the accounts of a person show of joining, being here and leaving.
func (n *notes) person(e *entry, accounts []*holding) {
	m := member{e, accounts}
	for _, k := range []struct {
		test, note string
		bad        func(time.Time) bool
	}{
		{"id.leaver.idp-disabled", "who left can still sign in", func(t time.Time) bool {
			return m.left(t, 1) && m.any(t, func(h *holding) bool { return h.idp != nil && h.active(t) })
		}},
		{"id.leaver.no-account-left", "who left still has an account", func(t time.Time) bool {
			return m.left(t, 5) && m.any(t, func(h *holding) bool { return h.active(t) })
		}},
		{"id.leaver.keys-revoked", "a key of who left still works", func(t time.Time) bool {
			return m.left(t, 1) && m.any(t, func(h *holding) bool { return h.keyed(t) })
		}},
		{"id.joiner.not-before-start", "an account is older than it should be", m.early},
		{"id.member.idp-mfa", "who can change code signs in without a second factor", m.weak},
	} {
		for _, life := range e.presence() {
			n.state(k.test, rosterStream, e.id, k.note, life, m.cuts(), k.bad)
		}
	}
}

// directory notes what is wrong at the identity provider alone.
func (n *notes) directory() {
	var all []time.Time
	for _, u := range n.c.directory {
		s, life := n.c.oktaStream("okta.user"), interval{from: u.created}
		cuts := slices.Concat(u.cuts(), u.logins, u.logins.plus(limit90), []time.Time{u.created.Add(limit90)})
		n.state("okta.user.factor-active", s, u.id, "a user without a factor that is more than a text message", life, cuts,
			func(t time.Time) bool { return u.usable(t) && !u.strong(t) })
		n.state("okta.user.inactive-90", s, u.id, "a user who did not sign in for 90 days", life, cuts, func(t time.Time) bool {
			return u.status.at(t) == "ACTIVE" && !recent(later(u.logins.last(t), u.created), t)
		})
		all = append(all, u.roles.cuts()...)
	}
	admins := n.c.oktaStream("okta.admin")
	n.state("okta.super-admins", admins, string(admins.Scope), "more than four super administrators", interval{from: n.c.org.created}, all, func(t time.Time) bool {
		return len(slices.DeleteFunc(slices.Clone(n.c.directory), func(u *oktaUser) bool { return u.roles.at(t) != superAdmin })) > 4
	})
	for _, k := range n.c.tokens {
		n.state("okta.token.not-super-admin", n.c.oktaStream("okta.api_token"), k.id, "a token has the rights of a super administrator", k.life,
			k.owner.roles.cuts(), func(t time.Time) bool { return k.owner.roles.at(t) == superAdmin })
	}
}

// privileges notes administrators who are not listed, and what is listed and is not so.
func (n *notes) privileges(all []*holding) {
	var cuts []time.Time
	for _, l := range n.c.register {
		cuts = slices.Concat(cuts, l.there.cuts(), l.approver.cuts())
	}
	for _, h := range all {
		listed := func(t time.Time) bool {
			return slices.ContainsFunc(n.c.register, func(l *listing) bool { return l.there.at(t) && l.names(h) })
		}
		n.reconcile("id.privileged.inventory", h, cuts, "an administrator is in no list", func(t time.Time) bool { return h.active(t) && h.listable(t) && !listed(t) })
		n.reconcile("id.privileged.granted", h, cuts, "an administrator's role is in no list", func(t time.Time) bool { return h.active(t) && h.granted(t) && !listed(t) })
	}
	for _, l := range n.c.register {
		n.listed(l, all)
	}
}

func (n *notes) reconcile(test string, h *holding, cuts []time.Time, note string, bad func(time.Time) bool) {
	for _, iv := range spans(h.life, append(slices.Clone(cuts), h.cuts...), bad) {
		n.add(Planted{Kind: "reconciliation", Test: test, Stream: h.stream, Resource: h.id, Start: iv.from, End: iv.to, Note: note})
	}
}

func (l *listing) names(h *holding) bool {
	return h.stream.Source == l.source && slices.Contains(h.keys, l.source+":"+strings.ToLower(l.login))
}

// listed notes a row that nobody approved, or whose account is no administrator's.
func (n *notes) listed(l *listing, all []*holding) {
	cuts := append(l.there.cuts(), l.approver.cuts()...)
	mine := slices.DeleteFunc(slices.Clone(all), func(h *holding) bool { return !l.names(h) })
	for _, h := range mine {
		cuts = append(append(cuts, h.cuts...), h.life.from, h.life.to)
	}
	held := func(t time.Time) bool {
		return slices.ContainsFunc(mine, func(h *holding) bool {
			return h.life.holds(t) && h.active(t) && (!h.code || h.listable(t))
		})
	}
	for _, iv := range spans(interval{from: n.c.start.Add(-day)}, cuts, func(t time.Time) bool {
		return l.there.at(t) && (l.approver.at(t) == "" || !held(t))
	}) {
		n.add(Planted{Kind: "reconciliation", Test: "id.privileged.held", Stream: registerStream, Resource: l.id(), Start: iv.from, End: iv.to,
			Note: "a listed administrator is not approved, or is none"})
	}
}
