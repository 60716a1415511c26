package github

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

func with(more map[string][]reply) map[string][]reply {
	all := base()
	maps.Copy(all, more)
	return all
}

func TestOrg(t *testing.T) {
	t.Run("as an owner", func(t *testing.T) {
		s := capture(t, with(map[string][]reply{"/orgs/acme": {ok(`{"id":1,"login":"acme","two_factor_requirement_enabled":true,"default_repository_permission":"read","members_can_create_public_repositories":false,"plan":{"name":"team"},"created_at":"2020-01-02T03:04:05Z"}`)}}), kindOrg)
		expect(t, s, true, `
1 acme [] {"created_at":"2020-01-02T03:04:05Z","default_repository_permission":"read","login":"acme","members_can_create_public_repositories":false,"plan":"team","two_factor_required":true}
acme read`)
		if s.Certificate.Principal != "auditor" || s.Certificate.Pages != 1 {
			t.Errorf("certificate %+v", s.Certificate)
		}
	})
	t.Run("null is not false", func(t *testing.T) {
		s := capture(t, with(map[string][]reply{"/orgs/acme": {ok(`{"id":1,"login":"acme","two_factor_requirement_enabled":null}`)}}), kindOrg)
		expect(t, s, true, "1 acme [] {\"login\":\"acme\"}\nacme read")
	})
	for name, tt := range map[string]struct {
		reply reply
		want  error
	}{
		"not found":   {no(404, "Not Found"), collectors.ErrDenied},
		"no login":    {ok(`{"id":1}`), collectors.ErrIncomplete},
		"empty body":  {ok(``), collectors.ErrIncomplete},
		"null":        {ok(`null`), collectors.ErrIncomplete},
		"not JSON":    {ok(`<html>`), collectors.ErrIncomplete},
		"two values":  {ok(`{"id":1,"login":"acme"} {}`), collectors.ErrIncomplete},
		"accepted":    {reply{status: 202}, collectors.ErrIncomplete},
		"limited":     {reply{status: 403, header: map[string]string{"X-RateLimit-Reset": "1"}}, collectors.ErrThrottled},
		"unavailable": {reply{status: 500}, collectors.ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			if s := capture(t, with(map[string][]reply{"/orgs/acme": {tt.reply}}), kindOrg); !errors.Is(s.Err, tt.want) || len(s.Records) != 0 {
				t.Errorf("error %v, want %v", s.Err, tt.want)
			}
		})
	}
}

func TestSession(t *testing.T) {
	org := map[string][]reply{"/orgs/acme": {ok(`{"id":1,"login":"acme"}`)}}
	t.Run("app", func(t *testing.T) {
		org["/user"] = []reply{{status: 403, body: `{"message":"Resource not accessible by integration"}`, header: map[string]string{"X-RateLimit-Remaining": "4999"}}}
		if s := capture(t, org, kindOrg); s.Err != nil || s.Certificate.Principal != "GitHub App installation" {
			t.Errorf("error %v, principal %q", s.Err, s.Certificate.Principal)
		}
	})
	t.Run("wrong token", func(t *testing.T) {
		org["/user"] = []reply{no(401, "Bad credentials")}
		if s := capture(t, org, kindOrg); !errors.Is(s.Err, collectors.ErrUnauthenticated) || len(s.Exchanges) != 1 {
			t.Errorf("error %v, %d exchanges", s.Err, len(s.Exchanges))
		}
	})
	t.Run("throttled", func(t *testing.T) {
		org["/user"] = []reply{{status: 429, header: map[string]string{"Retry-After": "1"}}, ok(`{"login":"auditor"}`)}
		if s := capture(t, org, kindOrg); s.Err != nil || len(s.Exchanges) != 3 {
			t.Errorf("error %v, %d exchanges", s.Err, len(s.Exchanges))
		}
	})
	t.Run("secondary limit", func(t *testing.T) {
		org["/user"] = []reply{{status: 403, body: `{"message":"You have exceeded a secondary rate limit."}`, header: map[string]string{"X-RateLimit-Remaining": "4999"}}, ok(`{"login":"auditor"}`)}
		if s := capture(t, org, kindOrg); s.Err != nil || len(s.Exchanges) != 3 {
			t.Errorf("error %v, %d exchanges", s.Err, len(s.Exchanges))
		}
	})
}

