package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/itchyny/gojq"

	"github.com/evidenced/evidenced/collectors"
)

// expression is jq over an answer or a row. It is a pure function: what reads
// clocks, files or the environment is refused.
type expression struct {
	text  string
	line  int
	query *gojq.Query
	code  *gojq.Code
	vars  []string
}

// UnmarshalYAML reads a scalar.
func (e *expression) UnmarshalYAML(n ast.Node) error {
	text, err := textOf(n)
	if err != nil {
		return err
	}
	made, err := parseExpression(text, lineOf(n))
	if err != nil {
		return err
	}
	*e = *made
	return nil
}

// impure are the functions of jq that are no functions of their input.
var impure = []string{"now", "localtime", "strflocaltime", "input", "inputs", "debug", "stderr", "input_filename", "input_line_number", "env", "halt", "halt_error", "$ENV"}

func parseExpression(text string, line int) (*expression, error) {
	q, err := gojq.Parse(text)
	if err != nil {
		return nil, &Error{Line: line, Message: fmt.Sprintf("%q is not jq: %v", text, err)}
	}
	for _, name := range called(reflect.ValueOf(q), nil) {
		if slices.Contains(impure, name) {
			return nil, &Error{Line: line, Message: fmt.Sprintf("%q: %s does not depend on the answer alone; evidence must be derived from it again", text, name)}
		}
	}
	if len(q.Imports) > 0 {
		return nil, &Error{Line: line, Message: fmt.Sprintf("%q: modules cannot be imported", text)}
	}
	return &expression{text: text, line: line, query: q}, nil
}

// called returns the functions and variables that a query names.
func called(v reflect.Value, names []string) []string {
	switch v.Kind() {
	case reflect.Pointer:
		if f, ok := v.Interface().(*gojq.Func); ok && f != nil {
			names = append(names, f.Name)
		}
		if !v.IsNil() {
			return called(v.Elem(), names)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			names = called(v.Field(i), names)
		}
	case reflect.Slice:
		for i := range v.Len() {
			names = called(v.Index(i), names)
		}
	}
	return names
}

// compile binds the expression to the variables it may name.
func (e *expression) compile(vars []string) error {
	if e == nil {
		return nil
	}
	dollars := make([]string, len(vars))
	for i, v := range vars {
		dollars[i] = "$" + v
	}
	code, err := gojq.Compile(e.query, gojq.WithVariables(dollars),
		gojq.WithFunction("time", 0, 0, func(v any, _ []any) any { return timeOf(v) }),
		gojq.WithFunction("unixtime", 0, 0, func(v any, _ []any) any { return unixOf(v, time.Second) }),
		gojq.WithFunction("unixmillis", 0, 0, func(v any, _ []any) any { return unixOf(v, time.Millisecond) }))
	if err != nil {
		return &Error{Line: e.line, Message: fmt.Sprintf("%q: %v; variables here are %s", e.text, err, strings.Join(dollars, ", "))}
	}
	e.code, e.vars = code, vars
	return nil
}

// all returns every value of the expression. That it fails means that the answer
// has another shape than the definition knows.
func (e *expression) all(ctx context.Context, in any, env map[string]any) ([]any, error) {
	return e.run(ctx, in, env, bounds{steps: 500_000_000, values: 1_000_000, heap: 512 << 20})
}

func (e *expression) run(outer context.Context, in any, env map[string]any, b bounds) (out []any, err error) {
	values := make([]any, len(e.vars))
	for i, name := range e.vars {
		values[i] = env[name]
	}
	ctx := &budget{Context: outer, bounds: b}
	for it := e.code.RunWithContext(ctx, in, values...); ; {
		v, ok := it.Next()
		if !ok {
			return out, nil
		}
		if err, failed := v.(error); failed {
			switch {
			case outer.Err() != nil:
				return nil, outer.Err()
			case ctx.spent != nil:
				return nil, collectors.Incomplete("%s: %v", e.text, ctx.spent)
			}
			return nil, collectors.Incomplete("%s: %v: the answer has not the shape that is expected", e.text, err)
		}
		if len(out) == b.values {
			return nil, collectors.Incomplete("%s: gives more than %d values", e.text, b.values)
		}
		out = append(out, v)
	}
}

