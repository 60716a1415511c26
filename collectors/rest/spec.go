package rest

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

//go:embed definitions/*.yaml
var embedded embed.FS

// Specs returns what every definition of this folder declares, in order of name.
// That they are right is tested, so that a mistake cannot ship.
func Specs() []collectors.Spec {
	fsys, err := fs.Sub(embedded, "definitions")
	if err != nil {
		panic(err)
	}
	defs, err := Load(fsys, "")
	if err != nil {
		panic(err)
	}
	return specsOf(defs)
}

// SpecsIn returns what the definitions in a user's folder declare.
func SpecsIn(folder string) ([]collectors.Spec, error) {
	if _, err := os.ReadDir(folder); err != nil {
		return nil, fmt.Errorf("definitions: %w", err)
	}
	defs, err := Load(os.DirFS(folder), folder)
	return specsOf(defs), err
}

// SpecOf returns what the definition of that name declares; not ok if the program
// has none. A definition is the file of its name.
func SpecOf(name string) (spec collectors.Spec, ok bool) {
	b, err := embedded.ReadFile("definitions/" + name + ".yaml")
	if err != nil {
		return spec, false
	}
	d, err := Parse(name+".yaml", b)
	if err != nil {
		panic(err)
	}
	return d.Spec(), true
}

func specsOf(defs []*Definition) (specs []collectors.Spec) {
	for _, d := range defs {
		if d != nil {
			specs = append(specs, d.Spec())
		}
	}
	return specs
}

// Spec returns what a definition declares.
func (d *Definition) Spec() collectors.Spec {
	return collectors.Spec{
		Name: d.Name, Version: d.Version, Doc: d.Doc,
		Root: evidence.Kind(d.Account.Kind), Kinds: d.kinds(), Calls: d.calls(),
		Throttled: d.Throttle.tells(), Quota: d.Throttle.quota(), Lane: d.lane(),
		Redact: d.redact(), Rules: d.digest,
		NewConfig: func() collectors.Config { return d.newConfig() },
		Sample:    d.sample(), Policy: d.policy,
	}
}

func (d *Definition) kinds() []collectors.KindSpec {
	out := []collectors.KindSpec{{Kind: evidence.Kind(d.Account.Kind), Doc: d.Account.Doc, Mode: evidence.State, Volatile: d.Account.Volatile}}
	for _, k := range d.Kinds {
		ks := collectors.KindSpec{Kind: evidence.Kind(k.Kind), Doc: k.Doc, Mode: evidence.State, Volatile: k.Volatile}
		if k.Events != nil {
			ks.Mode, ks.Late, ks.Kept = evidence.Event, time.Duration(k.Events.Late), time.Duration(k.Events.Kept)
		}
		out = append(out, ks)
	}
	return out
}

// calls returns every call once, with all kinds that it serves. Those of the
// session serve every kind.
func (d *Definition) calls() (out []collectors.Call) {
	at := map[string]int{}
	add := func(c collectors.Call, kind evidence.Kind) {
		i, ok := at[c.Name]
		switch {
		case !ok && kind != "":
			c.Kinds = []evidence.Kind{kind}
			fallthrough
		case !ok:
			at[c.Name] = len(out)
			out = append(out, c)
		case len(out[i].Kinds) > 0 && !slices.Contains(out[i].Kinds, kind):
			out[i].Kinds = append(out[i].Kinds, kind)
		}
	}
	for _, a := range d.Auth {
		if t := a.Token; t != nil {
			add(collectors.Call{Name: t.Call.name, Why: "a token for this session; needs no permission", Body: t.shape()}, "")
		}
	}
	d.eachListing(func(l *listing, k *kind) {
		c := collectors.Call{Name: l.Call.name, Permissions: l.Permissions, Why: l.Why}
		if l.Body != nil {
			c.Body = l.shape()
		}
		if k == nil {
			add(c, "")
		} else {
			add(c, evidence.Kind(k.Kind))
		}
	})
	return out
}

// alwaysRedacted are the members by which OAuth2 (RFC 6749, 7521) carries credentials.
var alwaysRedacted = []string{"access_token", "assertion", "client_assertion", "client_secret", "id_token", "password", "private_key", "refresh_token"}

func (d *Definition) redact() []string {
	all := slices.Concat(d.Redact, alwaysRedacted)
	for _, a := range d.Auth {
		if a.Token != nil {
			all = append(all, a.Token.member())
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// tells returns what knows a refusal that means "slow down".
func (t throttle) tells() func(int, http.Header, []byte) bool {
	if t.Status == 0 {
		return nil
	}
	return func(status int, _ http.Header, body []byte) bool {
		return status == t.Status && slices.ContainsFunc(t.Contains, func(s string) bool { return bytes.Contains(body, []byte(s)) })
	}
}

func (t throttle) quota() *collectors.Quota {
	if t.Reset == "" {
		return nil
	}
	return &collectors.Quota{Limit: t.Limit, Remaining: t.Remaining, Reset: t.Reset, Left: t.Left, Share: t.Share}
}

// lane tells calls apart where each has a limit of its own.
func (d *Definition) lane() func(*http.Request) string {
	if d.Throttle.Lanes == "" {
		return nil
	}
	mux := http.NewServeMux()
	for _, c := range d.calls() {
		mux.Handle(c.Name, http.NotFoundHandler())
	}
	return func(r *http.Request) string {
		_, pattern := mux.Handler(r)
		return r.URL.Host + " " + pattern
	}
}

// sample returns the commented configuration: what is needed live, the rest as comments.
func (d *Definition) sample() []byte {
	var b strings.Builder
	needed := d.Auth[0].needs()
	for _, s := range d.Settings {
		fmt.Fprintf(&b, "## %s\n", s.Doc)
		if s.Default != "" || s.Optional || s.Secret && !slices.Contains(needed, s.Name) {
			b.WriteString("# ")
		}
		fmt.Fprintf(&b, "%s: %q\n", s.Name, cmp.Or(s.Example, s.Default))
	}
	fmt.Fprintf(&b, "## When to read, in UTC.\n# schedule: %q\n## What to read, everything if not said.\n# kinds: [%s]\n", d.Schedule, d.Account.Kind)
	fmt.Fprintf(&b, "## Another address of the API, for a proxy or a test.\n# endpoint: https://%s.example.com/\n", d.Name)
	return []byte(b.String())
}

// policy lists the rights that the calls need, and where they are given.
func (d *Definition) policy(calls []collectors.Call) ([]byte, error) {
	if len(calls) == 0 {
		return nil, errors.New("no call is declared")
	}
	rights := map[string][]string{}
	for _, c := range calls {
		for _, p := range c.Permissions {
			rights[p] = append(rights[p], c.Name)
		}
	}
	type right struct {
		Permission string   `yaml:"permission"`
		For        []string `yaml:"for"`
	}
	doc := struct {
		Source        string `yaml:"source"`
		Documentation string `yaml:"documentation"`
		// Asks are the hosts that requests, and the credential, go to.
		Asks        []string `yaml:"asks"`
		Grant       string   `yaml:"grant,omitempty"`
		Permissions []right  `yaml:"permissions"`
	}{Source: d.Name, Documentation: d.Documentation, Grant: d.Grant}
	for _, b := range d.bases() {
		if !slices.Contains(doc.Asks, b.text) {
			doc.Asks = append(doc.Asks, b.text)
		}
	}
	for _, p := range names(rights) {
		doc.Permissions = append(doc.Permissions, right{p, rights[p]})
	}
	return yaml.Marshal(doc)
}
