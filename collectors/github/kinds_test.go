package github

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// leaked is a credential that a server shows in an alert, though it was asked not to.
const leaked = "AKIAIOSFODNN7LEAKED"

const (
	inProduct   = "/repos/acme/product/"
	mainRef     = "ref=refs%2Fheads%2Fmain"
	activities  = inProduct + "activity?direction=desc&" + mainRef
	ruleSuites  = inProduct + "rulesets/rule-suites?" + mainRef + "&rule_suite_result=bypass&time_period=week"
	deployments = inProduct + "deployments"
	auditLog    = "/orgs/acme/audit-log?include=web&order=desc&phrase=created%3A2026-06-30..2026-07-01"
	ofProduct   = `"repository":{"full_name":"acme/product"},`
)

// others answers what the kinds besides members, branches and pull requests ask.
func others() map[string]string {
	return map[string]string{
		"/orgs/acme/outside_collaborators":                     `[{"id":8,"login":"out"},{"id":9,"login":"side"}]`,
		"/orgs/acme/outside_collaborators?filter=2fa_disabled": `[{"id":9,"login":"side"}]`,
		"/orgs/acme/teams":                                     `[{"id":5,"slug":"core","name":"Core","privacy":"closed","parent":{"slug":"all"}}]`,
		"/orgs/acme/teams/core/members":                        `[{"id":2,"login":"bob"},{"id":1,"login":"ann"}]`,
		"/orgs/acme/teams/core/repos":                          `[{"full_name":"acme/product","role_name":"maintain"}]`,
		"/orgs/acme/installations":                             `{"total_count":1,"installations":[{"id":70,"app_slug":"ci","repository_selection":"all","permissions":{"contents":"write"},"created_at":"2025-01-01T00:00:00Z","suspended_at":null}]}`,
		"/orgs/acme/actions/permissions":                       `{"enabled_repositories":"all","allowed_actions":"selected"}`,
		"/orgs/acme/actions/permissions/workflow":              `{"default_workflow_permissions":"write","can_approve_pull_request_reviews":true}`,
		inProduct + "collaborators?affiliation=direct":         `[{"id":2,"login":"bob","role_name":"admin"}]`,
		inProduct + "collaborators?affiliation=all":            `[{"id":1,"login":"ann","role_name":"write"},{"id":2,"login":"bob","role_name":"admin"}]`,
		inProduct + "keys":                                     `[{"id":31,"title":"deployer","read_only":false,"created_at":"2026-01-01T00:00:00Z","last_used":null,"key":"ssh-ed25519 AAAA"}]`,
		inProduct + "git/trees/main":                           `{"tree":[{"path":".github","type":"tree","sha":"t1"},{"path":"CODEOWNERS","type":"tree","sha":"t3"},{"path":"docs","type":"tree","sha":"t2"}],"truncated":false}`,
		inProduct + "git/trees/t1":                             `{"tree":[{"path":"workflows","type":"tree","sha":"t4"}],"truncated":false}`,
		inProduct + "git/trees/t2":                             `{"tree":[{"path":"CODEOWNERS","type":"blob","sha":"b1"}],"truncated":false}`,
		inProduct + "codeowners/errors":                        `{"errors":[{"line":3}]}`,
		inProduct + "environments": `{"total_count":1,"environments":[{"id":41,"name":"production","can_admins_bypass":true,"deployment_branch_policy":{"protected_branches":true,"custom_branch_policies":false},` +
			`"protection_rules":[{"id":1,"type":"required_reviewers","prevent_self_review":true,"reviewers":[{"type":"User","reviewer":{"login":"bob"}},{"type":"Team","reviewer":{"slug":"core"}}]}]}]}`,
		"/orgs/acme/dependabot/alerts": `[{"number":1,` + ofProduct + `"state":"fixed","created_at":"2026-06-01T00:00:00Z","fixed_at":"2026-06-09T00:00:00Z","dismissed_by":null,` +
			`"dependency":{"package":{"ecosystem":"go","name":"x/net"},"manifest_path":"go.mod","scope":"runtime"},"security_advisory":{"ghsa_id":"GHSA-1","cve_id":null,"severity":"high"}}]`,
		"/orgs/acme/code-scanning/alerts": `[{"number":2,` + ofProduct + `"state":"dismissed","created_at":"2026-06-01T00:00:00Z","dismissed_at":"2026-06-02T00:00:00Z","dismissed_by":{"id":1,"login":"ann"},"dismissed_reason":"false positive",` +
			`"rule":{"id":"go/sql","security_severity_level":"critical"},"tool":{"name":"CodeQL"},"most_recent_instance":{"ref":"refs/heads/main"}}]`,
		"/orgs/acme/secret-scanning/alerts?hide_secret=true": `[{"number":3,` + ofProduct + `"state":"open","secret":"` + leaked + `","secret_type":"aws_access_key_id","validity":"active","created_at":"2026-06-01T00:00:00Z","push_protection_bypassed":true,"push_protection_bypassed_by":{"id":1,"login":"ann"},"resolved_by":null}]`,
		activities: `[{"id":51,"before":"a","after":"b","timestamp":"2026-07-01T05:00:00Z","activity_type":"pr_merge","actor":{"id":1,"login":"ann"}},` +
			`{"id":50,"before":"z","after":"a","timestamp":"2026-06-30T12:00:00Z","activity_type":"force_push","actor":null}]`,
		ruleSuites:                            `[{"id":61,"actor_name":"ann","before_sha":"a","after_sha":"b","pushed_at":"2026-07-01T05:00:00Z","result":"bypass","evaluation_result":"fail"}]`,
		deployments:                           `[{"id":71,"sha":"b","ref":"main","task":"deploy","environment":"production","production_environment":true,"creator":{"id":4,"login":"ci[bot]"},"created_at":"2026-07-01T05:10:00Z"}]`,
		inProduct + "deployments/71/statuses": `[{"state":"success","created_at":"2026-07-01T05:12:00Z"}]`,
		inProduct + "releases":                `[{"id":81,"tag_name":"v1","target_commitish":"main","draft":false,"prerelease":false,"author":{"id":1,"login":"ann"},"created_at":"2026-06-01T00:00:00Z","published_at":"2026-06-01T01:00:00Z"}]`,
		auditLog:                              `[{"_document_id":"d1","@timestamp":1782882000000,"action":"protected_branch.policy_override","actor":"ann","repo":"acme/product"}]`,
	}
}

