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
	"github.com/evidenced/evidenced/collectors/transport"
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
// repositories and lists 1. The example of an activity has the names that its members had before.
var mends = map[string]*strings.Replacer{
	"GET /orgs/{org}":                    strings.NewReplacer(`"public_repos":2`, `"public_repos":1`, `"total_private_repos":100`, `"total_private_repos":0`),
	"GET /repos/{owner}/{repo}/activity": strings.NewReplacer(`"push_type"`, `"activity_type"`, `"pushed_at"`, `"timestamp"`),
}

// RoundTrip implements http.RoundTripper.
func (p toPrism) RoundTrip(r *http.Request) (*http.Response, error) {
	x, _ := transport.RequestFromContext(r.Context())
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

// examples are when the events of the examples happened.
var examples = map[evidence.Kind]evidence.Window{
	kindActivity: dayOf(2011, 1, 26), kindRuleSuite: dayOf(2023, 7, 6), kindDeployment: dayOf(2012, 7, 20),
}

func dayOf(year, month, day int) evidence.Window {
	from := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return evidence.Window{From: from, To: from.Add(22 * time.Hour)}
}

// capture reads one kind of the organisation of the examples.
func (p toPrism) capture(t *testing.T, kind evidence.Kind, endpoint string) transport.Snapshot {
	t.Helper()
	cfg := newConfig()
	cfg.Organization, cfg.Token, cfg.Common.Endpoint = "github", token, endpoint
	src, err := transport.Open(Spec(), cfg, transport.Options{
		Base: p, Now: func() time.Time { return start }, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := evidence.Window{}
	if isEvent(kind) {
		w = examples[kind]
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
	for kind, want := range exampleRecords() {
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
	for _, k := range table() {
		if !k.listing || k.Kind == kindPullRequest { // Prism speaks no GraphQL
			continue
		}
		kind := k.Kind
		wantIncomplete(t, p.capture(t, kind, ""), "states 102 repositories, the credential sees 1")
	}
}

// testEndless: each listing whose next page is always the second one ends with
// an error, and soon.
func testEndless(t *testing.T, p toPrism) {
	looped := 0
	for _, c := range calls() {
		_, op := operation(p.api, c.Name)
		if op == nil || c.Body != "" {
			continue // not of github.com, or no listing
		}
		headers, _ := op["responses"].(document)["200"].(document)["headers"].(document)
		if headers["Link"] == nil || c.Name == "GET /repos/{owner}/{repo}/activity" {
			continue // the example of activities names a page, which they do not take
		}
		looped++
		p.endless = c.Name
		for _, kind := range slices.DeleteFunc(slices.Clone(c.Kinds), func(k evidence.Kind) bool { return k == kindPullRequest }) {
			t.Run(string(kind)+strings.NewReplacer("GET ", "", "/", " ").Replace(c.Name), func(t *testing.T) { testLoop(t, p, kind) })
		}
	}
	if looped < 10 {
		t.Errorf("%d calls are described as listings", looped)
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
	if asked != 2 {
		t.Errorf("asked %d times, want 2", asked)
	}
}

func wantIncomplete(t *testing.T, s transport.Snapshot, why string) {
	t.Helper()
	if !errors.Is(s.Err, collectors.ErrIncomplete) || !strings.Contains(s.Err.Error(), why) || s.Certificate.Complete {
		t.Errorf("error %v, complete %v; want incomplete because: %s", s.Err, s.Certificate.Complete, why)
	}
}
