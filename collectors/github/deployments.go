package github

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

func deploymentKind() kind {
	return kind{
		KindSpec: events(kindDeployment, "A deployment of a commit to an environment, and what became of it.", 24*time.Hour), listing: true,
		calls: []collectors.Call{
			reads("GET /repos/{owner}/{repo}/deployments", "deployments: read", "what was deployed, where, by whom"),
			reads("GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses", "deployments: read", "whether a deployment succeeded"),
		},
		read: (*session).collectDeployments,
	}
}

// deployment is one deployment.
// https://docs.github.com/en/rest/deployments/deployments#list-deployments
type deployment struct {
	ID          int64      `json:"id"`
	SHA         *string    `json:"sha"`
	Ref         *string    `json:"ref"`
	Task        *string    `json:"task"`
	Environment *string    `json:"environment"`
	Production  *bool      `json:"production_environment"`
	Creator     *account   `json:"creator"`
	CreatedAt   *time.Time `json:"created_at"`
}

func (v deployment) when() (string, *time.Time) { return numbered(v.ID), v.CreatedAt }

func (s *session) collectDeployments(ctx context.Context, w evidence.Window, out *collectors.Output) error {
	repos, unseen := s.repositories(ctx, out)
	err := s.eachRepository(ctx, out, repos, func(ctx context.Context, r repository) error {
		return newestFirst(ctx, s, out, r.path("deployments"), w, func(ctx context.Context, v deployment) error {
			return s.collectDeployment(ctx, out, r, v)
		})
	})
	return cmp.Or(unseen, err)
}

func (s *session) collectDeployment(ctx context.Context, out *collectors.Output, r repository, v deployment) error {
	type status struct {
		State     *string    `json:"state"`
		CreatedAt *time.Time `json:"created_at"`
	}
	statuses, err := listAll(ctx, s.api, out, r.path("deployments", strconv.FormatInt(v.ID, 10), "statuses"), func(st status) error {
		if st.State == nil {
			return collectors.Incomplete("a status of deployment %d of %s has no state", v.ID, r.FullName)
		}
		return nil
	})
	if err != nil {
		return err
	}
	a := collectors.Attributes{"repository": r.FullName}
	a.Text("sha", v.SHA)
	a.Text("ref", v.Ref)
	a.Text("task", v.Task)
	a.Text("environment", v.Environment)
	a.Bool("production", v.Production)
	a.Text("creator", v.Creator.login())
	a["statuses"] = entries(statuses, func(st status) collectors.Attributes {
		e := collectors.Attributes{}
		e.Text("state", st.State)
		e.Time("created_at", st.CreatedAt)
		return e
	})
	id, at := v.when()
	return out.Emit(evidence.Record{ID: id, Name: r.FullName + " deployment " + id, Scope: r.scope(), Effective: utc(*at), Attributes: a})
}
