package simulator

import (
	"fmt"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// darken plans the times for which something cannot be read: the agent off, an
// expired token, and a draw of narrower ones.
func (p *planner) darken() {
	p.switchOff()
	if p.c.opts.Days >= 150 {
		p.switchOff()
	}
	p.blackout(fault{vendor: "github", effect: expired, blinds: p.c.githubStreams(), note: "the GitHub token had expired"})
	p.blackout(fault{vendor: "okta", effect: expired, blinds: p.c.oktaStreams(), note: "the Okta token had expired"})
	all := p.narrow()
	p.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, f := range all[:min(len(all), max(2, p.c.opts.Days/20))] {
		p.blackout(f)
	}
}

// switchOff turns the agent's host off for about three days.
func (p *planner) switchOff() {
	all := p.everything()
	for range 40 {
		from := p.noon(p.c.start, p.between(4, p.c.opts.Days-9))
		iv := interval{from, p.noon(from, 3)}
		if p.darkens(iv, all) {
			p.c.off = append(p.c.off, iv)
			return
		}
	}
}

// everything gives all streams but those of an account that is yet to come.
func (p *planner) everything() []evidence.Stream { return p.c.streamsAt(p.c.start) }

// darkens reserves all streams for iv, or none.
func (p *planner) darkens(iv interval, streams []evidence.Stream) bool {
	for _, s := range streams {
		for _, taken := range p.blind[s] {
			if taken.near(iv, 2*apart) {
				return false
			}
		}
	}
	if !p.inside(iv) {
		return false
	}
	for _, s := range streams {
		p.blind[s] = append(p.blind[s], iv)
	}
	return true
}

// blackout gives the fault a time of two and a half to five days, if there is room.
func (p *planner) blackout(f fault) {
	for range 40 {
		from := p.noon(p.c.start, p.between(3, p.c.opts.Days-8))
		f.span = interval{from, p.noon(from, p.between(3, 5))}
		if p.darkens(f.span, f.blinds) {
			p.c.faults = append(p.c.faults, &f)
			return
		}
	}
}

// narrow gives one fault of each sort that blinds one stream, or one account.
func (p *planner) narrow() []fault {
	return slices.Concat(p.narrowAWS(), p.narrowGitHub(), p.narrowIdentity())
}

func (p *planner) narrowIdentity() []fault {
	on := func(kind evidence.Kind, op string, e effect) fault {
		return fault{vendor: "okta", op: op, effect: e, blinds: []evidence.Stream{p.c.oktaStream(kind)}, note: fmt.Sprintf("%s %s", op, e)}
	}
	groups := on("okta.group_member", opGroups, malformed)
	groups.blinds = append(groups.blinds, p.c.oktaStream("okta.group"))
	roles := on("okta.admin", opUserRoles, denied)
	roles.blinds = append(roles.blinds, p.c.oktaStream("okta.api_token"))
	file := func(name string, s evidence.Stream) fault {
		e := pick(p.dice, []effect{missing, truncated})
		return fault{vendor: "file", op: name, effect: e, blinds: []evidence.Stream{s}, note: fmt.Sprintf("the %s was %s", name, e)}
	}
	return []fault{
		on("okta.user", opFactors, denied), on("okta.user", opOktaUsers, loops), on("okta.admin", opAdmins, denied),
		on("okta.api_token", opTokens, malformed), on("okta.event", opLogs, denied), groups, roles,
		file("roster", rosterStream), file("register", registerStream),
	}
}

func (p *planner) narrowAWS() []fault {
	one := func() *account { return pick(p.dice, p.c.old()) }
	on := func(a *account, kind evidence.Kind, op, where string, e effect) fault {
		return fault{vendor: "aws", op: op, where: a.id + where, effect: e, blinds: []evidence.Stream{p.c.awsStream(kind, a)},
			note: fmt.Sprintf("%s %s in %s%s", op, e, a.id, where)}
	}
	a := one()
	out := []fault{
		on(one(), "aws.cloudtrail.trail", "cloudtrail:DescribeTrails", "/"+pick(p.dice, regions), denied),
		on(one(), "aws.iam.password_policy", "iam:GetAccountPasswordPolicy", "", denied),
		on(one(), "aws.iam.user", "iam:GetCredentialReport", "", denied),
		on(one(), "aws.iam.account", "iam:GetAccountSummary", "", malformed),
		on(one(), "aws.s3.bucket", "s3:ListBuckets", "", loops),
		on(a, "aws.s3.bucket", "s3:GetBucketVersioning", "/"+a.buckets[0].name, denied),
		on(one(), "aws.guardduty.detector", "guardduty:ListDetectors", "/"+pick(p.dice, regions), denied),
		on(one(), "aws.ec2.security_group", "ec2:DescribeSecurityGroups", "/"+pick(p.dice, regions), denied),
		on(one(), "aws.rds.instance", "rds:DescribeDBInstances", "/"+pick(p.dice, regions), malformed),
		on(one(), "aws.kms.key", "kms:ListKeys", "/"+pick(p.dice, regions), denied),
	}
	return append(out, p.noRegions(one()), p.noSession(p.c.old()[p.between(1, 2)]))
}

// noRegions hides which regions there are: what is read region by region cannot be whole.
func (p *planner) noRegions(a *account) fault {
	f := fault{vendor: "aws", op: "ec2:DescribeRegions", where: a.id, effect: denied, note: "ec2:DescribeRegions denied in " + a.id}
	for _, k := range []evidence.Kind{"aws.region", "aws.cloudtrail.trail", "aws.guardduty.detector", "aws.config.recorder", "aws.ec2.security_group", "aws.kms.key", "aws.rds.instance"} {
		f.blinds = append(f.blinds, p.c.awsStream(k, a))
	}
	return f
}

// noSession closes the role of a member account: no kind of it can be read.
func (p *planner) noSession(a *account) fault {
	f := fault{vendor: "aws", op: "sts:AssumeRole", where: "role in " + a.id, effect: denied, note: "the role in " + a.id + " may not be assumed"}
	for _, k := range accountKinds() {
		f.blinds = append(f.blinds, p.c.awsStream(evidence.Kind(k), a))
	}
	return f
}

func (p *planner) narrowGitHub() []fault {
	on := func(kind evidence.Kind, op, where string, e effect) fault {
		return fault{vendor: "github", op: op, where: where, effect: e, blinds: []evidence.Stream{p.c.githubStream(kind)},
			note: fmt.Sprintf("%s %s %s", op, where, e)}
	}
	repo := func() string { return pick(p.dice, p.c.repos[:6]).full }
	return []fault{
		on("github.branch", opProtection, repo(), denied),
		on("github.branch", opProtection, repo(), hidden),
		on("github.branch", opRules, repo(), malformed),
		on("github.member", opMembers, "filter=2fa_disabled", refused),
		on("github.member", opMembers, "role=member", loops),
		on("github.member", opMembers, "role=admin", malformed),
		on("github.pull_request", opGraphQL, repo(), hidden),
		p.onlySelected(),
	}
}

// onlySelected limits the token to some repositories: what is read repository by repository cannot be whole.
func (p *planner) onlySelected() fault {
	f := fault{vendor: "github", op: opRepos, effect: selected, note: "the GitHub token was limited to selected repositories"}
	for _, k := range []evidence.Kind{"github.repository", "github.branch", "github.pull_request"} {
		f.blinds = append(f.blinds, p.c.githubStream(k))
	}
	return f
}

// disturb plans transient faults: one request in a while fails once or twice.
func (p *planner) disturb() {
	for n := 1; n < p.c.opts.Days-1; n += p.between(3, 9) {
		f := pick(p.dice, p.transients())
		from := p.c.start.Add(time.Duration(n) * day)
		f.span, f.times = interval{from, from.Add(day)}, p.between(1, 2)
		if !slices.ContainsFunc(p.c.off, func(iv interval) bool { return iv.near(f.span, 0) }) {
			p.c.faults = append(p.c.faults, &f)
		}
	}
}

// transients draws one fault of each vendor and sort. Those that name a delay are few, for they cost the run real time.
func (p *planner) transients() []fault {
	a := pick(p.dice, p.c.old())
	aws := []effect{throttled, throttled, unavailable, broken, reset, truncated}
	hub := []effect{throttled, secondary, unavailable, unavailable, broken, broken, reset, truncated}
	ops := []string{"iam:GetAccountSummary", "iam:GetCredentialReport", "cloudtrail:DescribeTrails", "s3:ListBuckets", "s3:GetBucketEncryption",
		"ec2:DescribeRegions", "sts:GetCallerIdentity", "s3:GetAccountPublicAccessBlock",
		"guardduty:GetDetector", "config:DescribeConfigurationRecorders", "kms:DescribeKey", "rds:DescribeDBInstances", "ec2:DescribeSecurityGroups"}
	return []fault{
		{vendor: "aws", op: "organizations:ListAccounts", effect: pick(p.dice, aws)},
		{vendor: "aws", op: pick(p.dice, ops), where: a.id, effect: pick(p.dice, aws)},
		{vendor: "aws", op: "cloudtrail:GetTrailStatus", effect: pick(p.dice, aws)},
		{vendor: "okta", op: opFactors, effect: pick(p.dice, []effect{unavailable, broken, reset})},
		// Not of roles, which two streams ask for side by side: whose attempt fails is to follow from the seed.
		{vendor: "okta", op: pick(p.dice, []string{opOktaUsers, opOktaOrg, opAdmins}), effect: pick(p.dice, aws)},
		{vendor: "github", op: opMembers, effect: pick(p.dice, hub)},
		{vendor: "github", op: opGraphQL, where: pick(p.dice, p.c.repos).full, effect: pick(p.dice, hub)},
		{vendor: "github", op: opProtection, where: pick(p.dice, p.c.repos).full, effect: pick(p.dice, hub)},
		{vendor: "github", op: pick(p.dice, []string{opUser, opOrg, opRepos, opGraphQL}), effect: pick(p.dice, hub)},
	}
}
