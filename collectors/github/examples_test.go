package github

import "github.com/evidenced/evidenced/evidence"

// exampleRecords is what becomes of the examples of GitHub's own description.
func exampleRecords() map[evidence.Kind]string {
	return map[evidence.Kind]string{
		kindOrg: `
1 github [] {"created_at":"2008-01-14T04:33:35Z","default_repository_permission":"read","login":"github","members_can_create_public_repositories":false,"plan":"Medium","two_factor_required":true}
github read`,
		kindRepository: `
1296269 octocat/Hello-World [octocat/Hello-World] {"advanced_security":true,"archived":false,"created_at":"2011-01-26T19:01:12Z","default_branch":"master","fork":false,"full_name":"octocat/Hello-World","private":false,"pushed_at":"2011-01-26T19:06:43Z","secret_scanning":true,"secret_scanning_push_protection":false,"visibility":"public"}
github read`,
		kindBranch: `
1296269:master octocat/Hello-World@master [octocat/Hello-World] {"branch":"master","bypass_actors":["Team 234 always"],"classic_protection":true,"deletion_blocked":false,"dismiss_stale_reviews":true,"enforce_admins":true,"force_push_blocked":false,"pull_request_required":true,"repository":"octocat/Hello-World","require_code_owner_reviews":true,"require_last_push_approval":true,"required_approvals":2,"required_status_checks":["continuous-integration/travis-ci"],"required_workflows":[],"review_bypass":[],"rules":["commit_author_email_pattern","commit_message_pattern"]}
octocat/Hello-World read`,
		kindTeam: `
1 justice-league [] {"members":["octocat"],"name":"Justice League","privacy":"closed","repositories":[{"repository":"octocat/Hello-World"}],"slug":"justice-league"}
github read`,
		kindInstallation: `
25381 github-actions [] {"app":"github-actions","created_at":"2017-05-16T15:47:09Z","permissions":{"deployments":"write","metadata":"read","pull_requests":"read","statuses":"read"},"repository_selection":"selected","suspended":false}
github read`,
		kindActions: `
github github [] {"allowed_actions":"selected","can_approve_pull_request_reviews":true,"default_workflow_permissions":"read","enabled_repositories":"all","sha_pinning_required":true}
github read`,
		kindCollaborator: `
1296269:1 octocat@octocat/Hello-World [octocat/Hello-World] {"direct":true,"login":"octocat","repository":"octocat/Hello-World","role":"write"}
octocat/Hello-World read`,
		kindDeployKey: `
1 octocat/Hello-World key 1 [octocat/Hello-World] {"added_by":"octocat","created_at":"2014-12-10T15:53:42Z","enabled":true,"last_used":"2022-01-10T15:53:42Z","read_only":true,"repository":"octocat/Hello-World","title":"octocat@octomac","verified":true}
octocat/Hello-World read`,
		kindCodeOwners: `
1296269 octocat/Hello-World [octocat/Hello-World] {"branch":"master","exists":false,"repository":"octocat/Hello-World"}
octocat/Hello-World read`,
		kindEnvironment: `
161088068 octocat/Hello-World staging [octocat/Hello-World] {"branches":"custom","environment":"staging","prevent_self_review":false,"repository":"octocat/Hello-World","reviewers":["justice-league","octocat"],"rules":["branch_policy","required_reviewers","wait_timer"],"wait_minutes":30}
octocat/Hello-World read`,
		kindDependabot: `
1 octo-org/hello-world#1 [octo-org/hello-world] {"advisory":"GHSA-8f4m-hccc-8qph","created_at":"2022-06-14T15:21:52Z","cve":"CVE-2021-20191","dependency_scope":"runtime","ecosystem":"pip","manifest":"path/to/requirements.txt","number":1,"package":"ansible","repository":"octo-org/hello-world","severity":"medium","state":"open","url":"https://github.com/octo-org/hello-world/security/dependabot/1"}
2 octo-org/octo-repo#2 [octo-org/octo-repo] {"advisory":"GHSA-rf4j-j272-fj86","created_at":"2022-06-15T07:43:03Z","cve":"CVE-2018-6188","dependency_scope":"runtime","dismissed_at":"2022-08-23T14:29:47Z","dismissed_by":"octocat","dismissed_reason":"tolerable_risk","ecosystem":"pip","manifest":"path/to/requirements.txt","number":2,"package":"django","repository":"octo-org/octo-repo","severity":"high","state":"dismissed","url":"https://github.com/octo-org/octo-repo/security/dependabot/2"}
github read`,
		kindCodeScanning: `
3 octocat/Hello-World#3 [octocat/Hello-World] {"created_at":"2020-02-13T12:29:18Z","dismissed_at":"2020-02-14T12:29:18Z","dismissed_by":"octocat","dismissed_reason":"false positive","number":3,"ref":"refs/heads/main","repository":"octocat/Hello-World","rule":"js/zipslip","state":"dismissed","tool":"CodeQL","url":"https://github.com/octocat/hello-world/code-scanning/3"}
4 octocat/Hello-World#4 [octocat/Hello-World] {"created_at":"2020-02-13T12:29:18Z","number":4,"ref":"refs/heads/main","repository":"octocat/Hello-World","rule":"js/zipslip","state":"open","tool":"CodeQL","url":"https://github.com/octocat/hello-world/code-scanning/4"}
github read`,
		kindSecret: `
2 octocat/Hello-World#2 [octocat/Hello-World] {"created_at":"2020-11-06T18:48:51Z","number":2,"push_protection_bypassed":true,"push_protection_bypassed_by":"monalisa","repository":"octocat/Hello-World","resolution":"false_positive","resolved_at":"2020-11-07T02:47:13Z","resolved_by":"monalisa","secret_type":"adafruit_io_key","state":"resolved","url":"https://github.com/owner/private-repo/security/secret-scanning/2","validity":"active"}
github read`,
		kindActivity: `
1296269 octocat/Hello-World 1296269 [octocat/Hello-World] {"activity_type":"normal","after":"827efc6d56897b048c772eb4087f854f46256132","before":"6dcb09b5b57875f334f61aebed695e2e4193db5e","branch":"master","repository":"octocat/Hello-World"}
octocat/Hello-World read`,
		kindRuleSuite: `
21 octocat/Hello-World 21 [octocat/Hello-World] {"actor":"octocat","after":"dedd88641a362b6b4ea872da4847d6131a164d01","before":"893f768e172fb1bc9c5d6f3dd48557e45f14e01d","branch":"master","repository":"octocat/Hello-World","result":"bypass"}
octocat/Hello-World read`,
		kindDeployment: `
1 octocat/Hello-World deployment 1 [octocat/Hello-World] {"creator":"octocat","environment":"production","production":true,"ref":"topic-branch","repository":"octocat/Hello-World","sha":"a84d88e7554fc1fa21bcbc4efae3c782a70d2b9d","statuses":[{"created_at":"2012-07-20T01:19:13Z","state":"success"}],"task":"deploy"}
octocat/Hello-World read`,
		kindRelease: `
1 octocat/Hello-World release 1 [octocat/Hello-World] {"author":"octocat","created_at":"2013-02-27T19:35:32Z","draft":false,"prerelease":false,"published_at":"2013-02-27T19:35:32Z","repository":"octocat/Hello-World","tag":"v1.0.0","target":"master"}
octocat/Hello-World read`,
	}
}
