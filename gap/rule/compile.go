package rule

import (
	"fmt"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
)

// costLimit bounds one evaluation, in CEL's units: about one for each step.
const costLimit = 1_000_000

// Rule is the compiled form of a test. Predicates are CEL over these variables:
//
//	r          the attributes of the record; one that is absent is an error, so
//	           that "a || b" is still true if a is and b is absent
//	id, name   of the record
//	scope      of the record, or of its stream where the record has none
//	source     the configured source of the record
//	stream     the stream of the record, source/kind/scope
//	effective  the source's own time of the record; absent if it states none
//	now        when the run observed the record (Run.Observed), never a clock
//
// and these functions, beside has() and the extensions strings and sets:
//
//	older_than(t, days)  whether t (RFC 3339 text, 2026-07-02 or timestamp) lies more than so many days before now
//	age_days(t)          whole days from t to now
//	workdays_passed(t, n)  whether more than n working days of the calendar lie between the day of t and today
//	unknown(why)         no answer: why completes "this record ..."
//
// A test that measures age with them rather than with now is evaluated again only
// when the answer may be another.
type Rule struct {
	when, pass, detail *expression
	// Keys are the attributes that the predicates read. All: they may read any.
	Keys []string
	All  bool
	// Effective, now: the predicates name this variable. aged: they measure age.
	Effective bool
	now, aged bool
}

// Reads reports whether the predicates may read an attribute.
func (r *Rule) Reads(key string) bool { return r.All || slices.Contains(r.Keys, key) }

// expression is one of CEL, with its compiled form where there is one.
type expression struct {
	cel.Program
	compiled  compiledExpr
	attribute string // its name, where the expression is one attribute
}

// source is an expression while a catalogue is compiled.
type source struct {
	*expression
	tree   ast.Expr
	output *cel.Type
}

// Compiler compiles the expressions of one catalogue.
type Compiler struct {
	env  *cel.Env
	done map[string]*source // by text: many views have the same ones
}

// NewCompiler returns a compiler that knows the variables and functions of Rule.
func NewCompiler() (*Compiler, error) {
	env, err := cel.NewEnv(
		cel.Variable("r", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("id", cel.StringType),
		cel.Variable("name", cel.StringType),
		cel.Variable("scope", cel.StringType),
		cel.Variable("source", cel.StringType),
		cel.Variable("stream", cel.StringType),
		cel.Variable("effective", cel.TimestampType),
		cel.Variable("now", cel.TimestampType),
		cel.Variable(clockName, clockType),
		cel.CrossTypeNumericComparisons(true),
		ext.Strings(), ext.Sets(),
		withClock("older_than", 2), withClock("age_days", 1), withClock("workdays_passed", 2),
		cel.Function("@workdays_passed", cel.Overload("clock_workdays_passed",
			[]*cel.Type{clockType, cel.DynType, cel.DynType}, cel.BoolType,
			cel.FunctionBinding(func(a ...ref.Val) ref.Val { return a[0].(*clock).workdaysPassed(a[1], a[2]) }))),
		cel.Function("@older_than", cel.Overload("clock_older_than",
			[]*cel.Type{clockType, cel.DynType, cel.DynType}, cel.BoolType,
			cel.FunctionBinding(func(a ...ref.Val) ref.Val { return a[0].(*clock).olderThan(a[1], a[2]) }))),
		cel.Function("@age_days", cel.Overload("clock_age_days",
			[]*cel.Type{clockType, cel.DynType}, cel.IntType,
			cel.BinaryBinding(func(c, t ref.Val) ref.Val { return c.(*clock).ageDays(t) }))),
		cel.Function("unknown", cel.Overload("unknown_string", []*cel.Type{cel.StringType}, cel.BoolType,
			cel.UnaryBinding(func(why ref.Val) ref.Val { return types.NewErr("%s%v", unknownPrefix, why.Value()) }))),
	)
	if err != nil {
		return nil, fmt.Errorf("catalogue: CEL environment: %w", err)
	}
	return &Compiler{env, map[string]*source{}}, nil
}

// withClock turns name(args) into @name(clock, args).
func withClock(name string, args int) cel.EnvOption {
	return cel.Macros(cel.GlobalMacro(name, args,
		func(f cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
			return f.NewCall("@"+name, append([]ast.Expr{f.NewIdent(clockName)}, args...)...), nil
		}))
}

// Rule compiles the members of a test; when and detail may be empty. On error it
// names the member that is wrong.
func (c *Compiler) Rule(when, pass, detail string) (r *Rule, member string, err error) {
	r = new(Rule)
	for _, p := range []struct {
		name, src string
		want      *cel.Type
		dst       **expression
	}{{"when", when, cel.BoolType, &r.when}, {"pass", pass, cel.BoolType, &r.pass}, {"detail", detail, cel.StringType, &r.detail}} {
		if p.src == "" && p.name != "pass" {
			continue
		}
		x, err := c.program(r, p.name, p.src, p.want)
		if err != nil {
			return nil, p.name, err
		}
		*p.dst = x
	}
	return r, "", nil
}

// program compiles one expression of a rule. Its name is that of the member.
func (c *Compiler) program(r *Rule, name, src string, want *cel.Type) (*expression, error) {
	x, err := c.source(src)
	if err != nil {
		return nil, err
	}
	if !x.output.IsExactType(want) && !x.output.IsExactType(cel.DynType) && !want.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("gives %s, want %s", x.output, want)
	}
	if name != "detail" { // the text of a reason never changes an answer
		r.reads(x.tree)
	}
	return x.expression, nil
}

