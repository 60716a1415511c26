package simulator

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// derive looks at every resource over its whole life and notes when it breaks
// a test. Whatever an accident implies elsewhere is thus found as well.
func (c *Company) derive() []Planted {
	n := &notes{c: c}
	for _, a := range c.accounts {
		n.root(a)
		n.users(a)
		n.trails(a)
		n.buckets(a)
		n.estates(a)
		n.arrival(a)
	}
	n.github()
	n.pulls()
	n.identity()
	n.clone()
	n.blind()
	slices.SortStableFunc(n.out, func(a, b Planted) int {
		if d := a.Start.Compare(b.Start); d != 0 {
			return d
		}
		return strings.Compare(a.Test+a.Stream.String()+a.Resource, b.Test+b.Stream.String()+b.Resource)
	})
	return n.out
}

// notes collects the truth.
type notes struct {
	c   *Company
	out []Planted
}

// state notes every span in which the resource breaks the test.
func (n *notes) state(test string, s evidence.Stream, resource, note string, life interval, cuts []time.Time, bad func(time.Time) bool) {
	for _, iv := range spans(life, cuts, bad) {
		n.add(Planted{Kind: "deviation", Test: test, Stream: s, Resource: resource, Start: iv.from, End: iv.to, Note: note})
	}
}

// add keeps what lies in the period; an end beyond it has not happened.
func (n *notes) add(p Planted) {
	if !p.Start.Before(n.c.end) || !p.End.IsZero() && !p.End.After(n.c.start) {
		return
	}
	if !p.End.Before(n.c.end) {
		p.End = time.Time{}
	}
	n.out = append(n.out, p)
}

// seen gives the life of an account's evidence: nothing of it exists for us before the role does.
func (a *account) seen() interval { return interval{from: a.deployed} }

func (n *notes) root(a *account) {
	s, life := n.c.awsStream("aws.iam.account", a), a.seen()
	n.state("aws.iam.root-mfa", s, a.id, "root has no MFA", life, a.rootMFA.cuts(),
		func(t time.Time) bool { return !a.rootMFA.at(t) })
	n.state("aws.iam.root-no-access-key", s, a.id, "root has an access key", life, a.rootKey.state.cuts(),
		func(t time.Time) bool { return a.rootKey.state.at(t).active })
	uses := append(append(a.rootKey.state.cuts(), a.rootKey.uses...), a.rootKey.uses.plus(limit90)...)
	uses = append(append(uses, a.rootLogin...), a.rootLogin.plus(limit90)...)
	users := n.c.awsStream("aws.iam.user", a)
	n.state("aws.iam.root-unused", users, a.rootARN(), "root was used", life, uses, func(t time.Time) bool {
		return recent(a.rootLogin.last(t), t) || recent(a.rootKey.lastUsed(t), t)
	})
	n.state("aws.iam.password-policy", n.c.awsStream("aws.iam.password_policy", a), a.id, "password policy weakened or deleted",
		life, a.policy.cuts(), func(t time.Time) bool { p := a.policy.at(t); return p == nil || p.length < 14 })
}

// recent reports whether the event is at most 90 days before t.
func recent(event, t time.Time) bool { return !event.IsZero() && t.Before(event.Add(limit90)) }

func (n *notes) users(a *account) {
	s := n.c.awsStream("aws.iam.user", a)
	for _, u := range a.users {
		cuts := u.cuts()
		n.state("aws.iam.user-console-mfa", s, u.arn, "console user without MFA", u.life, cuts,
			func(t time.Time) bool { return u.password.at(t) && !u.mfa.at(t) })
		n.state("aws.iam.key-age-90", s, u.arn, "access key older than 90 days", u.life, cuts, u.hasOldKey)
		n.state("aws.iam.unused-creds-90", s, u.arn, "credential unused for 90 days", u.life, cuts, u.hasUnused)
	}
}

// cuts gives every instant at which a verdict on the user may change.
func (u *iamUser) cuts() []time.Time {
	out := append(append(u.password.cuts(), u.mfa.cuts()...), u.life.from.Add(limit90))
	out = append(append(out, u.logins...), u.logins.plus(limit90)...)
	for i := range u.keys {
		k := &u.keys[i]
		set := instants(k.state.cuts())
		out = append(append(append(out, set...), set.plus(limit90)...), k.uses.plus(limit90)...)
		out = append(out, k.uses...)
	}
	return out
}

func (u *iamUser) hasOldKey(t time.Time) bool {
	for i := range u.keys {
		if k := u.keys[i].state.at(t); k.active && !recent(k.rotated, t) {
			return true
		}
	}
	return false
}

// hasUnused tells whether an active credential was not used for 90 days; one
// that was never used counts from when it was made.
func (u *iamUser) hasUnused(t time.Time) bool {
	if u.password.at(t) && !recent(later(u.logins.last(t), u.life.from), t) {
		return true
	}
	for i := range u.keys {
		k := &u.keys[i]
		if st := k.state.at(t); st.active && !recent(later(k.lastUsed(t), st.rotated), t) {
			return true
		}
	}
	return false
}

