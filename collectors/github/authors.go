package github

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/evidenced/evidenced/collectors"
)

// maxCommits is how many commits of a pull request GitHub lists at most.
const maxCommits = 250

// commit is one commit of a pull request.
type commit struct {
	SHA       string   `json:"sha"`
	Author    *account `json:"author"`
	Committer *account `json:"committer"`
	Commit    struct {
		Message string `json:"message"`
		Author  *struct {
			Email string `json:"email"`
		} `json:"author"`
	} `json:"commit"`
}

// addAuthors adds who wrote the commits, as authors or co-authors, and who made
// the last one. An address that belongs to no account that is known names
// nobody, and of many commits GitHub lists only the first; then it is not known
// who wrote the change: commit_authors is absent, and some_commit_authors holds
// who is known.
// https://docs.github.com/en/rest/pulls/pulls#list-commits-on-a-pull-request
func (s *session) addAuthors(ctx context.Context, out *collectors.Output, r repository, p pull, a collectors.Attributes) error {
	commits, err := listAll(ctx, s.api, out, r.path("pulls", strconv.Itoa(p.Number), "commits"), func(commit) error { return nil })
	if err != nil {
		return err
	}
	cut := len(commits) >= maxCommits && (p.Commits == nil || *p.Commits > maxCommits)
	if p.Commits != nil && len(commits) < *p.Commits && !cut {
		return collectors.Incomplete("%s#%d has %d commits, read %d", r.FullName, p.Number, *p.Commits, len(commits))
	}
	authors, addresses, unnamed := writers(commits)
	if cut || unnamed {
		a.Set("some_commit_authors", authors)
	} else {
		a.Set("commit_authors", authors)
	}
	a.Set("co_author_emails", addresses)
	if i := slices.IndexFunc(commits, func(c commit) bool { return p.Head.SHA != nil && c.SHA == *p.Head.SHA }); i >= 0 {
		a.Text("head_committer", commits[i].Committer.login())
	}
	return nil
}

// coAuthor finds the addresses in the trailers of a message.
var coAuthor = regexp.MustCompile(`(?im)^co-authored-by:[^<\n]*<([^>\n]+)>`)

// writers gives the logins of authors and co-authors, the addresses of the
// latter, and whether somebody is named whose login is not known.
func writers(commits []commit) (authors, addresses []string, unnamed bool) {
	byAddress := map[string]string{}
	for _, c := range commits {
		l := c.Author.login()
		if l == nil {
			unnamed = true
			continue
		}
		authors = append(authors, *l)
		if c.Commit.Author != nil {
			byAddress[strings.ToLower(c.Commit.Author.Email)] = *l
		}
	}
	for _, c := range commits {
		for _, m := range coAuthor.FindAllStringSubmatch(c.Commit.Message, -1) {
			address := strings.ToLower(strings.TrimSpace(m[1]))
			addresses = append(addresses, address)
			l := byAddress[address]
			if l == "" {
				l = privateLogin(address)
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

// private is the address that GitHub gives to those who keep theirs to
// themselves: "1234+login@users.noreply.github.com", or without the number.
var private = regexp.MustCompile(`^(?:[0-9]+\+)?([a-z0-9-]+(?:\[bot\])?)@users\.noreply\.github\.com$`)

func privateLogin(address string) string {
	if m := private.FindStringSubmatch(address); m != nil {
		return m[1]
	}
	return ""
}
