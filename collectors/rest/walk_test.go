package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// read collects one kind of a changed tiny from a server.
func read(t *testing.T, old, new, kind string, answers map[string]string) transport.Snapshot {
	t.Helper()
	text := strings.Replace(tiny, old, new, 1)
	d, err := Parse("tiny.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer1(w, r, answers) }))
	t.Cleanup(srv.Close)
	cfg := d.newConfig()
	cfg.common.Endpoint, cfg.secrets["token"] = srv.URL, "planted-token"
	src, err := transport.Open(d.Spec(), cfg, transport.Options{
		Now: func() time.Time { return runAt }, Sleep: func(context.Context, time.Duration) error { return nil },
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := evidence.Window{}
	if k, _ := d.Spec().Kind(evidence.Kind(kind)); k.Mode == evidence.Event {
		w = window
	}
	return src.Visit(t.Context(), src.Collector().RootScope()).Capture(t.Context(), evidence.Kind(kind), w)
}

// answer1 answers by path and query: "STATUS body", or "link=ADDRESS body".
func answer1(w http.ResponseWriter, r *http.Request, answers map[string]string) {
	text, ok := answers[r.URL.RequestURI()]
	if r.URL.Path == "/me" {
		text, ok = `{"org":"acme","login":"auditor"}`, true
	}
	if !ok {
		text = "404 {}"
	}
	text = strings.ReplaceAll(text, "HOST", "http://"+r.Host)
	status := 200
	if link, rest, ok := strings.Cut(strings.TrimPrefix(text, "link="), " "); ok && strings.HasPrefix(text, "link=") {
		w.Header().Set("Link", "<"+link+`>; rel="next"`)
		text = rest
	}
	if _, err := fmt.Sscanf(text, "%d ", &status); err == nil {
		text = text[4:]
	}
	w.WriteHeader(status)
	fmt.Fprint(w, text)
}

func ids(s transport.Snapshot) string {
	var out []string
	for _, r := range s.Records {
		out = append(out, r.ID)
	}
	return strings.Join(out, " ")
}

const byLink = "page: {by: link}"

// TestPages: each way of paging reads all, and ends where the source does.
func TestPages(t *testing.T) {
	a, b := `{"id":"a","mfa":true}`, `{"id":"b","mfa":false}`
	for _, tt := range []struct {
		name, page string
		answers    map[string]string
		ids, err   string
	}{
		{"link", byLink, map[string]string{"/users": "link=/users?p=2 [" + a + "]", "/users?p=2": "[" + b + "]"}, "a b", ""},
		{"an empty page with a successor", byLink, map[string]string{"/users": "link=/users?p=2 []", "/users?p=2": "[" + b + "]"}, "b", ""},
		{"nothing", byLink, map[string]string{"/users": "[]"}, "", ""},
		{"next address", `page: {by: next, at: .next}, items: ".v[]"`, map[string]string{"/users": `{"v":[` + a + `],"next":"HOST/users?p=2"}`, "/users?p=2": `{"v":[` + b + `],"next":null}`}, "a b", ""},
		{"token", `page: {by: token, at: .next, as: cursor}, items: ".v[]"`, map[string]string{"/users": `{"v":[` + a + `],"next":"x y"}`, "/users?cursor=x+y": `{"v":[` + b + `],"next":""}`}, "a b", ""},
		{"a number as token", `page: {by: token, at: .next, as: cursor}, items: ".v[]"`, map[string]string{"/users": `{"v":[` + a + `],"next":12345678901234567}`, "/users?cursor=12345678901234567": `{"v":[` + b + `]}`}, "a b", ""},
		{"offset to an empty page", "page: {by: offset, as: at}", map[string]string{"/users": "[" + a + "]", "/users?at=1": "[" + b + "]", "/users?at=2": "[]"}, "a b", ""},
		{"offset to the total", `page: {by: offset, as: at}, items: ".v[]"
        total: .n`, map[string]string{"/users": `{"n":2,"v":[` + a + `]}`, "/users?at=1": `{"n":2,"v":[` + b + `]}`}, "a b", ""},
		{"number while there is more", `page: {by: number, as: page, first: 1, more: .more}, items: ".v[]"`, map[string]string{"/users?page=1": `{"more":true,"v":[]}`, "/users?page=2": `{"more":false,"v":[` + b + `]}`}, "b", ""},
		{"less than the total", `page: {by: offset, as: at}, items: ".v[]"
        total: .n`, map[string]string{"/users": `{"n":3,"v":[` + a + `]}`, "/users?at=1": `{"n":3,"v":[]}`}, "a", "the source says 3, read 1"},
		{"link to another host", byLink, map[string]string{"/users": "link=https://evil.example/users [" + a + "]"}, "", "next link leaves the host"},
		{"next address on another host", `page: {by: next, at: .next}, items: ".v[]"`, map[string]string{"/users": `{"v":[` + a + `],"next":"https://evil.example/users"}`}, "a", "next link leaves the host"},
		{"next address of another call", `page: {by: next, at: .next}, items: ".v[]"`, map[string]string{"/users": `{"v":[` + a + `],"next":"HOST/secrets"}`}, "a", "not a declared call"},
		{"a token that comes twice", `page: {by: token, at: .next, as: cursor}, items: ".v[]"`, map[string]string{"/users": `{"v":[],"next":"x"}`, "/users?cursor=x": `{"v":[],"next":"x"}`}, "", "came twice"},
		{"a page that comes twice", "page: {by: offset, as: at}", map[string]string{"/users": "[" + a + "]", "/users?at=1": "[" + a + "]"}, "a", "the same page twice"},
		{"gone in the midst", byLink + ", answers: [{status: 404, means: absent}]", map[string]string{"/users": "link=/users?p=2 [" + a + "]"}, "a", "answered 404"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := read(t, byLink, strings.ReplaceAll(tt.page, "}, ", "}\n        "), "tiny.user", tt.answers)
			if got := ids(s); got != tt.ids || (s.Err == nil) != (tt.err == "") || s.Err != nil && !strings.Contains(s.Err.Error(), tt.err) {
				t.Errorf("read %q, error %v; want %q, %q", got, s.Err, tt.ids, tt.err)
			}
		})
	}
}

// TestAnswers: what a source does not say is absent; what it must say and does
// not, or says otherwise than it did, makes the slot incomplete.
func TestAnswers(t *testing.T) {
	for _, tt := range []struct {
		name, new, body string
		class           error
		want            string // of the record's attributes, or of the error
	}{
		{"whole", byLink, `[{"id":7,"email":"ann@acme.example","mfa":false}]`, nil, "map[email:ann@acme.example mfa:false]"},
		{"no e-mail", byLink, `[{"id":"u","email":null,"mfa":true}]`, nil, "map[mfa:true]"},
		{"a required member is gone", byLink, `[{"id":"u","email":"x"}]`, collectors.ErrIncomplete, `"u" has no mfa (.mfa): the source has changed`},
		{"a required member is null", byLink, `[{"id":"u","mfa":null}]`, collectors.ErrIncomplete, "has no mfa"},
		{"no id", byLink, `[{"email":"x","mfa":true}]`, collectors.ErrIncomplete, "a row has no .id"},
		{"twice the same id", byLink, `[{"id":"u","mfa":true},{"id":"u","mfa":true}]`, collectors.ErrIncomplete, "share the id"},
		{"no list", byLink, `{"users":[]}`, collectors.ErrIncomplete, "want a list"},
		{"a row that is no object", byLink, `["u"]`, collectors.ErrIncomplete, "want an object"},
		{"null", byLink, `null`, collectors.ErrIncomplete, "the answer is null"},
		{"two documents", byLink, `[] []`, collectors.ErrIncomplete, "something follows"},
		{"not what was expected", byLink + "\n        expect: .ok == true", `{"ok":false}`, collectors.ErrIncomplete, "not what was asked for"},
		{"a member of another shape", "items: .users[]", `{"users":7}`, collectors.ErrIncomplete, "not the shape"},
		{"403", byLink, `403 {"error":"no"}`, collectors.ErrDenied, "answered 403"},
		{"401", byLink, `401 {}`, collectors.ErrUnauthenticated, "answered 401"},
		{"404 is not guessed", byLink, `404 {}`, collectors.ErrIncomplete, "answered 404"},
		{"404 that is denied", byLink + "\n        answers: [{status: 404, means: denied}]", `404 {}`, collectors.ErrDenied, "answered 404"},
		{"404 that is absent", byLink + "\n        answers: [{status: 404, means: absent}]", `404 {}`, nil, ""},
		{"not in the plan", byLink + "\n        answers: [{status: 403, contains: upgrade, means: not_licensed}]", `403 please upgrade`, collectors.ErrDenied, "the plan of the tenant does not have it"},
		{"another 403", byLink + "\n        answers: [{status: 403, contains: upgrade, means: absent}]", `403 no`, collectors.ErrDenied, "answered 403"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := read(t, byLink, tt.new, "tiny.user", map[string]string{"/users": tt.body})
			got := ""
			for _, r := range s.Records {
				got = fmt.Sprint(r.Attributes)
			}
			if s.Err != nil {
				got = s.Err.Error()
			}
			if (s.Err == nil) != (tt.class == nil) || !errors.Is(s.Err, tt.class) || !strings.Contains(got, tt.want) {
				t.Errorf("got %s; want %v, %s", got, tt.class, tt.want)
			}
		})
	}
}

// TestEvents: an event of another window is none of this one, and one without
// a time belongs to no window.
func TestEvents(t *testing.T) {
	const old, events = "doc: A user.\n    read:\n      - call: GET /users\n", `doc: A user.
    events: {late: 1h, kept: 30d, format: unix}
    time: .at | unixtime
    read:
      - call: GET /users
        query: {since: "{from}", until: "{to}"}
`
	asked := fmt.Sprintf("/users?since=%d&until=%d", window.From.Unix(), window.To.Unix())
	event := func(id string, at time.Time) string {
		return fmt.Sprintf(`{"id":%q,"mfa":true,"at":%d}`, id, at.Unix())
	}
	s := read(t, old, events, "tiny.user", map[string]string{asked: "[" + strings.Join([]string{
		event("before", window.From.Add(-time.Second)), event("first", window.From), event("last", window.To.Add(-time.Second)), event("after", window.To)}, ",") + "]"})
	if got := ids(s); s.Err != nil || got != "first last" {
		t.Errorf("read %q, %v", got, s.Err)
	}
	s = read(t, old, events, "tiny.user", map[string]string{asked: `[{"id":"e","mfa":true}]`})
	if !errors.Is(s.Err, collectors.ErrIncomplete) {
		t.Errorf("an event without a time: %v", s.Err)
	}
}

// TestNoCredential: only what needs a credential fails without one, and says which.
func TestNoCredential(t *testing.T) {
	d, err := Parse("tiny.yaml", []byte(tiny))
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []collectors.Secret{"", collectors.MissingSecret("TINY_TOKEN is not set")} {
		cfg := d.newConfig()
		cfg.secrets["token"] = token
		src, err := transport.Open(d.Spec(), cfg, transport.Options{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		s := src.Visit(t.Context(), src.Collector().RootScope()).Capture(t.Context(), "tiny.user", evidence.Window{})
		if !errors.Is(s.Err, collectors.ErrUnauthenticated) || !strings.Contains(s.Err.Error(), "token") {
			t.Errorf("%q: %v", token.Reveal(), s.Err)
		}
	}
}
