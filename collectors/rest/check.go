package rest

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// checker finds the mistakes of a definition.
type checker struct {
	file string
	def  *Definition
	errs []error
}

func (c *checker) fail(line int, format string, args ...any) {
	c.errs = append(c.errs, &Error{File: c.file, Line: line, Message: fmt.Sprintf(format, args...)})
}

// add adds an error that an expression or a template found.
func (c *checker) add(err error) {
	if e, ok := err.(*Error); ok {
		e.File = c.file
		c.errs = append(c.errs, e)
	}
}

var (
	sourceName  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z0-9]*$`) })
	memberPath  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(\.[A-Za-z_][A-Za-z0-9_]*)+$`) })
	settingName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z0-9_]*$`) })
	// reserved are keys and placeholders that have a meaning already.
	reserved = append([]string{"schedule", "kinds", "endpoint", "each", "from", "to"}, made...)
)

func (c *checker) check(name string) {
	d := c.def
	switch {
	case d.Name != name || !sourceName().MatchString(name):
		c.fail(0, "name is %q: want that of the file, lower-case letters and digits", d.Name)
	case !sentence(d.Doc):
		c.fail(0, "doc: want one sentence that says what the source is, ending in a full stop")
	case d.Documentation == "" || d.Checked == "":
		c.fail(0, "documentation and checked are missing: the vendor's reference, and against what this file was checked")
	case len(d.Redact) == 0:
		c.fail(0, "redact is missing: name the members that carry credentials in the vendor's answers, such as [token, secret]")
	case d.Base == nil:
		c.fail(0, "base is missing: the root of the API, such as https://api.example.com")
	case d.Account == nil:
		c.fail(0, "account is missing: the request that says which tenant it is, and who asks")
	case len(d.Auth) == 0:
		c.fail(0, "auth is missing: how to sign in, such as [{bearer: \"{token}\"}]")
	default:
		c.settings()
		c.throttle()
		c.bases()
		for _, a := range d.Auth {
			c.auth(a)
		}
		c.account()
		for _, k := range d.Kinds {
			c.kind(k)
		}
		c.calls()
	}
}

func sentence(s string) bool { return strings.HasSuffix(s, ".") && !strings.Contains(s, "\n") }

func (c *checker) settings() {
	seen := map[string]bool{}
	for _, s := range c.def.Settings {
		switch {
		case !settingName().MatchString(s.Name) || slices.Contains(reserved, s.Name):
			c.fail(s.line, "setting %q: want lower-case letters, digits and _, and none of %s", s.Name, strings.Join(reserved, ", "))
		case seen[s.Name]:
			c.fail(s.line, "setting %s is there twice", s.Name)
		case !sentence(s.Doc):
			c.fail(s.line, "setting %s: doc: want one sentence, ending in a full stop", s.Name)
		case s.Example == "" && s.Default == "":
			c.fail(s.line, "setting %s: example is missing: it stands in the sample", s.Name)
		case s.Secret && s.Default != "":
			c.fail(s.line, "setting %s: a secret has no default", s.Name)
		}
		seen[s.Name] = true
	}
}

func (c *checker) throttle() {
	t := c.def.Throttle
	if t.Lanes != "" && t.Lanes != "call" {
		c.fail(0, "throttle.lanes is %q: want call, or nothing for one lane a host", t.Lanes)
	}
	if (t.Remaining == "") != (t.Reset == "") || t.Share < 0 || t.Share > 1 || t.Share > 0 && t.Limit == "" {
		c.fail(0, "throttle: remaining and reset belong together; share, between 0 and 1, needs limit")
	}
	if (t.Status == 0) != (len(t.Contains) == 0) {
		c.fail(0, "throttle: status and contains belong together: which refusal means slow down, and by which words")
	}
}

// bases: a root is a host, so that a call's name is its whole path.
func (c *checker) bases() {
	for _, b := range c.def.bases() {
		names := b.names()
		c.public(b, "a host")
		if len(names) == 1 && b.text == "{"+names[0]+"}" {
			continue
		}
		u, err := url.Parse(placeholder().ReplaceAllString(b.text, "x"))
		if err != nil || u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			c.fail(b.line, "%q: want https, a host, and no path: that belongs to the calls, and whoever asks to auth", b.text)
		}
	}
	c.public(c.def.Scope, "the scope")
	for _, h := range c.def.Headers {
		c.public(h, "a header of every request")
	}
}

// public: only settings that are no secrets stand in what is stored.
func (c *checker) public(t *template, where string, also ...string) {
	for _, name := range t.names() {
		s := c.def.setting(name)
		switch {
		case slices.Contains(also, name):
		case s == nil:
			c.fail(t.line, "{%s} in %s is no setting: name it under settings; known here: %s", name, where, strings.Join(append(c.settingNames(), also...), ", "))
		case s.Secret:
			c.fail(t.line, "{%s} in %s is a secret: it belongs to auth only", name, where)
		}
	}
}

func (c *checker) settingNames() (names []string) {
	for _, s := range c.def.Settings {
		names = append(names, s.Name)
	}
	return names
}

func (c *checker) auth(a *auth) {
	if a.Bearer == nil && a.Basic == nil && len(a.Header) == 0 {
		c.fail(a.line, "auth: want bearer, basic or header, which sign each request")
	}
	if a.Basic != nil && (a.Basic.User == nil || a.Basic.Password == nil) {
		c.fail(a.line, "auth: basic needs user and password; either may be \"\"")
		return
	}
	if a.JWT != nil && a.JWT.Key == nil {
		c.fail(a.line, "auth: jwt needs key, such as \"{private_key}\"")
		return
	}
	for _, t := range a.templates() {
		for _, p := range t.parts {
			if p.expr != nil || p.name != "" && c.def.setting(p.name) == nil && !slices.Contains(made, p.name) {
				c.fail(t.line, "{%s} is neither a setting nor one of %s", p.name, strings.Join(made, ", "))
			}
		}
	}
	if t := a.Token; t != nil {
		c.exchange(t)
	}
}

func (c *checker) exchange(t *exchange) {
	if t.Call == nil {
		c.fail(t.line, "token: call is missing, such as POST /oauth2/token")
		return
	}
	c.add(t.Value.compile(nil))
	if !memberPath().MatchString(t.Value.text) {
		c.fail(t.line, "token: value is %q: want a member such as .access_token, so that it is never stored", t.Value.text)
	}
	c.add(t.Expires.compile(nil))
	if err := (collectors.Call{Name: t.Call.name, Body: t.shape()}).CheckRead(); err != nil {
		c.fail(t.line, "token: %v", err)
	}
	for _, v := range t.Call.vars {
		if s := c.def.setting(v); s == nil || s.Secret {
			c.fail(t.line, "token: {%s} of the path is no setting", v)
		}
	}
}

func (c *checker) account() {
	a := c.def.Account
	c.kindName(a.line, a.Kind, a.Doc)
	if a.ID == nil || a.Principal == nil {
		c.fail(a.line, "account: id and principal are missing: which member of the answer names the tenant, and which one who asks")
	}
	c.add(a.ID.compile(accountVars))
	c.add(a.Principal.compile(accountVars))
	c.facts(a.line, a.Attributes, a.Required, a.Volatile, accountVars)
	c.listing(&a.Request, accountVars, false)
	if a.Who != nil {
		c.listing(a.Who, accountVars, false)
	}
}

func (c *checker) kindName(line int, name, doc string) {
	err := evidence.Record{Kind: evidence.Kind(name), ID: "x"}.Validate()
	if err != nil || !strings.HasPrefix(name, c.def.Name+".") {
		c.fail(line, "kind %q: want %s.something, in lower-case letters, digits and _", name, c.def.Name)
	}
	if !sentence(doc) {
		c.fail(line, "kind %s: doc: want one sentence that says what a record is, ending in a full stop", name)
	}
}

func (c *checker) kind(k *kind) {
	vars := k.vars()
	c.kindName(k.line, k.Kind, k.Doc)
	if k.ID == nil || len(k.Read) == 0 {
		c.fail(k.line, "%s: read and id are missing: what is asked, and which member of a row is its id", k)
	}
	if k.Events != nil {
		if k.Time == nil {
			c.fail(k.line, "%s: time is missing: which member of an event says when it was", k)
		}
		if !slices.Contains([]string{"", "rfc3339", "unix", "unix_ms", "date"}, k.Events.Format) {
			c.fail(k.line, "%s: events.format is %q: want rfc3339, unix, unix_ms or date", k, k.Events.Format)
		}
	}
	for _, e := range []*expression{k.ID, k.Name, k.Time} {
		c.add(e.compile(vars))
	}
	c.facts(k.line, k.Attributes, k.Required, k.Volatile, vars)
	k.eachListing(func(l *listing) { c.listing(l, vars, k.Events != nil) })
}

func (c *checker) facts(line int, attributes map[string]*expression, required, volatile, vars []string) {
	if len(attributes) == 0 {
		c.fail(line, "attributes are missing: the facts of a record")
	}
	for _, name := range names(attributes) {
		c.add(attributes[name].compile(vars))
		if !settingName().MatchString(name) {
			c.fail(attributes[name].line, "attribute %q: want lower-case letters, digits and _", name)
		}
	}
	for _, name := range slices.Concat(required, volatile) {
		if attributes[name] == nil {
			c.fail(line, "%q is required or volatile, and no attribute", name)
		}
	}
}

// calls checks that a request makes one call only.
func (c *checker) calls() {
	var patterns collectors.Patterns
	seen := map[string]bool{}
	c.def.eachListing(func(l *listing, _ *kind) {
		if l.Call == nil || seen[l.Call.name] {
			return
		}
		seen[l.Call.name] = true
		if err := patterns.Add(l.Call.name); err != nil {
			c.fail(l.line, "%v", err)
		}
	})
}
