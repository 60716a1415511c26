package simulator

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
)

const (
	memberPage = 25
	repoPage   = 5
	pullPage   = 5
	otherPage  = 100
)

// getUser tells whose token it is: a machine user that is no member.
func (c *Company) getUser(q *hubRequest) reply {
	var out object
	if err := json.Unmarshal(userJSON("evidenced-bot", 4_999_999, "User"), &out); err != nil {
		return hubError(http.StatusInternalServerError, err.Error())
	}
	maps.Copy(out, object{
		"name": "Evidence Bot", "company": nil, "blog": "", "location": nil, "email": nil, "hireable": nil, "bio": nil, "twitter_username": nil,
		"public_repos": 0, "public_gists": 0, "followers": 0, "following": 0, "created_at": c.org.created, "updated_at": c.org.created,
		"private_gists": 0, "total_private_repos": 6, "owned_private_repos": 0, "disk_usage": 0, "collaborators": 0,
		"two_factor_authentication": true, "user_view_type": "private", "id": 4_999_999,
	})
	return hubReply(out)
}

func (c *Company) getOrg(q *hubRequest) reply {
	o := c.org
	if q.http.PathValue("org") != o.login {
		return notFound()
	}
	u := hubAPI + "/orgs/" + o.login
	public, private := c.countRepos()
	return hubReply(object{
		"login": o.login, "id": o.id, "node_id": nodeID("O_", o.id), "url": u, "repos_url": u + "/repos", "events_url": u + "/events",
		"hooks_url": u + "/hooks", "issues_url": u + "/issues", "members_url": u + "/members{/member}", "public_members_url": u + "/public_members{/member}",
		"avatar_url": "https://avatars.githubusercontent.com/u/1?v=4", "html_url": "https://github.com/" + o.login, "description": nil, "type": "Organization",
		"name": o.login, "has_organization_projects": true, "has_repository_projects": true, "public_repos": public, "public_gists": 0, "followers": 3, "following": 0,
		"created_at": o.created, "updated_at": o.created, "archived_at": nil, "total_private_repos": private, "owned_private_repos": private,
		"two_factor_requirement_enabled": o.twoFactor.at(q.now), "default_repository_permission": o.permission.at(q.now),
		"members_can_create_repositories": true, "members_can_create_public_repositories": false, "members_can_create_private_repositories": true,
		"plan": object{"name": "team", "space": 976562499, "private_repos": 999999, "filled_seats": len(c.members(q.now)), "seats": 60},
	})
}

// listMembers knows the filters of the reference: role and 2fa_disabled.
func (c *Company) listMembers(q *hubRequest) reply {
	if q.http.PathValue("org") != c.org.login {
		return notFound()
	}
	query := q.http.URL.Query()
	role, filter := query.Get("role"), query.Get("filter")
	if filter != "" && filter != "all" && filter != "2fa_disabled" {
		return hubError(http.StatusUnprocessableEntity, "Validation Failed")
	}
	list := slices.DeleteFunc(c.members(q.now), func(p *person) bool {
		admin := p.admin.at(q.now)
		return role == "admin" && !admin || role == "member" && admin || filter == "2fa_disabled" && p.second.at(q.now)
	})
	return q.list(len(list), memberPage, func(i int) []byte { return list[i].user })
}

func (c *Company) countRepos() (public, private int) {
	for _, r := range c.repos {
		if r.private {
			private++
		}
	}
	return len(c.repos) - private, private
}

// listRepos gives the repositories that the token sees: all, unless it was
// limited to selected ones. GitHub does not say that the list is short.
func (c *Company) listRepos(q *hubRequest) reply {
	if q.http.PathValue("org") != c.org.login {
		return notFound()
	}
	list := c.repos
	if q.effect == selected {
		list = list[:len(list)/2]
	}
	return q.list(len(list), repoPage, func(i int) []byte { return list[i].cardAt(list[i].pushed(q.now)) })
}

// onRepo answers for one repository, if there is such a one.
func (c *Company) onRepo(q *hubRequest, answer func(*repository) reply) reply {
	r := c.repository(q.http.PathValue("repo"))
	if r == nil || q.http.PathValue("owner") != c.org.login {
		return notFound()
	}
	return answer(r)
}

func (c *Company) getRepo(q *hubRequest) reply {
	return c.onRepo(q, func(r *repository) reply {
		var out object
		if err := json.Unmarshal(r.cardAt(r.pushed(q.now)), &out); err != nil {
			return hubError(http.StatusInternalServerError, err.Error())
		}
		maps.Copy(out, object{"id": r.id, "network_count": 0, "subscribers_count": 4, "organization": json.RawMessage(c.org.user)})
		return hubReply(out)
	})
}
