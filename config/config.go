package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"

	"github.com/evidenced/evidenced/collectors"
)

// Config is one configuration file, read and checked.
type Config struct {
	// Path is where it was read from; relative paths in it start at its folder.
	Path string
	// Organization names the company in the log and in bundles.
	Organization string
	Period       Period
	Store        Store
	// Anchors are the places to which checkpoints are shown, as configured.
	Anchors []Anchor
	// Catalogue is the folder of the user's own controls, "" if there is none.
	Catalogue string
	// Notify are the channels in which people are told what matters.
	Notify []Notify
	// Serve says how the daemon is reached.
	Serve Serve
	// Sources are the configured sources, by name.
	Sources []Source
	// Files are the files that references name: who changes one changes the configuration.
	Files []string
	// Remote says that references name secrets of a vault, where they may change as well.
	Remote bool
	// Resolved identifies what all references gave, without telling it.
	Resolved [sha256.Size]byte
	// References are the references to secrets, Missing those that gave none.
	References, Missing []string
	// secrets takes out of a text what references in the file gave.
	secrets *strings.Replacer
}

// Period is the observation period.
type Period struct {
	// Type is "I" (as of a date) or "II" (over a period).
	Type string
	// From is inclusive, To exclusive: the day after the end date.
	From, To time.Time
	// Criteria are the trust services categories in scope; security where none is named.
	Criteria []string
}

// Source is one configured source.
type Source struct {
	Spec   collectors.Spec
	Config collectors.Config
}

// file is the shape of the YAML, but for the sources.
type file struct {
	Organization string             `yaml:"organization"`
	Period       filePeriod         `yaml:"period"`
	Store        fileStore          `yaml:"store"`
	Anchors      []fileAnchor       `yaml:"anchors"`
	Notify       []fileNotify       `yaml:"notify"`
	Serve        fileServe          `yaml:"serve"`
	Sources      map[string]ignored `yaml:"sources"`
	// Definitions is read by Definitions, before the sources are known.
	Definitions string `yaml:"definitions"`
	// Catalogue is a folder of controls that are laid over ours.
	Catalogue string `yaml:"catalogue"`
}

type filePeriod struct {
	Type     string   `yaml:"type"`
	Start    string   `yaml:"start"`
	End      string   `yaml:"end"`
	Criteria []string `yaml:"criteria"`
}

// ignored takes any node: sources are decoded by their own types.
type ignored struct{}

func (*ignored) UnmarshalYAML([]byte) error { return nil }

// MaxSize bounds the file.
const MaxSize = 1 << 20

// Reader reads configurations.
type Reader struct {
	// Specs are the sources that are known.
	Specs []collectors.Spec
	// Others returns more of them; it may be nil. It is asked only for what Specs do
	// not answer, as it reads many definitions.
	Others func() []collectors.Spec
	// Checks are further rules for sources; an error that begins with a key is
	// reported at the line of that key.
	Checks []Check
	// Vault gives the secrets that references such as ${aws-secret:NAME} name; nil
	// where there is none. Its errors show no secret.
	Vault func(scheme, name string) (string, error)
	// Spare asks the vault only for what the store needs: who only reads has no
	// use for other secrets, which are missing then.
	Spare bool
}

// Load reads, resolves and checks the file at path. Every mistake in it is an
// *Error that names file and line; all of them are reported at once where possible.
func (r Reader) Load(path string) (*Config, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &Error{File: path, Message: "there is no such file; `evidenced init` writes one"}
	}
	if err != nil {
		return nil, &Error{File: path, Message: err.Error()}
	}
	return r.Parse(path, b)
}

// Check is a rule for the configuration of a source that its own type cannot know.
type Check func(collectors.Config) error

// Parse is Load for bytes that are already read.
func (r Reader) Parse(path string, b []byte) (*Config, error) {
	if len(b) > MaxSize {
		return nil, &Error{File: path, Message: fmt.Sprintf("larger than %d bytes", MaxSize)}
	}
	tokens := lexer.Tokenize(string(b))
	if err := checkShape(path, tokens); err != nil {
		return nil, err
	}
	tree, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, yamlError(path, err, nil)
	}
	if len(tree.Docs) != 1 || tree.Docs[0].Body == nil {
		return nil, &Error{File: path, Message: "want one YAML document with organization, period and sources"}
	}
	p := &parse{path: path, root: tree.Docs[0].Body, reader: r, specs: r.Specs, checks: append([]Check{collectors.Config.Validate}, r.Checks...)}
	p.resolve(p.root)
	c, err := p.config()
	if err != nil {
		conceal(err, concealer(p.resolved))
	}
	return c, err
}

