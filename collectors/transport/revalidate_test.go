package transport

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// tagged answers with an ETag, and 304 to who has that already.
type tagged struct {
	mu    sync.Mutex
	body  string
	asked []string // If-None-Match of each request
	lie   string   // the ETag of a 304
}

func (s *tagged) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	had := r.Header.Get("If-None-Match")
	s.asked = append(s.asked, had)
	tag := fmt.Sprintf("%q", evidence.HashOf([]byte(s.body)).String()[:8])
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Ratelimit-Remaining", fmt.Sprint(5000-len(s.asked)))
	w.Header().Set("Etag", "W/"+tag)
	if opaqueTag(had) == tag {
		if s.lie != "" {
			w.Header().Set("Etag", s.lie)
		}
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Link", `</next>; rel="next"`)
	_, _ = w.Write([]byte(s.body))
}

// asking opens a door that revalidates, and returns a way to ask through it.
func asking(t *testing.T, h http.Handler) (ask func(token string) (evidence.Exchange, string, error), d *gateway) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	spec := collectors.Spec{Name: "x", Calls: []collectors.Call{{Name: "GET /a"}}, Redact: []string{"secret"}, Revalidates: true}
	now := time.Date(2026, 7, 1, 6, 0, 0, 0, time.UTC)
	d, err := newGateway(spec, &testConfig{hosts: []string{collectors.EndpointHost(srv.URL)}}, Options{
		Now:   func() time.Time { now = now.Add(time.Second); return now },
		Sleep: func(context.Context, time.Duration) error { return nil },
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return func(token string) (evidence.Exchange, string, error) {
		rec := &recorder{}
		r, err := http.NewRequestWithContext(withRecorder(t.Context(), rec), http.MethodGet, srv.URL+"/a", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := d.client().Do(r)
		var body strings.Builder
		if err == nil {
			b, _ := readBody(resp, 1<<20)
			body.Write(b)
		}
		return rec.exchanges()[0], body.String(), err
	}, d
}

// TestRevalidate: what was not modified is the whole answer again, and says since when it holds.
func TestRevalidate(t *testing.T) {
	s := &tagged{body: `{"a":1,"secret":"of the source"}`}
	ask, _ := asking(t, s)
	first, body, err := ask("one")
	if err != nil || body != s.body || first.Unmodified != nil || first.Status != 200 {
		t.Fatalf("first: %v, %s, %+v", err, body, first)
	}
	again, body, err := ask("one")
	if err != nil || body != s.body || again.Status != 200 || again.Body != first.Body || strings.Contains(again.Body, "of the source") {
		t.Errorf("again: %v, %s, %+v", err, body, again)
	}
	u := again.Unmodified
	if u == nil || u.Since.Before(first.Started) || u.Since.After(first.Ended) || u.Body != evidence.HashOf([]byte(first.Body)) {
		t.Errorf("unmodified %+v, first from %s to %s", u, first.Started, first.Ended)
	}
	if again.Header["Link"] != first.Header["Link"] || again.Header["X-Ratelimit-Remaining"] != "4998" {
		t.Errorf("headers %v", again.Header)
	}
	if _, _, err := ask("two"); err != nil || s.asked[2] != "" {
		t.Errorf("another credential has the answer of the first: %v, asked %q", err, s.asked)
	}
	s.body = `{"a":2}`
	changed, body, err := ask("one")
	if err != nil || body != s.body || changed.Unmodified != nil || s.asked[3] == "" {
		t.Errorf("changed: %v, %s, asked %q", err, body, s.asked)
	}
	if same, _, err := ask("one"); err != nil || same.Unmodified == nil || same.Body != s.body {
		t.Errorf("after the change: %v, %+v", err, same)
	}
	s.lie = `"other"`
	if _, _, err := ask("one"); !errors.Is(err, collectors.ErrIncomplete) {
		t.Errorf("not modified of another answer: %v", err)
	}
}

// TestSecretsAreNotKept: an answer that holds a secret is asked for anew, as it may
// be kept for longer than its secret is known.
func TestSecretsAreNotKept(t *testing.T) {
	s := &tagged{body: `{"you":"token-of-an-hour"}`}
	ask, d := asking(t, s)
	d.redact.conceal("token-of-an-hour", d.opt.Now().Add(time.Hour))
	for range 2 {
		if x, _, err := ask("one"); err != nil || x.Unmodified != nil || strings.Contains(x.Body, "token-of-an-hour") {
			t.Errorf("%+v, %v", x, err)
		}
	}
	if len(d.answers.byKey) != 0 {
		t.Error("it is kept")
	}
}

// paging is a listing of pages of two, of which the door has the ETag of each. It
// sends a Link with what it sends whole, and none with a 304, as it may.
type paging struct {
	mu    sync.Mutex
	items []int
	whole int // answers that were sent whole
}

func (p *paging) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, _ := strconv.Atoi(r.URL.Query().Get("page")) // none is the first
	page, rest := p.items[min(2*n, len(p.items)):], false
	if rest = len(page) > 2; rest {
		page = page[:2]
	}
	body, _ := json.Marshal(page)
	tag := fmt.Sprintf("%q", evidence.HashOf(body).String()[:8])
	w.Header().Set("Etag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	p.whole++
	if rest {
		w.Header().Set("Link", fmt.Sprintf(`</a?per_page=2&page=%d>; rel="next"`, n+1))
	}
	_, _ = w.Write(body)
}

// TestPagesNotModified: a listing whose pages are not modified is walked to its
// end, also where it has grown by a page.
func TestPagesNotModified(t *testing.T) {
	p := &paging{items: []int{1, 2, 3, 4}}
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	d, err := newGateway(collectors.Spec{Name: "x", Calls: []collectors.Call{{Name: "GET /a"}}, Revalidates: true}, &testConfig{hosts: []string{collectors.EndpointHost(srv.URL)}}, Options{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	walk := func() (all []int) {
		for at := srv.URL + "/a?per_page=2"; at != ""; {
			r, err := http.NewRequestWithContext(withRecorder(t.Context(), &recorder{}), http.MethodGet, at, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := d.client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			var page []int
			if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
				t.Fatal(err)
			}
			all = append(all, page...)
			next, ok := collectors.NextLink(resp.Header.Get("Link"))
			if at = ""; ok {
				at = srv.URL + next
			}
		}
		return all
	}
	for _, tt := range []struct {
		items []int
		whole int // answers that must be sent whole
	}{
		{[]int{1, 2, 3, 4}, 2},
		{[]int{1, 2, 3, 4}, 1},       // the last page is full: what comes after it is not known
		{[]int{1, 2, 3, 4, 5}, 2},    // and here it comes
		{[]int{1, 2, 3, 4, 5}, 0},    // nothing is asked for again
		{[]int{1, 2, 3, 4, 5, 6}, 1}, // the page with a Link keeps it
		{[]int{1, 2, 3}, 1},
		{[]int{}, 1},
		{[]int{}, 0},
	} {
		p.items, p.whole = tt.items, 0
		if got := walk(); !slices.Equal(got, tt.items) || p.whole != tt.whole {
			t.Errorf("%v: got %v, with %d answers sent whole, want %d", tt.items, got, p.whole, tt.whole)
		}
	}
}

// TestUnaskedNotModified: a 304 to who has nothing is no answer.
func TestUnaskedNotModified(t *testing.T) {
	ask, _ := asking(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }))
	if x, body, err := ask("one"); err != nil || x.Status != http.StatusNotModified || body != "" || x.Unmodified != nil {
		t.Errorf("%v, %q, %+v", err, body, x)
	}
}

// TestAnswersAreBounded: the least used answers go first, and one that is too long is not kept.
func TestAnswersAreBounded(t *testing.T) {
	a := newAnswerCache(4 << 10)
	ask := func(path string) *http.Request {
		return httptest.NewRequest(http.MethodGet, "https://x.example/"+path, nil)
	}
	put := func(path string, n int) {
		body := make([]byte, n)
		for i := range body {
			body[i] = '0' + byte(i*i>>3)%10 // does not pack well
		}
		body = fmt.Appendf(nil, `"%s %s"`, path, body)
		a.put(ask(path), &http.Response{Header: http.Header{"Etag": {`"` + path + `"`}}}, body, time.Time{})
	}
	for i := range 100 {
		put(fmt.Sprint(i), 400)
		if a.get(ask("0")) == nil {
			t.Fatal("what is used often is gone")
		}
	}
	if a.size > 4<<10 || len(a.byKey) != a.order.Len() || a.get(ask("1")) != nil || a.get(ask("99")) == nil {
		t.Errorf("%d bytes, %d answers", a.size, len(a.byKey))
	}
	spoilt := &http.Response{Header: http.Header{"Etag": {`"of the right one"`}}}
	if a.put(ask("x"), spoilt, []byte(`{"a":`), time.Time{}); a.get(ask("x")) != nil {
		t.Error("a spoilt answer is kept")
	}
	a.put(ask("0"), &http.Response{Header: http.Header{}}, []byte(`"without a validator"`), time.Time{})
	if a.get(ask("0")) != nil {
		t.Error("an answer outlives the one that took its place")
	}
}
