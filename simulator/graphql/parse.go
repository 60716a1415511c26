package graphql

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// document is a parsed request.
type document struct {
	operations map[string][]selection
	fragments  map[string]fragment
}

type fragment struct {
	on        string
	selection []selection
}

// selection is a field, or a fragment that is spread: by its name, or in place.
type selection struct {
	alias, name string
	args        map[string]any
	spread      string
	on          string
	inline      bool
	when        []condition
	inner       []selection
}

// condition is @include or @skip.
type condition struct {
	value any
	want  bool
}

// variable stands for a value that comes with the request.
type variable string

var token = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:[\s,\x{feff}]+|#[^\n]*)*(\.\.\.|[!$()\[\]{}:=@|&]|[_A-Za-z][_0-9A-Za-z]*|-?[0-9][0-9.eE+-]*|"(?:[^"\\\n]|\\.)*")`)
})

type parser struct {
	rest string
	next string
}

// parse reads a document of queries. Whatever else it holds is an error.
func parse(text string) (doc document, err error) {
	defer func() {
		if p := recover(); p != nil {
			refused, ok := p.(syntaxError)
			if !ok {
				panic(p)
			}
			err = errors.New(string(refused))
		}
	}()
	p := &parser{rest: text}
	p.advance()
	doc = document{operations: map[string][]selection{}, fragments: map[string]fragment{}}
	for p.next != "" {
		p.definition(&doc)
	}
	return doc, nil
}

type syntaxError string

func (p *parser) fail(want string) {
	panic(syntaxError(fmt.Sprintf("Expected %s, actual: %q", want, p.next)))
}

func (p *parser) advance() {
	m := token().FindStringSubmatchIndex(p.rest)
	if m == nil {
		if p.next = strings.TrimSpace(p.rest); p.next != "" {
			p.fail("a token")
		}
		return
	}
	p.next, p.rest = p.rest[m[2]:m[3]], p.rest[m[1]:]
}

func (p *parser) take() string { t := p.next; p.advance(); return t }

func (p *parser) accept(t string) bool {
	if p.next != t {
		return false
	}
	p.advance()
	return true
}

func (p *parser) expect(t string) {
	if !p.accept(t) {
		p.fail(t)
	}
}

var nameForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[_A-Za-z]`) })

func (p *parser) name() string {
	if !nameForm().MatchString(p.next) {
		p.fail("a name")
	}
	return p.take()
}

func (p *parser) definition(doc *document) {
	switch p.next {
	case "{":
		doc.operations[""] = p.selections()
	case "query":
		p.advance()
		name := ""
		if p.next != "{" && p.next != "(" {
			name = p.name()
		}
		p.variables()
		doc.operations[name] = p.selections()
	case "fragment":
		p.advance()
		name := p.name()
		p.expect("on")
		doc.fragments[name] = fragment{p.name(), p.selections()}
	default:
		p.fail("a query or a fragment")
	}
}

// variables skips their declarations: their types are the schema's matter.
func (p *parser) variables() {
	if p.next != "(" {
		return
	}
	for p.next != ")" {
		if p.next == "" {
			p.fail(")")
		}
		p.advance()
	}
	p.advance()
}

func (p *parser) selections() (all []selection) {
	p.expect("{")
	for !p.accept("}") {
		all = append(all, p.selection())
	}
	return all
}

func (p *parser) selection() (s selection) {
	if p.accept("...") {
		switch {
		case p.accept("on"):
			s.inline, s.on = true, p.name()
		case p.next == "{" || p.next == "@":
			s.inline = true
		default:
			s.spread = p.name()
		}
		if s.when = p.directives(); s.inline {
			s.inner = p.selections()
		}
		return s
	}
	s.name = p.name()
	if s.alias = s.name; p.accept(":") {
		s.name = p.name()
	}
	s.args = p.arguments()
	s.when = p.directives()
	if p.next == "{" {
		s.inner = p.selections()
	}
	return s
}

func (p *parser) arguments() map[string]any {
	args := map[string]any{}
	if !p.accept("(") {
		return args
	}
	for !p.accept(")") {
		name := p.name()
		p.expect(":")
		args[name] = p.value()
	}
	return args
}

func (p *parser) directives() (all []condition) {
	for p.accept("@") {
		name := p.name()
		if name != "include" && name != "skip" {
			p.fail("@include or @skip")
		}
		all = append(all, condition{p.arguments()["if"], name == "include"})
	}
	return all
}

func (p *parser) value() any {
	switch t := p.next; {
	case p.accept("$"):
		return variable(p.name())
	case p.accept("["):
		list := []any{}
		for !p.accept("]") {
			list = append(list, p.value())
		}
		return list
	case p.accept("{"):
		object := map[string]any{}
		for !p.accept("}") {
			name := p.name()
			p.expect(":")
			object[name] = p.value()
		}
		return object
	case strings.HasPrefix(t, `"`):
		text, err := strconv.Unquote(p.take())
		if err != nil {
			p.fail("a text")
		}
		return text
	case t == "true" || t == "false":
		return p.take() == "true"
	case t == "null":
		p.advance()
		return nil
	case nameForm().MatchString(t):
		return p.take() // of an enumeration
	}
	n, err := strconv.ParseFloat(p.next, 64)
	if err != nil {
		p.fail("a value")
	}
	p.advance()
	return n
}