// parse holds one file while it is read.
type parse struct {
	path                string
	root                ast.Node
	specs               []collectors.Spec
	checks              []Check
	errs                []error
	references, missing []string
	// resolved are the values that references gave, lines those where one gave none.
	resolved []string
	lines    map[string]int
	files    []string
	reader   Reader
	remote   bool // a reference names a secret of the vault
}

func (p *parse) fail(line int, format string, args ...any) {
	p.errs = append(p.errs, &Error{File: p.path, Line: line, Message: fmt.Sprintf(format, args...)})
}

func (p *parse) config() (*Config, error) {
	if err := errors.Join(p.errs...); err != nil {
		return nil, err
	}
	var f file
	if err := decode(p.root, &f); err != nil {
		return nil, yamlError(p.path, err, keysOf(f))
	}
	p.demand(reflect.ValueOf(f))
	c := &Config{Path: p.path, Organization: f.Organization, secrets: concealer(p.resolved)}
	if strings.TrimSpace(f.Organization) == "" {
		p.fail(0, "organization is missing: the name of the company, as it should stand in the bundle")
	}
	c.Period = p.period(f.Period)
	c.Store = p.store(f.Store)
	c.Anchors = p.anchors(f.Anchors)
	if c.Catalogue = f.Catalogue; c.Catalogue != "" && !filepath.IsAbs(c.Catalogue) {
		c.Catalogue = filepath.Join(filepath.Dir(p.path), c.Catalogue)
	}
	c.Notify = p.notify(f.Notify)
	c.Serve = p.serve(f.Serve, c.Store)
	c.References, c.Missing = p.references, p.missing
	c.Files, c.Remote, c.Resolved = p.files, p.remote, sha256.Sum256([]byte(strings.Join(p.resolved, "\x00")))
	p.sources(c)
	if err := errors.Join(p.errs...); err != nil {
		return nil, err
	}
	return c, nil
}

func decode(n ast.Node, v any) error {
	return yaml.NodeToValue(n, v, yaml.Strict())
}

const day = "2006-01-02"

func (p *parse) period(f filePeriod) Period {
	out := Period{Type: f.Type, Criteria: f.Criteria}
	if len(out.Criteria) == 0 {
		out.Criteria = categories[:1] // without security there is no SOC 2 report
	}
	if out.Type == "" {
		out.Type = "II"
	}
	if out.Type != "I" && out.Type != "II" {
		p.fail(p.line("period", "type"), "period.type is %q: want I or II", f.Type)
	}
	out.From = p.day("start", f.Start)
	if f.End == "" && out.Type == "I" {
		f.End = f.Start
	}
	out.To = p.day("end", f.End).AddDate(0, 0, 1)
	if len(p.errs) == 0 && !out.From.Before(out.To) {
		p.fail(p.line("period", "end"), "period.end %s is before period.start %s", f.End, f.Start)
	}
	p.categories(out.Criteria)
	return out
}

func (p *parse) day(key, value string) time.Time {
	t, err := time.Parse(day, value)
	switch {
	case value == "":
		p.fail(p.line("period"), "period.%s is missing: a date such as 2026-07-01", key)
	case err != nil:
		p.fail(p.line("period", key), "period.%s is %q: want a date such as 2026-07-01", key, value)
	}
	return t
}

var categories = []string{"security", "availability", "confidentiality", "processing_integrity", "privacy"}

func (p *parse) categories(got []string) {
	for _, c := range got {
		if !slices.Contains(categories, c) {
			p.fail(p.line("period", "criteria"), "period.criteria holds %q: want some of %s", c, strings.Join(categories, ", "))
		}
	}
}

