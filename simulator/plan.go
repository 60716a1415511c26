package simulator

import (
	"fmt"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

const (
	// apart keeps accidents on one resource, and blind spots on one stream, from touching.
	apart = 4 * day
	// shore keeps the instants of accidents away from blind spots, so that what
	// began or ended is seen before and after.
	shore = 2 * day
)

// planner decides when things go wrong. A lane is a resource, or a stream for
// blind spots, that can have one thing wrong with it at a time.
type planner struct {
	c *Company
	dice
	lanes map[string][]interval
	blind map[evidence.Stream][]interval
}

// goWrong plants everything: blind spots first, then the late account, then accidents around them.
func (c *Company) goWrong() {
	if c.opts.Days < 20 {
		return
	}
	p := &planner{c: c, dice: newDice(c.opts.Seed, 2), lanes: map[string][]interval{}, blind: map[evidence.Stream][]interval{}}
	if c.opts.Faults {
		p.darken()
	}
	p.arrive()
	for _, a := range accidents() {
		for range p.times() {
			a.happen(p)
		}
	}
	p.misbehave()
	p.tamper()
	if c.opts.Faults {
		p.disturb()
	}
}

// times is how often each accident is tried.
func (p *planner) times() int {
	if p.c.opts.Days < 60 {
		return 1
	}
	return 2
}

// accident is one thing that can go wrong; it may find no room and not happen.
type accident struct {
	name   string
	happen func(*planner)
}

func accidents() []accident {
	return []accident{
		// There are few leavers, so these come first.
		{"leaver in AWS", (*planner).leaverInCloud},
		{"leaver in GitHub", (*planner).leaverInCode},
		{"leaver in Okta", (*planner).leaverSignsIn},
		{"leaver without a last day", (*planner).leaverUndated},
		{"root login", (*planner).rootLogin},
		{"root access key", (*planner).rootKey},
		{"old access key", (*planner).oldKey},
		{"unused password", (*planner).unusedPassword},
		{"password never used", (*planner).neverUsed},
		{"trail stops", (*planner).trailStops},
		{"trail cannot deliver", (*planner).trailFails},
		{"trail without validation", (*planner).trailUnvalidated},
		{"trail without key", (*planner).trailUnencrypted},
		{"root without MFA", (*planner).rootMFA},
		{"console user without MFA", (*planner).mfaLapse},
		{"leaver without MFA", (*planner).mfaLeaver},
		{"password policy", (*planner).weakPolicy},
		{"bucket opened", (*planner).bucketOpened},
		{"bucket opened and deleted", (*planner).bucketGiven},
		{"bucket unversioned", (*planner).bucketUnversioned},
		{"bucket without TLS", (*planner).bucketPlain},
		{"GuardDuty off", (*planner).detectorOff},
		{"recorder stops", (*planner).recorderStops},
		{"SSH opened", (*planner).sshOpened},
		{"key not rotated", (*planner).keyUnrotated},
		{"database opened", (*planner).databaseOpened},
		{"backups cut", (*planner).backupsCut},
		{"organisation without 2FA", (*planner).orgTwoFactor},
		{"member without 2FA", (*planner).memberTwoFactor},
		{"organisation permission", (*planner).orgPermission},
		{"branch unprotected", (*planner).branchUnprotected},
		{"classic protection weakened", (*planner).classicWeakened},
		{"ruleset weakened", (*planner).rulesWeakened},
		{"Okta user without a factor", (*planner).factorless},
		{"Okta user inactive", (*planner).inactive},
		{"stray Okta user", (*planner).strayUser},
		{"stray AWS user", (*planner).strayCloudUser},
		{"row of the roster lost", (*planner).rowLost},
		{"login not mapped", (*planner).loginUnmapped},
		{"login mapped twice", (*planner).loginShared},
		{"service forgotten", (*planner).serviceForgotten},
		{"account too early", (*planner).earlyAccount},
		{"owner not listed", (*planner).unlistedOwner},
		{"administrators not listed", (*planner).unlistedAdmins},
		{"token too strong", (*planner).strongToken},
		{"register out of date", (*planner).registerStale},
	}
}

// guess draws an interval of accident length. One in six spans a time when
// the agent is off, one in five never ends.
func (p *planner) guess() interval {
	if len(p.c.off) > 0 && p.chance(1.0/6) {
		off := pick(p.dice, p.c.off)
		return interval{p.noon(off.from, -p.between(3, 6)), p.noon(off.to, p.between(3, 6))}
	}
	iv := interval{from: p.noon(p.c.start, p.between(2, p.c.opts.Days-5))}
	if !p.chance(0.2) {
		iv.to = p.noon(iv.from, p.between(3, 24))
	}
	return iv
}

// noon gives a working hour some days from t.
func (p *planner) noon(t time.Time, days int) time.Time {
	return p.workday(t.UTC().Truncate(day).Add(time.Duration(days) * day))
}

// lasting gives room for something on the lane that nobody is blind for at its ends.
func (p *planner) lasting(lane string, streams ...evidence.Stream) (interval, bool) {
	for range 30 {
		if iv := p.guess(); p.reserve(lane, iv, streams...) {
			return iv, true
		}
	}
	return interval{}, false
}

// reserve takes the lane for iv if it is free and its ends can be seen.
func (p *planner) reserve(lane string, iv interval, streams ...evidence.Stream) bool {
	for _, taken := range p.lanes[lane] {
		if taken.near(iv, apart) {
			return false
		}
	}
	if !p.inside(iv) {
		return false
	}
	for _, s := range streams {
		for _, dark := range p.blind[s] {
			if w := dark.widened(shore); w.holds(iv.from) || !iv.to.IsZero() && w.holds(iv.to) {
				return false
			}
		}
	}
	p.lanes[lane] = append(p.lanes[lane], iv)
	return true
}

// inside reports whether both ends are seen within the period. An end beyond
// the period is fine if the beginning is not too late.
func (p *planner) inside(iv interval) bool {
	last := p.c.end.Add(-3 * day)
	end := iv.to.IsZero() || iv.to.Before(last) || iv.to.After(p.c.end.Add(day))
	return iv.from.After(p.c.start.Add(day)) && iv.from.Before(last) && end
}

// arrive lets an account join, whose role is deployed some days later.
func (p *planner) arrive() {
	late := func() (interval, bool) {
		for range 60 {
			from := p.noon(p.c.start, p.between(p.c.opts.Days/5, p.c.opts.Days/2))
			iv := interval{from, p.noon(from, p.between(4, 8))}
			if p.reserve("arrival", iv, p.c.awsRoot()) && !p.darkNear(iv) {
				return iv, true
			}
		}
		return interval{}, false
	}
	iv, ok := late()
	if !ok {
		return
	}
	a := p.c.acquire(p.dice, iv)
	// Until its users can be read, nobody knows which accounts a person has.
	p.blind[p.c.awsStream("aws.iam.user", a)] = []interval{iv}
	for _, t := range p.c.accounts[0].trails { // nothing happens to the common trail while the account is half there
		if t.org {
			p.lanes[t.arn] = append(p.lanes[t.arn], iv)
		}
	}
}

// darkNear reports whether the agent is off within three days of iv.
func (p *planner) darkNear(iv interval) bool {
	for _, off := range p.c.off {
		if off.near(iv, 3*day) {
			return true
		}
	}
	return false
}

// acquire adds an account that joins the organisation at iv.from and can be read from iv.to on.
func (c *Company) acquire(d dice, iv interval) *account {
	a := c.newAccount(d, "975"+c.accounts[0].id[3:], "acquired")
	a.appeared, a.deployed = iv.from, iv.to
	for i := range 4 {
		u := c.newUser(a, []string{"owner", "ops", "svc-sync", "svc-mail"}[i], interval{from: a.created.Add(day)})
		if id := fmt.Sprintf("A%d", i+1); i < 2 {
			c.giveConsole(d, u)
			c.enterContractor(id, u, a.appeared)
		} else {
			c.giveKey(d, u, 0)
			c.enterService(d, id, u.name, a.appeared).put("login.aws", u.name)
		}
	}
	if org := c.accounts[0].trails[0]; org.org {
		a.trails = append(a.trails, org)
	} else {
		a.trails = append(a.trails, c.newTrail(a, "audit", regions[0], true))
	}
	c.fillBuckets(d, a, 2)
	c.accounts = append(c.accounts, a)
	return a
}
