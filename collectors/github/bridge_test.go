package github

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/evidenced/evidenced/simulator/graphql"
)

// bridge answers GraphQL from what emulate, which has only REST, says of the
// same pull requests.
type bridge struct {
	r    *http.Request // carries host and credential
	base string
}

var (
	bridgeMu sync.Mutex
	reposOf  = map[string]string{} // full names by node id
)

// bridged answers one request.
func bridged(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var q graphql.Request
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, err
	}
	bridgeMu.Lock()
	defer bridgeMu.Unlock()
	b := bridge{r, "http://" + r.URL.Host}
	a := graphql.Schema{Types: graphTypes, Query: object{
		"node": graphql.Resolver(func(args map[string]any) any { return b.node(args["id"].(string)) }),
		"nodes": graphql.Resolver(func(args map[string]any) any {
			out := []any{}
			for _, id := range args["ids"].([]any) {
				out = append(out, b.node(id.(string)))
			}
			return out
		}),
	}}.Do(q)
	text, err := json.Marshal(a)
	return answer(r, http.StatusOK, string(text)), err
}

// get reads an object or, page by page, a list.
func (b bridge) get(path string, v any) {
	r, err := http.NewRequestWithContext(b.r.Context(), http.MethodGet, b.base+path, nil)
	if err != nil {
		panic(err)
	}
	r.Header.Set("Authorization", b.r.Header.Get("Authorization"))
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
		panic(fmt.Sprintf("%s: %v", path, err))
	}
}

func (b bridge) list(path string) (all []document) {
	for page := 1; ; page++ {
		var some []document
		b.get(fmt.Sprintf("%s%cper_page=100&page=%d", path, map[bool]rune{true: '&', false: '?'}[strings.Contains(path, "?")], page), &some)
		if all = append(all, some...); len(some) < 100 {
			return all
		}
	}
}

// node returns a repository by its node id, or a pull request by "owner/name/number".
func (b bridge) node(id string) any {
	if strings.Count(id, "/") == 2 {
		cut := strings.LastIndexByte(id, '/')
		return b.pull(id[:cut], id[cut+1:])
	}
	if reposOf[id] == "" {
		for _, r := range b.list("/user/repos") {
			reposOf[r["node_id"].(string)] = r["full_name"].(string)
		}
	}
	name := reposOf[id]
	var repo document
	b.get("/repos/"+name, &repo)
	var merged []object
	for _, p := range b.list("/repos/" + name + "/pulls?state=closed&sort=updated&direction=desc") {
		if p["merged_at"] != nil {
			merged = append(merged, object{"__typename": "PullRequest", "id": fmt.Sprint(name, "/", p["number"]), "mergedAt": p["merged_at"], "updatedAt": p["updated_at"]})
		}
	}
	return object{"__typename": "Repository", "databaseId": repo["id"], "pullRequests": graphql.Listed(merged)}
}

// who returns the account of an object's member.
func who(v any) any {
	if u, ok := v.(document); ok {
		return object{"__typename": u["type"], "login": u["login"]}
	}
	return nil
}

func (b bridge) pull(repo, number string) any {
	path := "/repos/" + repo + "/pulls/" + number
	var p document
	b.get(path, &p)
	sha := p["head"].(document)["sha"].(string)
	var labels, reviews, commits []object
	for _, v := range b.list(path + "/reviews") {
		reviews = append(reviews, object{"id": fmt.Sprint(v["id"]), "state": v["state"], "author": who(v["user"]), "authorCanPushToRepository": true, "commit": object{"oid": v["commit_id"]}, "submittedAt": v["submitted_at"]})
	}
	for _, v := range b.list(path + "/commits") {
		author := object{"email": v["commit"].(document)["author"].(document)["email"], "user": who(v["author"])}
		commits = append(commits, object{"commit": object{"oid": v["sha"], "committedViaWeb": false, "committer": object{"email": author["email"], "user": who(v["committer"])}, "signature": nil, "parents": graphql.Listed([]object{{"oid": "0"}}), "authors": graphql.Listed([]object{author})}})
	}
	var runs struct {
		Runs []document `json:"check_runs"`
	}
	b.get("/repos/"+repo+"/commits/"+sha+"/check-runs", &runs)
	checks := []object{}
	for _, v := range runs.Runs {
		conclusion, _ := v["conclusion"].(string)
		checks = append(checks, object{"__typename": "CheckRun", "name": v["name"], "conclusion": strings.ToUpper(conclusion), "completedAt": v["completed_at"]})
	}
	return aliased(object{
		"__typename": "PullRequest", "id": repo + "/" + number, "fullDatabaseId": fmt.Sprint(int64(p["id"].(float64))), "number": p["number"], "title": p["title"], "body": p["body"], "url": p["html_url"],
		"createdAt": p["created_at"], "mergedAt": p["merged_at"], "baseRefName": p["base"].(document)["ref"], "headRefName": p["head"].(document)["ref"], "headRefOid": sha,
		"author": who(p["user"]), "mergedBy": who(p["merged_by"]), "labels": graphql.Listed(labels), "closingIssuesReferences": graphql.Listed(nil),
		"baseRef":     nil,
		"mergeCommit": object{"oid": p["merge_commit_sha"], "statusCheckRollup": nil, "parents": graphql.Listed([]object{{"oid": "0", "associatedPullRequests": graphql.Listed(nil)}})},
		"reviews":     graphql.Listed(reviews), "commits": graphql.Listed(commits), "checks": checks, "timelineItems": graphql.Listed(nil),
	})
}
