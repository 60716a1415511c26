package simulator

import (
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"
)

var ticketPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\b[A-Z][A-Z0-9]{1,9}-[0-9]+\b`) })

// pulls notes what was merged against the rules, and from when on it is not
// known of all merges whether they were.
func (n *notes) pulls() {
	var unknown *pull // the first one
	for _, r := range n.c.repos {
		for _, p := range r.pulls {
			if !n.c.inScope(p) {
				continue
			}
			n.merge(p, "github.pr.independent-approval", p.independent(), "merged without independent approval")
			n.merge(p, "github.pr.approved-last-push", p.approvedHead(), "the last push was not approved")
			n.merge(p, "github.pr.checks-passed", p.checked(), "merged without passing checks")
			n.merge(p, "github.pr.ticket-linked", ticketPattern().MatchString(p.title+" "+p.head+" "+p.body), "no ticket is named")
			if p.independent() && p.unlinked() && (unknown == nil || p.merged.Before(unknown.merged)) {
				unknown = p
			}
		}
	}
	if unknown != nil {
		n.add(Planted{Kind: "blind", Test: "github.pr.independent-approval", Stream: n.c.githubStream("github.pull_request"),
			Start: unknown.merged, Joined: true, Note: fmt.Sprintf("nobody knows who wrote a commit: %s#%d", unknown.repo.full, unknown.number)})
	}
}

// unlinked reports whether GitHub cannot name who wrote a commit.
func (p *pull) unlinked() bool {
	return slices.ContainsFunc(p.commits, func(k commit) bool { return k.author == nil })
}

func (n *notes) merge(p *pull, test string, good bool, note string) {
	if !good {
		n.add(Planted{Kind: "deviation", Test: test, Stream: n.c.githubStream("github.pull_request"),
			Resource: fmt.Sprint(p.id), Start: p.merged, Note: fmt.Sprintf("%s: %s#%d", note, p.repo.full, p.number)})
	}
}

// stateAt gives the review's state at t.
func (v review) stateAt(t time.Time) string {
	if !v.dismissed.IsZero() && !v.dismissed.After(t) {
		return "DISMISSED"
	}
	return v.state
}

// approvals gives each reviewer's last word before the merge, where it was yes.
func (p *pull) approvals() (out []review) {
	last := map[*person]review{}
	for _, v := range p.reviews {
		if v.state != "COMMENTED" && !v.at.After(p.merged) {
			last[v.by] = v
		}
	}
	for _, v := range last {
		if v.stateAt(p.merged) == "APPROVED" {
			out = append(out, v)
		}
	}
	return out
}

// independent reports whether somebody approved who wrote none of the commits
// whose author is known.
func (p *pull) independent() bool {
	return slices.ContainsFunc(p.approvals(), func(v review) bool {
		return v.by != p.author && !slices.ContainsFunc(p.commits, func(k commit) bool { return k.author == v.by })
	})
}

func (p *pull) approvedHead() bool {
	return slices.ContainsFunc(p.approvals(), func(v review) bool { return v.sha == p.final() })
}

// checked reports whether something checked the head, and nothing objected.
func (p *pull) checked() bool {
	n := 0
	latest := map[string]string{}
	for _, k := range p.statuses {
		if k.sha == p.final() {
			latest[k.context] = k.state
		}
	}
	for _, state := range latest {
		if n++; state != "success" {
			return false
		}
	}
	for _, k := range p.checks {
		if k.sha != p.final() {
			continue
		}
		if n++; k.conclusion == "failure" {
			return false
		}
	}
	return n > 0
}

// shows reports whether t has come.
func shows(at, t time.Time) bool { return !at.IsZero() && !at.After(t) }
