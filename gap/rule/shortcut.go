package rule

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// A shortcut answers an expression without CEL, several times as fast. It is
// sure only of what is certainly CEL's own answer: not of attributes that are
// absent, or of another type than is asked for, or long. Then CEL is asked, and
// says why there is no answer.
type shortcut func(*Context) (v any, sure bool)

// maxSteps bounds what shortcuts read for one answer. So many steps cost far
// less than costLimit; whatever takes more is left to CEL, which counts.
const maxSteps = 2000

// answer gives what a shortcut is sure of; it may be nil.
func (s shortcut) answer(b *Context) (any, bool) {
	if s == nil {
		return nil, false
	}
	b.steps = maxSteps
	v, sure := s(b)
	return v, sure && b.steps >= 0
}

// truth is the answer to a condition.
func (s shortcut) truth(b *Context) (yes, sure bool) {
	v, sure := s(b)
	yes, isBool := v.(bool)
	return yes, sure && isBool
}

// spend counts steps, and reports whether there were so many left.
func (b *Context) spend(n int) bool {
	b.steps -= n
	return b.steps >= 0
}

// leave makes no shortcut of this answer sure: CEL might not come to its end.
func (b *Context) leave() (any, bool) {
	b.steps = -1
	return nil, false
}

// shortener makes shortcuts.
type shortener struct {
	vars  []string // of the loops around, outermost first
	nodes int
	holes int // what within it is left to CEL
}

// shorten gives nil where it cannot.
func (c *shortener) shorten(e ast.Expr) shortcut {
	c.nodes++
	switch e.Kind() {
	case ast.LiteralKind:
		return literal(e)
	case ast.IdentKind:
		return c.variable(e.AsIdent())
	case ast.SelectKind:
		return c.selection(e.AsSelect())
	case ast.ListKind:
		return c.list(e.AsList())
	case ast.CallKind:
		return c.call(e)
	case ast.ComprehensionKind:
		return c.loop(e.AsComprehension())
	}
	return nil
}

// all shortens every one of es, or none.
func (c *shortener) all(es ...ast.Expr) []shortcut {
	out := make([]shortcut, len(es))
	for i, e := range es {
		if out[i] = c.shorten(e); out[i] == nil {
			return nil
		}
	}
	return out
}

// some shortens what it can of es, nil if not the first one. What it cannot is
// left to CEL if it comes to that.
func (c *shortener) some(es ...ast.Expr) []shortcut {
	out := make([]shortcut, len(es))
	for i, e := range es {
		if out[i] = c.shorten(e); out[i] != nil {
			continue
		}
		if i == 0 {
			return nil
		}
		out[i] = (*Context).leave
		c.holes++
	}
	return out
}

func literal(e ast.Expr) shortcut {
	var v any
	switch l := e.AsLiteral().(type) {
	case types.String:
		v = string(l)
	case types.Bool:
		v = bool(l)
	case types.Int:
		v = int64(l)
	default:
		return nil
	}
	return func(*Context) (any, bool) { return v, true }
}

func (c *shortener) variable(name string) shortcut {
	for i := len(c.vars) - 1; i >= 0; i-- {
		if c.vars[i] == name {
			return func(b *Context) (any, bool) { return b.vars[i], true }
		}
	}
	switch name {
	case "r":
		return func(b *Context) (any, bool) {
			if b.Attributes != nil {
				return b.Attributes, true
			}
			return b.rec.Attributes, true
		}
	case "id", "name", "scope", "source", "stream", "effective":
		return func(b *Context) (any, bool) { return b.ResolveName(name) }
	}
	return nil
}

func (c *shortener) selection(s ast.SelectExpr) shortcut {
	of, key, test := c.shorten(s.Operand()), s.FieldName(), s.IsTestOnly()
	if of == nil {
		return nil
	}
	return func(b *Context) (any, bool) {
		v, _ := of(b)
		field, said, isMap := member(v, key)
		if test {
			return said, isMap
		}
		return field, said
	}
}

func (c *shortener) list(l ast.ListExpr) shortcut {
	of := c.all(l.Elements()...)
	if of == nil || len(l.OptionalIndices()) > 0 {
		return nil
	}
	return func(b *Context) (any, bool) {
		out := make([]any, len(of))
		for i, s := range of {
			v, sure := s(b)
			if !sure {
				return nil, false
			}
			out[i] = v
		}
		return out, true
	}
}

