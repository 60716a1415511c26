package catalogue

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/gap/rule"
)

// Catalogue is what is promised and how it is checked. It is read-only once
// loaded; one catalogue serves any number of engines at once.
type Catalogue struct {
	// Criteria are sorted by their position in criteria.yaml.
	Criteria []Criterion `json:"criteria"`
	// Controls are sorted by id.
	Controls []Control `json:"controls"`
	// Calendar is absent from catalogues of before there was one.
	Calendar *Calendar `json:"calendar,omitempty"`
	// Views are sorted by kind.
	Views []View `json:"views,omitempty"`

	rules map[string]*rule.Rule // compiled, by test id
	views map[evidence.Kind]*CompiledView
	// perView counts the tests of each view.
	perView map[evidence.Kind]int
	digest  *digest
}

// Criterion is one of the 61 trust services criteria: its public id and our own title.
type Criterion struct {
	ID    string `json:"id" yaml:"id"`
	Title string `json:"title" yaml:"title"`
}

// Control is what the company promises.
type Control struct {
	ID     string `json:"id" yaml:"id"`
	Title  string `json:"title" yaml:"title"`
	Family string `json:"family" yaml:"family"`
	// Description states the promise, in a sentence an auditor can test.
	Description string `json:"description" yaml:"description"`
	// Procedure tells the auditor how the control is tested, in our words.
	Procedure string `json:"procedure" yaml:"procedure"`
	// Criteria adds to those that the tests hold, for parts no test shows.
	Criteria []string `json:"criteria,omitempty" yaml:"criteria"`
	// Tests are sorted by id.
	Tests []Test `json:"tests" yaml:"tests"`
	// Duties are sorted by id.
	Duties []Duty `json:"duties,omitempty" yaml:"duties"`
}

// The modes of a test.
const (
	// Each evaluates every record on its own; the resource is the record.
	Each = "each"
	// Exists asks for at least one passing record; the resource is the stream's scope.
	Exists = "exists"
	// AtMost allows no more than Max records that satisfy Pass; the resource is the stream's scope.
	AtMost = "at_most"
)

// Test is one automated check of a control.
type Test struct {
	ID       string        `json:"id" yaml:"id"`
	Title    string        `json:"title" yaml:"title"`
	Control  string        `json:"control" yaml:"-"` // the file it stands in
	Family   string        `json:"family" yaml:"-"`  // its control's
	Criteria []string      `json:"criteria" yaml:"criteria"`
	Kind     evidence.Kind `json:"kind" yaml:"kind"`
	// Part, of a test of a view, is the one kind of the view whose records it
	// judges; all of them where not stated.
	Part evidence.Kind `json:"part,omitempty" yaml:"part"`
	Mode string        `json:"mode" yaml:"mode"` // Each where not stated
	// Finds is the kind of gap that a failure is: Deviation where not stated, or
	// Reconciliation where two sources are compared.
	Finds result.Kind `json:"finds,omitempty" yaml:"finds"`
	// Max is the limit of an AtMost test.
	Max int `json:"max,omitempty" yaml:"max"`
	// When and Pass are CEL predicates over one record; Detail is CEL giving a
	// short text of why it failed. When and Detail may be empty. See rule.Rule.
	When   string `json:"when,omitempty" yaml:"when"`
	Pass   string `json:"pass" yaml:"pass"`
	Detail string `json:"detail,omitempty" yaml:"detail"`
	// Severity is critical, high, medium or low.
	Severity string `json:"severity" yaml:"severity"`
	// SLADays is the time to fix, in days; zero means that none is promised.
	SLADays int `json:"sla_days" yaml:"sla_days"`
	// Frequency says how often the test is meant to run: daily, weekly, each event.
	Frequency string `json:"frequency" yaml:"frequency"`
	// Basis names who else maps this test to these criteria, or "own".
	Basis string `json:"basis" yaml:"basis"`
	// Remediation tells the engineer what to do about a failure.
	Remediation string `json:"remediation" yaml:"remediation"`
	// Procedure tells the auditor what the test does, in our words.
	Procedure string `json:"procedure" yaml:"procedure"`
}

//go:embed catalog/*.yaml catalog/views/*.yaml
var embedded embed.FS

var defaultCatalogue = sync.OnceValues(func() (*Catalogue, error) {
	sub, err := fs.Sub(embedded, "catalog")
	if err != nil {
		return nil, fmt.Errorf("embedded catalogue: %w", err)
	}
	return Load(sub)
})

// LoadOver returns the embedded catalogue with the files of own laid over it: one
// of the same name takes its place, another one is added.
func LoadOver(own fs.FS) (*Catalogue, error) {
	base, err := fs.Sub(embedded, "catalog")
	if err != nil {
		return nil, fmt.Errorf("embedded catalogue: %w", err)
	}
	if err := refuseFormer(own); err != nil {
		return nil, err
	}
	return Load(overlay{own, base})
}

// overlay is a file system over another one.
type overlay struct{ over, base fs.FS }

// Open implements fs.FS.
func (o overlay) Open(name string) (fs.File, error) {
	f, err := o.over.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return o.base.Open(name)
	}
	return f, err
}

