package simulator

import (
	"fmt"
	"slices"
	"time"
)

// old gives the accounts that are there all the time.
func (c *Company) old() []*account {
	return slices.DeleteFunc(slices.Clone(c.accounts), (*account).late)
}

// rootLogin lets somebody use the root password; the test objects for 90 days.
func (p *planner) rootLogin() {
	for range 20 {
		a := pick(p.dice, p.c.old())
		at := p.guess().from
		if p.reserve("root use "+a.id, interval{at, at.Add(limit90)}, p.c.awsStream("aws.iam.user", a)) {
			a.rootLogin = append(a.rootLogin, at)
			slices.SortFunc(a.rootLogin, time.Time.Compare)
			return
		}
	}
}

// rootKey makes an access key for root, which is used every few days until it is deleted.
func (p *planner) rootKey() {
	a := pick(p.dice, p.c.old())
	iv, ok := p.lasting("root use "+a.id, p.c.awsStream("aws.iam.user", a), p.c.awsStream("aws.iam.account", a))
	if !ok {
		return
	}
	if iv.to.IsZero() && p.c.end.Sub(iv.from) > 70*day { // it would grow too old
		p.release("root use "+a.id, iv.from)
		return
	}
	a.rootKey.state.set(iv.from, keyState{true, iv.from})
	until := p.c.end.Add(5 * day)
	if !iv.to.IsZero() {
		a.rootKey.state.set(iv.to, keyState{})
		until = iv.to
	}
	a.rootKey.uses = append(a.rootKey.uses, p.every(iv.from, until, 2, 5)...)
	slices.SortFunc(a.rootKey.uses, time.Time.Compare)
}

// release gives back a reservation.
func (p *planner) release(lane string, from time.Time) {
	p.lanes[lane] = slices.DeleteFunc(p.lanes[lane], func(iv interval) bool { return iv.from.Equal(from) })
}

// userLike draws a user that is there before the period, stays, and satisfies like.
func (p *planner) userLike(like func(*iamUser) bool) (*iamUser, bool) {
	var fit []*iamUser
	for _, a := range p.c.old() {
		for _, u := range a.users {
			if u.life.to.IsZero() && u.life.from.Before(p.c.start.Add(-100*day)) && like(u) {
				fit = append(fit, u)
			}
		}
	}
	if len(fit) == 0 {
		return nil, false
	}
	return pick(p.dice, fit), true
}

// untouched reports whether nothing was planted on the user yet: its history may be rewritten.
func (p *planner) untouched(u *iamUser) bool { return len(p.lanes[u.arn]) == 0 }

func (u *iamUser) hasConsole() bool { return len(u.logins) > 0 }

func (u *iamUser) hasKey() bool { return len(u.keys[0].uses) > 0 }

func (p *planner) rootMFA() {
	a := pick(p.dice, p.c.old())
	if iv, ok := p.lasting("root mfa "+a.id, p.c.awsStream("aws.iam.account", a)); ok {
		a.rootMFA.during(iv, no)
	}
}

func no(bool) bool { return false }

func yes(bool) bool { return true }

func (p *planner) mfaLapse() {
	u, ok := p.userLike((*iamUser).hasConsole)
	if !ok {
		return
	}
	if iv, ok := p.lasting(u.arn, p.c.awsStream("aws.iam.user", u.account)); ok {
		u.mfa.during(iv, no)
	}
}

// mfaLeaver lets somebody who is about to leave lose the MFA device; the end is the end of the user.
func (p *planner) mfaLeaver() {
	for _, a := range p.c.old() {
		for _, u := range a.users {
			if u.life.to.IsZero() || !u.hasConsole() {
				continue
			}
			iv := interval{p.noon(u.life.to, -p.between(4, 9)), u.life.to}
			if iv.from.After(u.life.from.Add(2*day)) && p.reserve(u.arn, iv, p.c.awsStream("aws.iam.user", a)) {
				u.mfa.during(interval{from: iv.from}, no)
				return
			}
		}
	}
}

func (p *planner) weakPolicy() {
	a := pick(p.dice, p.c.old())
	iv, ok := p.lasting("policy "+a.id, p.c.awsStream("aws.iam.password_policy", a))
	if !ok {
		return
	}
	deleted := p.chance(0.5)
	a.policy.during(iv, func(old *passwordPolicy) *passwordPolicy {
		if deleted {
			return nil
		}
		weak := *old
		weak.length, weak.symbols, weak.reuse = 6, false, 0
		return &weak
	})
}

// oldKey lets one key grow older than 90 days, and be rotated or switched off some time later.
func (p *planner) oldKey() {
	u, ok := p.userLike(func(u *iamUser) bool { return u.hasKey() && p.untouched(u) })
	if !ok {
		return
	}
	iv, ok := p.lasting(u.arn, p.c.awsStream("aws.iam.user", u.account))
	if !ok {
		return
	}
	made := iv.from.Add(-limit90)
	rotations := instants{made}
	for t := made; t.After(p.c.start.Add(-10*day)) && t.After(u.life.from.Add(60*day)); {
		t = t.Add(-time.Duration(p.between(45, 55)) * day)
		rotations = append(instants{t}, rotations...)
	}
	off := p.chance(0.4)
	if !iv.to.IsZero() && !off {
		rotations = append(rotations, p.every(iv.to, p.c.last(u), 45, 70)...)
	}
	p.c.fillKey(p.dice, u, 0, rotations)
	if !iv.to.IsZero() && off {
		u.keys[0].state.set(iv.to, keyState{false, made})
	}
}

// unusedPassword lets somebody stop logging in, and come back or lose the password later.
func (p *planner) unusedPassword() {
	u, ok := p.userLike(func(u *iamUser) bool { return u.hasConsole() && !u.hasKey() && p.untouched(u) })
	if !ok {
		return
	}
	iv, ok := p.lasting(u.arn, p.c.awsStream("aws.iam.user", u.account))
	if !ok {
		return
	}
	final := iv.from.Add(-limit90)
	logins := append(slices.Clone(u.logins.upTo(final.Add(-time.Second))), final)
	switch {
	case iv.to.IsZero():
	case p.chance(0.5):
		u.password.set(iv.to, false)
	default:
		logins = append(logins, p.every(iv.to, p.c.last(u), 3, 9)...)
	}
	u.logins = logins
}

// neverUsed adds a user who never logs in; the test objects 90 days after the user was made.
func (p *planner) neverUsed() {
	a := pick(p.dice, p.c.old())
	name := pick(p.dice, []string{"contractor", "auditor", "intern"}) + "-" + a.name
	if a.user(name) != nil {
		return
	}
	iv, ok := p.lasting("never used "+a.id+name, p.c.awsStream("aws.iam.user", a))
	if !ok {
		return
	}
	u := p.c.newUser(a, name, interval{iv.from.Add(-limit90), iv.to})
	p.c.enterContractor(fmt.Sprintf("C%d", len(p.c.roster)), u, u.life.from.Add(-5*day))
	u.password, u.mfa = constant(true), constant(true)
}
