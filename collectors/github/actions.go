package github

import (
	"context"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

func actionsKind() kind {
	return kind{
		KindSpec: state(kindActions, "What workflows of the organisation may do."),
		calls: []collectors.Call{
			reads("GET /orgs/{org}/actions/permissions", "organization_administration: read", "which actions may run"),
			reads("GET /orgs/{org}/actions/permissions/workflow", "organization_administration: read", "what the token of a workflow may do"),
		},
		read: (*session).collectActions,
	}
}

// collectActions reads the two settings of Actions as one record.
// https://docs.github.com/en/rest/actions/permissions#get-github-actions-permissions-for-an-organization
func (s *session) collectActions(ctx context.Context, _ evidence.Window, out *collectors.Output) error {
	var may struct {
		Repositories *string `json:"enabled_repositories"`
		Actions      *string `json:"allowed_actions"`
		Pinned       *bool   `json:"sha_pinning_required"`
	}
	var workflow struct {
		Default *string `json:"default_workflow_permissions"`
		Approve *bool   `json:"can_approve_pull_request_reviews"`
	}
	path := "orgs/" + s.org + "/actions/permissions"
	if _, err := s.api.get(ctx, path, &may); err != nil {
		return err
	}
	if _, err := s.api.get(ctx, path+"/workflow", &workflow); err != nil {
		return err
	}
	if may.Repositories == nil || workflow.Default == nil {
		return collectors.Incomplete("the settings of Actions do not say where it runs, or what it may do")
	}
	out.Page()
	a := collectors.Attributes{}
	a.Text("enabled_repositories", may.Repositories)
	a.Text("allowed_actions", may.Actions)
	a.Bool("sha_pinning_required", may.Pinned)
	a.Text("default_workflow_permissions", workflow.Default)
	a.Bool("can_approve_pull_request_reviews", workflow.Approve)
	return out.Emit(evidence.Record{ID: s.org, Name: s.org, Attributes: a})
}
