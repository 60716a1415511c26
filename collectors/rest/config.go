package rest

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/evidenced/evidenced/collectors"
)

// Config is the configuration of one source that a definition describes.
type Config struct {
	common   collectors.Base
	settings map[string]string
	secrets  map[string]collectors.Secret
	def      *Definition
}

func (d *Definition) newConfig() *Config {
	c := &Config{def: d, common: collectors.Base{Schedule: d.Schedule}, settings: map[string]string{}, secrets: map[string]collectors.Secret{}}
	for _, s := range d.Settings {
		if !s.Secret {
			c.settings[s.Name] = s.Default
		}
	}
	return c
}

// UnmarshalYAML reads the settings that the definition names, and those that every source has.
func (c *Config) UnmarshalYAML(n ast.Node) error {
	rest := &ast.MappingNode{BaseNode: &ast.BaseNode{}}
	for _, v := range entries(n) {
		s := c.def.setting(v.Key.String())
		if s == nil {
			if rest.Start == nil {
				rest.Start = v.Start
			}
			rest.Values = append(rest.Values, v)
			continue
		}
		text, err := textOf(v.Value)
		if err != nil {
			return &yaml.UnexpectedNodeTypeError{Actual: v.Value.Type(), Expected: ast.StringType, Token: v.Value.GetToken()}
		}
		if s.Secret {
			c.secrets[s.Name] = collectors.Secret(text)
		} else {
			c.settings[s.Name] = text
		}
	}
	if len(rest.Values) == 0 {
		return nil
	}
	return yaml.NodeToValue(rest, &c.common, yaml.Strict())
}

func entries(n ast.Node) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

// MarshalYAML returns what was used; a secret shows itself as redacted.
func (c *Config) MarshalYAML() (any, error) {
	out := yaml.MapSlice{{Key: "schedule", Value: c.common.Schedule}}
	if len(c.common.Schedules) > 0 {
		out = append(out, yaml.MapItem{Key: "schedules", Value: c.common.Schedules})
	}
	if len(c.common.Kinds) > 0 {
		out = append(out, yaml.MapItem{Key: "kinds", Value: c.common.Kinds})
	}
	if c.common.Endpoint != "" {
		out = append(out, yaml.MapItem{Key: "endpoint", Value: c.common.Endpoint})
	}
	for _, s := range c.def.Settings {
		if v := c.settings[s.Name]; v != "" {
			out = append(out, yaml.MapItem{Key: s.Name, Value: v})
		}
		if v, ok := c.secrets[s.Name]; ok {
			out = append(out, yaml.MapItem{Key: s.Name, Value: v.String()})
		}
	}
	return out, nil
}

// Keys are the keys that may be set.
func (c *Config) Keys() []string {
	keys := []string{"schedule", "schedules", "kinds", "endpoint"}
	for _, s := range c.def.Settings {
		keys = append(keys, s.Name)
	}
	return keys
}

func (d *Definition) setting(name string) *setting {
	for _, s := range d.Settings {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// value returns a setting or a secret.
func (c *Config) value(name string) string {
	if s, ok := c.secrets[name]; ok {
		return s.Reveal()
	}
	return c.settings[name]
}

// values returns all settings and secrets, for the code that signs requests.
func (c *Config) values() map[string]string {
	out := maps.Clone(c.settings)
	for name, s := range c.secrets {
		out[name] = s.Reveal()
	}
	return out
}

// Base implements collectors.Config.
func (c *Config) Base() *collectors.Base { return &c.common }

// Validate implements collectors.Config.
func (c *Config) Validate() error {
	for _, s := range c.def.Settings {
		if err := c.check(s); err != nil {
			return err
		}
	}
	if err := collectors.ValidEndpoint(c.common.Endpoint); err != nil {
		return err
	}
	for _, b := range c.def.bases() {
		if err := c.checkBase(b); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) check(s *setting) error {
	v := c.settings[s.Name]
	switch {
	case s.Secret:
		return nil
	case v == "" && s.Default == "" && !s.Optional:
		return fmt.Errorf("%s is missing: %s, such as %s", s.Name, strings.TrimSuffix(s.Doc, "."), s.Example)
	case v != "" && len(s.Choices) > 0 && !slices.Contains(s.Choices, v):
		return fmt.Errorf("%s is %q: want one of %s", s.Name, v, strings.Join(s.Choices, ", "))
	}
	return nil
}

var hostPart = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$`) })

// checkBase reports a setting that would lead a request, and its credential, elsewhere.
func (c *Config) checkBase(b *template) error {
	names := b.names()
	if len(names) == 1 && b.text == "{"+names[0]+"}" {
		v := c.settings[names[0]]
		if err := collectors.ValidEndpoint(v); err != nil {
			return fmt.Errorf("%s: %w", names[0], err)
		}
		if u, err := url.Parse(v); err == nil && strings.Trim(u.Path, "/") != "" {
			return fmt.Errorf("%s is %q: want no path; a server below a path is given as endpoint", names[0], v)
		}
		return nil
	}
	for _, name := range names {
		if v := c.settings[name]; !hostPart().MatchString(v) {
			return fmt.Errorf("%s is %q: it becomes part of a host, so want letters, digits, dots and hyphens", name, v)
		}
	}
	return nil
}

// bases returns every root that requests go to.
func (d *Definition) bases() []*template {
	all := []*template{d.Base}
	for _, a := range d.Auth {
		if a.Token != nil && a.Token.Call != nil && a.Token.Call.base != nil {
			all = append(all, a.Token.Call.base)
		}
	}
	d.eachListing(func(l *listing, _ *kind) {
		if l.Call != nil && l.Call.base != nil {
			all = append(all, l.Call.base)
		}
	})
	return all
}

// Hosts implements collectors.Config.
func (c *Config) Hosts() (hosts []string) {
	if c.common.Endpoint != "" {
		return []string{collectors.EndpointHost(c.common.Endpoint)}
	}
	for _, b := range c.def.bases() {
		if h := collectors.EndpointHost(b.from(c.settings)); h != "" && !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// root returns the URL below which a call lies. An endpoint stands for all roots.
func (c *Config) root(b *template) string {
	if b == nil {
		b = c.def.Base
	}
	text := b.from(c.settings)
	if c.common.Endpoint != "" {
		text = c.common.Endpoint
	}
	return strings.TrimRight(text, "/")
}

// scope names the tenant, whatever the endpoint is.
func (c *Config) scope() string {
	if c.def.Scope != nil {
		return c.def.Scope.from(c.settings)
	}
	if u, err := url.Parse(c.def.Base.from(c.settings)); err == nil {
		return u.Host
	}
	return ""
}

// Open implements collectors.Config.
func (c *Config) Open(env collectors.Env) (collectors.Collector, error) {
	a, err := c.def.choose(c)
	if err != nil {
		a = &auth{} // without a credential only what needs one fails, when it is needed
	}
	return &collector{def: c.def, cfg: c, env: env, auth: a, unauthenticated: err}, nil
}
