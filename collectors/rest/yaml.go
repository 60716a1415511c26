package rest

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// Error is one mistake in a definition.
type Error struct {
	File    string
	Line    int // 0 when the mistake has no line: something is missing
	Message string
}

// Error returns "file:line: message".
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Message
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message)
}

// mistake makes an error at a node; the file is filled in by who knows it.
func mistake(n ast.Node, format string, args ...any) error {
	return &Error{Line: lineOf(n), Message: fmt.Sprintf(format, args...)}
}

// lineOf returns the line on which a value begins. The token of a map in a block
// is its first colon.
func lineOf(n ast.Node) int {
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

// textOf returns a scalar as it is written.
func textOf(n ast.Node) (string, error) {
	switch s := n.(type) {
	case *ast.StringNode:
		return s.Value, nil
	case *ast.LiteralNode:
		return s.Value.Value, nil
	case ast.ScalarNode:
		return s.GetToken().Value, nil
	}
	return "", mistake(n, "want a text here")
}

// strict decodes a mapping; a key it does not know is an error that names those it does.
func strict(n ast.Node, v any) error {
	err := yaml.NodeToValue(n, v, yaml.Strict())
	var unknown *yaml.UnknownFieldError
	if errors.As(err, &unknown) {
		return &Error{Line: unknown.Token.Position.Line, Message: fmt.Sprintf("unknown key %q; known here: %s",
			unknown.Token.Value, strings.Join(keysOf(reflect.TypeOf(v).Elem()), ", "))}
	}
	var ye yaml.Error
	if errors.As(err, &ye) {
		return &Error{Line: ye.GetToken().Position.Line, Message: ye.GetMessage()}
	}
	return err
}

func keysOf(t reflect.Type) (keys []string) {
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("yaml"); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// The methods below decode strictly and keep the line.

func (s *setting) UnmarshalYAML(n ast.Node) error {
	type plain setting
	s.line = lineOf(n)
	return strict(n, (*plain)(s))
}

func (t *throttle) UnmarshalYAML(n ast.Node) error {
	type plain throttle
	return strict(n, (*plain)(t))
}

func (a *account) UnmarshalYAML(n ast.Node) error {
	type plain account
	a.line = lineOf(n)
	return strict(n, (*plain)(a))
}

func (k *kind) UnmarshalYAML(n ast.Node) error {
	type plain kind
	k.line = lineOf(n)
	return strict(n, (*plain)(k))
}

func (e *events) UnmarshalYAML(n ast.Node) error {
	type plain events
	return strict(n, (*plain)(e))
}

func (l *listing) UnmarshalYAML(n ast.Node) error {
	type plain listing
	l.line = lineOf(n)
	return strict(n, (*plain)(l))
}

func (m *meaning) UnmarshalYAML(n ast.Node) error {
	type plain meaning
	m.line = lineOf(n)
	return strict(n, (*plain)(m))
}

func (p *page) UnmarshalYAML(n ast.Node) error {
	type plain page
	p.line = lineOf(n)
	return strict(n, (*plain)(p))
}

func (a *auth) UnmarshalYAML(n ast.Node) error {
	type plain auth
	a.line = lineOf(n)
	return strict(n, (*plain)(a))
}

func (j *assertion) UnmarshalYAML(n ast.Node) error {
	type plain assertion
	return strict(n, (*plain)(j))
}

func (t *exchange) UnmarshalYAML(n ast.Node) error {
	type plain exchange
	t.line = lineOf(n)
	return strict(n, (*plain)(t))
}

// UnmarshalYAML decodes strictly.
func (d *Definition) UnmarshalYAML(n ast.Node) error {
	type plain Definition
	return strict(n, (*plain)(d))
}

// UnmarshalYAML decodes strictly.
func (b *basic) UnmarshalYAML(n ast.Node) error {
	type plain basic
	return strict(n, (*plain)(b))
}

// syntax turns an error of the parser into ours. The usual mistake has a remedy.
func syntax(err error, text []byte) error {
	var ye yaml.Error
	if !errors.As(err, &ye) || ye.GetToken() == nil {
		return &Error{Message: err.Error()}
	}
	line := ye.GetToken().Position.Line
	if at, value := bareBraces(text, line); at > 0 {
		return &Error{Line: at, Message: fmt.Sprintf("within { } a value that holds a brace must be in quotes: %q", value)}
	}
	return &Error{Line: line, Message: ye.GetMessage()}
}

// braced matches a line that opens a map in braces, and in it an unquoted value with a placeholder.
var braced = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\{(?:.*,)?\s*[A-Za-z_][\w.-]*:\s+([^\s"'{\[,][^"',{}]*\{[^"',}]*\}[^"',{}]*)`)
})

// bareBraces looks for such a value on the line of an error, and on those before it:
// the parser finds the mistake where the map does not end.
func bareBraces(text []byte, line int) (at int, value string) {
	lines := strings.Split(string(text), "\n")
	for at = min(line, len(lines)); at > max(line-3, 0); at-- {
		if m := braced().FindStringSubmatch(lines[at-1]); m != nil {
			return at, strings.TrimSpace(m[1])
		}
	}
	return 0, ""
}
