package simulator

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	gocmp "github.com/google/go-cmp/cmp"
)

// afflicted is a clean company with one fault for the first day.
func afflicted(f fault) *Company {
	c := New(Options{Seed: 9, Start: start, Days: 30})
	f.span = interval{c.start, c.start.Add(day)}
	c.faults = []*fault{&f}
	return c
}

// ask sends one request to GitHub over a real connection.
func ask(t *testing.T, c *Company, path string, header ...string) (*http.Response, []byte, error) {
	t.Helper()
	srv := httptest.NewServer(c.Handler())
	t.Cleanup(srv.Close)
	r := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/github"+path, nil))
	r.Header.Set("Authorization", "token "+c.Token())
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

func TestGitHubFaults(t *testing.T) {
	for _, tt := range []struct {
		effect effect
		status int
		retry  bool
	}{
		{throttled, 429, true}, {secondary, 403, true}, {unavailable, 503, false}, {broken, 500, false},
		{denied, 403, false}, {hidden, 404, false}, {refused, 422, false}, {expired, 401, false},
	} {
		c := afflicted(fault{vendor: "github", op: opOrg, effect: tt.effect, times: 1})
		resp, body, err := ask(t, c, "/orgs/"+c.Organization())
		var e struct{ Message string }
		if err != nil || resp.StatusCode != tt.status || json.Unmarshal(body, &e) != nil || e.Message == "" || tt.retry != (resp.Header.Get("Retry-After") != "") {
			t.Errorf("%s: %v %s, %v", tt.effect, resp, body, err)
		}
		resp, _, err = ask(t, c, "/orgs/"+c.Organization())
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%s lasts: %v, %v", tt.effect, resp, err)
		}
	}
}

func TestBrokenConnections(t *testing.T) {
	c := afflicted(fault{vendor: "github", op: opOrg, effect: reset, times: 1})
	if resp, _, err := ask(t, c, "/orgs/"+c.Organization()); err == nil {
		t.Errorf("a reset connection answers %v", resp)
	}
	c = afflicted(fault{vendor: "github", op: opOrg, effect: truncated, times: 1})
	if _, body, err := ask(t, c, "/orgs/"+c.Organization()); !errors.Is(err, io.ErrUnexpectedEOF) || len(body) == 0 {
		t.Errorf("a cut answer reads as %d bytes, %v", len(body), err)
	}
	c = afflicted(fault{vendor: "github", op: opOrg, effect: malformed})
	if _, body, err := ask(t, c, "/orgs/"+c.Organization()); err != nil || json.Valid(body) {
		t.Errorf("a malformed answer is valid JSON: %v", err)
	}
}

// TestFaultEnds checks that a lasting fault holds exactly in its time, and only where it is.
func TestFaultEnds(t *testing.T) {
	c := afflicted(fault{vendor: "github", op: opMembers, where: "role=admin", effect: denied})
	for _, tt := range []struct {
		after  time.Duration
		role   string
		status int
	}{{-time.Second, "admin", 200}, {0, "admin", 403}, {0, "member", 200}, {day - time.Second, "admin", 403}, {day, "admin", 200}} {
		c.SetNow(c.start.Add(tt.after))
		for range 3 {
			if resp, _, err := ask(t, c, "/orgs/"+c.Organization()+"/members?role="+tt.role); err != nil || resp.StatusCode != tt.status {
				t.Errorf("after %v for %s: %v, %v", tt.after, tt.role, resp, err)
			}
		}
	}
}

func TestLoops(t *testing.T) {
	c := afflicted(fault{vendor: "github", op: opMembers, effect: loops})
	for _, page := range []string{"1", "2"} {
		resp, _, err := ask(t, c, "/orgs/"+c.Organization()+"/members?page="+page)
		if err != nil || !strings.Contains(resp.Header.Get("Link"), `page=2>; rel="next"`) {
			t.Errorf("page %s leads to %v, %v", page, resp, err)
		}
	}
}

// TestSelectedRepositories: the organisation states what there is; a list
// that the token's limits cut says nothing of that.
func TestSelectedRepositories(t *testing.T) {
	c := afflicted(fault{vendor: "github", op: opRepos, effect: selected})
	for _, tt := range []struct {
		at    time.Time
		whole bool
	}{{c.start, false}, {c.end, true}} {
		c.SetNow(tt.at)
		var org struct {
			Public  int `json:"public_repos"`
			Private int `json:"total_private_repos"`
			Owned   int `json:"owned_private_repos"`
		}
		_, body, err := ask(t, c, "/orgs/"+c.Organization())
		if err != nil || json.Unmarshal(body, &org) != nil {
			t.Fatal(string(body), err)
		}
		listed, public := 0, 0
		b := browser{t, c, func(_, _ string, a *httptest.ResponseRecorder) {
			if a.Code != http.StatusOK {
				t.Errorf("status %d", a.Code)
			}
		}}
		for _, r := range b.items(opRepos, "/orgs/"+c.Organization()+"/repos?per_page=100") {
			listed++
			if r["visibility"] == "public" {
				public++
			}
		}
		if listed == 0 || org.Public < 1 || org.Private != org.Owned || (listed == org.Public+org.Private) != tt.whole || tt.whole && public != org.Public {
			t.Errorf("%d are stated as public, %d as private, %d are listed, %d of them public; want all: %t", org.Public, org.Private, listed, public, tt.whole)
		}
	}
}

