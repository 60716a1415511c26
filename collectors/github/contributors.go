package github

import (
	"maps"
	"slices"
	"strings"

	"github.com/evidenced/evidenced/collectors"
)

// webCommitter is the account under which GitHub commits what was made on its pages.
const webCommitter = "web-flow"

// contributors are those who had a hand in what was merged.
type contributors struct {
	logins    map[string]bool // of accounts, bots among them
	addresses map[string]bool // that belong to no account
	possible  map[string]bool // logins of those who may have written something
	unsigned  map[string]bool // logins and addresses that commits without a valid signature name
	tools     map[string]bool // addresses of tools, whose trailers name no person
	anonymous bool            // a commit names nobody, or more than are listed
}

// addContributors adds who wrote, committed and pushed the merged range: only
// what the host states counts. A merge of the base that was made on GitHub's
// pages adds nothing of its own. Anybody can write a name into a commit, so
// those of commits without a valid signature are in unsigned_by as well.
func (p *pull) addContributors(a collectors.Attributes, s *session) {
	c := contributors{logins: map[string]bool{}, addresses: map[string]bool{}, possible: map[string]bool{}, unsigned: map[string]bool{}, tools: map[string]bool{}}
	if author := p.Author.name(); author != nil {
		c.logins[*author] = true
	} else {
		c.anonymous = true // the account was deleted
	}
	accounts := p.accountsByAddress()
	for i := range p.Commits.Nodes {
		p.addCommit(&c, &p.Commits.Nodes[i], accounts, s)
	}
	p.addPushers(&c)
	name := "contributors"
	if c.anonymous || !p.Commits.complete() {
		name = "some_contributors" // who else, is not known
	}
	a.Set(name, slices.Sorted(maps.Keys(c.logins)))
	for name, set := range map[string]map[string]bool{"contributor_emails": c.addresses, "possible_contributors": c.possible, "unsigned_by": c.unsigned, "tool_trailers": c.tools} {
		if len(set) > 0 {
			a.Set(name, slices.Sorted(maps.Keys(set)))
		}
	}
}

// addCommit adds those whom one commit names.
func (p *pull) addCommit(c *contributors, k *commit, accounts map[string]string, s *session) {
	authors := k.Commit.Authors.Nodes
	c.anonymous = c.anonymous || len(authors) == 0 || k.Commit.Authors.Total == nil || *k.Commit.Authors.Total != len(authors)
	switch web := k.madeOnWeb(); {
	case len(authors) == 0 || web && p.mergesBase(k):
	case web && k.isMerge(): // two branches that are both part of the change
		c.addPossible(authors[0], accounts)
	case web:
		c.add(authors[0], accounts)
		p.addCoAuthors(c, k, accounts, s)
	default:
		c.addLocal(k, accounts)
		p.addCoAuthors(c, k, accounts, s)
	}
}

// addLocal adds author, committer and signer of a commit that was pushed.
func (c *contributors) addLocal(k *commit, accounts map[string]string) {
	named := []gitActor{k.Commit.Authors.Nodes[0]}
	if by := k.Commit.Committer; by != nil {
		named = append(named, *by)
	}
	for _, g := range named {
		if who := c.add(g, accounts); who != "" && !k.signed() {
			c.unsigned[who] = true
		}
	}
	if sig := k.Commit.Signature; k.signed() && sig.Signer != nil && sig.Signer.Login != webCommitter {
		c.logins[*sig.Signer.name()] = true
	}
}

// addCoAuthors adds those whom trailers name, less known tools, and less those
// whose suggestion was accepted on GitHub's pages.
func (p *pull) addCoAuthors(c *contributors, k *commit, accounts map[string]string, s *session) {
	for _, g := range k.Commit.Authors.Nodes[1:] {
		who := identify(g, accounts)
		switch address := strings.ToLower(g.Email); {
		case s.isTool(address):
			c.tools[address] = true
		case !s.suggestionsContribute && k.madeOnWeb() && p.reviewed(who):
			// Whoever accepted it made the commit, and is its author.
		default:
			c.add(g, accounts)
		}
	}
}