func TestMembers(t *testing.T) {
	lists := map[string][]reply{
		"/orgs/acme/members?role=admin":         {ok(`[{"id":1,"login":"ann"}]`)},
		"/orgs/acme/members?role=member":        {{status: 200, body: `[{"id":2,"login":"bob"}]`, next: "2"}},
		"/orgs/acme/members?page=2&role=member": {ok(`[{"id":3,"login":"cat"}]`)},
	}
	t.Run("as an owner", func(t *testing.T) {
		lists["/orgs/acme/members?filter=2fa_disabled"] = []reply{ok(`[{"id":3,"login":"cat"}]`)}
		s := capture(t, with(lists), kindMember)
		expect(t, s, true, `
1 ann [] {"login":"ann","role":"admin","two_factor":true}
2 bob [] {"login":"bob","role":"member","two_factor":true}
3 cat [] {"login":"cat","role":"member","two_factor":false}
acme read
acme/2fa_disabled read`)
		if s.Certificate.Pages != 4 {
			t.Errorf("%d pages, want 4", s.Certificate.Pages)
		}
	})
	for name, refusal := range map[string]reply{
		"422": no(422, "Only owners can use this filter."),
		"403": {status: 403, body: `{"message":"Must have admin rights"}`, header: map[string]string{"X-RateLimit-Remaining": "4999"}},
	} {
		t.Run("filter refused with "+name, func(t *testing.T) {
			lists["/orgs/acme/members?filter=2fa_disabled"] = []reply{refusal}
			expect(t, capture(t, with(lists), kindMember), false, `
1 ann [] {"login":"ann","role":"admin"}
2 bob [] {"login":"bob","role":"member"}
3 cat [] {"login":"cat","role":"member"}
acme read
acme/2fa_disabled denied denied`)
		})
	}
	t.Run("loop", func(t *testing.T) {
		lists["/orgs/acme/members?page=2&role=member"] = []reply{{status: 200, body: `[]`, next: "2"}}
		if s := capture(t, with(lists), kindMember); !errors.Is(s.Err, collectors.ErrIncomplete) || !strings.Contains(s.Err.Error(), "loops") {
			t.Errorf("error %v", s.Err)
		}
	})
	t.Run("next without a page", func(t *testing.T) {
		lists["/orgs/acme/members?role=member"] = []reply{{status: 200, body: `[]`, header: map[string]string{"Link": `</x?per_page=1>; rel="next"`}}}
		if s := capture(t, with(lists), kindMember); !errors.Is(s.Err, collectors.ErrIncomplete) {
			t.Errorf("error %v", s.Err)
		}
	})
}

const repos = "/orgs/acme/repos?sort=full_name&type=all"

func TestRepositories(t *testing.T) {
	s := capture(t, with(map[string][]reply{"/orgs/acme": {stating(1, 1)}, repos: {ok(`[{"id":10,"full_name":"acme/product","visibility":"private","private":true,"archived":false,"fork":false,"default_branch":"main","created_at":"2020-01-02T03:04:05Z","pushed_at":"2026-06-30T00:00:00Z"},{"id":11,"full_name":"acme/old","pushed_at":null}]`)}}), kindRepository)
	expect(t, s, true, `
11 acme/old [acme/old] {"full_name":"acme/old"}
10 acme/product [acme/product] {"archived":false,"created_at":"2020-01-02T03:04:05Z","default_branch":"main","fork":false,"full_name":"acme/product","private":true,"pushed_at":"2026-06-30T00:00:00Z","visibility":"private"}
acme read`)
	if n := s.Certificate.Total; n == nil || *n != 2 {
		t.Errorf("total %v, want what the organisation states", n)
	}
}

func TestConfig(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"organization is missing": func(c *Config) { c.Organization = "" },
		"is not a login":          func(c *Config) { c.Organization = "acme/../x" },
		"ticket_pattern":          func(c *Config) { c.TicketPattern = "(" },
		"parallel is 0":           func(c *Config) { c.Parallel = 0 },
		"https":                   func(c *Config) { c.Common.Endpoint = "http://ghe.acme/" },
	} {
		c := newConfig()
		c.Organization = "acme"
		change(c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := newConfig()
	c.Organization = "acme"
	for _, token := range []collectors.Secret{"", collectors.MissingSecret("the environment variable T is not set")} {
		c.Token = token
		src, err := transport.Open(Spec(), c, transport.Options{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		snap := src.Visit(t.Context(), "acme").Capture(t.Context(), "github.org", evidence.Window{})
		if !errors.Is(snap.Err, collectors.ErrUnauthenticated) || !strings.Contains(snap.Err.Error(), "not set") || len(snap.Exchanges) != 0 {
			t.Errorf("without a token: %v after %d requests", snap.Err, len(snap.Exchanges))
		}
	}
}

func TestPolicy(t *testing.T) {
	b, err := policy(calls())
	want := `{
  "name": "evidenced (read-only)",
  "url": "https://github.com/evidenced/evidenced",
  "public": false,
  "default_permissions": {
    "actions": "read",
    "administration": "read",
    "checks": "read",
    "contents": "read",
    "deployments": "read",
    "issues": "read",
    "members": "read",
    "metadata": "read",
    "organization_administration": "read",
    "pull_requests": "read",
    "secret_scanning_alerts": "read",
    "security_events": "read",
    "statuses": "read",
    "vulnerability_alerts": "read"
  },
  "default_events": []
}
`
	if err != nil || string(b) != want {
		t.Errorf("got %s, %v", b, err)
	}
}
