package github

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/evidenced/evidenced/simulator/graphql"
)

type object = graphql.Object

// graph is a GraphQL endpoint over pull requests in memory. Each query is held
// to GitHub's own schema before it is answered.
type graph struct {
	t testing.TB
	// repos are the merged pull requests of each repository by its node id, last updated first.
	repos map[string]*graphRepo
	// meddle may answer in its stead.
	meddle func(r graphql.Request) *reply
	// change may change an answer.
	change func(r graphql.Request, a *graphql.Answer)

	mu    sync.Mutex
	asked map[string]int // by operation
}

type graphRepo struct {
	id    int64
	pulls []object
	err   *graphql.Error
}

// interfaces and unions that the queries name.
var graphTypes = map[string][]string{"Actor": {"User", "Bot", "Mannequin"}, "StatusCheckRollupContext": {"CheckRun", "StatusContext"}}

func (g *graph) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if r.Header.Get("Authorization") != "Bearer "+token {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"message":"Bad credentials"}`))
		return
	}
	var q graphql.Request
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		g.t.Errorf("GraphQL: %v", err)
	}
	g.mu.Lock()
	g.asked[q.Operation]++
	g.mu.Unlock()
	if g.meddle != nil {
		if a := g.meddle(q); a != nil {
			for k, v := range a.header {
				w.Header().Set(k, v)
			}
			w.WriteHeader(a.status)
			_, _ = w.Write([]byte(a.body))
			return
		}
	}
	g.mu.Lock()
	a := graphql.Schema{Query: object{"nodes": graphql.Resolver(g.nodes), "node": graphql.Resolver(func(args map[string]any) any { return g.node(args["id"]) })}, Types: graphTypes}.Do(q)
	text, err := json.Marshal(a)
	if err == nil {
		err = schema(g.t).Check(q, text)
	}
	if err != nil {
		g.t.Errorf("GitHub would refuse or answer otherwise: %v", err)
	}
	if g.change != nil {
		g.change(q, &a)
	}
	g.mu.Unlock()
	_ = json.NewEncoder(w).Encode(a)
}

func (g *graph) nodes(args map[string]any) any {
	var out []any
	for _, id := range args["ids"].([]any) {
		out = append(out, g.node(id))
	}
	return out
}

func (g *graph) node(id any) any {
	if r, ok := g.repos[fmt.Sprint(id)]; ok {
		if r.err != nil {
			return *r.err
		}
		return object{"__typename": "Repository", "databaseId": r.id, "pullRequests": graphql.Listed(r.pulls)}
	}
	for _, r := range g.repos {
		for _, p := range r.pulls {
			if p["id"] == id {
				return p
			}
		}
	}
	return graphql.Error{Type: "NOT_FOUND", Message: fmt.Sprintf("Could not resolve to a node with the global id of '%v'", id)}
}

// user returns an account, null if it was deleted.
func user(login string) any {
	if login == "" {
		return nil
	}
	kind := "User"
	if name, app := strings.CutSuffix(login, "[bot]"); app {
		kind, login = "Bot", name
	}
	return object{"__typename": kind, "login": login}
}

// author returns who a commit names; of nobody only the address is known.
func author(login string) object {
	a := object{"email": login + "@example.com", "user": nil}
	switch {
	case login == "":
		a["email"] = "dev@laptop.local"
	case strings.HasSuffix(login, "[bot]"):
		a["email"] = "49+" + login + "@users.noreply.github.com" // GitHub links no app
	default:
		a["user"] = user(login)
	}
	return a
}

func theCommit(sha string, authors ...string) object {
	var all []object
	for _, login := range authors {
		all = append(all, author(login))
	}
	by := any(nil)
	if len(all) > 0 {
		by = all[0]
	}
	return object{"commit": object{"oid": sha, "committedViaWeb": false, "committer": by, "signature": nil, "authors": graphql.Listed(all),
		"parents": graphql.Listed([]object{{"oid": "p" + sha}})}}
}

func theReview(id, login, state, sha, at string) object {
	v := object{"id": id, "state": state, "author": user(login), "commit": object{"oid": sha}, "authorCanPushToRepository": true, "submittedAt": nil}
	if at != "" {
		v["submittedAt"] = "2026-07-01T" + at + "Z"
	}
	return v
}

func ran(name, conclusion, at string) object {
	c := object{"__typename": "CheckRun", "name": name, "conclusion": nil, "completedAt": nil}
	if conclusion != "" {
		c["conclusion"], c["completedAt"] = conclusion, "2026-07-01T"+at+"Z"
	}
	return c
}

func stated(context, state, at string) object {
	return object{"__typename": "StatusContext", "context": context, "state": state, "createdAt": "2026-07-01T" + at + "Z"}
}

func happened(kind, at string, more object) object {
	e := object{"__typename": kind, "createdAt": "2026-07-01T" + at + "Z"}
	for k, v := range more {
		e[k] = v
	}
	return e
}

// thePull returns a merged pull request of nothing in particular.
func thePull(number int, merged, updated string) object {
	return object{
		"__typename": "PullRequest", "id": fmt.Sprintf("PR_%d", number), "fullDatabaseId": fmt.Sprint(number * 100), "number": number, "title": "Work", "body": "",
		"url": fmt.Sprintf("https://github.com/acme/product/pull/%d", number), "createdAt": "2026-06-30T00:00:00Z", "mergedAt": merged, "updatedAt": updated,
		"baseRefName": "main", "headRefName": "topic", "headRefOid": "h1", "author": user("ann"), "mergedBy": user("bob"),

		"mergeCommit": object{"oid": "m1", "statusCheckRollup": nil, "parents": graphql.Listed([]object{{"oid": "m0", "associatedPullRequests": graphql.Listed(nil)}})},
		"labels":      graphql.Listed(nil), "closingIssuesReferences": graphql.Listed(nil), "reviews": graphql.Listed(nil),
		"commits": graphql.Listed([]object{theCommit("h1", "ann")}), "timelineItems": graphql.Listed(nil),
	}
}

// pull5 is the pull request 5, with parts of every kind.
func pull5() object {
	p := thePull(5, "2026-07-01T04:00:00Z", "2026-07-01T05:00:00Z")
	p["title"], p["body"], p["headRefName"] = "ABC-12 faster", "Fixes OPS-1.", "abc-12"
	p["commits"] = graphql.Listed([]object{theCommit("c1", "cat"), theCommit("c2", "ann"), theCommit("h1", "ann")})
	p["reviews"] = graphql.Listed([]object{
		theReview("R1", "bob", "CHANGES_REQUESTED", "c1", "01:00:00"), theReview("R2", "bob", "APPROVED", "h1", "03:00:00"),
		theReview("R3", "bob", "COMMENTED", "h1", "03:30:00"), theReview("R4", "cat", "APPROVED", "c1", "02:00:00"),
		theReview("R5", "cat", "DISMISSED", "c1", "02:30:00"), theReview("R6", "dan", "APPROVED", "h1", "04:00:01"),
		theReview("R7", "", "APPROVED", "h1", "03:00:00"), theReview("R8", "eve", "PENDING", "h1", ""),
	})
	p["checks"] = []object{ran("test", "SUCCESS", "02:00:00"), ran("lint", "", ""), stated("ci/build", "SUCCESS", "02:30:00"), stated("ci/slow", "PENDING", "02:31:00")}
	return p
}

// aliased fills in the field "head", which is "commits" by another name: the
// last one, with the checks.
func aliased(p object) object {
	if _, told := p["baseRef"]; !told {
		p["baseRef"] = object{"name": p["baseRefName"]}
	}
	commits := p["commits"].(graphql.Connection)
	checks, _ := p["checks"].([]object)
	p["commits"] = graphql.Connection{N: commits.N, At: func(i int) object {
		c := commits.At(i)["commit"].(object)
		c["statusCheckRollup"] = nil
		if i == commits.N-1 && len(checks) > 0 {
			c["statusCheckRollup"] = object{"contexts": graphql.Listed(checks)}
		}
		return object{"commit": c}
	}}
	return p
}

// product is the repository acme/product with these pull requests.
func product10(t testing.TB, pulls ...object) *graph {
	for _, p := range pulls {
		aliased(p)
	}
	return &graph{t: t, repos: map[string]*graphRepo{"R_10": {id: 10, pulls: pulls}}, asked: map[string]int{}}
}
