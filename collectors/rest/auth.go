package rest

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/evidenced/evidenced/collectors"
)

// auth is one way to sign in.
type auth struct {
	// Bearer, Basic and Header sign every request. They may hold {secret}, and
	// {access_token} where Token gets one.
	Bearer *template            `yaml:"bearer"`
	Basic  *basic               `yaml:"basic"`
	Header map[string]*template `yaml:"header"`
	// JWT makes {assertion}, a token that this program signs.
	JWT *assertion `yaml:"jwt"`
	// Token exchanges credentials for {access_token}.
	Token *exchange `yaml:"token"`
	line  int
}

type basic struct {
	User     *template `yaml:"user"`
	Password *template `yaml:"password"`
}

// exchange is the request that gives a short-lived token: OAuth2 client
// credentials, a JWT bearer grant, the installation token of an app.
type exchange struct {
	Call *call `yaml:"call"`
	// Form or JSON is the body.
	Form map[string]*template `yaml:"form"`
	JSON map[string]*template `yaml:"json"`
	// Header and Basic sign this request alone.
	Header map[string]*template `yaml:"header"`
	Basic  *basic               `yaml:"basic"`
	// Value returns the token, .access_token if not said; Expires how many seconds it is good for.
	Value   *expression `yaml:"value"`
	Expires *expression `yaml:"expires"`
	line    int
}

// templates returns all texts of the way to sign in.
func (a *auth) templates() []*template {
	all := slices.Concat(sorted(a.Header), a.Basic.templates(), []*template{a.Bearer})
	if a.JWT != nil {
		all = slices.Concat(all, sorted(a.JWT.Claims), []*template{a.JWT.Key, a.JWT.KeyID})
	}
	if t := a.Token; t != nil {
		all = slices.Concat(all, sorted(t.Form), sorted(t.JSON), sorted(t.Header), t.Basic.templates())
		if t.Call != nil {
			all = append(all, t.Call.base)
		}
	}
	return slices.DeleteFunc(all, func(t *template) bool { return t == nil })
}

func (b *basic) templates() []*template {
	if b == nil {
		return nil
	}
	return []*template{b.User, b.Password}
}

func sorted(m map[string]*template) (out []*template) {
	for _, name := range names(m) {
		out = append(out, m[name])
	}
	return out
}

// made are the placeholders that signing in makes.
var made = []string{"assertion", "access_token", "client_email", "issued", "expires", "token_url"}

// needs returns the settings that this way to sign in needs.
func (a *auth) needs() (all []string) {
	for _, t := range a.templates() {
		for _, name := range t.names() {
			if !slices.Contains(made, name) && !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	if a.Token != nil && a.Token.Call != nil {
		for _, v := range a.Token.Call.vars {
			if !slices.Contains(all, v) {
				all = append(all, v)
			}
		}
	}
	return all
}

// choose returns the first way to sign in for which everything is configured.
func (d *Definition) choose(c *Config) (*auth, error) {
	var ways []string
	for _, a := range d.Auth {
		needs := a.needs()
		if !slices.ContainsFunc(needs, func(name string) bool { return c.value(name) == "" }) {
			return a, nil
		}
		ways = append(ways, strings.Join(needs, " and "))
	}
	return nil, fmt.Errorf("%w: give %s", collectors.ErrUnauthenticated, strings.Join(ways, ", or "))
}

// check reports a credential that could not be had.
func (a *auth) check(c *Config) error {
	for _, name := range a.needs() {
		if s, secret := c.secrets[name]; secret {
			if err := s.Check(); err != nil {
				return fmt.Errorf("%s, such as %s: \"${env:%s}\": %w", name, name, strings.ToUpper(name), err)
			}
		}
	}
	return nil
}

// headers returns what signs a request.
func (a *auth) headers(values map[string]string) map[string]string {
	out := map[string]string{}
	if a.Bearer != nil {
		out["Authorization"] = "Bearer " + a.Bearer.from(values)
	}
	if a.Basic != nil {
		out["Authorization"] = a.Basic.header(values)
	}
	for name, t := range a.Header {
		out[name] = t.from(values)
	}
	return out
}

func (b *basic) header(values map[string]string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(b.User.from(values)+":"+b.Password.from(values)))
}