// answering answers everything about one repository, but for what is changed.
func answering(change map[string]reply) map[string][]reply {
	all := with(map[string][]reply{repos: {ok(`[{"id":9,"full_name":"acme/product","default_branch":"main","private":true}]`)}})
	for key, body := range others() {
		all[key] = []reply{ok(body)}
	}
	for key, r := range change {
		all[key] = []reply{r}
	}
	return all
}

func TestKinds(t *testing.T) {
	for kind, want := range map[evidence.Kind]string{
		kindOutside:      "8 out [] {\"login\":\"out\",\"two_factor\":true}\n9 side [] {\"login\":\"side\",\"two_factor\":false}\nacme read\nacme/2fa_disabled read",
		kindTeam:         "5 core [] {\"members\":[\"ann\",\"bob\"],\"name\":\"Core\",\"parent\":\"all\",\"privacy\":\"closed\",\"repositories\":[{\"repository\":\"acme/product\",\"role\":\"maintain\"}],\"slug\":\"core\"}\nacme read",
		kindInstallation: "70 ci [] {\"app\":\"ci\",\"created_at\":\"2025-01-01T00:00:00Z\",\"permissions\":{\"contents\":\"write\"},\"repository_selection\":\"all\",\"suspended\":false}\nacme read",
		kindActions:      "acme acme [] {\"allowed_actions\":\"selected\",\"can_approve_pull_request_reviews\":true,\"default_workflow_permissions\":\"write\",\"enabled_repositories\":\"all\"}\nacme read",
		kindCollaborator: "9:1 ann@acme/product [acme/product] {\"direct\":false,\"login\":\"ann\",\"repository\":\"acme/product\",\"role\":\"write\"}\n9:2 bob@acme/product [acme/product] {\"direct\":true,\"login\":\"bob\",\"repository\":\"acme/product\",\"role\":\"admin\"}\nacme/product read",
		kindDeployKey:    "31 acme/product key 31 [acme/product] {\"created_at\":\"2026-01-01T00:00:00Z\",\"read_only\":false,\"repository\":\"acme/product\",\"title\":\"deployer\"}\nacme/product read",
		kindCodeOwners:   "9 acme/product [acme/product] {\"branch\":\"main\",\"errors\":1,\"exists\":true,\"path\":\"docs/CODEOWNERS\",\"repository\":\"acme/product\"}\nacme/product read",
		kindEnvironment:  "41 acme/product production [acme/product] {\"admins_bypass\":true,\"branches\":\"protected\",\"environment\":\"production\",\"prevent_self_review\":true,\"repository\":\"acme/product\",\"reviewers\":[\"bob\",\"core\"],\"rules\":[\"required_reviewers\"],\"wait_minutes\":0}\nacme/product read",
		kindDependabot: `
1 acme/product#1 [acme/product] {"advisory":"GHSA-1","created_at":"2026-06-01T00:00:00Z","dependency_scope":"runtime","ecosystem":"go","fixed_at":"2026-06-09T00:00:00Z","manifest":"go.mod","number":1,"package":"x/net","repository":"acme/product","severity":"high","state":"fixed"}
acme read`,
		kindCodeScanning: `
2 acme/product#2 [acme/product] {"created_at":"2026-06-01T00:00:00Z","dismissed_at":"2026-06-02T00:00:00Z","dismissed_by":"ann","dismissed_reason":"false positive","number":2,"ref":"refs/heads/main","repository":"acme/product","rule":"go/sql","severity":"critical","state":"dismissed","tool":"CodeQL"}
acme read`,
		kindSecret: `
3 acme/product#3 [acme/product] {"created_at":"2026-06-01T00:00:00Z","number":3,"push_protection_bypassed":true,"push_protection_bypassed_by":"ann","repository":"acme/product","secret_type":"aws_access_key_id","state":"open","validity":"active"}
acme read`,
		kindActivity: `
50 acme/product 50 [acme/product] {"activity_type":"force_push","after":"a","before":"z","branch":"main","repository":"acme/product"}
51 acme/product 51 [acme/product] {"activity_type":"pr_merge","actor":"ann","after":"b","before":"a","branch":"main","repository":"acme/product"}
acme/product read`,
		kindRuleSuite: `
61 acme/product 61 [acme/product] {"actor":"ann","after":"b","before":"a","branch":"main","evaluation_result":"fail","repository":"acme/product","result":"bypass"}
acme/product read`,
		kindDeployment: `
71 acme/product deployment 71 [acme/product] {"creator":"ci[bot]","environment":"production","production":true,"ref":"main","repository":"acme/product","sha":"b","statuses":[{"created_at":"2026-07-01T05:12:00Z","state":"success"}],"task":"deploy"}
acme/product read`,
		kindRelease: `
81 acme/product release 81 [acme/product] {"author":"ann","created_at":"2026-06-01T00:00:00Z","draft":false,"prerelease":false,"published_at":"2026-06-01T01:00:00Z","repository":"acme/product","tag":"v1","target":"main"}
acme/product read`,
		kindAuditEvent: "d1 d1 [] {\"action\":\"protected_branch.policy_override\",\"actor\":\"ann\",\"repository\":\"acme/product\"}\nacme read",
	} {
		t.Run(string(kind), func(t *testing.T) { expect(t, capture(t, answering(nil), kind), true, want) })
	}
}

