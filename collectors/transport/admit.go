package transport

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// admittedRequest is one admitted request.
type admittedRequest struct {
	req  *http.Request
	body []byte
	call string
	lane string
	rec  *recorder
	// url, text and redacted are the forms of address and body that are kept.
	url, text string
	redacted  []string
}

// admit returns the admitted request, or why it was refused. It reads and closes the body.
func (g *gateway) admit(r *http.Request) (*admittedRequest, error) {
	body, err := readRequest(r)
	if err != nil {
		return nil, err
	}
	rec := recorderOf(r.Context())
	if rec == nil {
		return nil, fmt.Errorf("%w: request to %s outside of a capture", collectors.ErrForbidden, r.URL.Host)
	}
	if err := admitHost(r.URL, g.hosts); err != nil {
		return nil, err
	}
	if err := admitForm(r); err != nil {
		return nil, err
	}
	call, err := g.calls.identify(r, body)
	switch {
	case err != nil && r.Response != nil: // net/http says by which answer it was sent here
		return nil, collectors.Incomplete("%s redirects to what is no declared call", r.URL.Host)
	case err != nil:
		return nil, err
	}
	if err := g.admitCall(r, body, call); err != nil {
		return nil, err
	}
	q := &admittedRequest{req: r, body: body, call: call, lane: g.lane(r), rec: rec}
	g.redact.fillRequest(q)
	return q, nil
}

// admitCall refuses a request that became another declared call by what the source
// said, in a link to the next page or in a redirect: its answer would be taken for that
// of the call that was meant.
func (g *gateway) admitCall(r *http.Request, body []byte, call string) error {
	if want := collectors.CallFromContext(r.Context()); want != "" && call != want {
		return collectors.Incomplete("%s leads from %s to %s, which is another call", r.URL.Host, want, call)
	}
	if r.Response == nil || r.Response.Request == nil {
		return nil
	}
	before := r.Response.Request
	if want, err := g.calls.identify(before, body); err != nil || want != call {
		return collectors.Incomplete("%s redirects from %s to %s, which is another call", r.URL.Host, before.URL.Path, call)
	}
	return nil
}

func readRequest(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	defer func() { _ = r.Body.Close() }() // it was read; nothing is lost
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil {
		return nil, fmt.Errorf("reading the request body: %w", err)
	}
	if len(body) > maxRequest {
		return nil, fmt.Errorf("%w: request body over %d bytes", collectors.ErrForbidden, maxRequest)
	}
	return body, nil
}

// admitForm refuses requests that a server may understand as another host,
// path or method than those by which the door names the call.
func admitForm(r *http.Request) error {
	host := r.URL.Host
	if r.Host != "" && r.Host != host {
		return fmt.Errorf("%w: a request to %s that names the host %s", collectors.ErrForbidden, host, r.Host)
	}
	if r.URL.Opaque != "" {
		return fmt.Errorf("%w: a request to %s with an opaque address", collectors.ErrForbidden, host)
	}
	for name := range r.Header {
		if slices.ContainsFunc(otherMethod, func(o string) bool { return strings.EqualFold(o, name) }) {
			return fmt.Errorf("%w: a request to %s with the header %s", collectors.ErrForbidden, host, name)
		}
	}
	if _, err := url.ParseQuery(r.URL.RawQuery); err != nil {
		return fmt.Errorf("%w: malformed query in a request to %s", collectors.ErrForbidden, host)
	}
	return admitPath(r.URL)
}

// otherMethod are headers that some servers use instead of the method.
var otherMethod = []string{"X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override"}

// admitPath refuses a path that leads elsewhere once it is decoded. A slash
// within a segment may be one of a name, such as that of a branch.
func admitPath(u *url.URL) error {
	for segment := range strings.SplitSeq(u.EscapedPath(), "/") {
		name, err := url.PathUnescape(segment)
		if err != nil || strings.ContainsAny(name, "\\\x00") {
			return fmt.Errorf("%w: malformed path in a request to %s", collectors.ErrForbidden, u.Host)
		}
		for part := range strings.SplitSeq(name, "/") {
			if part == "." || part == ".." {
				return fmt.Errorf("%w: a path that climbs in a request to %s", collectors.ErrForbidden, u.Host)
			}
		}
	}
	return nil
}

// admitHost allows known hosts over https; plain http only on this machine.
func admitHost(u *url.URL, patterns []string) error {
	if err := collectors.CheckScheme(u); err != nil {
		return err
	}
	for _, p := range patterns {
		if hostMatches(p, u) {
			return nil
		}
	}
	return fmt.Errorf("%w: host %s is not one of %s", collectors.ErrForbidden, u.Host, strings.Join(firstFew(patterns), ", "))
}

// firstFew cuts a list to what a person reads.
func firstFew(list []string) []string {
	const most = 5
	if len(list) <= most {
		return list
	}
	return append(slices.Clone(list[:most]), fmt.Sprintf("%d more", len(list)-most))
}

// hostMatches compares with "host" or "host:port"; a label "*" of the pattern
// stands for exactly one label. A pattern without a port allows the default
// port of https only, or any on this machine.
func hostMatches(pattern string, u *url.URL) bool {
	host := strings.ToLower(u.Host)
	pattern = strings.ToLower(pattern)
	if !strings.Contains(pattern, ":") && (u.Port() == "443" || collectors.IsLoopback(u.Hostname())) {
		host = strings.ToLower(u.Hostname())
	}
	want, got := strings.Split(pattern, "."), strings.Split(host, ".")
	return slices.EqualFunc(want, got, func(w, g string) bool { return w == g || w == "*" && g != "" })
}

// RequestFromContext returns the form in which the request under way will be recorded: call,
// method, URL, body, attempt. It is for transports below the door, such as a
// recording; ok is false outside of the door.
func RequestFromContext(ctx context.Context) (x evidence.Exchange, ok bool) {
	x, ok = ctx.Value(requestKey{}).(evidence.Exchange)
	return x, ok
}

type requestKey struct{}
