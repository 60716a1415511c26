package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	gh "github.com/google/go-github/v60/github"

	"github.com/evidenced/evidenced/collectors"
)

// client asks the REST API through the door.
type client struct{ api *gh.Client }

const publicAPI = "https://api.github.com/"

func newClient(cfg *Config, env collectors.Env, c credential) (*client, error) {
	address := cfg.Common.Endpoint
	if address == "" {
		address = publicAPI
	}
	base, err := url.Parse(strings.TrimRight(address, "/") + "/")
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	h := *env.HTTP
	h.Transport = bearer{next: env.HTTP.Transport, credential: c}
	api := gh.NewClient(&h)
	api.BaseURL, api.UserAgent = base, "evidenced"
	return &client{api}, nil
}

// bearer signs requests, and hides the rate limit headers from go-github: the
// door has honoured them, and go-github would go by its own clock.
type bearer struct {
	next       http.RoundTripper
	credential credential
}

// RoundTrip implements http.RoundTripper.
func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := b.credential.token(r.Context())
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	resp, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	for name := range resp.Header {
		if strings.HasPrefix(name, "X-Ratelimit-") {
			delete(resp.Header, name)
		}
	}
	return resp, nil
}

// throttled tells the 403 that means "slow down": the primary limit is spent,
// or a secondary one was hit.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
func throttled(status int, h http.Header, body []byte) bool {
	if status == http.StatusOK {
		return graphThrottled(body)
	}
	if status != http.StatusForbidden {
		return false
	}
	return h.Get("X-Ratelimit-Remaining") == "0" || h.Get("Retry-After") != "" ||
		strings.Contains(strings.ToLower(string(body)), "secondary rate limit")
}

// get reads one object into v. Its errors wrap a class of collectors.
func (c *client) get(ctx context.Context, path string, v any) (*gh.Response, error) {
	return c.read(ctx, http.MethodGet, path, v)
}

// read is get for reads by other methods.
func (c *client) read(ctx context.Context, method, path string, v any) (*gh.Response, error) {
	req, err := c.api.NewRequest(method, path, nil)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	resp, err := c.api.BareDo(ctx, req)
	if err != nil {
		return resp, fmt.Errorf("%s /%s: %w", method, path, classify(err))
	}
	defer func() { _ = resp.Body.Close() }() // it is in memory
	if err := decode(resp.Body, v); err != nil {
		return resp, fmt.Errorf("%s /%s: %w", method, path, err)
	}
	return resp, nil
}

// decode reads exactly one JSON value: an empty body is no empty list.
func decode(r io.Reader, v any) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("%w: %w", collectors.ErrIncomplete, err)
	}
	if strings.TrimSpace(string(b)) == "null" {
		return collectors.Incomplete("the answer is null")
	}
	if err := json.Unmarshal(b, v); err != nil {
		return collectors.Incomplete("the answer is not the JSON that was asked for: %v", err)
	}
	return nil
}

// classify returns an error answer its class. Errors of the door have theirs.
// 404 is what GitHub answers for what the credential may not see, so it is
// never "there is none".
func classify(err error) error {
	var answer *gh.ErrorResponse
	if !errors.As(err, &answer) || answer.Response == nil {
		return classifyOther(err)
	}
	var class error
	switch status := answer.Response.StatusCode; {
	case status == http.StatusUnauthorized:
		class = collectors.ErrUnauthenticated
	case status == http.StatusForbidden, status == http.StatusNotFound, status == http.StatusGone, status == http.StatusUnavailableForLegalReasons:
		class = collectors.ErrDenied
	case status >= 500:
		class = collectors.ErrUnreachable
	default:
		class = collectors.ErrIncomplete
	}
	return &refusal{class: class, status: answer.Response.StatusCode, message: answer.Message, cause: err}
}

func classifyOther(err error) error {
	var locked *gh.TwoFactorAuthError
	var limited *gh.RateLimitError
	var abused *gh.AbuseRateLimitError
	var later *gh.AcceptedError
	switch {
	case errors.As(err, &locked):
		return fmt.Errorf("%w: %w", collectors.ErrUnauthenticated, err)
	case errors.As(err, &limited), errors.As(err, &abused):
		return fmt.Errorf("%w: %w", collectors.ErrThrottled, err)
	case errors.As(err, &later):
		return fmt.Errorf("%w: %w", collectors.ErrIncomplete, err)
	}
	return err // the door's, or the end of the context
}

// refusal is an error answer with its class and GitHub's own words.
type refusal struct {
	class   error
	status  int
	message string
	cause   error
}

// Error returns the class and GitHub's words.
func (r *refusal) Error() string { return fmt.Sprintf("%v: %d %s", r.class, r.status, r.message) }

// Unwrap returns class and cause.
func (r *refusal) Unwrap() []error { return []error{r.class, r.cause} }

// answered reports whether err is an error answer with this status and message.
func answered(err error, status int, message string) bool {
	var r *refusal
	return errors.As(err, &r) && r.status == status && r.message == message
}

// cursors are the parameters by which GitHub's listings name their next page.
var cursors = []string{"after", "before", "cursor", "page"}

// nextPage returns what asks for the next page, "" after the last. These
// parameters alone are taken: GitHub's links name resources by id, under other paths.
func nextPage(resp *gh.Response) (string, error) {
	link, ok := collectors.NextLink(resp.Header.Get("Link"))
	if !ok {
		return "", nil
	}
	u, err := url.Parse(link)
	if err != nil {
		return "", collectors.Incomplete("the next link is not a URL")
	}
	next := url.Values{}
	for _, name := range cursors {
		if v := u.Query().Get(name); v != "" {
			next.Set(name, v)
		}
	}
	if len(next) == 0 {
		return "", collectors.Incomplete("the next link names no page")
	}
	return next.Encode(), nil
}

// list walks a listing to its last page; path may have a query. Each page is
// decoded into a P, and use takes it.
func list[P any](ctx context.Context, c *client, out *collectors.Output, path string, use func(P) error) error {
	return walk(ctx, c, out, path, func(p P) (bool, error) { return true, use(p) })
}

// listAll returns everything in a listing, each checked.
func listAll[T any](ctx context.Context, c *client, out *collectors.Output, path string, check func(T) error) ([]T, error) {
	all := []T{}
	err := list(ctx, c, out, path, func(page []T) error {
		for _, v := range page {
			if err := check(v); err != nil {
				return err
			}
		}
		all = append(all, page...)
		return nil
	})
	return all, err
}

// walk is list that ends when use no longer wants more.
func walk[P any](ctx context.Context, c *client, out *collectors.Output, path string, use func(P) (more bool, err error)) error {
	return out.Pages(ctx, func(ctx context.Context, token string) (string, error) {
		var page P
		resp, err := c.get(ctx, paged(path, token), &page)
		if err != nil {
			return "", err
		}
		next, err := nextPage(resp)
		if err != nil {
			return "", fmt.Errorf("GET /%s: %w", path, err)
		}
		more, err := use(page)
		if err != nil || !more {
			return "", err
		}
		return next, nil
	})
}

func paged(path, token string) string {
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	path += sep + "per_page=100"
	if token != "" {
		path += "&" + token
	}
	return path
}