func (n *notes) trails(a *account) {
	s := n.c.awsStream("aws.cloudtrail.trail", a)
	var all []time.Time
	for _, t := range a.trails {
		life, cuts := a.seen(), t.cuts()
		all = append(all, cuts...)
		n.state("aws.cloudtrail.logging", s, t.arn, "the trail does not log or deliver", life, cuts,
			func(at time.Time) bool { return !t.logging.at(at) || t.deliverError.at(at) != "" })
		n.state("aws.cloudtrail.validation", s, t.arn, "log file validation is off", life, cuts,
			func(at time.Time) bool { return !t.validation.at(at) })
		n.state("aws.cloudtrail.encrypted", s, t.arn, "the trail has no KMS key", life, cuts,
			func(at time.Time) bool { return !t.encrypted.at(at) })
	}
	for _, test := range []string{"aws.cloudtrail.multi-region", "aws.cloudtrail.management-events"} {
		n.state(test, s, a.id, "no multi-region trail logs", a.seen(), all, func(at time.Time) bool {
			return !slices.ContainsFunc(a.trails, func(t *trail) bool { return t.multi && t.logging.at(at) })
		})
	}
}

func (t *trail) cuts() []time.Time {
	return append(append(t.logging.cuts(), t.validation.cuts()...), append(t.encrypted.cuts(), t.deliverError.cuts()...)...)
}

func (n *notes) buckets(a *account) {
	s := n.c.awsStream("aws.s3.bucket", a)
	for _, b := range a.buckets {
		cuts := slices.Concat(b.block.cuts(), b.version.cuts(), b.tlsOnly.cuts(), a.block.cuts())
		n.state("aws.s3.public-block", s, b.arn(), "public access is not blocked", b.life, cuts,
			func(t time.Time) bool { return !b.block.at(t).all() && !a.block.at(t).all() })
		n.state("aws.s3.versioning", s, b.arn(), "versioning is suspended", b.life, cuts,
			func(t time.Time) bool { return b.version.at(t) != "Enabled" })
		n.state("aws.s3.tls-only", s, b.arn(), "requests without TLS are answered", b.life, cuts,
			func(t time.Time) bool { return !b.tlsOnly.at(t) })
	}
}

// arrival notes an account that joined before anyone could read it.
func (n *notes) arrival(a *account) {
	if a.late() {
		n.add(Planted{Kind: "scope", Stream: n.c.awsRoot(), Resource: a.id, Start: a.appeared, End: a.deployed,
			Note: "the account joined the organisation, the role was not deployed yet"})
	}
}

func (n *notes) github() {
	o, id := n.c.org, fmt.Sprint(n.c.org.id)
	life := interval{from: o.created}
	s := n.c.githubStream("github.org")
	n.state("github.org.2fa-required", s, id, "two-factor authentication is not required", life, o.twoFactor.cuts(),
		func(t time.Time) bool { return !o.twoFactor.at(t) })
	n.state("github.org.base-permission", s, id, "every member may write to every repository", life, o.permission.cuts(),
		func(t time.Time) bool { return o.permission.at(t) != "none" && o.permission.at(t) != "read" })
	for _, p := range n.c.people {
		n.state("github.org.members-2fa", n.c.githubStream("github.member"), fmt.Sprint(p.id), "member without two-factor authentication",
			p.member, p.second.cuts(), func(t time.Time) bool { return !p.second.at(t) })
	}
	for _, r := range n.c.repos {
		if r.active() {
			n.branch(r)
		}
	}
}

func (n *notes) branch(r *repository) {
	for _, k := range []struct {
		test, note string
		good       func(effective) bool
	}{
		{"github.branch.pr-required", "no approval is required", func(e effective) bool { return e.reviewed }},
		{"github.branch.force-push-blocked", "history can be rewritten or deleted", func(e effective) bool { return e.history }},
		{"github.branch.stale-dismissed", "approvals survive later pushes", func(e effective) bool { return e.fresh }},
		{"github.branch.checks-required", "no status check is required", func(e effective) bool { return e.checked }},
		{"github.branch.admins-bound", "administrators are not bound", func(e effective) bool { return e.boundAdmins }},
	} {
		n.state(k.test, n.c.githubStream("github.branch"), r.branchID(), k.note+" in "+r.full, interval{from: r.created},
			r.protection.cuts(), func(t time.Time) bool { return !k.good(r.protection.at(t).effect()) })
	}
}

func (n *notes) blind() {
	for _, f := range n.c.faults {
		for _, s := range f.blinds {
			n.add(Planted{Kind: "blind", Stream: s, Start: f.span.from, End: f.span.to, Note: f.note})
		}
	}
	for _, iv := range n.c.off {
		for _, s := range n.c.streamsAt(iv.from) {
			n.add(Planted{Kind: "blind", Stream: s, Start: iv.from, End: iv.to, Note: "the agent was off"})
		}
	}
}

// streamsAt gives every stream that is collected at t.
func (c *Company) streamsAt(t time.Time) []evidence.Stream {
	out := []evidence.Stream{c.awsRoot()}
	for _, a := range c.accounts {
		if !a.seen().holds(t) {
			continue
		}
		for _, k := range accountKinds() {
			out = append(out, c.awsStream(evidence.Kind(k), a))
		}
	}
	return slices.Concat(out, c.githubStreams(), c.oktaStreams(), c.cloneStreams(), []evidence.Stream{rosterStream, registerRoot, registerStream})
}

func (c *Company) oktaStreams() (out []evidence.Stream) {
	for _, k := range []evidence.Kind{"okta.org", "okta.user", "okta.group", "okta.group_member", "okta.admin", "okta.api_token", "okta.event"} {
		out = append(out, c.oktaStream(k))
	}
	return out
}

func (c *Company) githubStreams() (out []evidence.Stream) {
	for _, k := range []evidence.Kind{"github.org", "github.member", "github.repository", "github.branch", "github.pull_request"} {
		out = append(out, c.githubStream(k))
	}
	return out
}