// TestKindsRefused: a 404, a 403 and a feature that is off or not licensed are
// refusals: nothing is known, and no list is empty.
func TestKindsRefused(t *testing.T) {
	for kind, key := range map[evidence.Kind]string{
		kindOutside: "/orgs/acme/outside_collaborators", kindTeam: "/orgs/acme/teams/core/repos", kindInstallation: "/orgs/acme/installations",
		kindActions: "/orgs/acme/actions/permissions/workflow", kindCollaborator: inProduct + "collaborators?affiliation=direct", kindDeployKey: inProduct + "keys",
		kindCodeOwners: inProduct + "git/trees/t1", kindEnvironment: inProduct + "environments", kindDependabot: "/orgs/acme/dependabot/alerts",
		kindCodeScanning: "/orgs/acme/code-scanning/alerts", kindSecret: "/orgs/acme/secret-scanning/alerts?hide_secret=true", kindActivity: activities,
		kindRuleSuite: ruleSuites, kindDeployment: inProduct + "deployments/71/statuses", kindRelease: inProduct + "releases", kindAuditEvent: auditLog,
	} {
		for _, refused := range []reply{no(404, "Not Found"), {status: 403, body: `{"message":"Upgrade to GitHub Team to enable this feature."}`, header: map[string]string{"X-RateLimit-Remaining": "4999"}}} {
			s := capture(t, answering(map[string]reply{key: refused}), kind)
			if !errors.Is(s.Err, collectors.ErrDenied) || s.Certificate.Complete || len(s.Records) != 0 {
				t.Errorf("%s, %d: %v, %d records", kind, refused.status, s.Err, len(s.Records))
			}
		}
	}
}

