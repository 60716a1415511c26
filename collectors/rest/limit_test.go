package rest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// bucket is an Okta organisation in memory, whose calls have 600 requests a
// minute each, and take 50 ms.
type bucket struct {
	mu      sync.Mutex
	people  int
	window  map[string]time.Time
	used    map[string]int
	asked   int
	refused int
	peak    uint64 // of the memory in use, as every thousandth request sees it
}

const perMinute = 600

// RoundTrip implements http.RoundTripper.
func (b *bucket) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(50 * time.Millisecond) // of the bubble
	b.mu.Lock()
	defer b.mu.Unlock()
	lane := "list"
	if strings.HasSuffix(r.URL.Path, "/factors") {
		lane = "factors"
	}
	now := time.Now()
	if minute := now.Truncate(time.Minute); !minute.Equal(b.window[lane]) {
		b.window[lane], b.used[lane] = minute, 0
	}
	if b.asked++; b.asked%1000 == 0 {
		b.peak = max(b.peak, heap())
	}
	b.used[lane]++
	h := http.Header{"Date": {now.UTC().Format(http.TimeFormat)}}
	h.Set("X-Rate-Limit-Limit", fmt.Sprint(perMinute))
	h.Set("X-Rate-Limit-Remaining", fmt.Sprint(max(perMinute-b.used[lane], 0)))
	h.Set("X-Rate-Limit-Reset", fmt.Sprint(b.window[lane].Add(time.Minute).Unix()))
	resp := &http.Response{StatusCode: http.StatusOK, Header: h, Request: r, ContentLength: -1}
	body := b.answer(r, h)
	if b.used[lane] > perMinute {
		b.refused++
		resp.StatusCode, body = http.StatusTooManyRequests, `{}`
	}
	resp.Body = io.NopCloser(strings.NewReader(body))
	return resp, nil
}

func (b *bucket) answer(r *http.Request, h http.Header) string {
	switch {
	case r.URL.Path == "/api/v1/org":
		return `{"id":"o","subdomain":"acme","status":"ACTIVE"}`
	case strings.HasSuffix(r.URL.Path, "/factors"):
		return `[{"id":"f","factorType":"webauthn","provider":"FIDO","status":"ACTIVE","profile":{"credentialId":"` + strings.Repeat("c", 400) + `"}}]`
	case r.URL.Query().Get("search") != "":
		return `[]`
	}
	var first int
	_, _ = fmt.Sscan(r.URL.Query().Get("after"), &first) // none is 0
	if first+200 < b.people {
		h.Set("Link", fmt.Sprintf(`<https://acme.okta.com/api/v1/users?after=%d&limit=200>; rel="next"`, first+200))
	}
	var out bytes.Buffer
	for i := first; i < min(first+200, b.people); i++ {
		fmt.Fprintf(&out, `,{"id":"u%d","status":"ACTIVE","created":"2024-01-02T03:04:05.000Z","profile":{"login":"u%d@acme.example","about":%q}}`, i, i, strings.Repeat("p", 1500))
	}
	return "[" + strings.TrimPrefix(out.String(), ",") + "]"
}

// TestOktaLimits: a factor is asked of everyone within our half of the limit:
// nothing is refused, it takes as long as that half allows, and what is held
// while it lasts is bounded. Its log has the figures of docs/benchmarks.md.
func TestOktaLimits(t *testing.T) {
	for _, people := range []int{2000, 20_000} {
		t.Run(fmt.Sprint(people), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { oktaWithin(t, people) }) })
	}
}

func oktaWithin(t *testing.T, people int) {
	org := &bucket{people: people, window: map[string]time.Time{}, used: map[string]int{}}
	src := oktaSource(t, org)
	began, before := time.Now(), heap()
	snap := src.Visit(t.Context(), src.Collector().RootScope()).Capture(t.Context(), "okta.user", evidence.Window{})
	took := time.Since(began)
	if snap.Err != nil || len(snap.Records) != org.people {
		t.Fatalf("%d records, %v", len(snap.Records), snap.Err)
	}
	if least := 1 + org.people/200 + 1 + org.people; org.asked != least || org.refused != 0 {
		t.Errorf("%d requests, %d refused; want %d, none", org.asked, org.refused, least)
	}
	allowed := time.Minute * time.Duration(org.people) / (perMinute / 2)
	if took > allowed*5/4 {
		t.Errorf("took %s; our half of the limit allows %s", took, allowed)
	}
	peak := max(org.peak, heap()) - before
	if peak > 200<<20 {
		t.Errorf("%d MB were held", peak>>20)
	}
	t.Logf("%d requests, none refused, in %s: %.2f times what our half of the limit allows; %d MB held at most", org.asked, took.Round(time.Second), took.Seconds()/allowed.Seconds(), peak>>20)
	runtime.KeepAlive(snap)
}

// heap is the memory in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func oktaSource(t *testing.T, org http.RoundTripper) *transport.Source {
	t.Helper()
	b, err := os.ReadFile("definitions/okta.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d, err := Parse("okta.yaml", b)
	if err != nil {
		t.Fatal(err)
	}
	cfg := d.newConfig()
	cfg.settings["url"], cfg.secrets["token"] = "https://acme.okta.com", "planted-token"
	src, err := transport.Open(d.Spec(), cfg, transport.Options{Base: org, Patience: 10 * time.Minute}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return src
}
