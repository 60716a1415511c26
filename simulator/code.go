package simulator

import (
	"fmt"
	"time"
)

// repository is one GitHub repository.
type repository struct {
	id         int64
	name       string
	full       string
	branch     string // the default one
	archived   bool
	private    bool
	created    time.Time
	protection timeline[protection]
	pulls      []*pull
	bySHA      map[string]*pull // of every commit
	card       []byte           // GitHub's repository, with marks for what changes
	owner      []byte           // GitHub's simple-user of the organisation
}

// protection is what binds the default branch: classic protection, rulesets,
// or both. Either is nil where there is none.
type protection struct {
	classic *classic
	rules   *ruleset
}

// classic is branch protection of the old kind.
type classic struct {
	reviews                           bool
	approvals                         int
	dismissStale, lastPush, codeOwner bool
	checks                            []string
	admins, forcePush, deletion       bool
}

// ruleset holds the rules that are in force on the branch.
type ruleset struct {
	deletion, nonFastForward bool
	reviews                  bool
	approvals                int
	dismissStale, lastPush   bool
	checks                   []string
	// others are rule types without meaning to the tests, some of them newer than the client.
	others []string
}

// editClassic gives a change of classic protection that leaves the original alone.
func editClassic(edit func(*classic)) func(protection) protection {
	return func(p protection) protection {
		k := *p.classic
		edit(&k)
		return protection{&k, p.rules}
	}
}

// editRules gives a change of the rules that leaves the original alone.
func editRules(edit func(*ruleset)) func(protection) protection {
	return func(p protection) protection {
		k := *p.rules
		edit(&k)
		return protection{p.classic, &k}
	}
}

// unprotect lifts every protection.
func unprotect(protection) protection { return protection{} }

var requiredChecks = []string{"build", "test"}

func goodClassic(d dice) *classic {
	k := &classic{reviews: true, approvals: d.between(1, 2), checks: requiredChecks, admins: true, codeOwner: d.chance(0.3)}
	if k.dismissStale = d.chance(0.6); !k.dismissStale {
		k.lastPush = true
	}
	return k
}

func goodRules(d dice) *ruleset {
	k := &ruleset{deletion: true, nonFastForward: true, reviews: true, approvals: d.between(1, 2), checks: requiredChecks}
	if k.lastPush = d.chance(0.5); !k.lastPush {
		k.dismissStale = true
	}
	k.others = []string{"merge_queue", "code_scanning", "required_linear_history", "file_path_restriction"}
	return k
}

// openRepositories makes seven repositories: classic protection, rulesets, both, and one archived.
func (c *Company) openRepositories(d dice) {
	for i, name := range []string{"api", "web", "billing", "infra", "mobile", "data", "legacy"} {
		r := &repository{
			id: 70_000_000 + int64(i)*911_003 + d.Int64N(900_000), name: name, full: c.org.login + "/" + name,
			branch: pick(d, []string{"main", "main", "main", "master"}), private: i != 1,
			archived: name == "legacy", created: d.workday(c.start.Add(-time.Duration(d.between(500, 1300)) * day)),
		}
		r.protection = constant(protectionOf(d, i))
		r.card, r.owner, r.bySHA = repositoryJSON(c.org, r), c.org.user, map[string]*pull{}
		c.repos = append(c.repos, r)
	}
}

func protectionOf(d dice, i int) protection {
	switch i {
	case 0, 1, 2:
		return protection{classic: goodClassic(d)}
	case 3, 4:
		return protection{rules: goodRules(d)}
	case 5: // each half is too little, together they are enough
		k, r := goodClassic(d), goodRules(d)
		k.checks, k.reviews, k.approvals, k.dismissStale, k.lastPush, k.codeOwner = nil, false, 0, false, false, false
		r.deletion, r.nonFastForward = false, false
		return protection{classic: k, rules: r}
	}
	return protection{}
}

// effective is what the tests look at.
type effective struct{ reviewed, history, fresh, checked, boundAdmins bool }

// effect joins classic protection and rulesets.
func (p protection) effect() effective {
	k, r := classic{forcePush: true, deletion: true}, ruleset{}
	if p.classic != nil {
		k = *p.classic
	}
	if p.rules != nil {
		r = *p.rules
	}
	return effective{
		reviewed:    (k.reviews || r.reviews) && max(k.approvals, r.approvals) >= 1,
		history:     (!k.forcePush || r.nonFastForward) && (!k.deletion || r.deletion),
		fresh:       k.dismissStale || k.lastPush || r.dismissStale || r.lastPush,
		checked:     len(k.checks)+len(r.checks) > 0,
		boundAdmins: p.classic == nil || k.admins,
	}
}

// branchID is the record id of the default branch.
func (r *repository) branchID() string { return fmt.Sprintf("%d:%s", r.id, r.branch) }

func (r *repository) active() bool { return !r.archived }

func (c *Company) repository(name string) *repository {
	for _, r := range c.repos {
		if r.name == name {
			return r
		}
	}
	return nil
}