// sources decodes each source into the type its collector gives.
func (p *parse) sources(c *Config) {
	m, ok := child(p.root, "sources").(*ast.MappingNode)
	if !ok || len(m.Values) == 0 {
		p.fail(p.line("sources"), "sources is missing: name at least one of %s", strings.Join(p.names(), ", "))
		return
	}
	for _, v := range m.Values {
		p.source(c, v)
	}
	slices.SortFunc(c.Sources, func(a, b Source) int { return strings.Compare(a.Spec.Name, b.Spec.Name) })
}

// more makes the other sources known, once.
func (p *parse) more() {
	if p.reader.Others == nil {
		return
	}
	for _, s := range p.reader.Others() {
		if !slices.Contains(p.names(), s.Name) {
			p.specs = append(p.specs, s)
		}
	}
	p.reader.Others = nil
}

// find returns the place of a source among specs, -1 if it is not known.
func (p *parse) find(name string) int {
	i := slices.Index(p.names(), name)
	if i < 0 {
		p.more()
		i = slices.Index(p.names(), name)
	}
	return i
}

func (p *parse) names() (names []string) {
	for _, s := range p.specs {
		names = append(names, s.Name)
	}
	return names
}

func (p *parse) source(c *Config, v *ast.MappingValueNode) {
	name, line := v.Key.String(), v.Key.GetToken().Position.Line
	i := p.find(name)
	if i < 0 {
		p.fail(line, "unknown source %q%s", name, suggest(name, p.names()))
		return
	}
	cfg := p.specs[i].NewConfig()
	if _, empty := v.Value.(*ast.NullNode); !empty {
		if err := decode(v.Value, cfg); err != nil {
			p.errs = append(p.errs, yamlError(p.path, err, keysOf(cfg)))
			return
		}
	}
	if f, ok := cfg.(collectors.Placed); ok {
		f.RelativeTo(filepath.Dir(p.path))
	}
	p.demand(reflect.ValueOf(cfg))
	if err := p.specs[i].Has(cfg.Base().Kinds); err != nil {
		p.fail(p.lineOf(v.Value, err, line), "sources.%s: %v", name, err)
		return
	}
	if err := p.specs[i].Has(slices.Collect(maps.Keys(cfg.Base().Schedules))); err != nil {
		p.fail(p.lineOf(v.Value, errors.New("schedules"), line), "sources.%s: schedules: %v", name, err)
		return
	}
	for _, check := range p.checks {
		if err := check(cfg); err != nil {
			p.fail(p.lineOf(v.Value, err, line), "sources.%s: %v", name, err)
			return
		}
	}
	c.Sources = append(c.Sources, Source{Spec: p.specs[i], Config: cfg})
}

var leadingKey = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([a-z_]+)\b`) })

// lineOf finds the line of the key that a validation error begins with.
func (p *parse) lineOf(n ast.Node, err error, otherwise int) int {
	if m := leadingKey().FindString(err.Error()); m != "" {
		if c := child(n, m); c != nil {
			return c.GetToken().Position.Line
		}
	}
	return otherwise
}

// line gives the line of a nested key, or of the nearest parent that is there.
func (p *parse) line(path ...string) int {
	n, line := p.root, 0
	for _, key := range path {
		if n = child(n, key); n == nil {
			return line
		}
		line = lineAt(n)
	}
	return line
}

// node gives the value of a nested key, nil if there is none.
func (p *parse) node(path ...string) ast.Node {
	n := p.root
	for _, key := range path {
		if n = child(n, key); n == nil {
			return nil
		}
	}
	return n
}

// itemLine gives the line of an item of a list.
func (p *parse) itemLine(i int, path ...string) int {
	if list, ok := p.node(path...).(*ast.SequenceNode); ok && i < len(list.Values) {
		return lineAt(list.Values[i])
	}
	return p.line(path...)
}

// lineAt gives the line on which a value begins. The token of a map in a block
// is its first colon, which may stand after a long key.
func lineAt(n ast.Node) int {
	switch m := n.(type) {
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			n = m.Values[0].Key
		}
	case *ast.MappingValueNode:
		n = m.Key
	}
	return n.GetToken().Position.Line
}

// members returns the members of a mapping; none of any other node.
func members(n ast.Node) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

// child returns the value of a key in a mapping, nil if there is none.
func child(n ast.Node, key string) ast.Node {
	for _, v := range members(n) {
		if v.Key.String() == key {
			return v.Value
		}
	}
	return nil
}
