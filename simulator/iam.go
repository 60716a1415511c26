package simulator

import (
	"fmt"
	"slices"
	"time"
)

// key is one slot of an IAM user's two access keys.
type key struct {
	state timeline[keyState]
	uses  instants
}

// keyState is what the slot holds; a zero rotated means that it is empty.
type keyState struct {
	active  bool
	rotated time.Time
}

// lastUsed gives when the key that is in the slot at t was last used, zero if never.
func (k *key) lastUsed(t time.Time) time.Time {
	u, made := k.uses.last(t), k.state.at(t).rotated
	if made.IsZero() || u.Before(made) {
		return time.Time{}
	}
	return u
}

// iamUser is one row of the credential report.
type iamUser struct {
	account *account
	name    string
	arn     string
	life    interval
	owner   *person // nil for a machine
	// password tells whether there is a console password; logins are its uses.
	password timeline[bool]
	logins   instants
	mfa      timeline[bool]
	keys     [2]key
}

const limit90 = 90 * day // the age at which the tests begin to object

// changed gives when the password was last set: every eighth login, or never since the user was made.
func (u *iamUser) changed(t time.Time) time.Time {
	if n := len(u.logins.upTo(t)); n > 0 {
		return u.logins[(n-1)/8*8]
	}
	return u.life.from
}

// newUser adds a user to the account.
func (c *Company) newUser(a *account, name string, life interval) *iamUser {
	u := &iamUser{
		account: a, name: name, arn: fmt.Sprintf("arn:aws:iam::%s:user/%s", a.id, name), life: life,
		password: constant(false), mfa: constant(false),
	}
	a.users = append(a.users, u)
	return u
}

// giveConsole lets the user log in from the first day on, with MFA.
func (c *Company) giveConsole(d dice, u *iamUser) {
	u.password, u.mfa = constant(true), constant(true)
	first := u.life.from
	if early := c.start.Add(-time.Duration(d.between(9, 20)) * day); first.Before(early) {
		first = d.workday(early)
	}
	u.logins = d.every(first, c.last(u), 3, 9)
}

// giveKey lets the user rotate a key in time and use it from the moment it exists.
func (c *Company) giveKey(d dice, u *iamUser, slot int) {
	first := u.life.from
	if early := c.start.Add(-time.Duration(d.between(9, 55)) * day); first.Before(early) {
		first = d.workday(early)
	}
	c.fillKey(d, u, slot, d.every(first, c.last(u), 45, 70))
}

// fillKey makes the slot hold a key that is rotated at the given times.
func (c *Company) fillKey(d dice, u *iamUser, slot int, rotations instants) {
	k := key{uses: slices.Clone(rotations)}
	for _, t := range rotations {
		k.state.set(t, keyState{true, t})
	}
	k.uses = append(k.uses, d.every(rotations[0], c.last(u), 2, 6)...)
	slices.SortFunc(k.uses, time.Time.Compare)
	u.keys[slot] = k
}

// last gives the instant after which nobody asks about the user any more.
func (c *Company) last(u *iamUser) time.Time {
	if t := c.end.Add(5 * day); u.life.until().After(t) {
		return t
	}
	return u.life.to
}

// staff gives every account its users: people by their work, and machines.
func (c *Company) staff(d dice) {
	chances := []float64{0.2, 0.55, 0.5}
	for i, a := range c.accounts {
		for _, p := range c.people {
			if d.chance(chances[i]) {
				c.admit(d, a, p, p.life)
			}
		}
		for n := range 2 {
			u := c.newUser(a, fmt.Sprintf("svc-%s", []string{"deploy", "backup"}[n]), interval{from: a.created.Add(90 * day)})
			c.giveKey(d, u, 0)
		}
		c.retiredKey(a.users[0])
	}
	c.transfer(d)
}

func (c *Company) admit(d dice, a *account, p *person, life interval) *iamUser {
	u := c.newUser(a, p.login, life)
	u.owner = p
	c.giveConsole(d, u)
	if d.chance(0.3) {
		c.giveKey(d, u, 0)
	}
	return u
}

// retiredKey leaves a very old key in the second slot, switched off: nothing is wrong with that.
func (c *Company) retiredKey(u *iamUser) {
	made := u.life.from.Add(time.Hour)
	if made.After(c.start.Add(-100 * day)) {
		return
	}
	u.keys[1].state.set(made, keyState{true, made})
	u.keys[1].state.set(made.Add(30*day), keyState{false, made})
	u.keys[1].uses = instants{made}
}

// transfer moves one person from staging to production.
func (c *Company) transfer(d dice) {
	prod, staging := c.accounts[1], c.accounts[2]
	move := d.workday(c.start.Add(time.Duration(c.opts.Days/3) * day))
	for _, u := range staging.users {
		if u.owner == nil || prod.user(u.name) != nil || !u.life.to.IsZero() || !u.life.holds(c.start) {
			continue
		}
		u.life.to = move
		c.admit(d, prod, u.owner, interval{from: move})
		return
	}
}

func (a *account) user(name string) *iamUser {
	for _, u := range a.users {
		if u.name == name {
			return u
		}
	}
	return nil
}

// passwordPolicy is IAM's account password policy; nil where none is set.
type passwordPolicy struct {
	length, maxAge, reuse                 int
	symbols, numbers, upper, lower, allow bool
}

func goodPolicy(d dice) *passwordPolicy {
	return &passwordPolicy{length: d.between(14, 20), maxAge: 90, reuse: 24,
		symbols: true, numbers: true, upper: true, lower: true, allow: true}
}
