package github

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// toPrism carries what is asked of api.github.com to Prism, which answers with
// the examples of GitHub's own description.
type toPrism struct {
	host string
	api  document // the description
	// endless is the call that keeps its Link header: the examples name the
	// same next page on every page.
	endless string
	// unmended is a call whose example stays as it is: see mends.
	unmended string
	// v3 keeps the Accept header of go-github v60.
	v3 bool
}

// mends are for examples that contradict others: the organisation states 102
// repositories and lists 1, the pull request has 3 commits and lists 1.
var mends = map[string]*strings.Replacer{
	"GET /orgs/{org}":                          strings.NewReplacer(`"public_repos":2`, `"public_repos":1`, `"total_private_repos":100`, `"total_private_repos":0`),
	"GET /repos/{owner}/{repo}/pulls/{number}": strings.NewReplacer(`"commits":3`, `"commits":1`),
}

// RoundTrip implements http.RoundTripper.
func (p toPrism) RoundTrip(r *http.Request) (*http.Response, error) {
	x, _ := collectors.Asked(r.Context())
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", p.host
	if !p.v3 {
		r.Header.Set("Accept", "application/json")
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if x.Call != p.endless {
		resp.Header.Del("Link")
	}
	if mend := mends[x.Call]; mend != nil && x.Call != p.unmended {
		body = []byte(mend.Replace(string(body)))
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// examples is when the pull request of the examples was merged.
var examples = evidence.Window{From: time.Date(2011, 1, 26, 0, 0, 0, 0, time.UTC), To: time.Date(2011, 1, 27, 0, 0, 0, 0, time.UTC)}

// capture reads one kind of the organisation of the examples.
func (p toPrism) capture(t *testing.T, kind evidence.Kind, endpoint string) collectors.Snapshot {
	t.Helper()
	cfg := newConfig()
	cfg.Organization, cfg.Token, cfg.Common.Endpoint = "github", token, endpoint
	src, err := collectors.Open(Spec(), cfg, collectors.DoorOptions{
		Base: p, Now: func() time.Time { return start }, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := evidence.Window{}
	if kind == kindPullRequest {
		w = examples
	}
	s := src.Visit(t.Context(), "github").Capture(t.Context(), kind, w)
	for _, x := range s.Exchanges {
		wantDescribed(t, p.api, x)
	}
	return s
}

// TestPrism holds the collector to the examples of GitHub's own description.
// Prism also judges what is asked: what the description does not allow is 422.
func TestPrism(t *testing.T) {
	api := githubAPI(t)
	p := toPrism{host: serve(t, "@stoplight/prism-cli/dist/index.js", "mock", "--verboseLevel", "error", cut(t, api)), api: api}
	t.Run("examples", func(t *testing.T) { testExamples(t, p) })
	t.Run("contradictions", func(t *testing.T) { testContradictions(t, p) })
	t.Run("endless", func(t *testing.T) { testEndless(t, p) })
	t.Run("another host", func(t *testing.T) {
		p := p
		p.endless = "GET /orgs/{org}/repos"
		wantIncomplete(t, p.capture(t, kindRepository, "http://"+p.host), "next link leaves the host")
	})
	t.Run("not acceptable", func(t *testing.T) {
		p := p
		p.v3 = true
		wantIncomplete(t, p.capture(t, kindOrg, ""), "406")
	})
}

// testExamples: every kind but the members is read whole from the examples.
func testExamples(t *testing.T, p toPrism) {
	for kind, want := range map[evidence.Kind]string{
		kindOrg: `
1 github [] {"created_at":"2008-01-14T04:33:35Z","default_repository_permission":"read","login":"github","members_can_create_public_repositories":false,"plan":"Medium","two_factor_required":true}
github read`,
		kindRepository: `
1296269 octocat/Hello-World [octocat/Hello-World] {"archived":false,"created_at":"2011-01-26T19:01:12Z","default_branch":"master","fork":false,"full_name":"octocat/Hello-World","private":false,"pushed_at":"2011-01-26T19:06:43Z","visibility":"public"}
github read`,
		kindBranch: `
1296269:master octocat/Hello-World@master [octocat/Hello-World] {"branch":"master","classic_protection":true,"deletion_blocked":false,"dismiss_stale_reviews":true,"enforce_admins":true,"force_push_blocked":false,"pull_request_required":true,"repository":"octocat/Hello-World","require_code_owner_reviews":true,"require_last_push_approval":true,"required_approvals":2,"required_status_checks":["continuous-integration/travis-ci"],"rules":["commit_author_email_pattern","commit_message_pattern"]}
octocat/Hello-World read`,
		// The only review is eight years younger than the merge: no approval.
		kindPullRequest: `
1 octocat/Hello-World#1347 [octocat/Hello-World] {"approvals":[],"author":"octocat","base":"master","base_is_default":true,` +
			`"checks":[{"completed_at":"2012-07-20T01:19:13Z","conclusion":"success","name":"continuous-integration/jenkins"},{"completed_at":"2018-05-04T01:14:52Z","conclusion":"neutral","name":"mighty_readme"},{"completed_at":"2012-08-20T01:19:13Z","conclusion":"success","name":"security/brakeman"}],` +
			`"commit_authors":["octocat"],"created_at":"2011-01-26T19:01:12Z","head_ref":"new-topic","head_sha":"6dcb09b5b57875f334f61aebed695e2e4193db5e","merge_sha":"e5bd3914e2e596debea16f433f57875b5b90bcd6","merged_at":"2011-01-26T19:01:12Z","merged_by":"octocat","number":1347,"repository":"octocat/Hello-World",` +
			`"reviews":[{"commit_id":"ecdd80bb57125d7ba9641ffaa4d7d2c19d3f3091","reviewer":"octocat","state":"APPROVED","submitted_at":"2019-11-17T17:43:43Z"}],"tickets":[],"title":"Amazing new feature","url":"https://github.com/octocat/Hello-World/pull/1347"}
octocat/Hello-World read`,
	} {
		t.Run(string(kind), func(t *testing.T) {
			s := p.capture(t, kind, "")
			expect(t, s, true, want)
			if c := s.Certificate; c.Principal != "octocat" || !slices.Equal(c.Endpoints, []string{"api.github.com"}) {
				t.Errorf("principal %q, endpoints %v", c.Principal, c.Endpoints)
			}
		})
	}
}

// testContradictions: the examples of one API contradict each other, and
// nothing that is contradicted is believed.
func testContradictions(t *testing.T, p toPrism) {
	s := p.capture(t, kindMember, "")
	expect(t, s, false, `
1 octocat [] {"login":"octocat","role":"admin"}
1 octocat [] {"login":"octocat","role":"member"}
github read
github/2fa_disabled failed incomplete`)
	wantIncomplete(t, s, "not heeded")
	p.unmended = "GET /orgs/{org}"
	for _, kind := range listings["GET /orgs/{org}/repos"] {
		wantIncomplete(t, p.capture(t, kind, ""), "states 102 repositories, the credential sees 1")
	}
	p.unmended = "GET /repos/{owner}/{repo}/pulls/{number}"
	s = p.capture(t, kindPullRequest, "")
	expect(t, s, false, "octocat/Hello-World failed incomplete")
	wantIncomplete(t, s, "has 3 commits, read 1")
}

// listings are the calls whose description has a Link header, and the kinds that need them.
var listings = map[string][]evidence.Kind{
	"GET /orgs/{org}/members":                            {kindMember},
	"GET /orgs/{org}/repos":                              {kindRepository, kindBranch, kindPullRequest},
	"GET /repos/{owner}/{repo}/pulls":                    {kindPullRequest},
	"GET /repos/{owner}/{repo}/pulls/{number}/commits":   {kindPullRequest},
	"GET /repos/{owner}/{repo}/pulls/{number}/reviews":   {kindPullRequest},
	"GET /repos/{owner}/{repo}/commits/{ref}/check-runs": {kindPullRequest},
}

// testEndless: each listing whose next page is always the second one ends with
// an error, and soon.
func testEndless(t *testing.T, p toPrism) {
	for _, c := range calls() {
		_, op := operation(p.api, c.Name)
		headers, _ := op["responses"].(document)["200"].(document)["headers"].(document)
		if (headers["Link"] != nil) != (listings[c.Name] != nil) {
			t.Errorf("%s: headers %v", c.Name, headers)
		}
		p.endless = c.Name
		for _, kind := range listings[c.Name] {
			t.Run(string(kind)+strings.NewReplacer("GET ", "", "/", " ").Replace(c.Name), func(t *testing.T) { testLoop(t, p, kind) })
		}
	}
}

func testLoop(t *testing.T, p toPrism, kind evidence.Kind) {
	s := p.capture(t, kind, "")
	wantIncomplete(t, s, "loops")
	asked := 0
	for _, x := range s.Exchanges {
		if x.Call == p.endless {
			asked++
		}
	}
	if asked != 2 || len(s.Records) != 0 {
		t.Errorf("asked %d times, want 2; %d records, want none", asked, len(s.Records))
	}
}

func wantIncomplete(t *testing.T, s collectors.Snapshot, why string) {
	t.Helper()
	if !errors.Is(s.Err, collectors.ErrIncomplete) || !strings.Contains(s.Err.Error(), why) || s.Certificate.Complete {
		t.Errorf("error %v, complete %v; want incomplete because: %s", s.Err, s.Certificate.Complete, why)
	}
}
