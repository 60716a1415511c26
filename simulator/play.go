package simulator

import (
	"fmt"
	"time"
)

// play writes the history of the pull request after the script. It replaces
// whatever history it had.
func (c *Company) play(d dice, p *pull, s script) {
	life := interval{p.created, p.created.Add(3 * day)}
	p.commits, p.reviews, p.checks, p.statuses, p.touched = nil, nil, nil, nil, time.Time{}
	p.mergedBy = p.author
	c.describe(d, p, s)
	second := c.commitAll(d, p, s, life)
	c.reviewAll(d, p, s, second, life)
	p.checkAll(d, s)
}

// describe gives title, branch and body; a ticket is named in one of them.
func (c *Company) describe(d dice, p *pull, s script) {
	verb, what := pick(d, verbs), pick(d, changes)
	ticket := fmt.Sprintf("%s-%d", pick(d, []string{"OPS", "PAY", "WEB"}), d.between(100, 4999))
	p.title, p.body = verb+" the "+what, "See the description of the change."
	p.head = fmt.Sprintf("feature/%s-%d", what, p.number)
	if s == ticketless {
		return
	}
	switch d.IntN(3) {
	case 0:
		p.title = "[" + ticket + "] " + p.title
	case 1:
		p.head = "feature/" + ticket + "-" + what
	default:
		p.body += "\n\nCloses " + ticket + "."
	}
}

// commitAll pushes one to three commits before the middle of the life, some by
// a second author, whom it returns. Addresses that GitHub does not know are as
// the script wants, or where nobody tests.
func (c *Company) commitAll(d dice, p *pull, s script, life interval) (second *person) {
	n := d.between(1, 3)
	for i := range n {
		p.push(p.author, p.created.Add(-time.Duration(n-i)*10*time.Minute))
	}
	switch {
	case s == unlinked:
		p.push(nil, p.at(0.3))
	case s == coauthorApproved || d.chance(0.15):
		second = pick(d, c.colleagues(life, p.author))
		p.push(second, p.at(0.3))
	case d.chance(0.1) && p.base != p.repo.branch:
		p.push(nil, p.at(0.3))
	}
	return second
}

func (p *pull) push(by *person, at time.Time) {
	k := commit{p.sha(fmt.Sprint("commit ", len(p.commits))), by, at}
	p.commits = append(p.commits, k)
	p.repo.bySHA[k.sha] = p
}

func (p *pull) review(by *person, state string, at time.Time) *review {
	p.reviews = append(p.reviews, review{
		id: p.id*10 + int64(len(p.reviews)), by: by, state: state, at: at, sha: p.headAt(at),
	})
	return &p.reviews[len(p.reviews)-1]
}

// reviewAll lets an independent colleague approve the last commit, with some
// talk before; or not, as the script wants.
func (c *Company) reviewAll(d dice, p *pull, s script, second *person, life interval) {
	others := c.colleagues(life, p.author, second)
	by := pick(d, others)
	if d.chance(0.2) {
		p.review(pick(d, others), "COMMENTED", p.at(0.35))
	}
	if s == wellDone && d.chance(0.2) {
		p.review(by, "CHANGES_REQUESTED", p.at(0.4))
		p.push(p.author, p.at(0.55))
	}
	if s == wellDone && d.chance(0.15) { // outdated, and followed by a fresh one
		p.review(by, "APPROVED", p.at(0.56))
		p.push(p.author, p.at(0.6))
	}
	c.decide(p, s, by, second)
	if d.chance(0.5) && s != unapproved {
		p.mergedBy = by
	}
}

func (c *Company) decide(p *pull, s script, by, second *person) {
	switch s {
	case unapproved:
	case lateApproval:
		p.touched = p.closed.Add(20 * time.Minute)
		p.review(by, "APPROVED", p.touched)
	case withdrawn:
		p.review(by, "APPROVED", p.at(0.7)).dismissed = p.at(0.8)
	case objected:
		p.review(by, "APPROVED", p.at(0.7))
		p.review(by, "CHANGES_REQUESTED", p.at(0.8))
	case selfApproved:
		p.review(p.author, "APPROVED", p.at(0.7))
	case coauthorApproved:
		p.review(second, "APPROVED", p.at(0.7))
	case staleApproval:
		p.review(by, "APPROVED", p.at(0.6))
		p.push(p.author, p.at(0.7))
	default:
		p.review(by, "APPROVED", p.at(0.7))
	}
}

// checkAll runs the checks on every commit that was pushed while the pull
// request was open; those before the head may have failed.
func (p *pull) checkAll(d dice, s script) {
	if s == unchecked {
		return
	}
	for _, k := range p.commits {
		head := k.sha == p.final()
		start := later(k.at, p.created).Add(30 * time.Second)
		for _, name := range requiredChecks {
			p.run(name, k.sha, verdict(d, head, s == failedCheck && name == "test"), start)
		}
		if d.chance(0.3) {
			p.run("lint", k.sha, pick(d, []string{"neutral", "skipped"}), start)
		}
		if s == failedStatus || d.chance(0.4) {
			context := map[bool]string{true: requiredChecks[0], false: "ci/preview"}[s == failedStatus]
			p.post(context, k.sha, "pending", start)
			p.post(context, k.sha, map[bool]string{true: "failure", false: "success"}[s == failedStatus && head], start.Add(3*time.Minute))
		}
	}
}

func verdict(d dice, head, fail bool) string {
	if fail && head || !head && d.chance(0.2) {
		return "failure"
	}
	return "success"
}

func (p *pull) run(name, sha, conclusion string, start time.Time) {
	p.checks = append(p.checks, check{p.id*10 + int64(len(p.checks)), name, conclusion, sha, start, start.Add(4 * time.Minute)})
}

func (p *pull) post(context, sha, state string, at time.Time) {
	p.statuses = append(p.statuses, status{p.id*10 + int64(len(p.statuses)), context, state, sha, at})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
