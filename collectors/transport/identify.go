package transport

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/evidenced/evidenced/collectors"
)

// identifier names the declared call of a request.
type identifier struct {
	base     string // path of the endpoint, without the last slash
	beside   func(endpoint, path string) (inner string, ok bool)
	declared map[string]bool
	named    func(r *http.Request, body []byte) string
	patterns *collectors.Patterns
	bodies   map[string]collectors.BodyShape // of the reads by POST
}

// newIdentifier refuses a declaration that holds anything but reads.
func newIdentifier(spec collectors.Spec, endpoint string) (id identifier, err error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return id, fmt.Errorf("endpoint: %w", err)
	}
	id = identifier{base: strings.TrimRight(u.Path, "/"), declared: map[string]bool{}, named: spec.Identify, beside: spec.VendorPath, bodies: map[string]collectors.BodyShape{}}
	for _, c := range spec.Calls {
		if err := c.CheckRead(); err != nil {
			return id, err
		}
		if c.Body != "" {
			if id.bodies[c.Name], err = collectors.ParseBody(c.Body); err != nil {
				return id, fmt.Errorf("call %q: %w", c.Name, err)
			}
		}
		if id.declared[c.Name] {
			return id, fmt.Errorf("call %q is declared twice", c.Name)
		}
		id.declared[c.Name] = true
	}
	if id.named == nil {
		id.patterns, err = patternsOf(spec.Calls)
	}
	return id, err
}

// isLocal reports a call that asks no HTTP server.
func isLocal(c collectors.Call) bool { return c.IsProgram() || c.IsFile() || c.IsConsultation() }

// patternsOf returns the patterns of the calls that ask an HTTP server.
func patternsOf(calls []collectors.Call) (*collectors.Patterns, error) {
	p := &collectors.Patterns{}
	for _, c := range calls {
		if isLocal(c) {
			continue
		}
		if err := p.Add(c.Name); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// identify returns the declared call of r, or ErrForbidden.
func (id identifier) identify(r *http.Request, body []byte) (string, error) {
	inner, ok := id.belowBase(r)
	if !ok {
		return "", fmt.Errorf("%w: %s is outside of the endpoint's path %s", collectors.ErrForbidden, r.URL.Path, id.base)
	}
	name := id.name(inner, body)
	if !id.declared[name] {
		return "", fmt.Errorf("%w: %s %s%s is not a declared call", collectors.ErrForbidden, r.Method, r.URL.Host, r.URL.Path)
	}
	return name, nil
}

func (id identifier) name(r *http.Request, body []byte) string {
	if id.named != nil {
		return id.named(r, body)
	}
	call := id.patterns.Call(r)
	shape, posted := id.bodies[call]
	if posted && !shape.Admits(r.Header.Get("Content-Type"), body) || !posted && len(body) > 0 {
		return ""
	}
	return call
}

// belowBase returns the request as it would be at the vendor's own root.
func (id identifier) belowBase(r *http.Request) (*http.Request, bool) {
	if id.base == "" {
		return r, true
	}
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), id.base)
	if ok = ok && (rest == "" || rest[0] == '/'); !ok && id.beside != nil {
		rest, ok = id.beside(id.base, r.URL.EscapedPath())
	}
	if !ok {
		return nil, false
	}
	p, err := url.PathUnescape(rest)
	if err != nil {
		return nil, false
	}
	inner := *r
	u := *r.URL
	u.Path, u.RawPath = p, rest
	inner.URL = &u
	return &inner, true
}
