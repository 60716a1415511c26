package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/evidenced/evidenced/simulator/graphql"
)

// opGraphQL is GitHub's other API, of which merged pull requests are served.
const opGraphQL = "POST /graphql"

// graphIndex finds what has a node id.
type graphIndex struct {
	once  sync.Once
	repos map[string]*repository
	pulls map[string]*pull
}

func (c *Company) nodes() *graphIndex {
	g := &c.graph
	g.once.Do(func() {
		g.repos, g.pulls = map[string]*repository{}, map[string]*pull{}
		for _, r := range c.repos {
			g.repos[nodeID("R_", r.id)] = r
			for _, p := range r.pulls {
				g.pulls[nodeID("PR_", p.id)] = p
			}
		}
	})
	return g
}

// graphTypes are the types that the interfaces of the schema stand for.
var graphTypes = map[string][]string{"Actor": {"User", "Bot"}, "StatusCheckRollupContext": {"CheckRun", "StatusContext"}, "GitSignature": {"SshSignature"}}

// readGraph reads the request, so that a fault can tell what it is about.
func (q *hubRequest) readGraph(c *Company) {
	body, err := io.ReadAll(io.LimitReader(q.http.Body, 1<<20))
	if err != nil || json.Unmarshal(body, &q.graph) != nil {
		q.graph = graphql.Request{}
	}
	q.http.Body = io.NopCloser(bytes.NewReader(body))
	q.key += fmt.Sprintf(" %08x", crc32.ChecksumIEEE(body))
	for _, v := range q.graph.Variables {
		ids, _ := v.([]any)
		for _, id := range append(ids, v) {
			text, _ := id.(string)
			if r := c.nodes().repos[text]; r != nil {
				q.places = append(q.places, r.full)
			}
		}
	}
}

func (c *Company) postGraph(q *hubRequest) reply {
	node := func(args map[string]any) any { return c.node(args["id"], q.now) }
	s := graphql.Schema{Types: graphTypes, Query: graphql.Object{
		"__typename": "Query",
		"node":       graphql.Resolver(node),
		"nodes": graphql.Resolver(func(args map[string]any) any {
			out := []any{}
			ids, _ := args["ids"].([]any)
			for _, id := range ids {
				out = append(out, c.node(id, q.now))
			}
			return out
		}),
	}}
	return hubReply(s.Do(q.graph))
}

// graphLimit is how GraphQL says that the limit is spent: with status 200.
func graphLimit() reply {
	return hubReply(graphql.Answer{Errors: []graphql.Error{{Type: "RATE_LIMITED", Message: "API rate limit exceeded for user ID 4999999."}}}).with("Retry-After", "1")
}

func (c *Company) node(id any, now time.Time) any {
	text, _ := id.(string)
	if r := c.nodes().repos[text]; r != nil {
		if e, refused := c.refusal(r, now); refused {
			return e
		}
		return r.node(now)
	}
	if p := c.nodes().pulls[text]; p != nil && shows(p.created, now) {
		return p.node(now)
	}
	return graphql.Error{Type: "NOT_FOUND", Message: fmt.Sprintf("Could not resolve to a node with the global id of '%s'", text)}
}

// refusal gives the error in the place of a repository that the token may not
// read: the rest of the answer is there.
func (c *Company) refusal(r *repository, now time.Time) (graphql.Error, bool) {
	k := call{vendor: "github", op: opGraphQL, places: []string{r.full}}
	for _, f := range c.faults {
		switch {
		case !f.hits(k, now):
		case f.effect == denied:
			return graphql.Error{Type: "FORBIDDEN", Message: "Resource not accessible by personal access token"}, true
		case f.effect == hidden:
			return graphql.Error{Type: "NOT_FOUND", Message: fmt.Sprintf("Could not resolve to a Repository with the name '%s'.", r.full)}, true
		}
	}
	return graphql.Error{}, false
}

// node gives the repository with its merged pull requests, last updated first.
func (r *repository) node(now time.Time) graphql.Object {
	list := graphql.Resolver(func(args map[string]any) any {
		var merged []*pull
		for _, p := range r.pulls {
			if shows(p.merged, now) {
				merged = append(merged, p)
			}
		}
		order(merged, "updated", "desc", now)
		return graphql.Connection{N: len(merged), At: func(i int) graphql.Object { return merged[i].node(now) }}
	})
	return graphql.Object{"__typename": "Repository", "id": nodeID("R_", r.id), "databaseId": r.id, "nameWithOwner": r.full, "pullRequests": list}
}

// account gives a user, null for nobody.
func (p *person) account() any {
	if p == nil {
		return nil
	}
	return graphql.Object{"__typename": "User", "login": p.login}
}

