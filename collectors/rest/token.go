package rest

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

// sign adds what every request carries, and the credential. A recording needs none.
func (s *session) sign(ctx context.Context, req *http.Request) error {
	for name, t := range s.def.Headers {
		req.Header.Set(name, t.from(s.cfg.settings))
	}
	if s.env.Offline {
		return nil
	}
	values := s.cfg.values()
	if s.auth.JWT != nil && s.auth.Token == nil {
		if err := s.assert(values, ""); err != nil {
			return err
		}
	}
	if s.auth.Token != nil {
		var err error
		if values["access_token"], err = s.accessToken(ctx); err != nil {
			return err
		}
	}
	for name, v := range s.auth.headers(values) {
		req.Header.Set(name, v)
	}
	return nil
}

// assert makes {assertion}.
func (s *session) assert(values map[string]string, tokenURL string) error {
	values["token_url"] = tokenURL
	signed, err := s.auth.JWT.sign(values, s.env.Now())
	if err != nil {
		return fmt.Errorf("%w: %w", collectors.ErrUnauthenticated, err)
	}
	s.env.Conceal(signed, s.env.Now().Add(lifetime))
	values["assertion"] = signed
	return nil
}

// accessToken returns the token of the session, a new one shortly before it ends.
func (s *session) accessToken(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.env.Now()
	if s.token != "" && (s.expires.IsZero() || now.Before(s.expires)) {
		return s.token, nil
	}
	token, seconds, err := s.exchange(ctx)
	if err != nil {
		return "", fmt.Errorf("getting a token: %w", err)
	}
	var ends time.Time
	s.token, s.expires = token, ends
	if good := time.Duration(seconds) * time.Second; good > 0 {
		ends = now.Add(good)
		s.expires = ends.Add(-min(time.Minute, good/2))
	}
	s.env.Conceal(token, ends)
	return token, nil
}

// exchange asks for a token.
func (s *session) exchange(ctx context.Context) (token string, seconds float64, err error) {
	t := s.auth.Token
	path := t.Call.path
	for _, name := range t.Call.vars {
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(s.cfg.settings[name]))
	}
	values := s.cfg.values()
	if s.auth.JWT != nil {
		// The audience is the vendor's own address, whatever the endpoint is.
		if err := s.assert(values, strings.TrimRight(t.base(s.def).from(values), "/")+path); err != nil {
			return "", 0, err
		}
	}
	req, err := t.request(ctx, s.cfg.root(t.Call.base)+path, values)
	if err != nil {
		return "", 0, err
	}
	a, err := s.send(req)
	if err != nil {
		return "", 0, err
	}
	return t.read(ctx, a)
}

// member is the name of the member that holds the token, which is never stored.
func (t *exchange) member() string { return t.Value.text[strings.LastIndexByte(t.Value.text, '.')+1:] }

func (t *exchange) base(d *Definition) *template {
	if t.Call.base != nil {
		return t.Call.base
	}
	return d.Base
}

func (t *exchange) request(ctx context.Context, address string, values map[string]string) (*http.Request, error) {
	var req *http.Request
	var err error
	if t.JSON != nil {
		body := map[string]any{}
		for name, v := range t.JSON {
			body[name] = v.from(values)
		}
		req, err = newRequest(ctx, t.Call.method, address, body)
	} else {
		form := url.Values{}
		for name, v := range t.Form {
			form.Set(name, v.from(values))
		}
		req, err = http.NewRequestWithContext(ctx, t.Call.method, address, strings.NewReader(form.Encode()))
		if err == nil && len(form) > 0 {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
	}
	if err != nil {
		return nil, err
	}
	for name, v := range (&auth{Basic: t.Basic, Header: t.Header}).headers(values) {
		req.Header.Set(name, v)
	}
	return req, nil
}

// longest is how long a token may be said to be good for, in seconds.
const longest = 1e9

// read takes the token out of the answer. OAuth2 says 400 where the credential
// is wrong (RFC 6749, 5.2).
func (t *exchange) read(ctx context.Context, a answer) (string, float64, error) {
	switch {
	case a.status == http.StatusBadRequest:
		return "", 0, fmt.Errorf("%w: %s answered %d: %.200q", collectors.ErrUnauthenticated, t.Call.name, a.status, a.body)
	case a.status < 200 || a.status > 299:
		return "", 0, (&listing{Call: t.Call}).refused(a)
	}
	doc, err := decode(a.body)
	if err != nil {
		return "", 0, err
	}
	token, err := t.Value.textOf(ctx, doc, nil)
	if err != nil {
		return "", 0, err
	}
	if token == "" {
		return "", 0, collectors.Incomplete("%s gave no token", t.Call.name)
	}
	expires, err := t.Expires.textOf(ctx, doc, nil)
	if err != nil {
		return "", 0, err
	}
	var seconds float64
	if _, err := fmt.Sscan(expires, &seconds); expires != "" && err != nil {
		return "", 0, collectors.Incomplete("%s gave a token that ends in %.40q", t.Call.name, expires)
	}
	if math.IsNaN(seconds) || math.Abs(seconds) > longest {
		return "", 0, collectors.Incomplete("%s gave a token that ends in %.40q seconds", t.Call.name, expires)
	}
	return token, seconds, nil
}
