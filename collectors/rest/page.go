package rest

import (
	"context"
	"net/url"
	"strconv"

	"github.com/evidenced/evidenced/collectors"
)

// The ways in which pages follow one another.
var pagings = []string{"link", "next", "token", "offset", "number"}

// next returns the token of the page after this one, "" after the last: an
// address, a text, an offset or a number, as the definition says.
func (p *page) next(ctx context.Context, a answer, doc any, q question, rows int, w *walked) (string, error) {
	if p == nil {
		return "", nil
	}
	switch p.By {
	case "link":
		return a.link()
	case "next":
		address, err := p.At.textOf(ctx, doc, q.env)
		if err != nil || address == "" {
			return "", err
		}
		return a.stay(address)
	case "token":
		return p.At.textOf(ctx, doc, q.env)
	}
	return p.counted(ctx, doc, q, rows, w)
}

// counted continues a listing by offset or number: as long as the source says
// that there is more, or has more than was read, or gives rows.
func (p *page) counted(ctx context.Context, doc any, q question, rows int, w *walked) (string, error) {
	more := rows > 0
	switch {
	case p.More != nil:
		var err error
		if more, err = p.More.truth(ctx, doc, q.env); err != nil {
			return "", err
		}
	case w.total >= 0:
		more = more && w.rows < w.total
	}
	if !more {
		return "", nil
	}
	at := p.start(q.token)
	switch {
	case p.By == "number":
		return strconv.Itoa(at + 1), nil
	case p.Step > 0:
		return strconv.Itoa(at + p.Step), nil
	}
	return strconv.Itoa(at + rows), nil
}

// start returns the offset or number of the page that a token names.
func (p *page) start(token string) int {
	if n, err := strconv.Atoi(token); err == nil {
		return n
	}
	return p.First
}

// link returns the next page by the Link header (RFC 8288).
func (a answer) link() (string, error) {
	for _, v := range a.header.Values("Link") {
		if next, ok := collectors.NextLink(v); ok {
			return a.stay(next)
		}
	}
	return "", nil
}

// stay resolves the address of the next page, which must not lead elsewhere:
// it would carry the credential there.
func (a answer) stay(address string) (string, error) {
	u, err := a.url.Parse(address)
	if err != nil {
		return "", collectors.Incomplete("the next link of %s is not a URL", a.url.Host)
	}
	if u.Scheme != a.url.Scheme || u.Host != a.url.Host {
		return "", collectors.Incomplete("next link leaves the host: from %s to %s", a.url.Host, u.Host)
	}
	return u.String(), nil
}

// apply puts the token of a page into a request, and returns the address to ask.
func (p *page) apply(address string, token string, query url.Values, body map[string]any) string {
	switch {
	case p == nil:
	case p.By == "link" || p.By == "next":
		if token != "" {
			return token // a whole address
		}
	case p.By == "token" && token == "" || p.By == "offset" && token == "" && p.First == 0:
	case p.In == "body":
		if p.Alone {
			clear(body)
		}
		setMember(body, p.As, p.text(token))
	default:
		query.Set(p.As, p.text(token))
	}
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return address
}

func (p *page) text(token string) string {
	if p.By == "token" {
		return token
	}
	return strconv.Itoa(p.start(token))
}
