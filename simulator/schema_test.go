package simulator

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// githubSchemas gives the schema of every operation's answer, from GitHub's own description.
func githubSchemas(t *testing.T) map[string]*openapi3.Schema {
	t.Helper()
	f := must[*os.File](t)(os.Open("testdata/github-openapi.json.gz"))
	defer f.Close()
	text := must[[]byte](t)(io.ReadAll(must[*gzip.Reader](t)(gzip.NewReader(f))))
	doc := must[*openapi3.T](t)(openapi3.NewLoader().LoadFromData(text))
	out := map[string]*openapi3.Schema{}
	for path, item := range doc.Paths.Map() {
		out["GET "+path] = item.Get.Responses.Status(200).Value.Content.Get("application/json").Schema.Value
	}
	return out
}

// browser reads GitHub page by page, as a collector would, and shows every
// answer with its operation to look.
type browser struct {
	t    *testing.T
	c    *Company
	look func(op, path string, a *httptest.ResponseRecorder)
}

// get gives the answer and the path of the next page.
func (b browser) get(op, path string) (body []byte, next string) {
	b.t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/github"+path, nil)
	r.Header.Set("Authorization", "Bearer "+b.c.Token())
	rec := httptest.NewRecorder()
	b.c.Handler().ServeHTTP(rec, r)
	b.look(op, path, rec)
	for _, l := range strings.Split(rec.Header().Get("Link"), ", ") {
		if u, ok := strings.CutSuffix(l, `>; rel="next"`); ok {
			_, next, _ = strings.Cut(u, "/github")
		}
	}
	return rec.Body.Bytes(), next
}

// items gives all items of all pages.
func (b browser) items(op, path string) (out []map[string]any) {
	b.t.Helper()
	for path != "" {
		body, next := b.get(op, path)
		var page []map[string]any
		if err := json.Unmarshal(body, &page); err != nil {
			b.t.Fatalf("%s: %v", path, err)
		}
		out, path = append(out, page...), next
	}
	return out
}

// everything asks for all that there is.
func (b browser) everything() {
	org := "/orgs/" + b.c.Organization()
	b.get(opUser, "/user")
	b.get(opOrg, org)
	for _, q := range []string{"?role=admin&per_page=100", "?role=member&per_page=100", "?filter=2fa_disabled", "?per_page=7"} {
		b.items(opMembers, org+"/members"+q)
	}
	for _, r := range b.items(opRepos, org+"/repos?per_page=100") {
		repo := "/repos/" + r["full_name"].(string)
		branch := "/branches/" + r["default_branch"].(string)
		b.get(opRepo, repo)
		b.get(opBranch, repo+branch)
		b.get(opProtection, repo+branch+"/protection")
		b.items(opRules, repo+"/rules"+branch)
		for _, p := range b.items(opPulls, repo+"/pulls?state=all&sort=updated&direction=desc&per_page=100") {
			b.pull(repo, p)
		}
	}
}

func (b browser) pull(repo string, p map[string]any) {
	u := fmt.Sprintf("%s/pulls/%v", repo, p["number"])
	b.get(opPull, u)
	b.items(opReviews, u+"/reviews")
	for _, k := range b.items(opCommits, u+"/commits") {
		ref := repo + "/commits/" + k["sha"].(string)
		b.get(opCheckRuns, ref+"/check-runs")
		b.get(opStatus, ref+"/status")
		b.items(opStatuses, ref+"/statuses")
	}
}

// TestAnswersFitGitHubsSchema judges every answer of some days by GitHub's own
// description of it.
func TestAnswersFitGitHubsSchema(t *testing.T) {
	schemas := githubSchemas(t)
	seen := map[string]int{}
	for seed := range int64(4) {
		c := New(Options{Seed: seed, Start: start, Days: 60, Plant: true})
		look := func(op, path string, a *httptest.ResponseRecorder) {
			if a.Code == http.StatusNotFound && op == opProtection && strings.Contains(a.Body.String(), `"Branch not protected"`) {
				return
			}
			var v any
			if err := json.Unmarshal(a.Body.Bytes(), &v); err != nil || a.Code != http.StatusOK {
				t.Fatalf("%s: %d, %v", path, a.Code, err)
			}
			seen[op]++
			if err := schemas[op].VisitJSON(v, openapi3.MultiErrors()); err != nil {
				t.Fatalf("%s does not fit %s: %.2000v", path, op, err)
			}
		}
		for _, days := range []int{0, 20, 59} {
			c.SetNow(c.start.Add(time.Duration(days)*day + 15*time.Hour))
			browser{t, c, look}.everything()
		}
	}
	if got, want := slices.Sorted(maps.Keys(seen)), slices.Sorted(maps.Keys(schemas)); !slices.Equal(got, want) {
		t.Errorf("answers of %v were judged; the description has %v", got, want)
	}
}

// TestSchemaJudges makes sure that the description can fail an answer.
func TestSchemaJudges(t *testing.T) {
	schemas := githubSchemas(t)
	c := grow(1, 30)
	browser{t, c, func(op, path string, a *httptest.ResponseRecorder) {
		var v map[string]any
		if err := json.Unmarshal(a.Body.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		delete(v, "followers")
		if schemas[op].VisitJSON(v) == nil {
			t.Errorf("an organisation without followers fits")
		}
	}}.get(opOrg, "/orgs/"+c.Organization())
}
