package transport

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// recorder keeps the exchanges of one session or one capture. It travels in
// the context, so that concurrent captures each get their own.
type recorder struct {
	mu      sync.Mutex
	xs      []evidence.Exchange
	size    int64 // of their bodies, in bytes
	adopted map[*shared][]evidence.Exchange
}

type recorderKey struct{}

func withRecorder(ctx context.Context, r *recorder) context.Context {
	return context.WithValue(ctx, recorderKey{}, r)
}

func recorderOf(ctx context.Context) *recorder {
	r, _ := ctx.Value(recorderKey{}).(*recorder)
	return r
}

func (r *recorder) add(x evidence.Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.xs = append(r.xs, x)
	r.size += int64(len(x.Body) + len(x.Binary))
}

func (r *recorder) exchanges() []evidence.Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	xs := slices.Clone(r.xs)
	for _, more := range r.adopted {
		xs = append(xs, more...)
	}
	return xs
}

// newExchange returns the exchange of attempt n as far as it is known before the answer.
func (q *admittedRequest) newExchange(n int) evidence.Exchange {
	scope := collectors.ScopeFromContext(q.req.Context())
	return evidence.Exchange{Call: q.call, Scope: scope, Method: q.req.Method, URL: q.url, Request: q.text, Attempt: n, Redacted: q.redacted}
}

// record completes x with the answer, redacted, and keeps it.
func (g *gateway) record(q *admittedRequest, x evidence.Exchange, a answer) {
	if a.resp != nil {
		x.Status, x.Unmodified = a.resp.StatusCode, a.unmodified
		x.Header = g.redact.header(a.resp.Header)
		x.RequestID = requestID(x.Header)
		body, removed := g.redact.body(a.resp.Header.Get("Content-Type"), a.body)
		x.Redacted = union(x.Redacted, removed)
		if x.Unmodified != nil {
			x.Unmodified.Body = evidence.HashOf(body)
		}
		if utf8.Valid(body) {
			x.Body = string(body)
		} else {
			x.Binary = body
		}
	}
	if a.err != nil {
		x.Error = g.redact.text(a.err.Error())
	}
	q.rec.add(x)
}

// union returns the sorted set of both, nil if empty.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// keptHeaders are the response headers that are evidence; all others are dropped.
var keptHeaders = []string{
	"Content-Encoding", "Content-Type", "Date", "Etag", "Last-Modified", "Link", "Location", "Retry-After",
	"X-Accepted-Oauth-Scopes", "X-Amz-Bucket-Region", "X-Amz-Id-2", "X-Amz-Request-Id", "X-Amzn-Errortype", "X-Amzn-Requestid",
	"Request-Id", "X-Arequestid", "X-Github-Request-Id", "X-Oauth-Scopes", "X-Okta-Request-Id", "X-Request-Id",
}

func keptHeader(name string) bool {
	return strings.HasPrefix(name, "X-Ratelimit-") || strings.HasPrefix(name, "X-Rate-Limit-") || strings.HasPrefix(name, "Ratelimit-") || slices.Contains(keptHeaders, name)
}

// requestIDs are the headers that carry the vendor's id of a request, in order of preference.
var requestIDs = []string{"X-Amzn-Requestid", "X-Amz-Request-Id", "X-Github-Request-Id", "X-Okta-Request-Id", "X-Arequestid", "X-Request-Id", "Request-Id"}

func requestID(h map[string]string) string {
	for _, name := range requestIDs {
		if id := h[name]; id != "" {
			return id
		}
	}
	return ""
}

// header keeps what is evidence, without credentials.
func (r *redactor) header(h http.Header) map[string]string {
	kept := map[string]string{}
	for name, vs := range h {
		if !keptHeader(name) {
			continue
		}
		v := strings.Join(vs, ", ")
		switch name {
		case "Link":
			v = r.linkText(v)
		case "Location":
			v = hostOnly(v)
		}
		if v = strings.ToValidUTF8(r.text(v), "\uFFFD"); len(v) > maxHeaderValue {
			continue // no honest one is as long
		}
		kept[name] = v
	}
	return kept
}

var angled = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`<[^<>]*>`) })

// linkText cleans every address in a Link header.
func (r *redactor) linkText(v string) string {
	return angled().ReplaceAllStringFunc(v, func(s string) string {
		u, err := url.Parse(s[1 : len(s)-1])
		if err != nil {
			return "<>"
		}
		text, _ := cleanURL(u)
		return "<" + text + ">"
	})
}

// hostOnly drops path and query, where redirects carry their credentials.
func hostOnly(location string) string {
	u, err := url.Parse(location)
	if err != nil {
		return ""
	}
	return u.Host
}

// signedQuery are the query parameters that carry credentials, in lower case.
var signedQuery = []string{
	"access_token", "api_key", "apikey", "awsaccesskeyid", "client_secret", "id_token", "password", "private_token",
	"refresh_token", "secret", "sig", "signature", "token",
	"x-amz-credential", "x-amz-security-token", "x-amz-signature", "x-goog-credential", "x-goog-signature",
}

// cleanURL returns u with its query sorted, without user information and
// credentials, and the names of the parameters that were removed.
func cleanURL(u *url.URL) (string, []string) {
	c := *u
	c.User, c.Fragment, c.RawFragment = nil, "", ""
	query := c.Query()
	var removed []string
	for name := range query {
		if slices.Contains(signedQuery, strings.ToLower(name)) {
			query.Del(name)
			removed = append(removed, name)
		}
	}
	slices.Sort(removed)
	c.RawQuery, c.ForceQuery = query.Encode(), false
	return c.String(), removed
}
