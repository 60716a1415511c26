package simulator

import (
	"crypto/sha1"
	"fmt"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// CloneHour is the hour of the day, UTC, at which the clone is read: the truth
// of a rewritten history names the readings before and after it.
const CloneHour = 8

// clone is a bare clone of one repository, which is brought up to date all the
// time. Every merge squashes, so that a pull request is one commit.
type clone struct {
	repo *repository
	// What happens to the default branch beside merges.
	pushes  []push
	dropped map[*pull]time.Time // merged, and taken out of the branch again
	amended []time.Time         // when somebody wrote the tip anew
	anew    map[string]*pull    // the commits that were written anew, and the pull request that each repeats
	// What follows.
	commits []gitCommit
	cameBy  map[string]*pull // of a commit
	tips    timeline[string]
	// What was written of it.
	written map[string]bool
	named   string
}

// push is one that no pull request explains.
type push struct {
	at  time.Time
	by  *person
	sha string
}

// gitCommit is one commit as git stores it.
type gitCommit struct {
	sha  string
	at   time.Time
	text []byte
}

// emptyTree is the name of a tree without files, which all commits have.
const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

// ClonePath is where the clone lies, as far as anybody there knows.
func (c *Company) ClonePath() string {
	if c.clone == nil {
		return ""
	}
	return "/srv/git/" + c.clone.repo.name + ".git"
}

func (c *Company) cloneStreams() []evidence.Stream {
	if c.clone == nil {
		return nil
	}
	return []evidence.Stream{{Source: "git", Kind: "git.repository", Scope: "repositories"}, c.cloneStream("git.commit"), c.cloneStream("git.update")}
}

func (c *Company) cloneStream(kind evidence.Kind) evidence.Stream {
	return evidence.Stream{Source: "git", Kind: kind, Scope: evidence.Scope(c.ClonePath())}
}

// change is one move of the branch.
type change struct {
	at   time.Time
	make func(*clone, []string) []string // of the first parents, the tip last
}

// record writes the history of the clone, from which merges have their hashes.
func (k *clone) record() {
	var all []change
	for _, p := range k.repo.pulls {
		if !p.merged.IsZero() && p.base == k.repo.branch {
			all = append(all, change{p.merged, p.squash})
		}
		if at, ok := k.dropped[p]; ok {
			all = append(all, change{at, func(_ *clone, line []string) []string { return line[:len(line)-1] }})
		}
	}
	for i := range k.pushes {
		all = append(all, change{k.pushes[i].at, k.pushes[i].add})
	}
	for _, at := range k.amended {
		all = append(all, change{at, func(k *clone, line []string) []string { return k.amend(line, at) }})
	}
	slices.SortStableFunc(all, func(a, b change) int { return a.at.Compare(b.at) })
	line := []string{k.commit("", "founder", "founder@example.com", k.repo.created, "Begin")}
	for _, x := range all {
		line = x.make(k, line)
		k.tips.set(x.at, line[len(line)-1])
	}
}

// commit stores a commit and gives its name.
func (k *clone) commit(parent, name, email string, at time.Time, message string) string {
	text := "tree " + emptyTree + "\n"
	if parent != "" {
		text += "parent " + parent + "\n"
	}
	text += fmt.Sprintf("author %s <%s> %d +0000\ncommitter GitHub <noreply@github.com> %d +0000\n\n%s\n", name, email, at.Unix(), at.Unix(), message)
	sha := fmt.Sprintf("%x", sha1.Sum(stored("commit", []byte(text))))
	k.commits = append(k.commits, gitCommit{sha, at, []byte(text)})
	if parent == "" {
		k.tips.set(at, sha)
	}
	return sha
}

func (p *pull) squash(k *clone, line []string) []string {
	p.squashed = k.commit(line[len(line)-1], p.author.name, p.author.email(), p.merged, fmt.Sprintf("%s (#%d)", p.title, p.number))
	k.cameBy[p.squashed] = p
	return append(line, p.squashed)
}

func (x *push) add(k *clone, line []string) []string {
	x.sha = k.commit(line[len(line)-1], x.by.name, x.by.email(), x.at, "Repair it quickly")
	return append(line, x.sha)
}

// amend writes the tip anew: it says the same, but is another commit.
func (k *clone) amend(line []string, at time.Time) []string {
	p := k.cameBy[line[len(line)-1]]
	if p == nil {
		return line
	}
	sha := k.commit(line[len(line)-2], p.author.name, p.author.email(), at, fmt.Sprintf("%s, again (#%d)", p.title, p.number))
	k.cameBy[sha], k.anew[sha] = p, p
	return append(slices.Clone(line[:len(line)-1]), sha)
}