// one returns the first value, nil if there is none.
func (e *expression) one(ctx context.Context, in any, env map[string]any) (any, error) {
	if e == nil {
		return nil, nil
	}
	all, err := e.all(ctx, in, env)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

// text returns the first value as a text, "" for null.
func (e *expression) textOf(ctx context.Context, in any, env map[string]any) (string, error) {
	v, err := e.one(ctx, in, env)
	if err != nil {
		return "", err
	}
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case int, *big.Int, bool, float64:
		return fmt.Sprint(v), nil
	}
	return "", collectors.Incomplete("%s: got a %T, want a text or a number", e.text, v)
}

// truth returns the first value as a boolean; there must be one.
func (e *expression) truth(ctx context.Context, in any, env map[string]any) (bool, error) {
	v, err := e.one(ctx, in, env)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, collectors.Incomplete("%s: got %v, want true or false", e.text, v)
	}
	return b, nil
}

// layouts are the forms of a time that vendors write beside RFC 3339.
var layouts = []string{time.RFC3339, "2006-01-02T15:04:05.999999999-0700", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999 -0700", "2006-01-02 15:04:05", time.RFC1123Z}

// timeOf turns a text into RFC 3339 in UTC; null stays null. A time without a
// zone is UTC, by the word of the definition that calls it.
func timeOf(v any) any {
	text, ok := v.(string)
	if v == nil || ok && text == "" {
		return nil
	}
	for _, l := range layouts {
		if t, err := time.Parse(l, text); err == nil && ok && t.Unix() >= firstSecond && t.Unix() <= lastSecond {
			return stamp(t)
		}
	}
	return fmt.Errorf("%v is not a time", v)
}

// unixOf turns a count since 1970 into RFC 3339 in UTC; null stays null.
func unixOf(v any, unit time.Duration) any {
	if v == nil {
		return nil
	}
	n, ok := gojq.ToFloat64(v)
	if text, isText := v.(string); isText {
		f, err := json.Number(text).Float64()
		n, ok = f, err == nil
	}
	perSecond := int64(time.Second / unit)
	if !ok || math.IsNaN(n) || n < firstSecond*float64(perSecond) || n > lastSecond*float64(perSecond) {
		return fmt.Errorf("%v is not a time", v)
	}
	whole, fraction := math.Modf(n)
	return stamp(time.Unix(int64(whole)/perSecond, (int64(whole)%perSecond)*int64(unit)+int64(fraction*float64(unit))))
}

// The seconds that RFC 3339 can write: the years 1 to 9999.
const firstSecond, lastSecond = -62135596800, 253402300799

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

var errNumber = fmt.Errorf("%w: a number that does not fit", collectors.ErrIncomplete)

// plain turns what jq gave into what a record holds. Null stays nil; within
// lists and maps it is left out, because it says nothing.
func plain(v any) (any, error) {
	switch v := v.(type) {
	case nil, string, bool:
		return v, nil
	case int:
		return int64(v), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%w: %v", errNumber, v)
		}
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v), nil
		}
		return v, nil
	case json.Number:
		return number(v)
	case []any:
		return plainList(v)
	case map[string]any:
		return plainMap(v)
	}
	return nil, fmt.Errorf("%w: %v", errNumber, v)
}

func number(n json.Number) (any, error) {
	if i, err := n.Int64(); err == nil {
		return i, nil
	}
	f, err := n.Float64()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", errNumber, n)
	}
	return plain(f)
}

func plainList(list []any) (any, error) {
	out := make([]any, 0, len(list))
	for _, v := range list {
		p, err := plain(v)
		if err != nil {
			return nil, err
		}
		if p != nil {
			out = append(out, p)
		}
	}
	return out, nil
}

func plainMap(m map[string]any) (any, error) {
	out := make(map[string]any, len(m))
	for k, v := range m {
		p, err := plain(v)
		if err != nil {
			return nil, err
		}
		if p != nil {
			out[k] = p
		}
	}
	return out, nil
}
