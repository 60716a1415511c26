package rest

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/goccy/go-yaml/ast"
)

// template is a text with placeholders: {name} is a setting or a word of the
// engine, {.member} a jq expression over the row that is asked about.
type template struct {
	text  string
	line  int
	parts []part
}

// part is a text, or what stands for one.
type part struct {
	text string
	name string
	expr *expression
}

var placeholder = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{([a-z_][a-z0-9_]*|\.[^{}]*)\}`) })

// UnmarshalYAML reads a scalar.
func (t *template) UnmarshalYAML(n ast.Node) error {
	text, err := textOf(n)
	if err != nil {
		return err
	}
	made, err := parseTemplate(text, lineOf(n))
	if err != nil {
		return err
	}
	*t = *made
	return nil
}

// texts are the values of one parameter, of which there may be several.
type texts []*template

// UnmarshalYAML reads a scalar, or a list of them.
func (t *texts) UnmarshalYAML(n ast.Node) error {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		list = &ast.SequenceNode{Values: []ast.Node{n}}
	}
	for _, v := range list.Values {
		one := &template{}
		if err := one.UnmarshalYAML(v); err != nil {
			return err
		}
		*t = append(*t, one)
	}
	return nil
}

func parseTemplate(text string, line int) (*template, error) {
	t := &template{text: text, line: line}
	at := 0
	for _, m := range placeholder().FindAllStringSubmatchIndex(text, -1) {
		t.parts = append(t.parts, part{text: text[at:m[0]]})
		at = m[1]
		name := text[m[2]:m[3]]
		p := part{name: name}
		if strings.HasPrefix(name, ".") {
			var err error
			if p.expr, err = parseExpression(name, line); err != nil {
				return nil, err
			}
		}
		t.parts = append(t.parts, p)
	}
	t.parts = append(t.parts, part{text: text[at:]})
	return t, nil
}

// names returns the placeholders that are no expressions.
func (t *template) names() (names []string) {
	if t == nil {
		return nil
	}
	for _, p := range t.parts {
		if p.name != "" && p.expr == nil {
			names = append(names, p.name)
		}
	}
	return names
}

// fill returns the text with each placeholder replaced; missing is true if one
// that stands alone has no value.
func (t *template) fill(value func(part) (string, error)) (string, error) {
	var b strings.Builder
	for _, p := range t.parts {
		if p.name == "" {
			b.WriteString(p.text)
			continue
		}
		v, err := value(p)
		if err != nil {
			return "", fmt.Errorf("%q: %w", t.text, err)
		}
		b.WriteString(v)
	}
	return b.String(), nil
}

// from fills a template from named texts.
func (t *template) from(values map[string]string) string {
	text, _ := t.fill(func(p part) (string, error) { return values[p.name], nil }) // it does not fail
	return text
}
