package simulator

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

const hubAPI = "https://api.github.com"

func nodeID(kind string, id int64) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s%d", kind, id))
}

// userJSON gives GitHub's simple-user.
func userJSON(login string, id int64, kind string) []byte {
	u := hubAPI + "/users/" + login
	return render(object{
		"login": login, "id": id, "node_id": nodeID("U_", id), "gravatar_id": "", "url": u, "type": kind, "site_admin": false,
		"avatar_url": fmt.Sprintf("https://avatars.githubusercontent.com/u/%d?v=4", id), "html_url": "https://github.com/" + login,
		"followers_url": u + "/followers", "following_url": u + "/following{/other_user}", "gists_url": u + "/gists{/gist_id}",
		"starred_url": u + "/starred{/owner}{/repo}", "subscriptions_url": u + "/subscriptions", "organizations_url": u + "/orgs",
		"repos_url": u + "/repos", "events_url": u + "/events{/privacy}", "received_events_url": u + "/received_events",
		"user_view_type": "public",
	})
}

// pushedMark stands in a repository's card for the time of its last push.
const pushedMark = "1970-01-01T00:00:00Z"

// repositoryJSON gives GitHub's repository, with pushedMark where it changes.
func repositoryJSON(o *organization, r *repository) []byte {
	u := hubAPI + "/repos/" + r.full
	html := "https://github.com/" + r.full
	visibility := map[bool]string{true: "private", false: "public"}[r.private]
	out := object{
		"id": r.id, "node_id": nodeID("R_", r.id), "name": r.name, "full_name": r.full, "private": r.private, "owner": json.RawMessage(o.user),
		"html_url": html, "description": nil, "fork": false, "url": u, "default_branch": r.branch, "archived": r.archived, "disabled": false,
		"visibility": visibility, "created_at": r.created, "updated_at": pushedMark, "pushed_at": pushedMark,
		"git_url": "git://github.com/" + r.full + ".git", "ssh_url": "git@github.com:" + r.full + ".git", "clone_url": html + ".git", "svn_url": html,
		"homepage": nil, "language": "Go", "license": nil, "mirror_url": nil, "size": 1480, "topics": []string{},
		"forks": 0, "forks_count": 0, "stargazers_count": 0, "watchers": 0, "watchers_count": 0, "open_issues": 1, "open_issues_count": 1,
		"has_issues": true, "has_projects": false, "has_wiki": false, "has_pages": false, "has_downloads": true, "has_discussions": false,
		"is_template": false, "allow_forking": false, "web_commit_signoff_required": false,
		"permissions":           object{"admin": true, "maintain": true, "push": true, "triage": true, "pull": true},
		"security_and_analysis": object{"secret_scanning": object{"status": "enabled"}},
	}
	for name, path := range repositoryURLs {
		out[name] = u + path
	}
	return render(out)
}

var repositoryURLs = map[string]string{
	"archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}",
	"branches_url": "/branches{/branch}", "collaborators_url": "/collaborators{/collaborator}", "comments_url": "/comments{/number}",
	"commits_url": "/commits{/sha}", "compare_url": "/compare/{base}...{head}", "contents_url": "/contents/{+path}",
	"contributors_url": "/contributors", "deployments_url": "/deployments", "downloads_url": "/downloads", "events_url": "/events",
	"forks_url": "/forks", "git_commits_url": "/git/commits{/sha}", "git_refs_url": "/git/refs{/sha}", "git_tags_url": "/git/tags{/sha}",
	"hooks_url": "/hooks", "issue_comment_url": "/issues/comments{/number}", "issue_events_url": "/issues/events{/number}",
	"issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}", "labels_url": "/labels{/name}", "languages_url": "/languages",
	"merges_url": "/merges", "milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}",
	"pulls_url": "/pulls{/number}", "releases_url": "/releases{/id}", "stargazers_url": "/stargazers", "statuses_url": "/statuses/{sha}",
	"subscribers_url": "/subscribers", "subscription_url": "/subscription", "tags_url": "/tags", "teams_url": "/teams", "trees_url": "/git/trees{/sha}",
}

// cardAt gives the repository as of its last push.
func (r *repository) cardAt(pushed time.Time) []byte {
	return bytes.ReplaceAll(r.card, []byte(pushedMark), []byte(pushed.UTC().Format(time.RFC3339)))
}

// pushed gives the last push to the default branch that is visible at t.
func (r *repository) pushed(t time.Time) time.Time {
	last := r.created
	for _, p := range r.pulls {
		if shows(p.merged, t) {
			last = later(last, p.merged)
		}
	}
	return last
}

// gitUser gives the git identity of a commit.
func gitUser(p *person, at time.Time) object {
	if p == nil {
		return object{"name": "laptop", "email": "dev@laptop.local", "date": at}
	}
	return object{"name": p.name, "email": p.email(), "date": at}
}

// userOf gives the person's card, or null for nobody.
func userOf(p *person) any {
	if p == nil {
		return nil
	}
	return json.RawMessage(p.user)
}

func href(url string) object { return object{"href": url} }
