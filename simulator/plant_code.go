package simulator

import "slices"

func (p *planner) orgTwoFactor() {
	if iv, ok := p.lasting("org 2fa", p.c.githubStream("github.org")); ok {
		p.c.org.twoFactor.during(iv, no)
	}
}

func (p *planner) orgPermission() {
	if iv, ok := p.lasting("org permission", p.c.githubStream("github.org")); ok {
		level := pick(p.dice, []string{"write", "admin"})
		p.c.org.permission.during(iv, func(string) string { return level })
	}
}

func (p *planner) memberTwoFactor() {
	who := pick(p.dice, p.c.permanent())
	if iv, ok := p.lasting("member "+who.login, p.c.githubStream("github.member")); ok {
		who.second.during(iv, no)
	}
}

// weaken changes the protection of a repository that satisfies like.
func (p *planner) weaken(like func(protection) bool, change func(protection) protection) {
	fit := slices.DeleteFunc(slices.Clone(p.c.repos), func(r *repository) bool {
		return r.archived || !like(r.protection.at(p.c.start))
	})
	for range 4 {
		r := pick(p.dice, fit)
		if iv, ok := p.lasting("branch "+r.name, p.c.githubStream("github.branch")); ok {
			r.protection.during(iv, change)
			return
		}
	}
}

func onlyClassic(p protection) bool { return p.classic != nil && p.rules == nil }

func onlyRules(p protection) bool { return p.classic == nil && p.rules != nil }

func (p *planner) branchUnprotected() {
	p.weaken(func(protection) bool { return true }, unprotect)
}

func (p *planner) classicWeakened() {
	for _, edit := range []func(*classic){
		func(k *classic) {
			k.reviews, k.approvals, k.dismissStale, k.lastPush, k.codeOwner = false, 0, false, false, false
		},
		func(k *classic) { k.approvals = 0 },
		func(k *classic) { k.forcePush = true },
		func(k *classic) { k.deletion = true },
		func(k *classic) { k.dismissStale, k.lastPush = false, false },
		func(k *classic) { k.checks = nil },
		func(k *classic) { k.admins = false },
	} {
		p.weaken(onlyClassic, editClassic(edit))
	}
}

func (p *planner) rulesWeakened() {
	for _, edit := range []func(*ruleset){
		func(k *ruleset) { k.reviews, k.approvals, k.dismissStale, k.lastPush = false, 0, false, false },
		func(k *ruleset) { k.nonFastForward = false },
		func(k *ruleset) { k.dismissStale, k.lastPush = false, false },
		func(k *ruleset) { k.checks = nil },
	} {
		if p.chance(0.6) {
			p.weaken(onlyRules, editRules(edit))
		}
	}
}

// misbehave rewrites the history of some merged pull requests, each script at least once where there are enough.
func (p *planner) misbehave() {
	var merged []*pull
	for _, r := range p.c.repos {
		for _, pr := range r.pulls {
			if p.c.inScope(pr) && pr.merged.After(p.c.start.Add(2*day)) && pr.merged.Before(p.c.end.Add(-4*day)) {
				merged = append(merged, pr)
			}
		}
	}
	p.Shuffle(len(merged), func(i, j int) { merged[i], merged[j] = merged[j], merged[i] })
	for s := unapproved; s < scripts; s++ {
		for range min(p.times(), len(merged)) {
			p.c.play(p.dice, merged[0], s)
			merged = merged[1:]
		}
	}
}
