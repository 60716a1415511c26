package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

func (c *Company) listCheckRuns(q *hubRequest) reply {
	return c.onCommit(q, func(p *pull, sha string) reply {
		list := slices.DeleteFunc(slices.Clone(p.checks), func(k check) bool { return k.sha != sha || k.start.After(q.now) })
		from, to, link := q.page(len(list), otherPage)
		runs := join(from, to, func(i int) []byte { return render(list[i].card(p, q.now)) })
		a := hubReply(object{"total_count": len(list), "check_runs": json.RawMessage(runs)})
		if link != "" {
			a = a.with("Link", link)
		}
		return a
	})
}

// actions is the GitHub App that runs the checks.
var actions = json.RawMessage(render(object{
	"id": 15368, "slug": "github-actions", "node_id": "MDM6QXBwMTUzNjg=", "owner": json.RawMessage(userJSON("github", 9919, "Organization")),
	"name": "GitHub Actions", "description": "Automate your workflow from idea to production", "external_url": "https://help.github.com/en/actions",
	"html_url": "https://github.com/apps/github-actions", "created_at": "2018-07-30T09:30:17Z", "updated_at": "2024-04-10T20:33:16Z",
	"permissions": object{"checks": "write", "metadata": "read"}, "events": []string{"push"},
}))

func (k check) card(p *pull, now time.Time) object {
	u := fmt.Sprintf("%s/repos/%s/check-runs/%d", hubAPI, p.repo.full, k.id)
	html := fmt.Sprintf("https://github.com/%s/runs/%d", p.repo.full, k.id)
	out := object{
		"id": k.id, "node_id": nodeID("CR_", k.id), "head_sha": k.sha, "external_id": "", "url": u, "html_url": html, "details_url": html, "name": k.name,
		"status": "in_progress", "conclusion": nil, "started_at": k.start, "completed_at": nil, "app": actions, "pull_requests": []any{},
		"check_suite": object{"id": k.id + 5_000_000},
		"output":      object{"title": nil, "summary": nil, "text": nil, "annotations_count": 0, "annotations_url": u + "/annotations"},
	}
	if shows(k.done, now) {
		out["status"], out["conclusion"], out["completed_at"] = "completed", k.conclusion, k.done
	}
	return out
}

// statusesOf gives the statuses of a commit by now, newest first.
func (p *pull) statusesOf(sha string, now time.Time) []status {
	list := slices.DeleteFunc(slices.Clone(p.statuses), func(s status) bool { return s.sha != sha || s.at.After(now) })
	slices.Reverse(list)
	return list
}

func (s status) card(p *pull) object {
	return object{
		"url": fmt.Sprintf("%s/repos/%s/statuses/%s", hubAPI, p.repo.full, s.sha), "avatar_url": "https://avatars.githubusercontent.com/oa/1?v=4",
		"id": s.id, "node_id": nodeID("SC_", s.id), "state": s.state, "description": nil, "target_url": "https://ci.example.com/" + s.sha,
		"context": s.context, "created_at": s.at, "updated_at": s.at,
	}
}

func (c *Company) listStatuses(q *hubRequest) reply {
	return c.onCommit(q, func(p *pull, sha string) reply {
		list := p.statusesOf(sha, q.now)
		return q.list(len(list), otherPage, func(i int) []byte {
			card := list[i].card(p)
			card["creator"] = json.RawMessage(p.author.user)
			return render(card)
		})
	})
}

// getStatus combines the latest status of every context.
func (c *Company) getStatus(q *hubRequest) reply {
	return c.onCommit(q, func(p *pull, sha string) reply {
		seen, state := map[string]bool{}, "success"
		list := []object{}
		for _, s := range p.statusesOf(sha, q.now) {
			if seen[s.context] {
				continue
			}
			seen[s.context] = true
			list = append(list, s.card(p))
			if s.state != "success" && state != "failure" {
				state = s.state
			}
		}
		if len(list) == 0 {
			state = "pending"
		}
		u := hubAPI + "/repos/" + p.repo.full
		return hubReply(object{
			"state": state, "sha": sha, "total_count": len(list), "statuses": list, "repository": json.RawMessage(p.repo.cardAt(later(p.created, p.closed))),
			"commit_url": u + "/commits/" + sha, "url": u + "/commits/" + sha + "/status",
		})
	})
}
