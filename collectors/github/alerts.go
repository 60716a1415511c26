package github

import (
	"context"
	"strconv"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// alert is what the three sorts of alerts have in common. That a sort is not
// turned on, or not licensed, is a refusal, never an empty list.
type alert struct {
	Number      int64      `json:"number"`
	State       *string    `json:"state"`
	URL         *string    `json:"html_url"`
	CreatedAt   *time.Time `json:"created_at"`
	FixedAt     *time.Time `json:"fixed_at"`
	DismissedAt *time.Time `json:"dismissed_at"`
	DismissedBy *account   `json:"dismissed_by"`
	Dismissed   *string    `json:"dismissed_reason"`
	Repository  *struct {
		FullName string `json:"full_name"`
	} `json:"repository"`
}

// emit adds one alert; a holds what is of its sort only.
func (v alert) emit(out *collectors.Output, a collectors.Attributes) error {
	if v.Number == 0 || v.Repository == nil || v.Repository.FullName == "" {
		return collectors.Incomplete("an alert has no number or no repository")
	}
	repo := v.Repository.FullName
	a["repository"], a["number"] = repo, v.Number
	a.Text("state", v.State)
	a.Text("url", v.URL)
	a.Time("created_at", v.CreatedAt)
	a.Time("fixed_at", v.FixedAt)
	a.Time("dismissed_at", v.DismissedAt)
	a.Text("dismissed_by", v.DismissedBy.login())
	a.Text("dismissed_reason", v.Dismissed)
	n := strconv.FormatInt(v.Number, 10)
	return out.Emit(evidence.Record{ID: n, Name: repo + "#" + n, Scope: evidence.Scope(repo), Attributes: a})
}

// alerts lists the alerts of the organisation, each with emit.
func alerts[T any](ctx context.Context, s *session, out *collectors.Output, path string, emit func(T) error) error {
	err := list(ctx, s.api, out, "orgs/"+s.org+"/"+path, func(page []T) error {
		for _, v := range page {
			if err := emit(v); err != nil {
				return err
			}
		}
		return nil
	})
	out.Scope(s.RootScope(), err)
	return err
}
