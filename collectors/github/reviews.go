package github

import (
	"cmp"
	"slices"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

// review is one review of a pull request.
type review struct {
	ID     string `json:"id"`
	Author *actor `json:"author"`
	State  string `json:"state"`
	// CanPush is whether the author may write now, when it is read.
	CanPush *bool `json:"authorCanPushToRepository"`
	Commit  *struct {
		OID *string `json:"oid"`
	} `json:"commit"`
	SubmittedAt *time.Time `json:"submittedAt"`
	// dismissed is when, and before the state that it had until then.
	dismissed *time.Time
	before    string
}

// event is something that happened to a pull request.
type event struct {
	Typename  string     `json:"__typename"`
	CreatedAt *time.Time `json:"createdAt"`
	Actor     *actor     `json:"actor"`
	Before    string     `json:"previousReviewState"`
	Review    *struct {
		ID string `json:"id"`
	} `json:"review"`
	After *struct {
		OID string `json:"oid"`
	} `json:"afterCommit"`
}

// addReviews adds all reviews, the approvals that stood at the merge, and who
// of them approved the commit that was merged.
func (p *pull) addReviews(a collectors.Attributes) {
	all := p.dismissals()
	slices.SortStableFunc(all, func(x, y review) int { return at(x.SubmittedAt).Compare(at(y.SubmittedAt)) })
	a["reviews"] = entries(all, func(v review) collectors.Attributes {
		e := v.approval()
		e.Text("state", &v.State)
		e.Time("dismissed_at", v.dismissed)
		e.Text("state_before", &v.before)
		return e
	})
	approved := standing(all, *p.MergedAt)
	covering := p.covering()
	var heads []string
	a["approvals"] = entries(approved, func(v review) collectors.Attributes {
		e := v.approval()
		e.Bool("can_push", v.CanPush)
		if v.Commit != nil && v.Commit.OID != nil {
			e["covers_head"] = slices.Contains(covering, *v.Commit.OID)
			if e["covers_head"] == true {
				heads = append(heads, *v.Author.name())
			}
		}
		return e
	})
	a.Set("head_approvers", heads)
}

// dismissals returns the reviews, each with when it was dismissed.
func (p *pull) dismissals() []review {
	all := p.Reviews.Nodes
	for _, e := range p.Timeline.Nodes {
		if e.Typename != "ReviewDismissedEvent" || e.Review == nil {
			continue
		}
		if i := slices.IndexFunc(all, func(v review) bool { return v.ID == e.Review.ID }); i >= 0 {
			all[i].dismissed, all[i].before = e.CreatedAt, e.Before
		}
	}
	return all
}

// stateAt returns the state of a review at t: one that was dismissed later had another one.
func (v review) stateAt(t time.Time) string {
	if v.State == "DISMISSED" && v.dismissed != nil && v.dismissed.After(t) && v.before != "" {
		return v.before
	}
	return v.State
}

// approval returns a review without its state.
func (v review) approval() collectors.Attributes {
	e := collectors.Attributes{}
	e.Text("reviewer", v.Author.name())
	if v.Commit != nil {
		e.Text("commit_id", v.Commit.OID)
	}
	e.Time("submitted_at", v.SubmittedAt)
	return e
}

// standing returns the approvals that stood at the merge: of each reviewer the
// last word (approved, changes requested or dismissed), where it was approval.
// A comment is no word. A deleted reviewer cannot be told from others, and
// does not count. The reviews are in order of time.
func standing(reviews []review, merged time.Time) []review {
	last := map[string]review{}
	for _, v := range reviews {
		who := v.Author.name()
		if who == nil || v.SubmittedAt == nil || v.SubmittedAt.After(merged) {
			continue
		}
		switch v.State {
		case "APPROVED", "CHANGES_REQUESTED", "DISMISSED":
			last[*who] = v
		}
	}
	var approved []review
	for _, v := range last {
		if v.stateAt(merged) == "APPROVED" {
			approved = append(approved, v)
		}
	}
	slices.SortFunc(approved, func(x, y review) int {
		return cmp.Or(at(x.SubmittedAt).Compare(at(y.SubmittedAt)), cmp.Compare(*x.Author.name(), *y.Author.name()))
	})
	return approved
}

// addEvents adds whether the merge was made by itself, and by way of a queue.
// Of very many events only the last are read, and what they do not show is not known.
func (p *pull) addEvents(a collectors.Attributes) {
	for name, does := range map[string]map[string]bool{
		"auto_merge":  {"AutoMergeEnabledEvent": true, "AutoRebaseEnabledEvent": true, "AutoSquashEnabledEvent": true, "AutoMergeDisabledEvent": false},
		"merge_queue": {"AddedToMergeQueueEvent": true, "RemovedFromMergeQueueEvent": false},
	} {
		dismissed, known := false, !p.Timeline.Page.HasPrevious
		for _, e := range p.Timeline.Nodes {
			if on, about := does[e.Typename]; about && e.CreatedAt != nil && !e.CreatedAt.After(*p.MergedAt) {
				dismissed, known = on, true
			}
		}
		if known {
			a[name] = dismissed
		}
	}
	if by := p.MergedBy; by != nil && by.Typename == "Bot" && by.Login == "github-merge-queue" {
		a["merge_queue"] = true
	}
}

func at(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// entries returns a list of maps, empty if there is nothing.
func entries[T any](items []T, entry func(T) collectors.Attributes) []any {
	out := []any{}
	for _, it := range items {
		out = append(out, map[string]any(entry(it)))
	}
	return out
}
