package rule

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// compiledExpr evaluates an expression without CEL, several times as fast. It is ok
// only where its value is certainly that of CEL: not if an attribute is absent, or
// of an unexpected type, or long. CEL evaluates the expression then, and states why
// there is no answer.
//
// It pays where records are new: see docs/benchmarks.md.
type compiledExpr func(*Context) (v any, ok bool)

// maxSteps bounds the work of one evaluation. So many steps cost far less than
// costLimit, so that CEL would not stop either; longer evaluations are left to CEL.
const maxSteps = 2000

// value evaluates the expression, which may be nil.
func (s compiledExpr) value(c *Context) (any, bool) {
	if s == nil {
		return nil, false
	}
	c.steps = maxSteps
	v, ok := s(c)
	return v, ok && c.steps >= 0
}

// truth evaluates a condition.
func (s compiledExpr) truth(c *Context) (yes, ok bool) {
	v, ok := s(c)
	yes, isBool := v.(bool)
	return yes, ok && isBool
}

// charge counts steps, and reports whether so many were left.
func (c *Context) charge(n int) bool {
	c.steps -= n
	return c.steps >= 0
}

// fallback leaves the whole evaluation to CEL, which might stop at its limit.
func (c *Context) fallback() (any, bool) {
	c.steps = -1
	return nil, false
}

// exprCompiler compiles one expression.
type exprCompiler struct {
	vars      []string // of the loops around, outermost first
	nodes     int
	fallbacks int // how many parts of it are left to CEL
}

// compile returns nil where it cannot.
func (c *exprCompiler) compile(e ast.Expr) compiledExpr {
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
		return c.comprehension(e.AsComprehension())
	}
	return nil
}

// compileAll compiles every one of es, or returns nil.
func (c *exprCompiler) compileAll(es ...ast.Expr) []compiledExpr {
	out := make([]compiledExpr, len(es))
	for i, e := range es {
		if out[i] = c.compile(e); out[i] == nil {
			return nil
		}
	}
	return out
}

// compileSome compiles what it can of es; nil if not the first one. If another one
// has to be evaluated, CEL does.
func (c *exprCompiler) compileSome(es ...ast.Expr) []compiledExpr {
	out := make([]compiledExpr, len(es))
	for i, e := range es {
		if out[i] = c.compile(e); out[i] != nil {
			continue
		}
		if i == 0 {
			return nil
		}
		out[i] = (*Context).fallback
		c.fallbacks++
	}
	return out
}