func (c *shortener) call(e ast.Expr) shortcut {
	call := e.AsCall()
	name, args := call.FunctionName(), call.Args()
	if call.IsMemberFunction() {
		args = append([]ast.Expr{call.Target()}, args...)
	}
	if len(args) > 0 && args[0].Kind() == ast.IdentKind && args[0].AsIdent() == clockName {
		return timing(name, c.all(args[1:]...))
	}
	if name == operators.In && args[1].Kind() == ast.ListKind {
		if list := constants(args[1].AsList()); list != nil {
			return oneOf(c.shorten(args[0]), list)
		}
	}
	if name == operators.LogicalAnd || name == operators.LogicalOr || name == operators.Conditional {
		return branching(name, c.some(args...))
	}
	of := c.all(args...)
	switch {
	case of == nil:
		return nil
	case name == "unknown":
		return func(*Context) (any, bool) { return nil, false }
	case len(of) == 1:
		return onOne(of[0], ofOne[name])
	case len(of) == 2:
		return onTwo(of[0], of[1], ofTwo[name])
	}
	return nil
}

func branching(name string, of []shortcut) shortcut {
	switch {
	case of == nil:
		return nil
	case name == operators.Conditional:
		return choice(of)
	}
	return logic(of, name == operators.LogicalOr)
}

// logic is || where wins is true, && where it is false: one side that wins
// decides, whatever the other one is.
func logic(of []shortcut, wins bool) shortcut {
	return func(b *Context) (any, bool) {
		all := true
		for _, s := range of {
			yes, sure := s.truth(b)
			if sure && yes == wins {
				return wins, true
			}
			all = all && sure
		}
		return !wins, all
	}
}

func choice(of []shortcut) shortcut {
	return func(b *Context) (any, bool) {
		yes, sure := of[0].truth(b)
		if !sure {
			return nil, false
		}
		return pick(yes, of[1], of[2])(b)
	}
}

func onOne(x shortcut, f func(*Context, any) (any, bool)) shortcut {
	if f == nil {
		return nil
	}
	return func(b *Context) (any, bool) {
		v, sure := x(b)
		if !sure {
			return nil, false
		}
		return f(b, v)
	}
}

func onTwo(x, y shortcut, f func(b *Context, x, y any) (any, bool)) shortcut {
	if f == nil {
		return nil
	}
	return func(b *Context) (any, bool) {
		v, sure := x(b)
		if !sure {
			return nil, false
		}
		w, sure := y(b)
		if !sure {
			return nil, false
		}
		return f(b, v, w)
	}
}

// loop recognises exists and all.
func (c *shortener) loop(l ast.ComprehensionExpr) shortcut {
	of := round{over: c.shorten(l.IterRange()), i: len(c.vars), nodes: c.nodes}
	if of.over == nil || l.HasIterVar2() || l.LoopStep().Kind() != ast.CallKind {
		return nil
	}
	name, args := l.LoopStep().AsCall().FunctionName(), l.LoopStep().AsCall().Args()
	if args[0].Kind() != ast.IdentKind || args[0].AsIdent() != l.AccuVar() {
		return nil
	}
	c.vars = append(c.vars, l.IterVar())
	of.body = c.shorten(args[1])
	c.vars, of.nodes = c.vars[:of.i], c.nodes-of.nodes
	if of.body == nil {
		of.body = (*Context).leave
		c.holes++
	}
	if name == operators.LogicalOr || name == operators.LogicalAnd {
		return of.quantifier(name == operators.LogicalOr)
	}
	return nil
}

// round is a loop over a list, where each element is variable i in turn.
type round struct {
	over, body shortcut
	i, nodes   int // nodes counts those of the body
}

// each calls f with every element of the list, until it says no. A false answer
// means that it is not sure what the elements are.
func (of round) each(b *Context, f func() bool) bool {
	v, sure := of.over(b)
	list, isList := v.([]any)
	if !sure || !isList || !b.spend(len(list)*of.nodes) {
		return false
	}
	b.vars = append(b.vars[:of.i], nil)
	for _, x := range list {
		b.vars[of.i] = x
		if !f() {
			break
		}
	}
	return true
}

// quantifier is exists where wins is true, all where it is false.
func (of round) quantifier(wins bool) shortcut {
	return func(b *Context) (any, bool) {
		all, decided := true, false
		sure := of.each(b, func() bool {
			yes, sure := of.body.truth(b)
			all, decided = all && sure, sure && yes == wins
			return !decided
		})
		return pick(decided, wins, !wins), sure && (all || decided)
	}
}