// TestKindsOdd: answers that only look like ones, and what is there no longer.
func TestKindsOdd(t *testing.T) {
	for name, tt := range map[string]struct {
		kind evidence.Kind
		key  string
		body string
	}{
		"an outsider without login":      {kindOutside, "/orgs/acme/outside_collaborators", `[{"id":1}]`},
		"a team without slug":            {kindTeam, "/orgs/acme/teams", `[{"id":1}]`},
		"a grant without repository":     {kindTeam, "/orgs/acme/teams/core/repos", `[{}]`},
		"fewer installations than told":  {kindInstallation, "/orgs/acme/installations", `{"total_count":2,"installations":[{"id":70}]}`},
		"no installations":               {kindInstallation, "/orgs/acme/installations", `{}`},
		"settings that say nothing":      {kindActions, "/orgs/acme/actions/permissions/workflow", `{}`},
		"a collaborator without id":      {kindCollaborator, inProduct + "collaborators?affiliation=all", `[{"login":"x"}]`},
		"a folder that was cut":          {kindCodeOwners, inProduct + "git/trees/t2", `{"tree":[],"truncated":true}`},
		"no list of errors":              {kindCodeOwners, inProduct + "codeowners/errors", `{}`},
		"fewer environments than told":   {kindEnvironment, inProduct + "environments", `{"total_count":2,"environments":[]}`},
		"an alert of no repository":      {kindDependabot, "/orgs/acme/dependabot/alerts", `[{"number":1}]`},
		"an activity without time":       {kindActivity, activities, `[{"id":1}]`},
		"a bypass without id":            {kindRuleSuite, ruleSuites, `[{"pushed_at":"2026-07-01T05:00:00Z"}]`},
		"a status without state":         {kindDeployment, inProduct + "deployments/71/statuses", `[{}]`},
		"an audit entry without time":    {kindAuditEvent, auditLog, `[{"_document_id":"x"}]`},
		"everyone without second factor": {kindOutside, "/orgs/acme/outside_collaborators?filter=2fa_disabled", `[{"id":8,"login":"out"},{"id":9,"login":"side"}]`},
	} {
		replies := answering(map[string]reply{tt.key: ok(tt.body)})
		replies["/orgs/acme/outside_collaborators?filter=2fa_insecure"] = []reply{ok(`[{"id":8,"login":"out"}]`)}
		if s := capture(t, replies, tt.kind); !errors.Is(s.Err, collectors.ErrIncomplete) || s.Certificate.Complete {
			t.Errorf("%s: %v", name, s.Err)
		}
	}
	expect(t, capture(t, answering(map[string]reply{inProduct + "git/trees/main": no(409, "Git Repository is empty.")}), kindCodeOwners), true, "acme/product read")
	expect(t, capture(t, answering(map[string]reply{inProduct + "git/trees/t2": ok(`{"tree":[],"truncated":false}`)}), kindCodeOwners), true,
		"9 acme/product [acme/product] {\"branch\":\"main\",\"exists\":false,\"repository\":\"acme/product\"}\nacme/product read")
}

