package github

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

// check is a check run or a commit status of a commit. What has not ended has no conclusion.
type check struct {
	Typename    string     `json:"__typename"`
	Name        string     `json:"name"`        // of a check run
	Conclusion  *string    `json:"conclusion"`  // of a check run
	CompletedAt *time.Time `json:"completedAt"` // of a check run
	Context     string     `json:"context"`     // of a status
	State       string     `json:"state"`       // of a status
	CreatedAt   *time.Time `json:"createdAt"`   // of a status
}

// addChecks adds check runs and commit statuses of the last commit before the
// merge. If the last one that GitHub lists is another one than the head, which
// happens beyond 250 commits, they are not known.
// addChecks adds what checked the head, and what checked the merge commit before
// it became the base, as a merge queue does.
func (p *pull) addChecks(a collectors.Attributes) {
	if m := p.MergeCommit; m != nil && m.Rollup != nil && m.Rollup.Contexts.complete() {
		runs := asRuns(m.Rollup.Contexts.Nodes)
		runs = slices.DeleteFunc(runs, func(c check) bool { return c.CompletedAt == nil || c.CompletedAt.After(*p.MergedAt) })
		if len(runs) > 0 {
			a["merge_checks"] = entries(runs, check.entry)
		}
	}
	if len(p.Head.Nodes) == 0 || p.Head.Nodes[0].Commit.OID != *p.HeadSHA {
		return
	}
	var all []check
	if checks := p.checks(); checks != nil {
		all = checks.Nodes
	}
	a["checks"] = entries(asRuns(all), check.entry)
}

func asRuns(all []check) []check {
	for i := range all {
		all[i] = all[i].asRun()
	}
	slices.SortStableFunc(all, func(x, y check) int {
		return cmp.Or(cmp.Compare(x.Name, y.Name), at(x.CompletedAt).Compare(at(y.CompletedAt)))
	})
	return all
}

func (c check) entry() collectors.Attributes {
	e := collectors.Attributes{}
	e.Text("name", &c.Name)
	e.Text("conclusion", c.Conclusion)
	e.Time("completed_at", c.CompletedAt)
	return e
}

// asRun returns a status in the form of a check run, and its words as REST has
// them. A status that is pending or expected has no conclusion yet.
func (c check) asRun() check {
	if c.Typename == "StatusContext" {
		c.Name = c.Context
		if c.State != "PENDING" && c.State != "EXPECTED" {
			c.Conclusion, c.CompletedAt = &c.State, c.CreatedAt
		}
	}
	if c.Conclusion != nil {
		lower := strings.ToLower(*c.Conclusion)
		c.Conclusion = &lower
	}
	return c
}
