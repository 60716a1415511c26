package github

import (
	_ "embed"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// The kinds of this source.
const (
	kindOrg         evidence.Kind = "github.org"
	kindMember      evidence.Kind = "github.member"
	kindRepository  evidence.Kind = "github.repository"
	kindBranch      evidence.Kind = "github.branch"
	kindPullRequest evidence.Kind = "github.pull_request"
)

//go:embed sample.yaml
var sample []byte

// Spec declares the source "github".
func Spec() collectors.Spec {
	return collectors.Spec{
		Name:      "github",
		Version:   2,
		Doc:       "A GitHub organisation: members and their second factor, branch protection, merged pull requests.",
		Root:      kindOrg,
		Kinds:     kinds(),
		Calls:     calls(),
		Throttled: throttled,
		Redact:    []string{"token", "access_token", "client_secret", "webhook_secret", "pem", "temp_clone_token", "password"},
		NewConfig: func() collectors.Config { return newConfig() },
		Sample:    sample,
		Policy:    policy,
	}
}

func kinds() []collectors.KindSpec {
	return []collectors.KindSpec{
		{Kind: kindOrg, Mode: evidence.State, Doc: "The organisation and its settings."},
		{Kind: kindMember, Mode: evidence.State, Doc: "A member, with role and second factor."},
		{Kind: kindRepository, Mode: evidence.State, Doc: "A repository.", Volatile: []string{"pushed_at"}},
		{Kind: kindBranch, Mode: evidence.State, Doc: "The default branch of a repository, with its effective protection: classic or by rulesets."},
		{Kind: kindPullRequest, Mode: evidence.Event, Doc: "A merged pull request, with reviews, checks and tickets.", Late: time.Hour},
	}
}

func calls() []collectors.Call {
	listing := []evidence.Kind{kindRepository, kindBranch, kindPullRequest}
	pulls := []evidence.Kind{kindPullRequest}
	return []collectors.Call{
		{Name: "GET /user", Why: "who asks; needs no permission"},
		{Name: "GET /orgs/{org}", Permissions: []string{"organization_administration: read"}, Kinds: append([]evidence.Kind{kindOrg}, listing...), Why: "settings of the organisation, how many repositories it has"},
		{Name: "GET /orgs/{org}/members", Permissions: []string{"members: read"}, Kinds: []evidence.Kind{kindMember}, Why: "members, roles, who has no second factor"},
		{Name: "GET /orgs/{org}/repos", Permissions: []string{"metadata: read"}, Kinds: listing, Why: "list of repositories"},
		{Name: "GET /repos/{owner}/{repo}/branches/{branch}/protection", Permissions: []string{"administration: read"}, Kinds: []evidence.Kind{kindBranch}, Why: "classic branch protection"},
		{Name: "GET /repos/{owner}/{repo}/rules/branches/{branch}", Permissions: []string{"metadata: read"}, Kinds: []evidence.Kind{kindBranch}, Why: "rules of active rulesets"},
		{Name: "GET /repos/{owner}/{repo}/pulls", Permissions: []string{"pull_requests: read"}, Kinds: pulls, Why: "list of pull requests"},
		{Name: "GET /repos/{owner}/{repo}/pulls/{number}", Permissions: []string{"pull_requests: read"}, Kinds: pulls, Why: "who merged"},
		{Name: "GET /repos/{owner}/{repo}/pulls/{number}/commits", Permissions: []string{"pull_requests: read"}, Kinds: pulls, Why: "who wrote the change"},
		{Name: "GET /repos/{owner}/{repo}/pulls/{number}/reviews", Permissions: []string{"pull_requests: read"}, Kinds: pulls, Why: "who approved, and what"},
		{Name: "GET /repos/{owner}/{repo}/commits/{ref}/check-runs", Permissions: []string{"checks: read"}, Kinds: pulls, Why: "checks of the merged commit"},
		{Name: "GET /repos/{owner}/{repo}/commits/{ref}/status", Permissions: []string{"statuses: read"}, Kinds: pulls, Why: "commit statuses of the merged commit"},
	}
}
