package github

import (
	"slices"
	"strconv"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

// pull is a merged pull request, as opMerged asks for it.
// https://docs.github.com/en/graphql/reference/objects#pullrequest
type pull struct {
	ID          string             `json:"id"`
	DatabaseID  string             `json:"fullDatabaseId"`
	Number      int                `json:"number"`
	Title       *string            `json:"title"`
	Body        *string            `json:"body"`
	URL         string             `json:"url"`
	CreatedAt   *time.Time         `json:"createdAt"`
	MergedAt    *time.Time         `json:"mergedAt"`
	Base        *string            `json:"baseRefName"`
	BaseRef     *label             `json:"baseRef"` // as it is called now; null where it is gone
	HeadRef     *string            `json:"headRefName"`
	HeadSHA     *string            `json:"headRefOid"`
	Author      *actor             `json:"author"`
	MergedBy    *actor             `json:"mergedBy"`
	MergeCommit *mergeCommit       `json:"mergeCommit"`
	Labels      connection[label]  `json:"labels"`
	Issues      connection[issue]  `json:"closingIssuesReferences"`
	Reviews     connection[review] `json:"reviews"`
	Commits     connection[commit] `json:"commits"`
	Head        struct {
		Nodes []struct {
			Commit struct {
				OID    string `json:"oid"`
				Rollup *struct {
					Contexts connection[check] `json:"contexts"`
				} `json:"statusCheckRollup"`
			} `json:"commit"`
		} `json:"nodes"`
	} `json:"head"`
	Timeline connection[event] `json:"timelineItems"`
	landed   []string          // the commits of the base that it became; nil where that is not known
}

// connection is a page of a list; its total, where it is asked for, is that of the whole list.
type connection[T any] struct {
	Total *int     `json:"totalCount"`
	Page  pageInfo `json:"pageInfo"`
	Nodes []T      `json:"nodes"`
}

// complete reports whether as many were read as there are.
func (c connection[T]) complete() bool { return c.Total != nil && len(c.Nodes) == *c.Total }

// refused reports whether there is no such list in the answer.
func (c connection[T]) refused() bool { return c.Total == nil }

// texts leaves out what has none: a thing that may not be seen is null.
func (c connection[T]) texts(text func(T) string) (all []string) {
	for _, v := range c.Nodes {
		if t := text(v); t != "" {
			all = append(all, t)
		}
	}
	return all
}

// extend adds the next page.
func (c *connection[T]) extend(next connection[T]) {
	c.Nodes, c.Total = append(c.Nodes, next.Nodes...), next.Total
	if c.Page.HasNext = next.Page.HasNext; next.Page.End != "" {
		c.Page.End = next.Page.End
	}
}

// actor is an account. A deleted user is null.
type actor struct {
	Typename string `json:"__typename"`
	Login    string `json:"login"`
}

// name returns the login as REST has it, where that of an app ends in "[bot]"; nil for a deleted user.
func (a *actor) name() *string {
	if a == nil || a.Login == "" {
		return nil
	}
	name := a.Login
	if a.Typename == "Bot" {
		name += "[bot]"
	}
	return &name
}

func (a *actor) isBot() *bool {
	if a == nil || a.Typename == "" {
		return nil
	}
	bot := a.Typename == "Bot"
	return &bot
}

type label struct {
	Name string `json:"name"`
}

// issue is one that the pull request says it closes.
type issue struct {
	Number     int `json:"number"`
	Repository struct {
		Name string `json:"nameWithOwner"`
	} `json:"repository"`
}

func (i issue) name() string {
	if i.Number == 0 {
		return ""
	}
	return i.Repository.Name + "#" + strconv.Itoa(i.Number)
}

type mergeCommit struct {
	OID     *string `json:"oid"`
	Parents struct {
		Total *int `json:"totalCount"`
		Nodes []struct {
			OID   string `json:"oid"`
			Pulls *ids   `json:"associatedPullRequests"`
		} `json:"nodes"`
	} `json:"parents"`
	Rollup *struct {
		Contexts connection[check] `json:"contexts"`
	} `json:"statusCheckRollup"`
}

// method tells a merge from what has one parent: GitHub does not say whether
// that was squashed or rebased.
func (m *mergeCommit) method() *string {
	if m.Parents.Total == nil {
		return nil
	}
	method := "merge"
	if *m.Parents.Total < 2 {
		method = "squash_or_rebase"
	}
	return &method
}

// checks returns the list of checks of the last commit, nil where there is none.
func (p *pull) checks() *connection[check] {
	if len(p.Head.Nodes) == 0 || p.Head.Nodes[0].Commit.Rollup == nil {
		return nil
	}
	return &p.Head.Nodes[0].Commit.Rollup.Contexts
}

// unfinished reports whether a part has a next page, or more than was asked for.
func (p *pull) unfinished() bool {
	checks := p.checks()
	return p.Reviews.Page.HasNext || p.Commits.Page.HasNext || checks != nil && checks.Page.HasNext || p.hasMany()
}

// hasMany reports whether there are more of what comes without pages than were asked for.
func (p *pull) hasMany() bool {
	few := func(n int) bool { return n >= 100 } // as many as can be asked for
	return !p.Labels.complete() && !few(len(p.Labels.Nodes)) || !p.Issues.refused() && !p.Issues.complete() && !few(len(p.Issues.Nodes)) ||
		p.Timeline.Page.HasPrevious && !few(len(p.Timeline.Nodes))
}

// cursors returns where the next pages begin. A part that was read to its end is asked for what is after it.
func (p *pull) cursors() map[string]string {
	all := map[string]string{"afterReview": p.Reviews.Page.End, "afterCommit": p.Commits.Page.End}
	if checks := p.checks(); checks != nil {
		all["afterCheck"] = checks.Page.End
	}
	for name, cursor := range all {
		if cursor == "" {
			delete(all, name)
		}
	}
	return all
}

// extend adds the next page of every part.
func (p *pull) extend(next *pull) error {
	if next.ID != p.ID {
		return collectors.Incomplete("the answer is not about %s", p.URL)
	}
	if p.Reviews.Page.End != "" {
		p.Reviews.extend(next.Reviews)
	}
	if p.Commits.Page.End != "" {
		p.Commits.extend(next.Commits)
	}
	if mine, its := p.checks(), next.checks(); mine != nil && its != nil && mine.Page.End != "" {
		mine.extend(*its)
	}
	return nil
}

// check holds a pull request to the listing, and its parts to their totals.
func (p *pull) check(v listed) error {
	switch {
	case p.ID != v.ID || p.DatabaseID == "" || p.Number == 0 || p.MergedAt == nil || !p.MergedAt.Equal(*v.MergedAt):
		return collectors.Incomplete("%s is not the pull request that was listed", p.URL)
	case p.HeadSHA == nil || *p.HeadSHA == "":
		return collectors.Incomplete("%s has no head commit", p.URL)
	case slices.ContainsFunc(p.Reviews.Nodes, func(v review) bool { return v.State == "" }) || slices.ContainsFunc(p.Commits.Nodes, func(c commit) bool { return c.Commit.OID == "" }):
		return collectors.Incomplete("%s has a review or a commit that is null", p.URL)
	case !p.Labels.complete() || !p.Issues.refused() && !p.Issues.complete() || !p.Reviews.complete():
		return collectors.Incomplete("%s: of its labels, issues and reviews fewer came than it counts", p.URL)
	case p.Commits.Total == nil || !p.Commits.complete() && len(p.Commits.Nodes) < maxCommits:
		return collectors.Incomplete("%s: fewer commits came than it counts", p.URL)
	}
	if checks := p.checks(); checks != nil && !checks.complete() {
		return collectors.Incomplete("%s: fewer checks came than it counts", p.URL)
	}
	return nil
}
