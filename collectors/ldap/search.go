package ldap

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"

	"github.com/evidenced/evidenced/collectors"
)

// pagedResults is the control of RFC 2696.
const pagedResults = ldap.ControlTypePaging

// question is one search.
type question struct {
	call       string
	base       string
	scope      int
	filter     string
	attributes []string
}

// page is what is kept of one answer: it is the exchange, and all that records are made of.
type page struct {
	Entries []entry `json:"entries"`
	// Referrals are where the directory says that there is more.
	Referrals []string `json:"referrals,omitempty"`
	// More says that another page follows.
	More bool `json:"more,omitempty"`
}

// entry is one entry of a directory, with the attributes that were asked for.
type entry struct {
	DN string `json:"dn"`
	// Attributes by name as the directory writes it. The values of those in
	// Binary are in base64.
	Attributes map[string][]string `json:"attributes"`
	Binary     []string            `json:"binary,omitempty"`
}

var scopes = map[int]string{ldap.ScopeBaseObject: "base", ldap.ScopeWholeSubtree: "sub"}

// text is the one form of a question that is recorded; n is the page, from 1.
func (q question) text(n, size int) string {
	b, _ := json.Marshal(struct { // texts and numbers do not fail
		Base       string   `json:"base"`
		Scope      string   `json:"scope"`
		Filter     string   `json:"filter"`
		Attributes []string `json:"attributes"`
		Page       int      `json:"page"`
		Size       int      `json:"size,omitempty"`
	}{q.base, scopes[q.scope], q.filter, q.attributes, n, size})
	return string(b)
}

// client asks over one connection, which it makes when something is asked that
// no recording answers.
type client struct {
	*collector
	conn   *ldap.Conn
	cookie []byte
}

// close says goodbye.
func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Unbind() // nothing is lost
		c.conn = nil
	}
}

func (c *client) consult(ctx context.Context, call, request string, ask func(ctx context.Context) (string, error)) (string, error) {
	return c.env.Consult(ctx, collectors.Consultation{Call: call, URL: c.address(), Request: request, Ask: func(ctx context.Context) (string, error) {
		if c.conn == nil {
			conn, err := c.connect(ctx)
			if err != nil {
				return "", err
			}
			c.conn = conn
		}
		// A search does not end with its context; its connection does.
		stop := context.AfterFunc(ctx, func() { _ = c.conn.Close() })
		defer stop()
		text, err := ask(ctx)
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return text, err
	}})
}

// bind signs in. The password is in no exchange.
func (c *client) bind(ctx context.Context) error {
	request, err := json.Marshal(map[string]string{"dn": c.cfg.BindDN, "security": c.cfg.security()})
	if err != nil {
		return err
	}
	_, err = c.consult(ctx, callBind, string(request), func(context.Context) (string, error) {
		if err := c.conn.Bind(c.cfg.BindDN, c.cfg.Password.Reveal()); err != nil {
			return "", resultError(err)
		}
		return `{"result":0}`, nil
	})
	return err
}

func (c *Config) security() string {
	switch {
	case c.Plain:
		return "plain"
	case c.StartTLS:
		return "starttls"
	}
	return "ldaps"
}

// one asks for what fits into one answer.
func (c *client) one(ctx context.Context, q question) (page, error) { return c.ask(ctx, q, 1, 0) }

// maxEmpty bounds the pages in a row that hold no entry: a directory that looks
// through many entries for few may give some.
const maxEmpty = 100

// all asks page after page, and returns each.
func (c *client) all(ctx context.Context, q question, out *collectors.Output, take func(page) error) error {
	size := c.cfg.PageSize
	if !c.paged {
		size = 0
	}
	seen, empty := map[string]bool{}, 0
	c.cookie = nil
	return out.Pages(ctx, func(ctx context.Context, token string) (string, error) {
		n, _ := strconv.Atoi(token) // "" is 0, and all others are ours
		p, err := c.ask(ctx, q, n+1, size)
		if err != nil {
			return "", err
		}
		if empty++; len(p.Entries) > 0 {
			empty = 0
		}
		if empty > maxEmpty {
			return "", collectors.Incomplete("%d pages without an entry: the listing does not go on", empty)
		}
		for _, e := range p.Entries {
			if seen[e.DN] {
				return "", collectors.Incomplete("%s came twice: the listing loops", e.DN)
			}
			seen[e.DN] = true
		}
		if err := take(p); err != nil || !p.More {
			return "", err
		}
		return strconv.Itoa(n + 1), nil
	})
}

func (c *client) ask(ctx context.Context, q question, n, size int) (p page, err error) {
	text, err := c.consult(ctx, q.call, q.text(n, size), func(context.Context) (string, error) { return c.search(q, size) })
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.Entries == nil {
		return p, collectors.Incomplete("what was kept of %s is no answer", q.call)
	}
	return p, nil
}

