package graphql

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Object is what a type of the schema holds: each field a value, an Object, a
// list of either, a Connection, an Error, or a Resolver that gives one of
// these. "__typename" names its type.
type Object map[string]any

// Resolver gives a field for its arguments.
type Resolver func(args map[string]any) any

// Connection is a list that is read page by page, of N objects.
type Connection struct {
	N  int
	At func(i int) Object
}

// Listed is the connection of a list.
func Listed(all []Object) Connection {
	return Connection{len(all), func(i int) Object { return all[i] }}
}

// Error stands for a field that cannot be read: it is null, and one of the errors.
type Error struct {
	Type    string `json:"type,omitempty"`
	Message string `json:"message"`
	Path    []any  `json:"path,omitempty"`
}

// Request is what is posted.
type Request struct {
	Query     string         `json:"query"`
	Operation string         `json:"operationName"`
	Variables map[string]any `json:"variables"`
}

// Answer is what it is answered with, as JSON.
type Answer struct {
	Data   map[string]any `json:"data"`
	Errors []Error        `json:"errors,omitempty"`
}

// Schema is what there is to be asked.
type Schema struct {
	// Query holds the fields of the root.
	Query Object
	// Types names the types that an interface or union stands for.
	Types map[string][]string
}

// Do answers a request. What is wrong with it, such as a field that an object
// does not have, is an error, and then there is no data.
func (s Schema) Do(r Request) Answer {
	doc, err := parse(r.Query)
	if err != nil {
		return Answer{Errors: []Error{{Message: err.Error()}}}
	}
	operation, ok := doc.operations[r.Operation]
	if !ok {
		return Answer{Errors: []Error{{Message: fmt.Sprintf("No operation named %q", r.Operation)}}}
	}
	e := &execution{schema: s, doc: doc, variables: r.Variables}
	data := e.object(s.Query, operation, nil)
	if e.wrong != "" {
		return Answer{Errors: []Error{{Message: e.wrong}}}
	}
	return Answer{Data: data, Errors: e.errors}
}

// maxSpreads bounds fragments that hold each other.
const maxSpreads = 20

type execution struct {
	schema    Schema
	doc       document
	variables map[string]any
	errors    []Error
	wrong     string // with the request itself
	spreads   int    // fragments within fragments
}

// object gives the selected fields of an object.
func (e *execution) object(o Object, selected []selection, path []any) map[string]any {
	out := map[string]any{}
	e.fields(out, o, selected, path)
	return out
}

func (e *execution) fields(out map[string]any, o Object, selected []selection, path []any) {
	for _, s := range selected {
		switch {
		case !e.wanted(s.when):
		case s.spread != "":
			f, ok := e.doc.fragments[s.spread]
			if !ok {
				e.wrong = "Fragment " + s.spread + " was used, but not defined"
			}
			if e.spreads++; e.spreads > maxSpreads {
				e.wrong = "Fragments lie too deep: " + s.spread
			} else if e.is(o, f.on) {
				e.fields(out, o, f.selection, path)
			}
			e.spreads--
		case s.inline:
			if s.on == "" || e.is(o, s.on) {
				e.fields(out, o, s.inner, path)
			}
		default:
			v, there := o[s.name]
			if !there {
				e.wrong = fmt.Sprintf("Field '%s' doesn't exist on type '%v'", s.name, o["__typename"])
			}
			out[s.alias] = e.value(v, s, append(slices.Clone(path), s.alias))
		}
	}
}

func (e *execution) wanted(when []condition) bool {
	return !slices.ContainsFunc(when, func(c condition) bool { return e.given(c.value) != c.want })
}

// is reports whether the object is of a type, or of one that the type stands for.
func (e *execution) is(o Object, name string) bool {
	own, _ := o["__typename"].(string)
	return own == name || slices.Contains(e.schema.Types[name], own)
}

func (e *execution) value(v any, s selection, path []any) any {
	switch v := v.(type) {
	case Resolver:
		args := map[string]any{}
		for name, a := range s.args {
			args[name] = e.given(a)
		}
		return e.value(v(args), s, path)
	case Error:
		v.Path = path
		e.errors = append(e.errors, v)
		return nil
	case Connection:
		return e.object(e.page(v, s), s.inner, path)
	case Object:
		if v == nil {
			return nil
		}
		return e.object(v, s.inner, path)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = e.value(v[i], s, append(slices.Clone(path), i))
		}
		return out
	}
	return v
}

// given puts the request's values in the place of variables.
func (e *execution) given(v any) any {
	switch v := v.(type) {
	case variable:
		return e.variables[string(v)]
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = e.given(v[i])
		}
		return out
	}
	return v
}

// page gives the part of a connection that first and after, or last, ask for.
func (e *execution) page(c Connection, s selection) Object {
	from, to := 0, c.N
	if after, ok := e.given(s.args["after"]).(string); ok {
		from = min(place(after)+1, c.N)
	}
	first, isFirst := number(e.given(s.args["first"]))
	last, isLast := number(e.given(s.args["last"]))
	switch {
	case isFirst && first >= 0 && first <= 100:
		to = min(from+first, c.N)
	case isLast && last >= 0 && last <= 100:
		from = max(from, to-last)
	default:
		e.wrong = fmt.Sprintf("You must provide a `first` or `last` value of 1 to 100 to properly paginate the `%s` connection", s.name)
		to = from
	}
	nodes := make([]any, 0, to-from)
	for i := from; i < to; i++ {
		nodes = append(nodes, c.At(i))
	}
	info := Object{"__typename": "PageInfo", "hasNextPage": to < c.N, "hasPreviousPage": from > 0, "endCursor": nil}
	if to > from {
		info["endCursor"] = cursor(to - 1)
	}
	return Object{"__typename": e.connectionType(s), "totalCount": c.N, "pageInfo": info, "nodes": nodes}
}

// connectionType gives the one that a fragment below the field names, as no
// schema is here that would tell.
func (e *execution) connectionType(s selection) string {
	for _, inner := range s.inner {
		if f := e.doc.fragments[inner.spread]; strings.HasSuffix(f.on, "Connection") {
			return f.on
		}
	}
	return "Connection"
}

func cursor(i int) string { return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "cursor:%d", i)) }

func place(cursor string) int {
	text, err := base64.StdEncoding.DecodeString(cursor)
	if err != nil {
		return -1
	}
	n, err := strconv.Atoi(strings.TrimPrefix(string(text), "cursor:"))
	if err != nil || n < 0 {
		return -1
	}
	return n
}

func number(v any) (int, bool) {
	switch v := v.(type) {
	case float64:
		return int(v), true
	case int:
		return v, true
	case json.Number:
		n, err := v.Int64()
		return int(n), err == nil
	}
	return 0, false
}