func (p *pull) node(now time.Time) graphql.Object {
	at := func(t time.Time) any {
		if !shows(t, now) {
			return nil
		}
		return t.UTC().Format(time.RFC3339)
	}
	o := graphql.Object{
		"__typename": "PullRequest", "id": nodeID("PR_", p.id), "fullDatabaseId": fmt.Sprint(p.id), "number": p.number, "title": p.title, "body": p.body,
		"url": fmt.Sprintf("https://github.com/%s/pull/%d", p.repo.full, p.number), "createdAt": at(p.created), "updatedAt": at(p.updated(now)), "mergedAt": at(p.merged),
		"baseRefName": p.base, "baseRef": graphql.Object{"__typename": "Ref", "name": p.base}, "headRefName": p.head, "headRefOid": p.headAt(now), "author": p.author.account(), "mergedBy": nil, "mergeCommit": nil,
		"labels": graphql.Listed(nil), "closingIssuesReferences": graphql.Listed(nil), "timelineItems": graphql.Resolver(func(map[string]any) any { return graphql.Listed(p.dismissals(now)) }),
		"reviews": graphql.Resolver(func(map[string]any) any { return graphql.Listed(p.reviewNodes(now)) }),
		"commits": graphql.Resolver(func(map[string]any) any { return graphql.Listed(p.commitNodes(now)) }),
	}
	if shows(p.merged, now) {
		o["mergedBy"] = p.mergedBy.account()
		o["mergeCommit"] = graphql.Object{"__typename": "Commit", "oid": p.mergeSHA(), "statusCheckRollup": nil,
			"parents": graphql.Listed([]graphql.Object{{"__typename": "Commit", "oid": p.sha("base"), "associatedPullRequests": graphql.Listed(nil)}})}
	}
	return o
}

func (p *pull) reviewNodes(now time.Time) (all []graphql.Object) {
	for _, v := range p.reviews {
		if !v.at.After(now) {
			all = append(all, graphql.Object{"__typename": "PullRequestReview", "id": nodeID("PRR_", v.id), "state": v.stateAt(now), "author": v.by.account(), "authorCanPushToRepository": true,
				"submittedAt": v.at.UTC().Format(time.RFC3339), "commit": graphql.Object{"__typename": "Commit", "oid": v.sha}})
		}
	}
	return all
}

// dismissals are all that a timeline here has to tell.
func (p *pull) dismissals(now time.Time) (all []graphql.Object) {
	for _, v := range p.reviews {
		if shows(v.dismissed, now) {
			all = append(all, graphql.Object{"__typename": "ReviewDismissedEvent", "createdAt": v.dismissed.UTC().Format(time.RFC3339), "previousReviewState": v.state,
				"review": graphql.Object{"__typename": "PullRequestReview", "id": nodeID("PRR_", v.id)}})
		}
	}
	return all
}

func (p *pull) commitNodes(now time.Time) (all []graphql.Object) {
	for _, k := range p.pushedBy(now) {
		who := graphql.Object{"__typename": "GitActor", "email": gitUser(k.author, k.at)["email"], "user": k.author.account()}
		all = append(all, graphql.Object{"__typename": "PullRequestCommit", "commit": graphql.Object{
			"__typename": "Commit", "oid": k.sha, "committedViaWeb": false, "committer": who, "signature": k.signature(),
			"parents": graphql.Listed([]graphql.Object{{"__typename": "Commit", "oid": k.sha[20:] + k.sha[:20]}}), "authors": graphql.Listed([]graphql.Object{who}),
			"statusCheckRollup": graphql.Resolver(func(map[string]any) any { return p.rollup(k.sha, now) }),
		}})
	}
	return all
}

// signature gives the signature that GitHub verified, null where it does not know the author.
func (k commit) signature() any {
	if k.author == nil {
		return nil
	}
	return graphql.Object{"__typename": "SshSignature", "isValid": true, "wasSignedByGitHub": false, "signer": k.author.account()}
}

// rollup gives check runs and the latest status of each context, null where there are none.
func (p *pull) rollup(sha string, now time.Time) any {
	var all []graphql.Object
	for _, k := range p.checks {
		if k.sha != sha || k.start.After(now) {
			continue
		}
		o := graphql.Object{"__typename": "CheckRun", "name": k.name, "conclusion": nil, "completedAt": nil}
		if shows(k.done, now) {
			o["conclusion"], o["completedAt"] = strings.ToUpper(k.conclusion), k.done.UTC().Format(time.RFC3339)
		}
		all = append(all, o)
	}
	var seen []string
	for _, s := range p.statusesOf(sha, now) {
		if !slices.Contains(seen, s.context) {
			seen = append(seen, s.context)
			all = append(all, graphql.Object{"__typename": "StatusContext", "context": s.context, "state": strings.ToUpper(s.state), "createdAt": s.at.UTC().Format(time.RFC3339)})
		}
	}
	if len(all) == 0 {
		return nil
	}
	return graphql.Object{"__typename": "StatusCheckRollup", "contexts": graphql.Listed(all)}
}
