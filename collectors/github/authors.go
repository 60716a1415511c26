package github

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/evidenced/evidenced/collectors"
)

// maxCommits is how many commits of a pull request GitHub lists at most.
const maxCommits = 250

// commit is one commit of a pull request. Its authors are who wrote it: the
// author first, then those whom its trailers name.
type commit struct {
	Commit struct {
		OID       string    `json:"oid"`
		OnWeb     *bool     `json:"committedViaWeb"`
		Committer *gitActor `json:"committer"`
		Signature *struct {
			Valid    bool   `json:"isValid"`
			ByGitHub bool   `json:"wasSignedByGitHub"`
			Signer   *actor `json:"signer"`
		} `json:"signature"`
		Parents struct {
			Total *int `json:"totalCount"`
			Nodes []struct {
				OID string `json:"oid"`
			} `json:"nodes"`
		} `json:"parents"`
		Authors struct {
			Total *int       `json:"totalCount"`
			Nodes []gitActor `json:"nodes"`
		} `json:"authors"`
	} `json:"commit"`
}

// gitActor is who a commit names, by address; the user is who it belongs to, if it does.
type gitActor struct {
	Email string `json:"email"`
	User  *actor `json:"user"`
}

// addAuthors adds who wrote the commits, as authors or co-authors, and who made
// and pushed the last one. An address that belongs to no account names nobody,
// and of many commits GitHub lists only the first; then it is not known who
// wrote the change: commit_authors is absent, and some_commit_authors holds who is known.
func (p *pull) addAuthors(a collectors.Attributes) {
	authors, addresses, unnamed := writers(p.Commits.Nodes)
	if !p.Commits.complete() || unnamed {
		a.Set("some_commit_authors", authors)
	} else {
		a.Set("commit_authors", authors)
	}
	a.Set("co_author_emails", addresses)
	if head := p.headCommit(); head != nil && head.Commit.Committer != nil {
		a.Text("head_committer", head.Commit.Committer.User.name())
	}
	a.Text("last_pusher", p.lastPusher())
}

// headCommit returns the commit that was approved and merged, nil if it is not among those that are listed.
func (p *pull) headCommit() *commit {
	i := slices.IndexFunc(p.Commits.Nodes, func(c commit) bool { return c.Commit.OID == *p.HeadSHA })
	if i < 0 {
		return nil
	}
	return &p.Commits.Nodes[i]
}

// lastPusher returns who pushed the head, where GitHub says so: who forced a push
// of it, or who made it on the web. Of a plain push it keeps no record.
func (p *pull) lastPusher() *string {
	for _, e := range slices.Backward(p.Timeline.Nodes) {
		if e.Typename == "HeadRefForcePushedEvent" && e.After != nil && e.After.OID == *p.HeadSHA {
			return e.Actor.name()
		}
	}
	head := p.headCommit()
	if head == nil || head.Commit.OnWeb == nil || !*head.Commit.OnWeb || len(head.Commit.Authors.Nodes) == 0 {
		return nil
	}
	return head.Commit.Authors.Nodes[0].User.name()
}

// writers returns the logins of authors and co-authors, the addresses of the
// latter, and whether somebody is named whose login is not known.
func writers(commits []commit) (authors, addresses []string, unnamed bool) {
	byAddress := map[string]string{}
	for _, c := range commits {
		for _, g := range c.Commit.Authors.Nodes {
			if l := g.User.name(); l != nil {
				byAddress[strings.ToLower(g.Email)] = *l
			}
		}
	}
	for _, c := range commits {
		nodes := c.Commit.Authors.Nodes
		unnamed = unnamed || len(nodes) == 0 || c.Commit.Authors.Total == nil || *c.Commit.Authors.Total != len(nodes)
		for i, g := range nodes {
			address := strings.ToLower(g.Email)
			if i > 0 {
				addresses = append(addresses, address)
			}
			l := byAddress[address]
			if own := g.User.name(); own != nil {
				l = *own
			}
			if l == "" {
				l = appLogin(address)
			}
			if l == "" {
				unnamed = true
				continue
			}
			authors = append(authors, l)
		}
	}
	return authors, addresses, unnamed
}

// appAddress is the address under which an app commits, "1234+name[bot]@users.noreply.github.com".
// GitHub links users to their addresses, private ones among them, but no app.
var appAddress = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:[0-9]+\+)?([a-z0-9-]+\[bot\])@users\.noreply\.github\.com$`)
})

func appLogin(address string) string {
	if m := appAddress().FindStringSubmatch(address); m != nil {
		return m[1]
	}
	return ""
}
