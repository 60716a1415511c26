package catalogue

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/rule"
)

const criteriaFile = "criteria.yaml"

// Load reads a catalogue from the top of fsys: criteria.yaml,
// calendar.yaml where there is one, one file per control and, in the folder views, one per view. It is strict: an unknown key, an unknown criterion, a repeated id or
// a predicate that does not compile is an error that carries file and line.
func Load(fsys fs.FS) (*Catalogue, error) {
	c := new(Catalogue)
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	l := loader{fsys: fsys, at: map[string]yamlFile{}}
	var criteria struct {
		Criteria []Criterion `yaml:"criteria"`
	}
	if err := l.read(criteriaFile, &criteria); err != nil {
		return nil, err
	}
	c.Criteria = criteria.Criteria
	l.at[""] = l.last
	for _, name := range names {
		if name == criteriaFile || name == calendarFile {
			continue
		}
		var ctl Control
		if err := l.read(name, &ctl); err != nil {
			return nil, err
		}
		c.Controls = append(c.Controls, ctl)
		l.files = append(l.files, l.last)
	}
	if err := l.readViews(c); err != nil {
		return nil, err
	}
	if slices.Contains(names, calendarFile) {
		c.Calendar = new(Calendar)
		if err := l.read(calendarFile, c.Calendar); err != nil {
			return nil, err
		}
		l.at["calendar"] = l.last
	}
	if err := c.finish(l.fail); err != nil {
		return nil, err
	}
	return c, nil
}

func (l *loader) readViews(c *Catalogue) error {
	names, err := fs.Glob(l.fsys, "views/*.yaml")
	if err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	for _, name := range names {
		var v View
		if err := l.read(name, &v); err != nil {
			return err
		}
		c.Views = append(c.Views, v)
		l.views = append(l.views, l.last)
	}
	return nil
}

// loader keeps the texts, so that later errors can name a line.
type loader struct {
	fsys  fs.FS
	last  yamlFile
	files []yamlFile // in the order of Controls as read
	views []yamlFile // and of Views
	at    map[string]yamlFile
}

type yamlFile struct {
	name string
	text []byte
}

func (l *loader) read(name string, v any) error {
	b, err := fs.ReadFile(l.fsys, name)
	if err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	l.last = yamlFile{name, b}
	if err := decodeStrict(b, v); err != nil {
		return yamlError(name, err)
	}
	return nil
}

func decodeStrict(b []byte, v any) error {
	d := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict(), yaml.DisallowUnknownField())
	if err := d.Decode(v); err != nil {
		if errors.Is(err, io.EOF) {
			return errors.New("the file is empty")
		}
		return err
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return errors.New("more than one YAML document")
	}
	return nil
}

// yamlError returns "file:line: message".
func yamlError(name string, err error) error {
	var ye yaml.Error
	if errors.As(err, &ye) && ye.GetToken() != nil {
		return fmt.Errorf("%s:%d: %s", name, ye.GetToken().Position.Line, ye.GetMessage())
	}
	return fmt.Errorf("%s:1: %w", name, err)
}

// fail names the line of a path such as "controls[2].tests[0].pass".
func (l *loader) fail(path, msg string, args ...any) error {
	src, path := l.find(path)
	for path != "" {
		if line := src.line(path); line > 0 {
			return fmt.Errorf("%s:%d: %s", src.name, line, fmt.Sprintf(msg, args...))
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)] // a key left out: name its parent
	}
	return fmt.Errorf("%s:1: %s", src.name, fmt.Sprintf(msg, args...))
}

func (l *loader) find(path string) (yamlFile, string) {
	for format, files := range map[string][]yamlFile{"controls[%d]": l.files, "views[%d]": l.views} {
		var i int
		if n, _ := fmt.Sscanf(path, format, &i); n == 1 {
			_, rest, _ := strings.Cut(path, "]")
			return files[i], strings.TrimPrefix(rest, ".")
		}
	}
	if rest, ok := strings.CutPrefix(path, "calendar."); ok {
		return l.at["calendar"], rest
	}
	return l.at[""], path
}

// line returns the line of a member, 0 where there is none. It parses the text.
func (f yamlFile) line(path string) int {
	p, err := yaml.PathString("$." + path)
	if err != nil {
		return 0
	}
	file, err := parser.ParseBytes(f.text, 0)
	if err != nil {
		return 0
	}
	node, err := p.FilterFile(file)
	if err != nil || node == nil || node.GetToken() == nil {
		return 0
	}
	return node.GetToken().Position.Line
}

// failFunc makes the error of one place in the catalogue.
type failFunc func(path, msg string, args ...any) error

// finish checks a catalogue, sets the members that follow from others, compiles and sorts.
func (c *Catalogue) finish(fail failFunc) error {
	criteria, err := c.checkCriteria(fail)
	if err != nil {
		return err
	}
	if c.Calendar != nil {
		if err := c.Calendar.finish(func(path, msg string, args ...any) error { return fail("calendar."+path, msg, args...) }); err != nil {
			return err
		}
	}
	comp, err := rule.NewCompiler()
	if err != nil {
		return err
	}
	if err := c.finishViews(comp, fail); err != nil {
		return err
	}
	c.rules, c.perView = map[string]*rule.Rule{}, map[evidence.Kind]int{}
	seen, duties := map[string]bool{}, map[string]bool{}
	for i := range c.Controls {
		ctl, path := &c.Controls[i], fmt.Sprintf("controls[%d]", i)
		if err := checkControl(ctl, path, seen, criteria, fail); err != nil {
			return err
		}
		for j := range ctl.Tests {
			if err := c.finishTest(comp, ctl, j, fmt.Sprintf("%s.tests[%d]", path, j), criteria, fail); err != nil {
				return err
			}
		}
		for j := range ctl.Duties {
			if err := c.finishDuty(ctl, j, fmt.Sprintf("%s.duties[%d]", path, j), criteria, duties, fail); err != nil {
				return err
			}
		}
		slices.SortFunc(ctl.Duties, func(a, b Duty) int { return cmp.Compare(a.ID, b.ID) })
		slices.SortFunc(ctl.Tests, func(a, b Test) int { return cmp.Compare(a.ID, b.ID) })
	}
	slices.SortFunc(c.Controls, func(a, b Control) int { return cmp.Compare(a.ID, b.ID) })
	c.digest = &digest{of: c}
	return nil
}

