package simulator

import (
	"fmt"
	"time"
)

// clone notes what the clone and GitHub say against each other, and what the
// clone says alone.
func (n *notes) clone() {
	k := n.c.clone
	if k == nil {
		return
	}
	for _, x := range k.pushes {
		n.add(Planted{Kind: "reconciliation", Test: "change.commit.merged", Stream: n.c.cloneStream("git.commit"), Resource: x.sha, Start: x.at,
			Note: "pushed directly by " + x.by.login})
	}
	for _, x := range k.commits {
		if p := k.anew[x.sha]; p != nil {
			n.add(Planted{Kind: "reconciliation", Test: "change.commit.merged", Stream: n.c.cloneStream("git.commit"), Resource: x.sha, Start: x.at,
				Note: fmt.Sprintf("pushed by force: it names %s#%d, which became another commit", k.repo.full, p.number)})
		}
	}
	for p, at := range k.dropped {
		n.add(Planted{Kind: "reconciliation", Test: "change.merge.in-history", Stream: n.c.githubStream("github.pull_request"), Resource: fmt.Sprint(p.id),
			Start: p.merged, Note: fmt.Sprintf("%s#%d was merged, and out of the branch at %s", k.repo.full, p.number, at.Format(time.TimeOnly))})
	}
	for _, at := range k.amended {
		before, after := readings(at)
		b := k.repo.branch
		n.add(Planted{Kind: "deviation", Test: "git.branch.not-rewritten", Stream: n.c.cloneStream("git.update"), Start: at, Note: "the tip was written anew",
			Resource: fmt.Sprintf("%s@%s..%s@%s after %s", b, k.tips.at(before), b, k.tips.at(after), before.Format(time.RFC3339))})
	}
}
