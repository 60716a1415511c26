package rest

import (
	"slices"
	"strings"

	"github.com/evidenced/evidenced/collectors"
)

// listing checks one request of a kind whose expressions may name vars.
func (c *checker) listing(l *listing, vars []string, events bool) {
	if l.Call == nil {
		c.fail(l.line, "call is missing: method and path, such as GET /api/v1/users")
		return
	}
	c.words(l)
	for _, e := range []*expression{l.Items, l.Expect, l.Total, l.When} {
		c.add(e.compile(vars))
	}
	c.variables(l, vars)
	also := []string{"each"}
	if events {
		also = append(also, "from", "to")
	}
	for _, name := range names(l.Query) {
		for _, t := range l.Query[name] {
			c.text(t, "a query", vars, also)
		}
	}
	for _, name := range l.Filter {
		if l.Query[name] == nil {
			c.fail(l.line, "filter names %q, which is not in the query", name)
		}
	}
	c.posted(l, vars, also)
	c.page(l, vars)
	for _, m := range l.Answers {
		c.meaning(m)
	}
}

func (c *checker) words(l *listing) {
	switch {
	case l.Why == "":
		c.fail(l.line, "%s: why is missing: what is read, in a few words, for who grants it", l.Call.name)
	case len(l.Permissions) == 0 && !strings.Contains(l.Why, "needs no permission"):
		c.fail(l.line, "%s: permissions are missing; if there are none, why says that it \"needs no permission\"", l.Call.name)
	}
}

// variables: each one of the path is a setting, {each}, or a member of the row.
func (c *checker) variables(l *listing, vars []string) {
	for _, name := range names(l.Path) {
		c.add(l.Path[name].compile(vars))
		if !slices.Contains(l.Call.vars, name) {
			c.fail(l.line, "%s: path names %q, which is not in the call", l.Call.name, name)
		}
	}
	for _, name := range l.Call.vars {
		switch s := c.def.setting(name); {
		case l.Path[name] != nil, name == "each" && len(l.For) > 0:
		case s == nil:
			c.fail(l.line, "%s: {%s} is no setting; say under path which member of the row it is, such as path: {%s: .id}", l.Call.name, name, name)
		case s.Secret:
			c.fail(l.line, "%s: {%s} is a secret: it belongs to auth only", l.Call.name, name)
		}
	}
}

// text checks a template and compiles what it holds.
func (c *checker) text(t *template, where string, vars, also []string) {
	if t == nil {
		return
	}
	c.public(t, where, also...)
	for _, p := range t.parts {
		c.add(p.expr.compile(vars))
	}
}

// posted: only a POST has a body, and it must be one that reads.
func (c *checker) posted(l *listing, vars, also []string) {
	if (l.Call.method == "POST") != (l.Body != nil) {
		c.fail(l.line, "%s: a POST, and nothing else, has a body, which may be {}", l.Call.name)
		return
	}
	l.body = map[string]*template{}
	_, err := mapTexts(l.Body, "", func(path, text string) (any, error) {
		t, err := parseTemplate(text, l.line)
		if err == nil && len(t.parts) > 1 {
			c.text(t, "a body", vars, also)
			l.body[path] = t
		}
		return text, err
	})
	c.add(err)
	declared := collectors.Call{Name: l.Call.name}
	if l.Body != nil {
		declared.Body = l.shape()
	}
	if err := declared.CheckRead(); err != nil {
		c.fail(l.line, "%v", err)
	}
}

func (c *checker) page(l *listing, vars []string) {
	p := l.Page
	if p == nil {
		return
	}
	c.add(p.At.compile(vars))
	c.add(p.More.compile(vars))
	pointed := p.By == "next" || p.By == "token"
	switch {
	case !slices.Contains(pagings, p.By):
		c.fail(p.line, "page.by is %q: want one of %s", p.By, strings.Join(pagings, ", "))
	case pointed != (p.At != nil):
		c.fail(p.line, "page: at says where an answer holds the next address or token; it belongs to next and token")
	case (p.By == "link" || p.By == "next") != (p.As == ""):
		c.fail(p.line, "page: as names the parameter that takes the token, offset or number; it belongs to those")
	case p.In != "" && (p.In != "body" || l.Body == nil):
		c.fail(p.line, "page.in is %q: want body, and a call that has one", p.In)
	case p.Alone && p.In == "":
		c.fail(p.line, "page.alone needs in: body")
	}
}

func (c *checker) meaning(m *meaning) {
	if m.Status < 400 || m.Status > 499 {
		c.fail(m.line, "answers: status is %d: want 400 to 499", m.Status)
	}
	if all := []string{absent, unsaid, denied, notLicensed}; !slices.Contains(all, m.Means) {
		c.fail(m.line, "answers: means is %q: want one of %s", m.Means, strings.Join(all, ", "))
	}
}