// Glob implements fs.GlobFS: the names of both.
func (o overlay) Glob(pattern string) ([]string, error) {
	names, err := fs.Glob(o.base, pattern)
	if err != nil {
		return nil, err
	}
	own, err := fs.Glob(o.over, pattern)
	names = append(names, own...)
	slices.Sort(names)
	return slices.Compact(names), err
}

// Default returns the embedded catalogue. It is compiled once a process.
func Default() (*Catalogue, error) { return defaultCatalogue() }

// Categories are the trust services categories, and how the ids of their criteria begin.
var Categories = map[string]string{"security": "CC", "availability": "A", "confidentiality": "C", "processing_integrity": "PI", "privacy": "P"}

func category(criterion string) string {
	prefix := strings.TrimRight(criterion, "0123456789.")
	for name, p := range Categories {
		if p == prefix {
			return name
		}
	}
	return ""
}

// For returns the catalogue of these categories alone: their criteria, and the
// tests, duties and controls that hold one of them.
func (c *Catalogue) For(categories []string) *Catalogue {
	out := &Catalogue{Calendar: c.Calendar, Views: c.Views, rules: c.rules, views: c.views, perView: c.perView}
	out.digest = &digest{of: out}
	in := map[string]bool{}
	for _, cr := range c.Criteria {
		if slices.Contains(categories, category(cr.ID)) {
			out.Criteria = append(out.Criteria, cr)
			in[cr.ID] = true
		}
	}
	some := func(ids []string) []string {
		return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !in[id] })
	}
	for _, ctl := range c.Controls {
		ctl.Criteria = some(ctl.Criteria)
		ctl.Tests = held(ctl.Tests, func(t *Test) []string { t.Criteria = some(t.Criteria); return t.Criteria })
		ctl.Duties = held(ctl.Duties, func(d *Duty) []string { d.Criteria = some(d.Criteria); return d.Criteria })
		if len(ctl.Criteria)+len(ctl.Tests)+len(ctl.Duties) > 0 {
			out.Controls = append(out.Controls, ctl)
		}
	}
	return out
}

// Only returns the catalogue with some of its controls.
func (c *Catalogue) Only(controls []string) *Catalogue {
	out := *c
	out.digest = &digest{of: &out}
	out.Controls = slices.DeleteFunc(slices.Clone(c.Controls), func(ctl Control) bool { return !slices.Contains(controls, ctl.ID) })
	return &out
}

// held returns copies of those that hold criteria.
func held[T any](all []T, criteria func(*T) []string) (out []T) {
	for _, v := range all {
		if len(criteria(&v)) > 0 {
			out = append(out, v)
		}
	}
	return out
}

// Tests returns every test, sorted by id.
func (c *Catalogue) Tests() []Test {
	var all []Test
	for _, ctl := range c.Controls {
		all = append(all, ctl.Tests...)
	}
	slices.SortFunc(all, func(a, b Test) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// CriteriaOf returns the criteria of each test and duty.
func (c *Catalogue) CriteriaOf() map[string][]string {
	m := map[string][]string{}
	for _, ctl := range c.Controls {
		for _, t := range ctl.Tests {
			m[t.ID] = t.Criteria
		}
		for _, d := range ctl.Duties {
			m[d.ID] = d.Criteria
		}
	}
	return m
}

// Rule returns the compiled form of a test; nil where there is none of that id.
func (c *Catalogue) Rule(test string) *rule.Rule { return c.rules[test] }

// View returns the compiled form of a view; nil where kind is none.
func (c *Catalogue) View(kind evidence.Kind) *CompiledView { return c.views[kind] }

// Control finds a control by its id.
func (c *Catalogue) Control(id string) (Control, bool) {
	i := slices.IndexFunc(c.Controls, func(ctl Control) bool { return ctl.ID == id })
	if i < 0 {
		return Control{}, false
	}
	return c.Controls[i], true
}

// Canonical returns the canonical JSON of the catalogue as evaluated. Parse reads it back.
func (c *Catalogue) Canonical() ([]byte, error) {
	b, err := evidence.Canonical(c)
	if err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	return b, nil
}

// Digest is the hash of the canonical JSON. It is computed once.
func (c *Catalogue) Digest() evidence.Hash {
	if d := c.digest; d != nil && d.of == c {
		d.once.Do(func() { d.hash = c.hash() })
		return d.hash
	}
	return c.hash()
}

// digest keeps the digest of one catalogue, and is of no use for a copy of it.
type digest struct {
	of   *Catalogue
	once sync.Once
	hash evidence.Hash
}

func (c *Catalogue) hash() evidence.Hash {
	b, err := c.Canonical()
	if err != nil {
		panic(err) // Load refuses text that is not UTF-8, and nothing else can fail
	}
	return evidence.HashOf(b)
}

// Parse reads the canonical JSON of a catalogue, so that old evidence can be
// evaluated again by the tests of its day.
func Parse(canonical []byte) (*Catalogue, error) {
	c := new(Catalogue)
	if err := evidence.DecodeCanonical(canonical, c); err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	if err := c.finish(func(path, msg string, args ...any) error {
		return fmt.Errorf("catalogue: %s: "+msg, append([]any{path}, args...)...)
	}); err != nil {
		return nil, err
	}
	return c, nil
}