func literal(e ast.Expr) compiledExpr {
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

func (c *exprCompiler) variable(name string) compiledExpr {
	for i := len(c.vars) - 1; i >= 0; i-- {
		if c.vars[i] == name {
			return func(c *Context) (any, bool) { return c.vars[i], true }
		}
	}
	switch name {
	case "r":
		return func(c *Context) (any, bool) {
			if c.Attributes != nil {
				return c.Attributes, true
			}
			return c.rec.Attributes, true
		}
	case "id", "name", "scope", "source", "stream", "effective":
		return func(c *Context) (any, bool) { return c.ResolveName(name) }
	}
	return nil
}

func (c *exprCompiler) selection(s ast.SelectExpr) compiledExpr {
	of, key, test := c.compile(s.Operand()), s.FieldName(), s.IsTestOnly()
	if of == nil {
		return nil
	}
	return func(c *Context) (any, bool) {
		v, _ := of(c)
		field, present, isMap := member(v, key)
		if test {
			return present, isMap
		}
		return field, present
	}
}

func (c *exprCompiler) list(l ast.ListExpr) compiledExpr {
	of := c.compileAll(l.Elements()...)
	if of == nil || len(l.OptionalIndices()) > 0 {
		return nil
	}
	return func(c *Context) (any, bool) {
		out := make([]any, len(of))
		for i, s := range of {
			v, ok := s(c)
			if !ok {
				return nil, false
			}
			out[i] = v
		}
		return out, true
	}
}

func (c *exprCompiler) call(e ast.Expr) compiledExpr {
	call := e.AsCall()
	name, args := call.FunctionName(), call.Args()
	if call.IsMemberFunction() {
		args = append([]ast.Expr{call.Target()}, args...)
	}
	if len(args) > 0 && args[0].Kind() == ast.IdentKind && args[0].AsIdent() == clockName {
		return timing(name, c.compileAll(args[1:]...))
	}
	if name == operators.In && args[1].Kind() == ast.ListKind {
		if list := constants(args[1].AsList()); list != nil {
			return oneOf(c.compile(args[0]), list)
		}
	}
	if name == operators.LogicalAnd || name == operators.LogicalOr || name == operators.Conditional {
		return branching(name, c.compileSome(args...))
	}
	of := c.compileAll(args...)
	switch {
	case of == nil:
		return nil
	case name == "unknown":
		return func(*Context) (any, bool) { return nil, false }
	case len(of) == 1:
		return onOne(of[0], ofOne[name])
	case len(of) == 2:
		return onTwo(of[0], of[1], ofTwo[name])
	case len(of) == 3 && name == "substring":
		return part(of)
	}
	return nil
}

func branching(name string, of []compiledExpr) compiledExpr {
	switch {
	case of == nil:
		return nil
	case name == operators.Conditional:
		return choice(of)
	}
	return logic(of, name == operators.LogicalOr)
}

// logic is || where wins is true, && where it is false: one side that is wins
// decides, whatever the other one is.
func logic(of []compiledExpr, wins bool) compiledExpr {
	return func(c *Context) (any, bool) {
		all := true
		for _, s := range of {
			yes, ok := s.truth(c)
			if ok && yes == wins {
				return wins, true
			}
			all = all && ok
		}
		return !wins, all
	}
}

func choice(of []compiledExpr) compiledExpr {
	return func(c *Context) (any, bool) {
		yes, ok := of[0].truth(c)
		if !ok {
			return nil, false
		}
		return pick(yes, of[1], of[2])(c)
	}
}

func onOne(x compiledExpr, f func(*Context, any) (any, bool)) compiledExpr {
	if f == nil {
		return nil
	}
	return func(c *Context) (any, bool) {
		v, ok := x(c)
		if !ok {
			return nil, false
		}
		return f(c, v)
	}
}

func onTwo(x, y compiledExpr, f func(c *Context, x, y any) (any, bool)) compiledExpr {
	if f == nil {
		return nil
	}
	return func(c *Context) (any, bool) {
		v, ok := x(c)
		if !ok {
			return nil, false
		}
		w, ok := y(c)
		if !ok {
			return nil, false
		}
		return f(c, v, w)
	}
}

// comprehension recognizes exists and all, map and filter.
func (c *exprCompiler) comprehension(l ast.ComprehensionExpr) compiledExpr {
	if step := l.LoopStep(); step.Kind() == ast.CallKind && !l.HasIterVar2() {
		switch call := step.AsCall(); call.FunctionName() {
		case operators.Add:
			return c.collection(l, nil, step)
		case operators.Conditional:
			return c.collection(l, call.Args()[0], call.Args()[1])
		}
	}
	of := loop{over: c.compile(l.IterRange()), i: len(c.vars), nodes: c.nodes}
	if of.over == nil || l.HasIterVar2() || l.LoopStep().Kind() != ast.CallKind {
		return nil
	}
	name, args := l.LoopStep().AsCall().FunctionName(), l.LoopStep().AsCall().Args()
	if args[0].Kind() != ast.IdentKind || args[0].AsIdent() != l.AccuVar() {
		return nil
	}
	c.vars = append(c.vars, l.IterVar())
	of.body = c.compile(args[1])
	c.vars, of.nodes = c.vars[:of.i], c.nodes-of.nodes
	if of.body == nil {
		of.body = (*Context).fallback
		c.fallbacks++
	}
	if name == operators.LogicalOr || name == operators.LogicalAnd {
		return of.quantifier(name == operators.LogicalOr)
	}
	return nil
}

// collection is map, and filter where keep is not nil: what is added to the list so far for each element.
func (c *exprCompiler) collection(l ast.ComprehensionExpr, keep, step ast.Expr) compiledExpr {
	of := loop{over: c.compile(l.IterRange()), i: len(c.vars), nodes: c.nodes}
	if of.over == nil || step.Kind() != ast.CallKind || step.AsCall().FunctionName() != operators.Add {
		return nil
	}
	args := step.AsCall().Args()
	if len(args) != 2 || args[0].Kind() != ast.IdentKind || args[0].AsIdent() != l.AccuVar() || args[1].Kind() != ast.ListKind {
		return nil
	}
	kept := compiledExpr(func(*Context) (any, bool) { return true, true })
	c.vars = append(c.vars, l.IterVar())
	if keep != nil {
		kept = c.compile(keep)
	}
	of.body = c.compile(args[1])
	c.vars, of.nodes = c.vars[:of.i], c.nodes-of.nodes
	if of.body == nil || kept == nil {
		return nil
	}
	return of.gathered(kept)
}

// gathered returns the list of what the body yields for the elements that are kept.
func (of loop) gathered(kept compiledExpr) compiledExpr {
	return func(c *Context) (any, bool) {
		all, sure := []any{}, true
		ok := of.each(c, func() bool {
			yes, ok := kept.truth(c)
			if sure = ok; !sure || !yes {
				return sure
			}
			v, ok := of.body(c)
			list, isList := v.([]any)
			if sure = ok && isList && c.charge(len(list)); sure {
				all = append(all, list...)
			}
			return sure
		})
		return all, ok && sure
	}
}

// loop evaluates a body for each element of a list, as variable i.
type loop struct {
	over, body compiledExpr
	i, nodes   int // nodes is the size of the body
}

// each calls f for every element of the list, until it returns false. It reports
// whether there is a list.
func (of loop) each(c *Context, f func() bool) bool {
	v, ok := of.over(c)
	list, isList := v.([]any)
	if !ok || !isList || !c.charge(len(list)*of.nodes) {
		return false
	}
	c.vars = append(c.vars[:of.i], nil)
	for _, x := range list {
		c.vars[of.i] = x
		if !f() {
			break
		}
	}
	return true
}

// quantifier is exists where wins is true, all where it is false.
func (of loop) quantifier(wins bool) compiledExpr {
	return func(c *Context) (any, bool) {
		all, decided := true, false
		ok := of.each(c, func() bool {
			yes, ok := of.body.truth(c)
			all, decided = all && ok, ok && yes == wins
			return !decided
		})
		return pick(decided, wins, !wins), ok && (all || decided)
	}
}
