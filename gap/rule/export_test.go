package rule

import (
	"time"

	"cel.dev/cel-go/cel"
)

// Expression is for the tests that stand outside of the package.
type Expression = expression

// Native is for the tests that stand outside of the package.
var Native = native

// Expression compiles one expression of any type.
func (c *Compiler) Expression(src string) (*Expression, error) {
	return c.program(new(Rule), "field", src, cel.DynType)
}

// Holes counts the parts of an expression that are left to CEL.
func (c *Compiler) Fallbacks(src string) int {
	tree, _ := c.env.Compile(src)
	s := new(exprCompiler)
	s.compile(tree.NativeRep().Expr())
	return s.fallbacks
}

// HasShortcut reports whether there is a shortcut to the answer.
func (x *Expression) HasShortcut() bool { return x.compiled != nil }

// Shortcut returns the answer of the shortcut, where it is sure of one that an
// attribute can have.
func (x *Expression) Shortcut(c *Context) (any, bool) {
	v, sure := x.compiled.value(c)
	return v, sure && storable(v)
}

// Start makes the clock ready for one answer.
func (c *Context) Start(now time.Time, cal Calendar) {
	c.clock = clock{now: now, until: Forever, calendar: cal}
}

// Until is until when the answers so far hold.
func (c *Context) Until() int64 { return c.clock.until }
