package github

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

// review is one review of a pull request.
type review struct {
	User        *account   `json:"user"`
	State       string     `json:"state"`
	CommitID    *string    `json:"commit_id"`
	SubmittedAt *time.Time `json:"submitted_at"`
}

// addReviews adds all reviews, and the approvals that stood at the merge.
// https://docs.github.com/en/rest/pulls/reviews#list-reviews-for-a-pull-request
func (s *session) addReviews(ctx context.Context, out *collectors.Output, r repository, p pull, a collectors.Attributes) error {
	var all []review
	err := list(ctx, s.api, out, r.path("pulls", strconv.Itoa(p.Number), "reviews"), func(page []review) error {
		all = append(all, page...)
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, func(x, y review) int { return at(x.SubmittedAt).Compare(at(y.SubmittedAt)) })
	a["reviews"] = entries(all, func(v review) collectors.Attributes {
		e := v.approval()
		e.Text("state", &v.State)
		return e
	})
	a["approvals"] = entries(standing(all, *p.MergedAt), review.approval)
	return nil
}

// approval gives a review without its state.
func (v review) approval() collectors.Attributes {
	e := collectors.Attributes{}
	e.Text("reviewer", v.User.login())
	e.Text("commit_id", v.CommitID)
	e.Time("submitted_at", v.SubmittedAt)
	return e
}

// standing gives the approvals that stood at the merge: of each reviewer the
// last word (approved, changes requested or dismissed), where it was approval.
// A comment is no word. A deleted reviewer cannot be told from others, and
// does not count. The reviews are in order of time.
func standing(reviews []review, merged time.Time) []review {
	last := map[string]review{}
	for _, v := range reviews {
		who := v.User.login()
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
		if v.State == "APPROVED" {
			approved = append(approved, v)
		}
	}
	slices.SortFunc(approved, func(x, y review) int {
		return cmp.Or(at(x.SubmittedAt).Compare(at(y.SubmittedAt)), cmp.Compare(x.User.Login, y.User.Login))
	})
	return approved
}

func at(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// entries gives a list of maps, empty if there is nothing.
func entries[T any](items []T, entry func(T) collectors.Attributes) []any {
	out := []any{}
	for _, it := range items {
		out = append(out, map[string]any(entry(it)))
	}
	return out
}