// TestNotModified: an ETag spares the body, but never hides a fault.
func TestNotModified(t *testing.T) {
	c := afflicted(fault{vendor: "github", op: opOrg, effect: malformed})
	c.SetNow(c.end)
	path := "/orgs/" + c.Organization()
	first, _, err := ask(t, c, path)
	if err != nil {
		t.Fatal(err)
	}
	tag := first.Header.Get("ETag")
	for _, tt := range []struct {
		at     time.Time
		tag    string
		status int
	}{{c.end, tag, 304}, {c.end, `W/"0"`, 200}, {c.start, tag, 200}} {
		c.SetNow(tt.at)
		resp, body, err := ask(t, c, path, "If-None-Match", tt.tag)
		if err != nil || resp.StatusCode != tt.status || (tt.status == 304) != (len(body) == 0) {
			t.Errorf("at %v with %s: %v, %v", tt.at, tt.tag, resp, err)
		}
	}
}

func TestAWSFaults(t *testing.T) {
	for _, tt := range []struct {
		effect effect
		code   string
	}{{throttled, "Throttling"}, {unavailable, "ServiceUnavailable"}, {broken, "InternalFailure"}, {denied, "AccessDenied"}} {
		c := afflicted(fault{vendor: "aws", op: "iam:GetAccountSummary", effect: tt.effect, times: 2})
		api := iam.NewFromConfig(visit(t, c).cfg)
		for range 2 {
			_, err := api.GetAccountSummary(t.Context(), nil)
			wantCode(t, err, tt.code)
		}
		if _, err := api.GetAccountSummary(t.Context(), nil); err != nil {
			t.Errorf("%s lasts: %v", tt.effect, err)
		}
	}
	for _, e := range []effect{reset, truncated, malformed} {
		c := afflicted(fault{vendor: "aws", op: "iam:GetAccountSummary", where: New(Options{Seed: 9, Start: start, Days: 30}).Accounts()[0], effect: e, times: 1})
		api := iam.NewFromConfig(visit(t, c).cfg)
		if out, err := api.GetAccountSummary(t.Context(), nil); err == nil {
			t.Errorf("%s: %v", e, out.SummaryMap)
		}
	}
}

// TestDenials checks that every service refuses in words that the SDK reads.
func TestDenials(t *testing.T) {
	for op, code := range map[string]string{
		"organizations:ListAccounts": "AccessDeniedException", "sts:GetCallerIdentity": "AccessDenied", "ec2:DescribeRegions": "UnauthorizedOperation",
		"s3:ListBuckets": "AccessDenied", "cloudtrail:DescribeTrails": "AccessDeniedException",
	} {
		v := visit(t, afflicted(fault{vendor: "aws", op: op, effect: denied}))
		wantCode(t, v.ask(op), code)
		v = visit(t, afflicted(fault{vendor: "aws", op: op, effect: throttled}))
		slow := map[string]string{"ec2:DescribeRegions": "RequestLimitExceeded", "s3:ListBuckets": "SlowDown", "sts:GetCallerIdentity": "Throttling"}
		wantCode(t, v.ask(op), cmp.Or(slow[op], "ThrottlingException"))
	}
}

// TestDeterminism: two companies of one seed give the same bytes.
func TestDeterminism(t *testing.T) {
	read := func() (out []string) {
		c := New(Options{Seed: 8, Start: start, Days: 60, Plant: true}) // a fault might tear the connection
		c.SetNow(c.start.Add(40*day + 12*time.Hour))
		browser{t, c, func(op, path string, a *httptest.ResponseRecorder) {
			h := a.Result().Header
			out = append(out, path, h.Get("Date"), h.Get("Link"), h.Get("ETag"), h.Get("X-GitHub-Request-Id"), a.Body.String())
		}}.everything()
		roster, _ := c.Roster()
		register, _ := c.Register()
		return append(out, c.accounts[0].report(c.Now()), c.Token(), string(roster), string(register))
	}
	a, b := read(), read()
	if d := gocmp.Diff(a, b); d != "" {
		t.Errorf("the same seed gives other bytes: %s", d)
	}
	if a, b := grow(8, 60).Truth(), grow(8, 60).Truth(); !gocmp.Equal(a, b) || gocmp.Equal(a, grow(9, 60).Truth()) {
		t.Error("the truth does not follow from the seed")
	}
}

// TestRoleClosed: a denied role keeps one account shut, and no other.
func TestRoleClosed(t *testing.T) {
	ids := New(Options{Seed: 9, Start: start, Days: 30}).Accounts()
	v := visit(t, afflicted(fault{vendor: "aws", op: "sts:AssumeRole", where: "role in " + ids[1], effect: denied}))
	_, err := v.as(ids[1])
	wantCode(t, err, "AccessDenied")
	if _, err := v.as(ids[2]); err != nil {
		t.Error(err)
	}
}