func (c *Catalogue) checkCriteria(fail failFunc) (map[string]bool, error) {
	criteria := map[string]bool{}
	for i, cr := range c.Criteria {
		path := fmt.Sprintf("criteria[%d].id", i)
		switch {
		case cr.ID == "" || cr.Title == "":
			return nil, fail(path, "a criterion needs id and title")
		case criteria[cr.ID]:
			return nil, fail(path, "criterion %s stands here twice", cr.ID)
		}
		criteria[cr.ID] = true
	}
	return criteria, nil
}

func checkControl(ctl *Control, path string, seen, criteria map[string]bool, fail failFunc) error {
	switch {
	case ctl.ID == "" || ctl.Title == "" || ctl.Family == "":
		return fail(path+".id", "a control needs id, title and family")
	case seen[ctl.ID]:
		return fail(path+".id", "control %s stands in two files", ctl.ID)
	}
	seen[ctl.ID] = true
	return checkCriteriaIDs(ctl.Criteria, path, criteria, fail)
}

func checkCriteriaIDs(ids []string, path string, criteria map[string]bool, fail failFunc) error {
	for i, id := range ids {
		if !criteria[id] {
			return fail(fmt.Sprintf("%s.criteria[%d]", path, i), "criterion %q is not in %s", id, criteriaFile)
		}
		if slices.Contains(ids[:i], id) {
			return fail(fmt.Sprintf("%s.criteria[%d]", path, i), "criterion %q stands here twice", id)
		}
	}
	return nil
}

var severities = []string{"critical", "high", "medium", "low"}

func (c *Catalogue) finishTest(comp *rule.Compiler, ctl *Control, j int, path string, criteria map[string]bool, fail failFunc) error {
	t := &ctl.Tests[j]
	t.Control, t.Family, t.Mode = ctl.ID, ctl.Family, cmp.Or(t.Mode, Each)
	if err := checkTest(t, path, fail); err != nil {
		return err
	}
	if c.rules[t.ID] != nil {
		return fail(path+".id", "test %s stands in the catalogue twice", t.ID)
	}
	if err := checkCriteriaIDs(t.Criteria, path, criteria, fail); err != nil {
		return err
	}
	r, part, err := comp.Rule(t.When, t.Pass, t.Detail)
	if err != nil {
		return fail(path+"."+part, "test %s: %s: %v", t.ID, part, err)
	}
	c.rules[t.ID] = r
	if c.perView[t.Kind]++; c.views[t.Kind] != nil && c.perView[t.Kind] > maxViewTests {
		return fail(path+".kind", "test %s: view %s has more than %d tests", t.ID, t.Kind, maxViewTests)
	}
	if v := c.views[t.Kind]; t.Part != "" && (v == nil || !slices.Contains(v.bases(), t.Part)) {
		return fail(path+".part", "test %s: %s is not a kind that the view %s is made of", t.ID, t.Part, t.Kind)
	}
	if c.Joined(t) && t.Mode != Each {
		return fail(path+".mode", "test %s: what is joined is judged record by record: mode each", t.ID)
	}
	return nil
}

// Joined reports whether a test reads what its view joins: its verdicts rest on
// more than one reading.
func (c *Catalogue) Joined(t *Test) bool {
	v, r := c.views[t.Kind], c.rules[t.ID]
	return v != nil && slices.ContainsFunc(v.Joins, func(j CompiledJoin) bool { return r.Reads(j.Name) })
}

func checkTest(t *Test, path string, fail failFunc) error {
	switch {
	case t.ID == "":
		return fail(path, "a test needs an id")
	case t.Title == "" || t.Kind == "" || t.Basis == "":
		return fail(path+".id", "test %s needs title, kind and basis", t.ID)
	case len(t.Criteria) == 0:
		return fail(path+".id", "test %s holds no criteria", t.ID)
	case !slices.Contains([]string{Each, Exists, AtMost}, t.Mode):
		return fail(path+".mode", "test %s: mode %q is none of each, exists, at_most", t.ID, t.Mode)
	case t.Finds != "" && !t.Finds.Finding():
		return fail(path+".finds", "test %s: finds %q is neither deviation nor reconciliation", t.ID, t.Finds)
	case (t.Max != 0 && t.Mode != AtMost) || t.Max < 0:
		return fail(path+".max", "test %s: max goes with mode at_most and is not negative", t.ID)
	case !slices.Contains(severities, t.Severity):
		return fail(path+".severity", "test %s: severity %q is none of %s", t.ID, t.Severity, strings.Join(severities, ", "))
	case t.SLADays < 0 || t.SLADays > 3650:
		return fail(path+".sla_days", "test %s: sla_days %d is not between 0 and 3650", t.ID, t.SLADays)
	}
	return nil
}