// TestPagesByCursor: a listing that goes on by cursor ends at the window's
// beginning, and what moved to the next page meanwhile is taken once.
func TestPagesByCursor(t *testing.T) {
	event := func(id, at string) string { return `{"id":` + id + `,"timestamp":"` + at + `","activity_type":"push"}` }
	next := func(cursor string) map[string]string {
		return map[string]string{"Link": `</x?after=` + cursor + `&per_page=100>; rel="next"`}
	}
	all := answering(map[string]reply{activities: {status: 200, body: "[" + event("3", "2026-07-01T05:00:00Z") + "," + event("2", "2026-07-01T04:00:00Z") + "]", header: next("abc=")}})
	second := strings.Replace(activities, "?", "?after=abc%3D&", 1)
	all[second] = []reply{{status: 200, body: "[" + event("2", "2026-07-01T04:00:00Z") + "," + event("1", "2026-06-01T00:00:00Z") + "]", header: next("never")}}
	s := capture(t, all, kindActivity)
	if s.Err != nil || len(s.Records) != 2 {
		t.Errorf("%v, %d records", s.Err, len(s.Records))
	}
}

// TestRuleSuitesForgotten: what GitHub no longer shows is said, and what it
// shows is read.
func TestRuleSuitesForgotten(t *testing.T) {
	all := answering(nil)
	all[strings.Replace(ruleSuites, "week", "month", 1)] = all[ruleSuites]
	w := evidence.Window{From: start.AddDate(0, 0, -40), To: start}
	s := open(t, all, nil).Visit(t.Context(), "acme").Capture(t.Context(), kindRuleSuite, w)
	if !errors.Is(s.Err, collectors.ErrIncomplete) || len(s.Records) != 1 {
		t.Errorf("%v, %d records", s.Err, len(s.Records))
	}
	for days, want := range map[int]string{0: "day", 3: "week", 20: "month"} {
		w := evidence.Window{From: start.AddDate(0, 0, -days).Add(-time.Hour), To: start}
		if got, err := timePeriod(w); got != want || err != nil {
			t.Errorf("%d days: %s, %v", days, got, err)
		}
	}
}

// TestWriters: whoever a commit names wrote the change.
func TestWriters(t *testing.T) {
	by := func(names ...gitActor) (c commit) {
		n := len(names)
		c.Commit.Authors.Nodes, c.Commit.Authors.Total = names, &n
		return c
	}
	linked := func(login, email string) gitActor { return gitActor{email, &actor{"User", login}} }
	only := func(email string) gitActor { return gitActor{Email: email} }
	cut := by(linked("ann", "a@x"))
	*cut.Commit.Authors.Total = 11
	for name, tt := range map[string]struct {
		commits []commit
		authors []string
		unnamed bool
	}{
		"by who was there":  {[]commit{by(linked("ann", "a@x"), only("12+bob@users.noreply.github.com"))}, []string{"ann"}, true},
		"by a bot":          {[]commit{by(linked("ann", "a@x"), only("49+dependabot[bot]@users.noreply.github.com"))}, []string{"ann", "dependabot[bot]"}, false},
		"by another commit": {[]commit{by(linked("ann", "A@x")), by(linked("cat", "c@x"), only("a@X"))}, []string{"ann", "cat", "ann"}, false},
		"by nobody known":   {[]commit{by(linked("ann", "a@x"), only("eve@example.com"))}, []string{"ann"}, true},
		"by more than come": {[]commit{cut}, []string{"ann"}, true},
		"an author unknown": {[]commit{{}}, nil, true},
	} {
		authors, _, unnamed := writers(tt.commits)
		if strings.Join(authors, " ") != strings.Join(tt.authors, " ") || unnamed != tt.unnamed {
			t.Errorf("%s: %v, %v", name, authors, unnamed)
		}
	}
}
