package rule

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

var ofOne = map[string]func(*Context, any) (any, bool){
	operators.LogicalNot: func(_ *Context, x any) (any, bool) { v, ok := x.(bool); return !v, ok },
	"size":               size,
	"string":             text,
	"timestamp":          timestamp,
	"lowerAscii":         lower,
}

var ofTwo = map[string]func(c *Context, x, y any) (any, bool){
	operators.Equals:        equal,
	operators.NotEquals:     func(c *Context, x, y any) (any, bool) { v, ok := equal(c, x, y); return v != true, ok },
	operators.In:            in,
	operators.Index:         at,
	operators.Add:           add,
	operators.Less:          compare(func(n int) bool { return n < 0 }),
	operators.LessEquals:    compare(func(n int) bool { return n <= 0 }),
	operators.Greater:       compare(func(n int) bool { return n > 0 }),
	operators.GreaterEquals: compare(func(n int) bool { return n >= 0 }),
	"contains":              search(func(s, t string) any { return strings.Contains(s, t) }),
	"startsWith":            search(func(s, t string) any { return strings.HasPrefix(s, t) }),
	"endsWith":              search(func(s, t string) any { return strings.HasSuffix(s, t) }),
	"indexOf":               search(func(s, t string) any { return int64(strings.Index(s, t)) }),
	"substring":             substring,
}

func equal(c *Context, x, y any) (any, bool) {
	switch x := x.(type) {
	case string:
		y, ok := y.(string)
		return x == y, ok && c.charge(len(x)/10)
	case bool:
		y, ok := y.(bool)
		return x == y, ok
	case int64:
		y, ok := y.(int64)
		return x == y, ok
	}
	return c.fallback()
}

// compare orders whole numbers and instants.
func compare(holds func(int) bool) func(*Context, any, any) (any, bool) {
	return func(_ *Context, x, y any) (any, bool) {
		switch x := x.(type) {
		case int64:
			y, ok := y.(int64)
			return holds(cmp.Compare(x, y)), ok
		case time.Time:
			y, ok := y.(time.Time)
			return holds(x.Compare(y)), ok
		}
		return nil, false
	}
}

// in reports whether a text is in a list of texts.
func in(c *Context, x, list any) (any, bool) {
	s, isText := x.(string)
	all, isList := list.([]any)
	if !isText || !isList || !c.charge(len(all)*(1+len(s)/10)) {
		return c.fallback()
	}
	for _, v := range all {
		if t, ok := v.(string); !ok || s == t {
			return true, ok
		}
	}
	return false, true
}

// constants returns the texts of a literal list of texts, nil for anything else.
func constants(l ast.ListExpr) []string {
	var out []string
	for _, e := range l.Elements() {
		if e.Kind() != ast.LiteralKind {
			return nil
		}
		s, ok := e.AsLiteral().(types.String)
		if !ok {
			return nil
		}
		out = append(out, string(s))
	}
	return out
}

func oneOf(x compiledExpr, list []string) compiledExpr {
	return onOne(x, func(c *Context, v any) (any, bool) {
		s, ok := v.(string)
		return slices.Contains(list, s), ok && c.charge(len(s)/10)
	})
}

// at returns the member of a map.
func at(c *Context, x, key any) (any, bool) {
	k, isText := key.(string)
	v, present, _ := member(x, k)
	return v, present && isText
}

// add joins texts and lists.
func add(c *Context, x, y any) (any, bool) {
	switch x := x.(type) {
	case string:
		if y, ok := y.(string); ok && c.charge((len(x)+len(y))/10) {
			return x + y, true
		}
	case []any:
		if y, ok := y.([]any); ok && c.charge(len(x)+len(y)) {
			return append(append(make([]any, 0, len(x)+len(y)), x...), y...), true
		}
	case int64:
		if y, ok := y.(int64); ok && small(x) && small(y) {
			return x + y, true
		}
	}
	return c.fallback()
}

// small reports whether a number may be added without overflow.
func small(n int64) bool { return -1<<32 < n && n < 1<<32 }

func size(c *Context, x any) (any, bool) {
	switch x := x.(type) {
	case []any:
		return int64(len(x)), true
	case string:
		return int64(len(x)), plain(c, x)
	}
	return nil, false
}

func text(c *Context, x any) (any, bool) {
	switch x := x.(type) {
	case string:
		return x, c.charge(len(x) / 10)
	case int64:
		return strconv.FormatInt(x, 10), true
	case time.Time:
		return x.Format(time.RFC3339Nano), true
	}
	return nil, false
}

// timestamp reads an instant in the one form that CEL prints.
func timestamp(_ *Context, x any) (any, bool) {
	s, _ := x.(string)
	if len(s) != len("2026-07-02T10:00:00Z") || s < "0001" {
		return nil, false
	}
	t, err := time.Parse(time.RFC3339, s)
	return t, err == nil && t.Format(time.RFC3339) == s
}

// plain reports whether a text is short, and ASCII: its characters are its bytes.
func plain(c *Context, s string) bool {
	return c.charge(len(s)) && strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}

func lower(c *Context, x any) (any, bool) {
	s, ok := x.(string)
	if !ok || !plain(c, s) {
		return nil, false
	}
	return strings.ToLower(s), true
}

func search(f func(s, t string) any) func(*Context, any, any) (any, bool) {
	return func(c *Context, x, y any) (any, bool) {
		s, isText := x.(string)
		t, too := y.(string)
		if !isText || !too || !plain(c, s) || !plain(c, t) || !c.charge(len(s)*len(t)/100) {
			return c.fallback()
		}
		return f(s, t), true
	}
}

func substring(c *Context, x, n any) (any, bool) {
	s, isText := x.(string)
	from, isInt := n.(int64)
	if !isText || !isInt || from < 0 || from > int64(len(s)) || !plain(c, s) {
		return nil, false
	}
	return s[from:], true
}

// part is substring(from, to).
func part(of []compiledExpr) compiledExpr {
	return func(c *Context) (any, bool) {
		x, ok1 := of[0](c)
		from, ok2 := of[1](c)
		to, ok3 := of[2](c)
		s, isText := x.(string)
		m, isInt := from.(int64)
		n, areInts := to.(int64)
		if !ok1 || !ok2 || !ok3 || !isText || !isInt || !areInts || m < 0 || n < m || n > int64(len(s)) || !plain(c, s) {
			return nil, false
		}
		return s[m:n], true
	}
}

// timing compiles the functions of the clock.
func timing(name string, of []compiledExpr) compiledExpr {
	switch {
	case name == "@older_than" && len(of) == 2:
		return onTwo(of[0], of[1], func(c *Context, t, n any) (any, bool) { return timed(c.clock.olderThan, t, n) })
	case name == "@workdays_passed" && len(of) == 2:
		return onTwo(of[0], of[1], func(c *Context, t, n any) (any, bool) { return timed(c.clock.workdaysPassed, t, n) })
	}
	return nil
}

func timed(ask func(t, n ref.Val) ref.Val, t, n any) (any, bool) {
	s, isText := t.(string)
	days, isInt := n.(int64)
	if !isText || !isInt {
		return nil, false
	}
	v, isBool := ask(types.String(s), types.Int(days)).(types.Bool)
	return bool(v), isBool
}

// storable reports whether a value is one that an attribute can have.
func storable(v any) bool {
	switch v := v.(type) {
	case string, bool, int64:
		return true
	case []any:
		return !slices.ContainsFunc(v, func(v any) bool { return !storable(v) })
	}
	return false
}
