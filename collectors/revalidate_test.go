package collectors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

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
	if weak(had) == tag {
		if s.lie != "" {
			w.Header().Set("Etag", s.lie)
		}
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Link", `</next>; rel="next"`)
	_, _ = w.Write([]byte(s.body))
}

// asking opens a door that revalidates, and gives a way to ask through it.
func asking(t *testing.T, h http.Handler) (ask func(token string) (evidence.Exchange, string, error), d *door) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	spec := Spec{Name: "x", Calls: []Call{{Name: "GET /a"}}, Redact: []string{"secret"}, Revalidates: true}
	now := time.Date(2026, 7, 1, 6, 0, 0, 0, time.UTC)
	d, err := newDoor(spec, &testConfig{hosts: []string{EndpointHost(srv.URL)}}, DoorOptions{
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
	if _, _, err := ask("one"); !errors.Is(err, ErrIncomplete) {
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

// TestUnaskedNotModified: a 304 to who has nothing is no answer.
func TestUnaskedNotModified(t *testing.T) {
	ask, _ := asking(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }))
	if x, body, err := ask("one"); err != nil || x.Status != http.StatusNotModified || body != "" || x.Unmodified != nil {
		t.Errorf("%v, %q, %+v", err, body, x)
	}
}

// TestAnswersAreBounded: the least used answers go first, and one that is too long is not kept.
func TestAnswersAreBounded(t *testing.T) {
	a := newAnswers(4 << 10)
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
