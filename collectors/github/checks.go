package github

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

// check is the result of one check run or commit status. A check that has not
// ended has no conclusion.
type check struct {
	Name        string     `json:"name"`
	Conclusion  *string    `json:"conclusion"`
	CompletedAt *time.Time `json:"completed_at"`
}

// addChecks adds check runs and commit statuses of the last commit before the
// merge: the newest of each name.
func (s *session) addChecks(ctx context.Context, out *collectors.Output, r repository, p pull, a collectors.Attributes) error {
	if p.Head.SHA == nil || *p.Head.SHA == "" {
		return collectors.Incomplete("%s#%d has no head commit", r.FullName, p.Number)
	}
	runs, err := s.checkRuns(ctx, out, r, *p.Head.SHA)
	if err != nil {
		return err
	}
	statuses, err := s.statuses(ctx, out, r, *p.Head.SHA)
	if err != nil {
		return err
	}
	all := append(runs, statuses...)
	slices.SortStableFunc(all, func(x, y check) int {
		return cmp.Or(cmp.Compare(x.Name, y.Name), at(x.CompletedAt).Compare(at(y.CompletedAt)))
	})
	a["checks"] = entries(all, func(c check) collectors.Attributes {
		e := collectors.Attributes{}
		e.Text("name", &c.Name)
		e.Text("conclusion", c.Conclusion)
		e.Time("completed_at", c.CompletedAt)
		return e
	})
	return nil
}

// checkRuns lists the latest check run of each name and app.
// https://docs.github.com/en/rest/checks/runs#list-check-runs-for-a-git-reference
func (s *session) checkRuns(ctx context.Context, out *collectors.Output, r repository, sha string) ([]check, error) {
	type page struct {
		Total *int     `json:"total_count"`
		Runs  *[]check `json:"check_runs"`
	}
	var all []check
	var total *int
	err := list(ctx, s.api, out, r.path("commits", sha, "check-runs"), func(p page) error {
		if p.Runs == nil {
			return collectors.Incomplete("the answer holds no check_runs")
		}
		all, total = append(all, *p.Runs...), p.Total
		return nil
	})
	if err == nil && total != nil && *total != len(all) {
		err = collectors.Incomplete("commit %s has %d check runs, read %d", sha, *total, len(all))
	}
	return all, err
}

// statuses lists the latest commit status of each context. The state is
// success, failure, error, or pending, which is no conclusion yet.
// https://docs.github.com/en/rest/commits/statuses#get-the-combined-status-for-a-specific-reference
func (s *session) statuses(ctx context.Context, out *collectors.Output, r repository, sha string) ([]check, error) {
	type status struct {
		Context   string     `json:"context"`
		State     string     `json:"state"`
		UpdatedAt *time.Time `json:"updated_at"`
	}
	type page struct {
		Total    *int      `json:"total_count"`
		Statuses *[]status `json:"statuses"`
	}
	var all []check
	var total *int
	err := list(ctx, s.api, out, r.path("commits", sha, "status"), func(p page) error {
		if p.Statuses == nil {
			return collectors.Incomplete("the answer holds no statuses")
		}
		total = p.Total
		for _, st := range *p.Statuses {
			c := check{Name: st.Context}
			if st.State != "pending" {
				c.Conclusion, c.CompletedAt = &st.State, st.UpdatedAt
			}
			all = append(all, c)
		}
		return nil
	})
	if err == nil && total != nil && *total != len(all) {
		err = collectors.Incomplete("commit %s has %d statuses, read %d", sha, *total, len(all))
	}
	return all, err
}
