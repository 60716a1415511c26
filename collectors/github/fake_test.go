package github

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

const token = "github_pat_11AAAAAAA0planted"

// reply is one answer of the fake GitHub.
type reply struct {
	status int
	body   string
	next   string // number of the next page, for the Link header
	header map[string]string
}

func ok(body string) reply { return reply{status: 200, body: body} }

// no is GitHub's error answer.
func no(status int, message string) reply {
	return reply{status: status, body: fmt.Sprintf(`{"message":%q,"documentation_url":"https://docs.github.com/rest"}`, message)}
}

// fake answers by path and query (without per_page); a list of replies is
// given one after the other, the last one again and again.
type fake struct {
	mu      sync.Mutex
	replies map[string][]reply
	asked   map[string]int
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	q.Del("per_page")
	key := r.URL.EscapedPath()
	if len(q) > 0 {
		key += "?" + q.Encode()
	}
	f.mu.Lock()
	rs, n := f.replies[key], f.asked[key]
	f.asked[key]++
	f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-RateLimit-Remaining", "0") // would block go-github by its own clock
	w.Header().Set("X-RateLimit-Reset", "4102444800")
	if r.Header.Get("Authorization") != "Bearer "+token {
		rs = []reply{no(401, "Bad credentials")}
	}
	if len(rs) == 0 {
		rs = []reply{no(404, "Not Found")}
	}
	a := rs[min(n, len(rs)-1)]
	for k, v := range a.header {
		w.Header().Set(k, v)
	}
	if a.next != "" {
		q.Set("page", a.next)
		w.Header().Set("Link", fmt.Sprintf(`<http://%s/organizations/1%s?%s>; rel="next", <http://%s/x?page=9>; rel="last"`, r.Host, r.URL.Path, q.Encode(), r.Host))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write([]byte(a.body))
}

var start = time.Date(2026, 7, 1, 6, 0, 0, 0, time.UTC)

// base answers who asks, and states one repository.
func base() map[string][]reply {
	return map[string][]reply{"/user": {ok(`{"login":"auditor","id":7}`)}, "/orgs/acme": {stating(0, 1)}}
}

// stating is an organisation with so many repositories.
func stating(public, private int) reply {
	return ok(fmt.Sprintf(`{"id":1,"login":"acme","public_repos":%d,"total_private_repos":%d,"owned_private_repos":%[2]d}`, public, private))
}

// open serves the replies under /api/v3, as GitHub Enterprise Server does, and
// pull requests beside them.
func open(t *testing.T, replies map[string][]reply, graph http.Handler) *transport.Source {
	t.Helper()
	return openWith(t, replies, graph, nil)
}

// openWith is open with another configuration.
func openWith(t *testing.T, replies map[string][]reply, graph http.Handler, change func(*Config)) *transport.Source {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/api/v3/", http.StripPrefix("/api/v3", &fake{replies: replies, asked: map[string]int{}}))
	if graph != nil {
		mux.Handle("POST /api/graphql", graph)
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	cfg := newConfig()
	cfg.Organization, cfg.Token, cfg.Common.Endpoint = "acme", token, srv.URL+"/api/v3/"
	if change != nil {
		change(cfg)
	}
	s, err := transport.Open(Spec(), cfg, transport.Options{
		Now:   func() time.Time { return start },
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func isEvent(kind evidence.Kind) bool {
	k, _ := Spec().Kind(kind)
	return k.Mode == evidence.Event
}

func capture(t *testing.T, replies map[string][]reply, kind evidence.Kind) transport.Snapshot {
	t.Helper()
	return captureFrom(t, replies, nil, kind)
}

// captureFrom reads pull requests from a graph as well. What was read is read
// again from the recording, in the window that it was cut to.
func captureFrom(t *testing.T, replies map[string][]reply, graph http.Handler, kind evidence.Kind) transport.Snapshot {
	t.Helper()
	w := evidence.Window{}
	if isEvent(kind) {
		w = evidence.Window{From: start.Add(-24 * time.Hour), To: start}
	}
	s := open(t, replies, graph).Visit(t.Context(), "acme").Capture(t.Context(), kind, w)
	if graph != nil && s.Certificate.Window != nil {
		wantSame(t, s, kind)
	}
	for _, x := range s.Exchanges {
		if b, err := evidence.Canonical(x); err != nil || strings.Contains(string(b), token) {
			t.Errorf("the token is in an exchange, or %v: %s", err, b)
		}
	}
	return s
}

// wantSame: the recording alone gives the same again.
func wantSame(t *testing.T, s transport.Snapshot, kind evidence.Kind) {
	t.Helper()
	cfg := newConfig()
	cfg.Organization, cfg.Common.Endpoint = "acme", "http://"+s.Certificate.Endpoints[0]+"/api/v3/"
	src, err := transport.Open(Spec(), cfg, transport.Replay(s.Exchanges), nil)
	if err != nil {
		t.Fatal(err)
	}
	again := src.Visit(t.Context(), "acme").Capture(t.Context(), kind, *s.Certificate.Window)
	if got, want := text(t, again), text(t, s); got != want || (again.Err == nil) != (s.Err == nil) {
		t.Errorf("replayed %s, read %s (%v, %v)", got, want, again.Err, s.Err)
	}
}

// text returns records and scopes in one readable form.
func text(t *testing.T, s transport.Snapshot) string {
	t.Helper()
	var b strings.Builder
	for _, r := range s.Records {
		line, err := evidence.Canonical(r.Attributes)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %s [%s] %s\n", r.ID, r.Name, r.Scope, line)
	}
	for _, sc := range s.Certificate.Scopes {
		fmt.Fprintf(&b, "%s %s", sc.Scope, sc.Status)
		if sc.Reason != nil {
			fmt.Fprintf(&b, " %s", sc.Reason.Class)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func expect(t *testing.T, s transport.Snapshot, complete bool, want string) {
	t.Helper()
	if (s.Err == nil) != complete || s.Certificate.Complete != complete {
		t.Errorf("complete %v, error %v; want %v", s.Certificate.Complete, s.Err, complete)
	}
	if got := text(t, s); strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
