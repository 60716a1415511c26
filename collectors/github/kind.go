package github

import (
	"context"
	"slices"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// The kinds of this source.
const (
	kindOrg          evidence.Kind = "github.org"
	kindMember       evidence.Kind = "github.member"
	kindOutside      evidence.Kind = "github.outside_collaborator"
	kindTeam         evidence.Kind = "github.team"
	kindInstallation evidence.Kind = "github.installation"
	kindActions      evidence.Kind = "github.actions"
	kindAuditEvent   evidence.Kind = "github.audit_event"
	kindRepository   evidence.Kind = "github.repository"
	kindCollaborator evidence.Kind = "github.collaborator"
	kindDeployKey    evidence.Kind = "github.deploy_key"
	kindBranch       evidence.Kind = "github.branch"
	kindCodeOwners   evidence.Kind = "github.codeowners"
	kindEnvironment  evidence.Kind = "github.environment"
	kindDependabot   evidence.Kind = "github.dependabot_alert"
	kindCodeScanning evidence.Kind = "github.code_scanning_alert"
	kindSecret       evidence.Kind = "github.secret_scanning_alert"
	kindPullRequest  evidence.Kind = "github.pull_request"
	kindActivity     evidence.Kind = "github.activity"
	kindRuleSuite    evidence.Kind = "github.rule_suite"
	kindDeployment   evidence.Kind = "github.deployment"
	kindRelease      evidence.Kind = "github.release"
)

// kind is one kind of this source: what it is, what it asks, how it is read.
type kind struct {
	collectors.KindSpec
	// listing says that it rests on the list of repositories.
	listing bool
	// calls are those of this kind besides; whom they serve is filled in.
	calls []collectors.Call
	read  func(*session, context.Context, evidence.Window, *collectors.Output) error
}

// table returns all kinds, each as its file declares it.
func table() []kind {
	return []kind{
		orgKind(), memberKind(), outsideKind(), teamKind(), installationKind(), actionsKind(), auditKind(),
		repositoryKind(), collaboratorKind(), deployKeyKind(), branchKind(), codeOwnersKind(), environmentKind(),
		dependabotKind(), codeScanningKind(), secretKind(),
		pullRequestKind(), activityKind(), ruleSuiteKind(), deploymentKind(), releaseKind(),
	}
}

func kinds() []collectors.KindSpec {
	var all []collectors.KindSpec
	for _, k := range table() {
		all = append(all, k.KindSpec)
	}
	return all
}

// The calls that several kinds rest on.
const (
	callOrg          = "GET /orgs/{org}"
	callRepositories = "GET /orgs/{org}/repos"
)

// calls returns every call once, with the kinds that it serves.
func calls() []collectors.Call {
	all := []collectors.Call{
		{Name: "GET /user", Why: "who asks; needs no permission"},
		{Name: callOrg, Permissions: []string{"organization_administration: read"}, Kinds: []evidence.Kind{kindOrg}, Why: "settings of the organisation, how many repositories it has"},
		{Name: callRepositories, Permissions: []string{"metadata: read"}, Why: "list of repositories"},
	}
	all = append(all, appCalls()...)
	serve := func(c collectors.Call, k evidence.Kind) {
		i := slices.IndexFunc(all, func(have collectors.Call) bool { return have.Name == c.Name })
		if i < 0 {
			i, all = len(all), append(all, c)
		}
		all[i].Kinds = append(all[i].Kinds, k)
	}
	for _, k := range table() {
		if k.listing {
			serve(collectors.Call{Name: callOrg}, k.Kind)
			serve(collectors.Call{Name: callRepositories}, k.Kind)
		}
		for _, c := range k.calls {
			serve(c, k.Kind)
		}
	}
	return all
}

func state(k evidence.Kind, doc string) collectors.KindSpec {
	return collectors.KindSpec{Kind: k, Mode: evidence.State, Doc: doc}
}

func reads(name, permission, why string) collectors.Call {
	return collectors.Call{Name: name, Permissions: []string{permission}, Why: why}
}