// search asks for one page, of the size unless it is 0.
func (c *client) search(q question, size int) (string, error) {
	r := ldap.NewSearchRequest(q.base, q.scope, ldap.NeverDerefAliases, 0, 0, false, q.filter, q.attributes, nil)
	if size > 0 {
		control := ldap.NewControlPaging(uint32(size))
		control.SetCookie(c.cookie)
		r.Controls = []ldap.Control{control}
	}
	result, err := c.conn.Search(r)
	if err != nil {
		return "", referredError(err)
	}
	p := page{Entries: []entry{}, Referrals: result.Referrals}
	slices.Sort(p.Referrals)
	if size > 0 {
		control, ok := ldap.FindControl(result.Controls, pagedResults).(*ldap.ControlPaging)
		if !ok {
			return "", collectors.Incomplete("the directory answers without the page that was asked for")
		}
		c.cookie, p.More = control.Cookie, len(control.Cookie) > 0
	}
	for _, e := range result.Entries {
		p.Entries = append(p.Entries, kept(e, q.attributes))
	}
	b, err := json.Marshal(p)
	return string(b), err
}

// referredError is for a base that lies in another directory.
func referredError(err error) error {
	var e *ldap.Error
	if errors.As(err, &e) && e.ResultCode == ldap.LDAPResultReferral {
		return collectors.Incomplete("the directory refers to another one, which is not followed: name that one in url")
	}
	return resultError(err)
}

// kept returns the attributes of an entry that were asked for: a server may send others.
func kept(e *ldap.Entry, asked []string) entry {
	out := entry{DN: strings.ToValidUTF8(e.DN, "\uFFFD"), Attributes: map[string][]string{}}
	for _, a := range e.Attributes {
		name, option, _ := strings.Cut(a.Name, ";")
		if option != "" && !strings.HasPrefix(strings.ToLower(option), "range=") || !slices.ContainsFunc(asked, func(s string) bool {
			want, _, _ := strings.Cut(s, ";")
			return strings.EqualFold(want, name)
		}) {
			continue
		}
		if isBinary(name) || slices.ContainsFunc(a.Values, func(v string) bool { return !utf8.ValidString(v) }) {
			if !slices.Contains(out.Binary, a.Name) {
				out.Binary = append(out.Binary, a.Name)
			}
			for _, v := range a.ByteValues {
				out.Attributes[a.Name] = append(out.Attributes[a.Name], base64.StdEncoding.EncodeToString(v))
			}
			continue
		}
		out.Attributes[a.Name] = append(out.Attributes[a.Name], a.Values...)
	}
	slices.Sort(out.Binary)
	return out
}

// isBinary tells attributes that are no text, whatever their bytes are.
func isBinary(name string) bool {
	return strings.EqualFold(name, "objectGUID") || strings.EqualFold(name, "objectSid")
}

// ranged follows a list that Active Directory gives in parts, as "member;range=0-1499",
// to its end (MS-ADTS 3.1.1.3.1.3.3).
func (c *client) ranged(ctx context.Context, e entry, name string) ([]string, error) {
	values, next, err := e.part(name)
	for n := 0; err == nil && next > 0; n++ {
		if n >= collectors.MaxPages {
			return nil, collectors.Incomplete("%s: %s has no end", e.DN, name)
		}
		var p page
		p, err = c.one(ctx, question{call: callRange, base: e.DN, scope: ldap.ScopeBaseObject, filter: "(objectClass=*)", attributes: []string{fmt.Sprintf("%s;range=%d-*", name, next)}})
		if err != nil {
			return nil, err
		}
		if len(p.Entries) != 1 {
			return nil, collectors.Incomplete("%s: the rest of %s is not to be had", e.DN, name)
		}
		more, after, partErr := p.Entries[0].part(name)
		if partErr == nil && (len(more) == 0 || after != 0 && after <= next) {
			partErr = collectors.Incomplete("%s: %s does not go on", e.DN, name)
		}
		values, next, err = append(values, more...), after, partErr
	}
	return values, err
}

// part returns the values of an attribute, and where the next part begins, 0 if this is the last.
func (e entry) part(name string) (values []string, next int, err error) {
	for full, vs := range e.Attributes {
		base, option, has := strings.Cut(full, ";")
		if !strings.EqualFold(base, name) || !has && len(vs) == 0 {
			continue
		}
		if !has {
			return vs, 0, nil
		}
		_, end, ok := strings.Cut(option, "-")
		if end == "*" {
			return vs, 0, nil
		}
		last, err := strconv.Atoi(end)
		if !ok || err != nil || last < 0 {
			return nil, 0, collectors.Incomplete("%s: %s comes as %.60q", e.DN, name, full)
		}
		values, next = vs, last+1
	}
	return values, next, nil
}