// source compiles a text once.
func (c *Compiler) source(src string) (*source, error) {
	if x := c.done[src]; x != nil {
		return x, nil
	}
	tree, iss := c.env.Compile(src)
	if iss.Err() != nil {
		return nil, iss.Err()
	}
	expr := tree.NativeRep().Expr()
	prg, err := c.env.Program(tree, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(costLimit))
	if err != nil {
		return nil, err
	}
	c.done[src] = &source{&expression{prg, new(exprCompiler).compile(expr), soleAttribute(expr)}, expr, tree.OutputType()}
	return c.done[src], nil
}

// reads records which attributes and variables an expression names.
func (r *Rule) reads(e ast.Expr) {
	uses, named := 0, 0
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.IdentKind:
			switch e.AsIdent() {
			case "r":
				uses++
			case "now":
				r.now = true
			case "effective":
				r.Effective = true
			case clockName:
				r.aged = true
			}
		case ast.SelectKind, ast.CallKind:
			if key, ok := attribute(e); ok {
				named++
				r.addKey(key)
			}
		}
	}))
	r.All = r.All || uses > named
}

func (r *Rule) addKey(key string) {
	if !slices.Contains(r.Keys, key) {
		r.Keys = append(r.Keys, key)
	}
}

// soleAttribute returns the name of r.key; empty for any other expression.
func soleAttribute(e ast.Expr) string {
	if e.Kind() != ast.SelectKind || e.AsSelect().IsTestOnly() {
		return ""
	}
	name, ok := attribute(e)
	return pick(ok, name, "")
}

// attribute recognizes r.key and r["key"].
func attribute(e ast.Expr) (string, bool) {
	isR := func(e ast.Expr) bool { return e.Kind() == ast.IdentKind && e.AsIdent() == "r" }
	if e.Kind() == ast.SelectKind {
		return e.AsSelect().FieldName(), isR(e.AsSelect().Operand())
	}
	call := e.AsCall()
	if call.FunctionName() != operators.Index || !isR(call.Args()[0]) || call.Args()[1].Kind() != ast.LiteralKind {
		return "", false
	}
	key, ok := call.Args()[1].AsLiteral().(types.String)
	return string(key), ok
}