// reviewed reports whether the account reviewed the pull request, as who suggests does.
func (p *pull) reviewed(login string) bool {
	return slices.ContainsFunc(p.Reviews.Nodes, func(v review) bool { n := v.Author.name(); return n != nil && *n == login })
}

// addPushers adds who forced a push of the head. Who did so by a button of GitHub's
// pages, as to rebase, may have written nothing.
func (p *pull) addPushers(c *contributors) {
	for _, e := range p.Timeline.Nodes {
		if e.Typename != "HeadRefForcePushedEvent" || e.After == nil || !p.inRange(e.After.OID) {
			continue
		}
		who := e.Actor.name()
		switch head := p.commitOf(e.After.OID); {
		case who == nil:
			c.anonymous = true
		case head != nil && head.madeOnWeb():
			c.possible[*who] = true
		default:
			c.logins[*who] = true
		}
	}
}

// add adds one whom a commit names, and returns the login, or else the address.
func (c *contributors) add(g gitActor, accounts map[string]string) string {
	who := identify(g, accounts)
	switch {
	case who == "":
		c.anonymous = true
	case who == strings.ToLower(g.Email) && strings.Contains(who, "@"):
		c.addresses[who] = true
	default:
		c.logins[who] = true
	}
	return who
}

func (c *contributors) addPossible(g gitActor, accounts map[string]string) {
	if who := identify(g, accounts); who != "" {
		c.possible[who] = true
	}
}

// identify returns the login of one whom a commit names, the address where it
// belongs to no account, "" where there is none.
func identify(g gitActor, accounts map[string]string) string {
	address := strings.ToLower(g.Email)
	if own := g.User.name(); own != nil {
		return *own
	}
	if login := accounts[address]; login != "" {
		return login
	}
	if login := appLogin(address); login != "" {
		return login
	}
	return strings.TrimSpace(address)
}

// accountsByAddress returns which addresses of the commits belong to which accounts.
func (p *pull) accountsByAddress() map[string]string {
	all := map[string]string{}
	for _, k := range p.Commits.Nodes {
		for _, g := range k.Commit.Authors.Nodes {
			if l := g.User.name(); l != nil {
				all[strings.ToLower(g.Email)] = *l
			}
		}
	}
	return all
}

// isMerge reports whether a commit has two parents.
func (k *commit) isMerge() bool { n := k.Commit.Parents.Total; return n != nil && *n == 2 }

// signed reports whether GitHub verified the commit's signature.
func (k *commit) signed() bool { return k.Commit.Signature != nil && k.Commit.Signature.Valid }

// madeOnWeb reports whether GitHub itself made the commit: its name as committer
// can be written by anybody, its signature cannot.
func (k *commit) madeOnWeb() bool {
	return k.Commit.OnWeb != nil && *k.Commit.OnWeb && k.signed() && k.Commit.Signature.ByGitHub
}

// mergesBase reports whether a commit merges the base into the head: it has two
// parents, of which one is no commit of the pull request, so that it is on the base.
// Where not all commits are listed this is not known, and false.
func (p *pull) mergesBase(k *commit) bool {
	parents := k.Commit.Parents.Nodes
	return k.isMerge() && len(parents) == 2 && p.Commits.complete() && (!p.inRange(parents[0].OID) || !p.inRange(parents[1].OID))
}

// inRange reports whether a commit is one of those that are listed.
func (p *pull) inRange(oid string) bool { return p.commitOf(oid) != nil }

func (p *pull) commitOf(oid string) *commit {
	for i := range p.Commits.Nodes {
		if p.Commits.Nodes[i].Commit.OID == oid {
			return &p.Commits.Nodes[i]
		}
	}
	return nil
}

// covering returns the head, and the commits before it after which GitHub only
// merged the base: who approved one of them approved what was merged.
func (p *pull) covering() []string {
	all := []string{*p.HeadSHA}
	for k := p.headCommit(); k != nil && k.madeOnWeb() && p.mergesBase(k) && len(all) <= maxCommits; k = p.commitOf(all[len(all)-1]) {
		all = append(all, k.Commit.Parents.Nodes[0].OID)
	}
	return all
}
