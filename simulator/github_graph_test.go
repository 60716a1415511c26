package simulator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/evidenced/evidenced/simulator/graphql"
	"github.com/evidenced/evidenced/simulator/graphql/graphqltest"
)

// graphSchema is GitHub's own; the collector's tests have it.
var graphSchema = sync.OnceValues(func() (*graphqltest.Schema, error) {
	return graphqltest.Load("../collectors/github/testdata/github-schema.graphql.gz")
})

// askGraph posts one operation of the collector's own document; the answer fits GitHub's schema.
func (c *Company) askGraph(t *testing.T, operation string, variables map[string]any) map[string]any {
	t.Helper()
	schema := must[*graphqltest.Schema](t)(graphSchema())
	q := graphql.Request{Query: string(must[[]byte](t)(os.ReadFile("../collectors/github/changes.graphql"))), Operation: operation, Variables: variables}
	r := httptest.NewRequest(http.MethodPost, "/github/graphql", strings.NewReader(string(must[[]byte](t)(json.Marshal(q)))))
	r.Header.Set("Authorization", "Bearer "+c.Token())
	rec := httptest.NewRecorder()
	c.Handler().ServeHTTP(rec, r)
	if err := schema.Check(q, rec.Body.Bytes()); err != nil || rec.Code != http.StatusOK {
		t.Fatalf("%s: %d, %v", operation, rec.Code, err)
	}
	var a struct{ Data map[string]any }
	if err := json.Unmarshal(rec.Body.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	return a.Data
}

type tree = map[string]any

// TestGraphTellsTheSame: what GraphQL says of a pull request is what REST says of it.
func TestGraphTellsTheSame(t *testing.T) {
	c := New(Options{Seed: 12, Start: start, Days: 60, Plant: true})
	client := hub(t, c)
	compared, dismissed := 0, 0
	for _, days := range []int{1, 30, 60} {
		c.SetNow(c.start.Add(time.Duration(days) * day))
		for _, r := range c.repos {
			data := c.askGraph(t, "Changed", map[string]any{"ids": []string{nodeID("R_", r.id)}, "first": 100})
			list := data["nodes"].([]any)[0].(tree)["pullRequests"].(tree)["nodes"].([]any)
			for _, v := range list[:min(8, len(list))] {
				p := c.askGraph(t, "Merged", map[string]any{"ids": []any{v.(tree)["id"]}, "few": 20, "reviews": 20, "commits": 20, "checks": 50})["nodes"].([]any)[0].(tree)
				c.compare(t, client, r, p)
				compared++
				dismissed += len(p["timelineItems"].(tree)["nodes"].([]any))
			}
		}
	}
	if compared < 40 || dismissed == 0 {
		t.Errorf("%d compared, %d dismissals", compared, dismissed)
	}
}

func (c *Company) compare(t *testing.T, client *github.Client, r *repository, p tree) {
	t.Helper()
	n := int(p["number"].(float64))
	rest, _, err := client.PullRequests.Get(t.Context(), c.Organization(), r.name, n)
	if err != nil {
		t.Fatal(err)
	}
	reviews, _, err := client.PullRequests.ListReviews(t.Context(), c.Organization(), r.name, n, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := func(v any, name string) string { o, _ := v.(tree); s, _ := o[name].(string); return s }
	head := p["head"].(tree)["nodes"].([]any)[0].(tree)["commit"]
	for name, pair := range map[string][2]string{
		"author":   {text(p["author"], "login"), rest.GetUser().GetLogin()},
		"merge":    {text(p["mergeCommit"], "oid"), rest.GetMergeCommitSHA()},
		"merged":   {p["mergedAt"].(string), rest.GetMergedAt().UTC().Format(time.RFC3339)},
		"mergedBy": {text(p["mergedBy"], "login"), rest.GetMergedBy().GetLogin()},
		"head":     {p["headRefOid"].(string), rest.GetHead().GetSHA()},
		"last":     {text(head, "oid"), rest.GetHead().GetSHA()},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s#%d: %s is %s, and by REST %s", r.full, n, name, pair[0], pair[1])
		}
	}
	nodes := p["reviews"].(tree)["nodes"].([]any)
	if len(nodes) != len(reviews) || int(p["commits"].(tree)["totalCount"].(float64)) != rest.GetCommits() {
		t.Fatalf("%s#%d: %d reviews, by REST %d", r.full, n, len(nodes), len(reviews))
	}
	for i, v := range nodes {
		if got := text(v, "state"); got != reviews[i].GetState() {
			t.Errorf("%s#%d: a review is %s, and by REST %s", r.full, n, got, reviews[i].GetState())
		}
	}
}
