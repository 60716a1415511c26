package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// onPull answers for one pull request that exists by now.
func (c *Company) onPull(q *hubRequest, answer func(*pull) reply) reply {
	return c.onRepo(q, func(r *repository) reply {
		n, err := strconv.Atoi(q.http.PathValue("pull_number"))
		i := n - firstNumber
		if err != nil || i < 0 || i >= len(r.pulls) || r.pulls[i].created.After(q.now) {
			return notFound()
		}
		return answer(r.pulls[i])
	})
}

// listPulls knows state, base, sort and direction.
func (c *Company) listPulls(q *hubRequest) reply {
	return c.onRepo(q, func(r *repository) reply {
		query := q.http.URL.Query()
		state, base := query.Get("state"), query.Get("base")
		var list []*pull
		for _, p := range r.pulls {
			closed := p.closedAt(q.now)
			wanted := state == "all" || closed == (state == "closed")
			if !p.created.After(q.now) && wanted && (base == "" || base == p.base) {
				list = append(list, p)
			}
		}
		order(list, query.Get("sort"), query.Get("direction"), q.now)
		return q.list(len(list), pullPage, func(i int) []byte { return list[i].simple(q.now) })
	})
}

// order sorts as GitHub does: by creation, newest first, unless told otherwise.
func order(list []*pull, by, direction string, now time.Time) {
	at := func(p *pull) time.Time { return p.created }
	if by == "updated" {
		at = func(p *pull) time.Time { return p.updated(now) }
	}
	sign := -1
	if direction == "asc" || direction == "" && by != "" && by != "created" {
		sign = 1
	}
	keys := make(map[*pull]time.Time, len(list)) // the key is dearer than the comparison
	for _, p := range list {
		keys[p] = at(p)
	}
	slices.SortStableFunc(list, func(a, b *pull) int { return sign * keys[a].Compare(keys[b]) })
}

func (c *Company) getPull(q *hubRequest) reply {
	return c.onPull(q, func(p *pull) reply { return hubReply(p.full(q.now)) })
}

// simple gives GitHub's pull-request-simple. Once nothing can change any more
// the text is kept.
func (p *pull) simple(now time.Time) []byte {
	final := p.closedAt(now) && !p.touched.After(now)
	if !final {
		return render(p.card(now))
	}
	p.once.Do(func() { p.text = render(p.card(p.lastWord())) })
	return p.text
}

// lastWord is when nothing about the closed pull request changes any more.
func (p *pull) lastWord() time.Time { return later(p.closed, p.touched) }

func (p *pull) card(now time.Time) object {
	r := p.repo
	u := fmt.Sprintf("%s/repos/%s/pulls/%d", hubAPI, r.full, p.number)
	issue := fmt.Sprintf("%s/repos/%s/issues/%d", hubAPI, r.full, p.number)
	html := fmt.Sprintf("https://github.com/%s/pull/%d", r.full, p.number)
	sha := p.headAt(now)
	statuses := fmt.Sprintf("%s/repos/%s/statuses/%s", hubAPI, r.full, sha)
	out := object{
		"id": p.id, "node_id": nodeID("PR_", p.id), "number": p.number, "url": u, "html_url": html, "diff_url": html + ".diff", "patch_url": html + ".patch",
		"issue_url": issue, "commits_url": u + "/commits", "review_comments_url": u + "/comments", "review_comment_url": hubAPI + "/repos/" + r.full + "/pulls/comments{/number}",
		"comments_url": issue + "/comments", "statuses_url": statuses, "title": p.title, "body": p.body, "user": json.RawMessage(p.author.user),
		"state": "open", "locked": false, "labels": []any{}, "assignee": nil, "assignees": []any{}, "milestone": nil, "draft": false,
		"requested_reviewers": []any{}, "requested_teams": []any{}, "author_association": "MEMBER", "auto_merge": nil,
		"created_at": p.created, "updated_at": p.updated(now), "closed_at": nil, "merged_at": nil, "merge_commit_sha": p.sha("test merge"),
		"head": p.side(p.head, sha, p.author.user), "base": p.side(p.base, p.sha("base"), p.repo.owner),
		"_links": object{"self": href(u), "html": href(html), "issue": href(issue), "comments": href(issue + "/comments"), "commits": href(u + "/commits"),
			"review_comments": href(u + "/comments"), "review_comment": href(hubAPI + "/repos/" + r.full + "/pulls/comments{/number}"), "statuses": href(statuses)},
	}
	if p.closedAt(now) {
		out["state"], out["closed_at"] = "closed", p.closed
	}
	if shows(p.merged, now) {
		out["merged_at"], out["merge_commit_sha"] = p.merged, p.mergeSHA()
	}
	return out
}

