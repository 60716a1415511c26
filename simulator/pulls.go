package simulator

import (
	"crypto/sha1"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// pull is one pull request. What has not happened yet at an instant is not
// shown at that instant.
type pull struct {
	repo           *repository
	id             int64
	number         int
	title, body    string
	author         *person
	base, head     string
	created        time.Time
	merged, closed time.Time // zero if not
	touched        time.Time // last update after closing, zero if none
	mergedBy       *person
	commits        []commit
	reviews        []review
	checks         []check
	statuses       []status
	squashed       string // the commit that it became in the clone, if there is one of its repository

	once sync.Once
	text []byte // GitHub's pull-request-simple, once nothing changes any more
}

type commit struct {
	sha    string
	author *person // nil where GitHub does not know the address
	at     time.Time
}

// review states are GitHub's; a review is DISMISSED from dismissed on.
type review struct {
	id        int64
	by        *person
	state     string
	sha       string
	at        time.Time
	dismissed time.Time
}

// check is a check run, status a commit status.
type check struct {
	id               int64
	name, conclusion string
	sha              string
	start, done      time.Time
}

type status struct {
	id             int64
	context, state string
	sha            string
	at             time.Time
}

// scripts say how a pull request came to be merged.
type script int

const (
	wellDone script = iota
	// unapproved: nobody reviewed it.
	unapproved
	// lateApproval: the approval came after the merge.
	lateApproval
	// withdrawn: the approval was dismissed before the merge.
	withdrawn
	// objected: the last word of the reviewer was a request for changes.
	objected
	// selfApproved: the author approved.
	selfApproved
	// coauthorApproved: somebody who wrote a commit of it approved.
	coauthorApproved
	// staleApproval: a commit was pushed after the approval.
	staleApproval
	// failedCheck: a check run at the head failed.
	failedCheck
	// failedStatus: a commit status at the head failed.
	failedStatus
	// unchecked: nothing checked the head.
	unchecked
	// ticketless: no ticket is named anywhere.
	ticketless
	// unlinked: a commit is by an address that GitHub does not know, so nobody
	// can tell whether the approval is independent.
	unlinked
	scripts
)

var changes = strings.Fields("retry timeout invoice pagination login export cache webhook quota search upload banner metrics")
var verbs = strings.Fields("Add Fix Speed-up Remove Rework Document Guard")

// firstNumber is the number of each repository's first pull request here.
const firstNumber = 41

// develop lets people work: one to three pull requests a weekday, few at weekends.
func (c *Company) develop(d dice) {
	var drafts []*pull
	for n := -6; n < c.opts.Days; n++ {
		today := c.start.Add(time.Duration(n) * day)
		count := d.between(1, 3)
		if wd := today.Weekday(); wd == time.Saturday || wd == time.Sunday {
			count = d.between(0, 1)
		}
		for range count {
			drafts = append(drafts, c.draft(d, today))
		}
	}
	slices.SortStableFunc(drafts, func(a, b *pull) int { return a.created.Compare(b.created) })
	numbers := map[*repository]int{}
	for i, p := range drafts {
		p.id = 1_800_000_000 + int64(i)*4_099 + int64(c.opts.Seed&0xff)
		numbers[p.repo]++
		p.number = firstNumber - 1 + numbers[p.repo]
		s := wellDone
		if p.base != p.repo.branch { // nobody tests what goes elsewhere
			s = script(d.IntN(int(scripts)))
		}
		c.play(d, p, s)
		p.repo.pulls = append(p.repo.pulls, p)
	}
}

// draft decides where, by whom and until when.
func (c *Company) draft(d dice, today time.Time) *pull {
	r := c.repos[d.IntN(len(c.repos)-1)]
	p := &pull{repo: r, base: r.branch, created: d.workday(today)}
	life := interval{p.created, p.created.Add(time.Duration(d.between(2*3600, 60*3600)) * time.Second)}
	p.author = pick(d, c.colleagues(life))
	switch kind := d.IntN(100); {
	case kind < 6: // never finished
		return p
	case kind < 14:
		p.closed = life.to
	case kind < 21:
		p.base = "release/1.x"
		fallthrough
	default:
		p.merged, p.closed = life.to, life.to
	}
	return p
}

// colleagues gives who is there all the time; there are always some.
func (c *Company) colleagues(iv interval, but ...*person) []*person {
	return slices.DeleteFunc(slices.Clone(c.people), func(p *person) bool {
		return !p.stays(iv) || slices.Contains(but, p)
	})
}

// at gives the instant at a fraction of the pull request's life.
func (p *pull) at(fraction float64) time.Time {
	end := p.closed
	if end.IsZero() {
		end = p.created.Add(2 * day)
	}
	return p.created.Add(time.Duration(float64(end.Sub(p.created)) * fraction)).Truncate(time.Second)
}

func (p *pull) headAt(t time.Time) string {
	sha := p.commits[0].sha
	for _, k := range p.commits {
		if !k.at.After(t) {
			sha = k.sha
		}
	}
	return sha
}

func (p *pull) final() string { return p.commits[len(p.commits)-1].sha }

func (p *pull) sha(what string) string {
	return fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "%s#%d %s", p.repo.full, p.id, what)))
}

func (p *pull) mergeSHA() string {
	if p.squashed != "" {
		return p.squashed
	}
	return p.sha("merge")
}

// updated gives the last change that is visible at t.
func (p *pull) updated(t time.Time) time.Time {
	last := p.created
	for _, at := range []time.Time{p.at(0.3), p.at(0.6), p.closed, p.touched} {
		if !at.IsZero() && !at.After(t) && at.After(last) {
			last = at
		}
	}
	return last
}

func (p *pull) closedAt(t time.Time) bool { return !p.closed.IsZero() && !p.closed.After(t) }

// inScope reports whether the tests look at it.
func (c *Company) inScope(p *pull) bool {
	return !p.merged.IsZero() && p.base == p.repo.branch && !p.merged.Before(c.start) && p.merged.Before(c.end)
}
