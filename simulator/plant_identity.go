package simulator

import (
	"fmt"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// joined gives the streams that must all be read before anything is said of a person.
func (p *planner) joined() []evidence.Stream {
	out := []evidence.Stream{rosterStream, p.c.oktaStream("okta.user"), p.c.githubStream("github.member")}
	for _, a := range p.c.accounts {
		out = append(out, p.c.awsStream("aws.iam.user", a))
	}
	return out
}

// seen reports whether nobody is blind for the streams around t.
func (p *planner) seen(t time.Time, streams []evidence.Stream) bool {
	for _, s := range streams {
		for _, dark := range p.blind[s] {
			if dark.widened(shore).holds(t) {
				return false
			}
		}
	}
	return true
}

func (p *planner) leavers() []*person {
	return slices.DeleteFunc(slices.Clone(p.c.people), func(who *person) bool { return who.life.to.IsZero() })
}

// leaver draws somebody who leaves in the course of the period, of whom something
// is forgotten until a while after more than so many working days have passed.
func (p *planner) leaver(days int, like func(*person) bool) (who *person, until time.Time, ok bool) {
	leavers := p.leavers()
	for range min(len(leavers)*5, 40) {
		who = pick(p.dice, leavers)
		if len(p.lanes["leaver "+who.login]) > 0 || !like(who) {
			continue
		}
		from := overdue(who.life.to, days)
		iv := interval{from, p.noon(from, p.between(3, 21-2*days))}
		if p.chance(0.2) {
			iv.to = time.Time{}
		}
		if p.shows(who, iv) && p.reserve("leaver "+who.login, iv, p.joined()...) {
			return who, iv.to, true
		}
	}
	return nil, until, false
}

// shows reports whether both tests are seen to begin that what is forgotten of a
// leaver breaks, one after a working day and the other after five, and the second
// is broken for long enough if it is at all.
func (p *planner) shows(who *person, iv interval) bool {
	first, second := overdue(who.life.to, 1), overdue(who.life.to, 5)
	short := iv.until().After(second) && iv.until().Before(second.Add(2*day+time.Hour))
	late := second.After(p.c.end.Add(-4*day)) && second.Before(p.c.end.Add(day))
	return !short && !late && p.seen(second, p.joined()) && p.seen(first, p.joined())
}

// leaverSignsIn leaves a user of Okta.
func (p *planner) leaverSignsIn() {
	who, until, ok := p.leaver(1, func(*person) bool { return true })
	if !ok {
		return
	}
	u := p.c.oktaUser(who)
	last := u.status.steps[len(u.status.steps)-1].at
	u.status.during(interval{from: last}, func(string) string { return "ACTIVE" })
	u.logins = append(u.logins, p.every(last, p.c.end, 5, 20)...) // and is used
	if !until.IsZero() {
		u.close(until)
	}
}

// leaverInCode leaves somebody in the GitHub organisation who can no longer sign in to Okta.
func (p *planner) leaverInCode() {
	closed := func(who *person) time.Time { return p.c.oktaUser(who).status.steps[2].at }
	who, until, ok := p.leaver(5, func(who *person) bool {
		return p.seen(closed(who), p.joined()) && closed(who).After(p.c.start.Add(day))
	})
	if ok {
		who.member.to = until
	}
}

// leaverInCloud leaves a user of AWS with a key, whom nothing else is wrong with
// as long as it stays.
func (p *planner) leaverInCloud() {
	var user *iamUser
	_, until, ok := p.leaver(5, func(who *person) bool {
		user = p.forgettable(who)
		return user != nil
	})
	if ok && (!until.IsZero() || !user.hasOldKey(p.c.end) && !user.hasUnused(p.c.end)) {
		user.life.to = until
		p.lanes[user.arn] = append(p.lanes[user.arn], interval{from: user.life.from})
	}
}

func (p *planner) forgettable(who *person) *iamUser {
	for _, a := range p.c.old() {
		for _, u := range a.users {
			late := who.life.to.Add(25 * day)
			if u.owner != who || !u.life.to.Equal(who.life.to) || !p.untouched(u) {
				continue
			}
			if !u.hasKey() {
				p.c.giveKey(p.dice, u, 0)
			}
			if !u.hasOldKey(late) && !u.hasUnused(late) && late.Before(p.c.end) {
				return u
			}
		}
	}
	return nil
}

// settledLike draws somebody who is there all the time, was left alone so far, and satisfies like.
func (p *planner) settledLike(like func(*person) bool) (*person, bool) {
	fit := slices.DeleteFunc(p.c.permanent(), func(who *person) bool { return len(p.lanes["person "+who.login]) > 0 || !like(who) })
	if len(fit) == 0 {
		return nil, false
	}
	return pick(p.dice, fit), true
}

// idle gives somebody settled, and room for something that makes their account
// nobody's while they have no part in what is merged: otherwise nobody would know
// whether those merges were approved by another person.
func (p *planner) idle(like func(*person) bool) (*person, interval, bool) {
	for range 300 {
		who, ok := p.settledLike(like)
		if !ok {
			break
		}
		if iv := p.guess(); !p.c.atWork(who, iv) && p.reserve("person "+who.login, iv, p.joined()...) {
			return who, iv, true
		}
	}
	return nil, interval{}, false
}

// atWork reports whether somebody has a part in what is merged in the interval, or on the days around it.
func (c *Company) atWork(who *person, iv interval) bool {
	if iv.to.IsZero() {
		iv.to = c.end
	}
	for _, r := range c.repos {
		for _, k := range r.pulls {
			if near := !k.merged.Before(iv.from.Add(-2*day)) && !k.merged.After(iv.to.Add(2*day)); near && k.involves(who) {
				return true
			}
		}
	}
	return false
}

func (p *pull) involves(who *person) bool {
	return p.author == who || slices.ContainsFunc(p.commits, func(k commit) bool { return k.author == who }) ||
		slices.ContainsFunc(p.reviews, func(v review) bool { return v.by == who })
}

func anybody(*person) bool { return true }

// factorless lets somebody lose the second factor, or keep one that is none.
func (p *planner) factorless() {
	who, ok := p.settledLike(anybody)
	if !ok {
		return
	}
	if iv, ok := p.lasting("person "+who.login, p.joined()...); ok {
		left := pick(p.dice, []string{"", "sms", "question", "question sms"})
		p.c.oktaUser(who).factors.during(iv, func(string) string { return left })
	}
}

// inactive lets somebody stop signing in, and come back later.
func (p *planner) inactive() {
	who, ok := p.settledLike(func(who *person) bool {
		u := p.c.oktaUser(who)
		return len(u.status.steps) == 2 && u.created.Before(p.c.start.Add(-limit90-5*day)) // never locked out, and not new
	})
	if !ok {
		return
	}
	iv, ok := p.lasting("person "+who.login, p.c.oktaStream("okta.user"))
	if !ok {
		return
	}
	u, last := p.c.oktaUser(who), iv.from.Add(-limit90)
	u.logins = append(slices.Clone(u.logins.upTo(last.Add(-time.Second))), last)
	if !iv.to.IsZero() {
		u.logins = append(u.logins, p.every(iv.to, p.c.end, 1, 5)...)
	}
}

// strayUser adds a user of Okta whom nobody hired.
func (p *planner) strayUser() {
	iv, ok := p.lasting("stray in Okta", p.joined()...)
	if !ok {
		return
	}
	u := p.c.newOktaUser(fmt.Sprintf("%s%d@example.com", pick(p.dice, []string{"agency", "vendor", "temp"}), len(p.c.directory)), iv.from)
	u.first, u.last = "Temporary", "Account"
	p.c.activate(p.dice, u, iv.from)
	if !iv.to.IsZero() {
		u.close(iv.to)
	}
}

// strayCloudUser adds a user of AWS whom nobody hired.
func (p *planner) strayCloudUser() {
	a := pick(p.dice, p.c.old())
	if iv, ok := p.lasting("stray in "+a.id, p.joined()...); ok {
		p.c.giveConsole(p.dice, p.c.newUser(a, fmt.Sprintf("temp-%d", len(a.users)), iv))
	}
}

// rowLost drops a row from the export: all accounts of a person belong to nobody.
func (p *planner) rowLost() {
	who, iv, ok := p.idle(func(who *person) bool {
		return who != p.c.people[0] && p.settled(who)
	})
	if ok {
		p.c.entryOf(who).there.during(iv, no)
	}
}

// loginUnmapped empties the cell that says whose account of GitHub it is.
func (p *planner) loginUnmapped() {
	if who, iv, ok := p.idle(anybody); ok {
		p.c.entryOf(who).cell("login.github").during(iv, func(string) string { return "" })
	}
}

// loginShared gives somebody the login of a colleague: at AWS, where they have no
// user of their own, or at GitHub, where theirs is then nobody's.
func (p *planner) loginShared() {
	column, like, like2 := "login.github", anybody, anybody
	if p.chance(0.5) {
		column, like2 = "login.aws", func(who *person) bool { return len(p.c.usersNamed(who.login)) > 0 && p.settled(who) }
		like = func(who *person) bool { // who is new may have no account that is older
			return len(p.c.usersNamed(who.login)) == 0 && who.life.from.Before(p.c.start.Add(-year-5*day))
		}
	}
	who, iv, ok := p.idle(like)
	other, ok2 := p.settledLike(func(o *person) bool { return o != who && like2(o) })
	if ok && ok2 {
		p.lanes["person "+other.login] = append(p.lanes["person "+other.login], iv)
		p.c.entryOf(who).cell(column).during(iv, func(string) string { return other.login })
	}
}

// usersNamed gives the AWS users of that name, one of an account.
func (c *Company) usersNamed(login string) (out []*iamUser) {
	for _, a := range c.accounts {
		if u := a.user(login); u != nil {
			out = append(out, u)
		}
	}
	return out
}

func (p *planner) allUntouched(all []*iamUser) bool {
	return !slices.ContainsFunc(all, func(u *iamUser) bool { return !p.untouched(u) })
}

// settled reports whether the users of AWS that somebody has stay as they are.
func (p *planner) settled(who *person) bool {
	all := p.c.usersNamed(who.login)
	return p.allUntouched(all) && !slices.ContainsFunc(all, func(u *iamUser) bool { return !u.life.to.IsZero() || u.life.from.After(p.c.start) })
}

// serviceForgotten lets nobody answer for a service, or look at it for more than a year.
func (p *planner) serviceForgotten() {
	fit := slices.DeleteFunc(slices.Clone(p.c.roster), func(e *entry) bool {
		return !e.there.at(p.c.start) || !e.service(p.c.start) || !p.allUntouched(p.c.usersNamed(e.at("login.aws", p.c.start)))
	})
	if len(fit) == 0 {
		return
	}
	e := pick(p.dice, fit)
	iv, ok := p.lasting("row "+e.id, p.joined()...)
	switch {
	case !ok:
	case p.chance(0.5) || len(p.lanes["row "+e.id]) > 1 || !p.seen(iv.from.Truncate(day), p.joined()):
		e.cell(pick(p.dice, []string{"owner", "purpose"})).during(iv, func(string) string { return "" })
	default:
		e.put("reviewed", iv.from.Add(-year).Format(time.DateOnly))
		if !iv.to.IsZero() {
			e.review(iv.to, p.c.end)
		}
		p.lanes["row "+e.id] = append(p.lanes["row "+e.id], interval{from: p.c.start}) // its history is rewritten
	}
}

// leaverUndated lets the HR system forget the last day of somebody who left.
func (p *planner) leaverUndated() {
	leavers := p.leavers()
	for range min(len(leavers)*3, 20) {
		who := pick(p.dice, leavers)
		if len(p.lanes["leaver "+who.login]) > 0 {
			continue
		}
		from := p.noon(who.life.to, p.between(2, 6))
		iv := interval{from, p.noon(from, p.between(3, 12))}
		if p.reserve("leaver "+who.login, iv, p.joined()...) {
			p.c.entryOf(who).cell("end").during(iv, func(string) string { return "" })
			return
		}
	}
}

// earlyAccount gives somebody an account weeks before the first day.
func (p *planner) earlyAccount() {
	for range 10 {
		who := pick(p.dice, p.c.people)
		at := p.noon(who.life.from, -p.between(16, 25))
		u := p.c.oktaUser(who)
		if !who.life.from.After(p.c.start) || !u.created.After(at) || !p.reserve("person "+who.login, interval{from: at}, p.joined()...) {
			continue
		}
		e := p.c.entryOf(who)
		e.there = timeline[bool]{}
		e.there.set(at.AddDate(0, 0, -3), true)
		u.created, u.status.steps[0].at, u.factors.steps[0].at = at, at, at
		return
	}
}

// unlistedOwner makes somebody an owner of the GitHub organisation without a note of it.
func (p *planner) unlistedOwner() {
	who := pick(p.dice, p.c.permanent()[5:9])
	if iv, ok := p.lasting("github owners", registerStream, p.c.githubStream("github.member")); ok {
		who.admin.during(iv, yes)
	}
}

// unlistedAdmins gives one or two people an administrator's role in Okta without
// a note of it; with two there are more than there may be.
func (p *planner) unlistedAdmins() {
	iv, ok := p.lasting("okta administrators", registerStream, p.c.oktaStream("okta.user"), p.c.oktaStream("okta.admin"), p.c.oktaStream("okta.group_member"))
	if !ok {
		return
	}
	n, role := p.between(1, 2), superAdmin
	if n == 1 {
		role = pick(p.dice, []string{superAdmin, "APP_ADMIN"})
	}
	first := p.between(5, 7)
	for _, who := range p.c.permanent()[first : first+n] {
		p.c.oktaUser(who).roles.during(iv, func(string) string { return role })
	}
}

func (p *planner) strongToken() {
	if iv, ok := p.lasting("okta tokens", p.c.oktaStream("okta.api_token")); ok {
		id := oktaID("00T", fmt.Sprint("script ", len(p.c.tokens)))
		p.c.tokens = append(p.c.tokens, &apiToken{id, "script", p.c.oktaUser(p.c.people[0]), iv})
	}
}

// registerStale leaves a row that nobody approved, or of somebody who is no owner.
func (p *planner) registerStale() {
	iv, ok := p.lasting("register", registerStream, p.c.oktaStream("okta.user"), p.c.githubStream("github.member"))
	switch {
	case !ok:
	case p.chance(0.5):
		l := p.c.register[0]
		l.approver.during(iv, func(string) string { return "" })
	default:
		who := pick(p.dice, p.c.permanent()[9:])
		var there timeline[bool]
		there.during(iv, yes)
		p.c.list(p.dice, "github", who.login, fmt.Sprint("owner ", len(p.c.register)), there)
	}
}