// side gives head or base. Both are branches of the same repository.
func (p *pull) side(ref, sha string, user []byte) object {
	return object{"label": p.repo.full[:len(p.repo.full)-len(p.repo.name)-1] + ":" + ref, "ref": ref, "sha": sha,
		"user": json.RawMessage(user), "repo": json.RawMessage(p.repo.cardAt(later(p.created, p.closed)))}
}

// full gives GitHub's pull-request: the simple one and what only the single answer has.
func (p *pull) full(now time.Time) object {
	out := p.card(now)
	merged := shows(p.merged, now)
	extra := object{
		"merged": merged, "merged_by": nil, "mergeable": nil, "rebaseable": nil, "mergeable_state": "unknown", "maintainer_can_modify": false,
		"comments": 0, "review_comments": 0, "commits": len(p.pushedBy(now)), "additions": 40 + p.number%37, "deletions": p.number % 23, "changed_files": 1 + p.number%7,
	}
	if merged {
		extra["merged_by"] = json.RawMessage(p.mergedBy.user)
	}
	for k, v := range extra {
		out[k] = v
	}
	return out
}

// pushedBy gives the commits that were pushed by t.
func (p *pull) pushedBy(t time.Time) []commit {
	return slices.DeleteFunc(slices.Clone(p.commits), func(k commit) bool { return k.at.After(t) })
}

func (c *Company) listReviews(q *hubRequest) reply {
	return c.onPull(q, func(p *pull) reply {
		list := slices.DeleteFunc(slices.Clone(p.reviews), func(v review) bool { return v.at.After(q.now) })
		return q.list(len(list), otherPage, func(i int) []byte { return render(list[i].card(p, q.now)) })
	})
}

func (v review) card(p *pull, now time.Time) object {
	u := fmt.Sprintf("%s/repos/%s/pulls/%d", hubAPI, p.repo.full, p.number)
	html := fmt.Sprintf("https://github.com/%s/pull/%d#pullrequestreview-%d", p.repo.full, p.number, v.id)
	return object{
		"id": v.id, "node_id": nodeID("PRR_", v.id), "user": json.RawMessage(v.by.user), "body": "", "state": v.stateAt(now), "commit_id": v.sha,
		"submitted_at": v.at, "html_url": html, "pull_request_url": u, "author_association": "MEMBER",
		"_links": object{"html": href(html), "pull_request": href(u)},
	}
}

func (c *Company) listCommits(q *hubRequest) reply {
	return c.onPull(q, func(p *pull) reply {
		list := p.pushedBy(q.now)
		return q.list(len(list), otherPage, func(i int) []byte { return list[i].card(p.repo) })
	})
}

func (k commit) card(r *repository) []byte {
	u := hubAPI + "/repos/" + r.full
	return render(object{
		"sha": k.sha, "node_id": "C_" + k.sha[:16], "url": u + "/commits/" + k.sha, "html_url": "https://github.com/" + r.full + "/commit/" + k.sha,
		"comments_url": u + "/commits/" + k.sha + "/comments", "author": userOf(k.author), "committer": userOf(k.author),
		"parents": []object{{"sha": k.sha[20:] + k.sha[:20], "url": u + "/commits/" + k.sha[20:] + k.sha[:20]}},
		"commit": object{
			"message": "Work on it", "comment_count": 0, "url": u + "/git/commits/" + k.sha, "author": gitUser(k.author, k.at), "committer": gitUser(k.author, k.at),
			"tree":         object{"sha": k.sha, "url": u + "/git/trees/" + k.sha},
			"verification": object{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil},
		},
	})
}

// onCommit answers for a commit of the repository that was pushed by now.
func (c *Company) onCommit(q *hubRequest, answer func(*pull, string) reply) reply {
	return c.onRepo(q, func(r *repository) reply {
		ref := q.http.PathValue("ref")
		p, ok := r.bySHA[ref]
		if !ok || !slices.ContainsFunc(p.pushedBy(q.now), func(k commit) bool { return k.sha == ref }) {
			return refusedRef(ref)
		}
		return answer(p, ref)
	})
}
