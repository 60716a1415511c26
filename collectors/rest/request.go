package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// question is what one request is asked with.
type question struct {
	row    any // the row it is asked about
	env    map[string]any
	token  string // of the page
	window evidence.Window
	format string
}

// answer is what came.
type answer struct {
	url    *url.URL
	status int
	header http.Header
	body   []byte
}

// ask sends the request of a listing and decodes the answer.
func (s *session) ask(ctx context.Context, l *listing, q question) (any, answer, error) {
	req, err := s.request(ctx, l, q)
	if err != nil {
		return nil, answer{}, err
	}
	if err := s.sign(ctx, req); err != nil {
		return nil, answer{}, err
	}
	a, err := s.send(req)
	if err != nil {
		return nil, a, err
	}
	switch {
	case a.status < 200 || a.status > 299:
		return nil, a, l.refused(a)
	case a.status == http.StatusPartialContent:
		return nil, a, collectors.Incomplete("%s answered 206: a part, and not the whole", l.Call.name)
	}
	doc, err := decode(a.body)
	if err != nil {
		return nil, a, fmt.Errorf("%s: %w", l.Call.name, err)
	}
	if l.Expect != nil {
		if ok, err := l.Expect.truth(ctx, doc, q.env); err != nil || !ok {
			return nil, a, errors.Join(err, collectors.Incomplete("%s: the answer is not what was asked for: %s is not true of it", l.Call.name, l.Expect.text))
		}
	}
	return doc, a, nil
}

func (s *session) request(ctx context.Context, l *listing, q question) (*http.Request, error) {
	path, err := s.path(ctx, l, q)
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	for name, ts := range l.Query {
		for _, t := range ts {
			v, err := s.fill(ctx, t, q)
			if err != nil {
				return nil, err
			}
			if v != "" {
				query.Add(name, v)
			}
		}
	}
	body, err := s.body(ctx, l, q)
	if err != nil {
		return nil, err
	}
	address := l.Page.apply(s.cfg.root(l.Call.base)+path, q.token, query, body)
	return newRequest(collectors.ForCall(ctx, l.Call.name), l.Call.method, address, body)
}

func newRequest(ctx context.Context, method, address string, body map[string]any) (*http.Request, error) {
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, r)
	if err == nil && body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, err
}

// path fills the variables of the pattern: by the listing's own expression, by
// a setting, or by the member of the row that has the name.
func (s *session) path(ctx context.Context, l *listing, q question) (string, error) {
	path := l.Call.path
	for _, name := range l.Call.vars {
		v := s.cfg.settings[name]
		if e := l.Path[name]; e != nil {
			var err error
			if v, err = e.textOf(ctx, q.row, q.env); err != nil {
				return "", err
			}
		} else if name == "each" {
			v, _ = q.env["each"].(string)
		}
		if v == "" {
			return "", collectors.Incomplete("%s: the row has no %s", l.Call.name, name)
		}
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(v))
	}
	return path, nil
}

// fill returns the text of a template in a question.
func (s *session) fill(ctx context.Context, t *template, q question) (string, error) {
	return t.fill(func(p part) (string, error) {
		switch {
		case p.expr != nil:
			return p.expr.textOf(ctx, q.row, q.env)
		case p.name == "each":
			each, _ := q.env["each"].(string)
			return each, nil
		case p.name == "from":
			return instant(q.window.From, q.format), nil
		case p.name == "to":
			return instant(q.window.To, q.format), nil
		}
		return s.cfg.settings[p.name], nil
	})
}

// instant writes a time as the source wants it.
func instant(t time.Time, format string) string {
	switch format {
	case "unix":
		return strconv.FormatInt(t.Unix(), 10)
	case "unix_ms":
		return strconv.FormatInt(t.UnixMilli(), 10)
	case "date":
		return t.UTC().Format(time.DateOnly)
	}
	return t.UTC().Format(time.RFC3339)
}

// format is how the kind writes {from} and {to}.
func (k *kind) format() string {
	if k.Events == nil {
		return ""
	}
	return k.Events.Format
}

// send asks through the door.
func (s *session) send(req *http.Request) (answer, error) {
	req.Header.Set("User-Agent", "evidenced")
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	resp, err := s.env.HTTP.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err // its address may hold what the door would remove
		}
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }() // it is in memory
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, fmt.Errorf("%w: %w", collectors.ErrIncomplete, err)
	}
	return answer{url: req.URL, status: resp.StatusCode, header: resp.Header, body: body}, nil
}

// decode reads exactly one JSON value: an empty body is no empty list.
func decode(b []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, collectors.Incomplete("the answer is not the JSON that was asked for: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, collectors.Incomplete("something follows the answer")
	}
	if v == nil {
		return nil, collectors.Incomplete("the answer is null")
	}
	return v, nil
}

// refusal is an answer that is none, with its class and what the definition
// says that it means.
type refusal struct {
	class error
	means string
	text  string
}

func (r *refusal) Error() string { return r.class.Error() + ": " + r.text }
func (r *refusal) Unwrap() error { return r.class }

// meant returns what a refusal means, "" if err is none that has a meaning.
func meant(err error) string {
	var r *refusal
	if errors.As(err, &r) {
		return r.means
	}
	return ""
}

// refused returns a refusal its meaning. What the definition does not declare is
// never guessed.
func (l *listing) refused(a answer) error {
	r := &refusal{text: fmt.Sprintf("%s answered %d: %.200q", l.Call.name, a.status, strings.Join(strings.Fields(string(a.body)), " "))}
	for _, m := range l.Answers {
		if m.Status == a.status && strings.Contains(string(a.body), m.Contains) {
			r.means = m.Means
			break
		}
	}
	switch {
	case r.means == notLicensed:
		r.class, r.text = collectors.ErrDenied, "the plan of the tenant does not have it: "+r.text
	case r.means == denied, r.means == "" && a.status == http.StatusForbidden:
		r.class = collectors.ErrDenied
	case r.means == "" && a.status == http.StatusUnauthorized:
		r.class = collectors.ErrUnauthenticated
	case r.means == "" && a.status >= 500:
		r.class = collectors.ErrUnreachable
	default:
		r.class = collectors.ErrIncomplete
	}
	return r
}
