package rule

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"

	"github.com/evidenced/evidenced/evidence"
)

// Answer is the answer of a rule for one record, as an index.
type Answer uint8

const (
	// None: not evaluated yet, or gone.
	None Answer = iota
	// Pass: the predicate holds.
	Pass
	// Fail: the predicate does not hold.
	Fail
	// Unknown: the record does not say enough.
	Unknown
	// NotApplicable: the rule's condition leaves the record out.
	NotApplicable
	// Answers is the number of answers.
	Answers
)

// Fine reports whether a record of this answer is not failing.
func (a Answer) Fine() bool { return a == Pass || a == NotApplicable }

// Evaluation is the answer of a rule for one record at one instant.
type Evaluation struct {
	Answer Answer
	// Reason completes "this record ..." for an unknown.
	Reason string
	// Until is when, in Unix seconds, the answer for the same record may be another.
	Until int64
}

// Object is a map of texts to values that is made only where CEL asks for it.
type Object interface {
	// Field returns a member; not ok where there is none.
	Field(name string) (v any, ok bool)
	// Map returns all members. The caller does not change it.
	Map() map[string]any
}

// Context is the CEL activation of one record at one instant. It is used again
// for the next one, and not safe for concurrent use.
type Context struct {
	// Attributes stands for those of the record where it is not nil.
	Attributes Object
	// PlainCEL leaves every expression to CEL, to test and measure compiled ones.
	PlainCEL bool

	rec    *evidence.Record
	stream evidence.Stream
	text   string // of the stream, made on demand
	scope  evidence.Scope
	attrs  any // of the record, for CEL, made on demand
	clock  clock

	// Of the evaluation of a compiledExpr: the steps that are left, and the
	// variables of the loops around.
	steps int
	vars  []any
}

// SetCalendar sets the calendar of working days. Without it they are unknown.
func (c *Context) SetCalendar(days Calendar) { c.clock.calendar = days }

// SetNow sets the instant of evaluation.
func (c *Context) SetNow(t time.Time) { c.clock.now = t }

// SetRecord sets the record to evaluate, and its stream. The record must not change
// until the next call.
func (c *Context) SetRecord(rec *evidence.Record, stream evidence.Stream) {
	if c.stream != stream {
		c.stream, c.text = stream, ""
	}
	c.rec, c.scope, c.attrs = rec, cmp.Or(rec.Scope, stream.Scope), nil
}

// ResolveName implements interpreter.Activation: the variables of a predicate.
func (c *Context) ResolveName(name string) (any, bool) {
	switch name {
	case "r":
		if c.attrs == nil {
			c.attrs = adapter{}.NativeToValue(c.attributes())
		}
		return c.attrs, true
	case "id":
		return c.rec.ID, true
	case "name":
		return c.rec.Name, true
	case "scope":
		return string(c.scope), true
	case "source":
		return c.stream.Source, true
	case "stream":
		if c.text == "" {
			c.text = c.stream.String()
		}
		return c.text, true
	case "now":
		return c.clock.now, true
	case "effective":
		if c.rec.Effective == nil {
			return nil, false
		}
		return *c.rec.Effective, true
	case clockName:
		return &c.clock, true
	}
	return nil, false
}

func (c *Context) attributes() map[string]any {
	if c.Attributes != nil {
		return c.Attributes.Map()
	}
	return c.rec.Attributes
}

// Parent is nil: there are no other variables.
func (c *Context) Parent() interpreter.Activation { return nil }

// Evaluate applies r to the record of the context.
func (r *Rule) Evaluate(c *Context) Evaluation {
	c.clock.until = Forever
	if r.when != nil {
		if applies, reason := evaluate(r.when, c); reason != "" || !applies {
			return Evaluation{pick(reason == "", NotApplicable, Unknown), reason, r.until(c)}
		}
	}
	ok, reason := evaluate(r.pass, c)
	switch {
	case reason != "":
		return Evaluation{Unknown, reason, r.until(c)}
	case ok:
		return Evaluation{Pass, "", r.until(c)}
	}
	return Evaluation{Fail, "", r.until(c)}
}

func (r *Rule) until(c *Context) int64 {
	if r.now {
		return 0 // the answer may be another at any time
	}
	return c.clock.until
}

// Explain returns reason the record of the context failed: the detail of the test, or a
// text made of its title.
func (r *Rule) Explain(c *Context, title string) string {
	if r.detail != nil {
		if out, _, err := r.detail.Eval(c); err == nil {
			if s, ok := out.(types.String); ok && s != "" {
				return string(s)
			}
		}
	}
	return "not so: " + title
}

// evaluate evaluates a predicate. A non-empty reason means that there is no answer.
func evaluate(p *expression, c *Context) (ok bool, reason string) {
	if yes, ok := c.compiled(p); ok {
		if yes, isBool := yes.(bool); isBool {
			return yes, ""
		}
	}
	out, _, err := p.Eval(c)
	if err != nil {
		return false, reasonOf(err.Error())
	}
	v, isBool := out.(types.Bool)
	if !isBool {
		return false, fmt.Sprintf("could not be judged: the predicate gave %s, not true or false", out.Type().TypeName())
	}
	return bool(v), ""
}

// compiled evaluates an expression without CEL, where that is certain.
func (c *Context) compiled(p *expression) (any, bool) {
	if c.PlainCEL {
		return nil, false
	}
	return p.compiled.value(c)
}

const unknownPrefix = "unknown: "

func reasonOf(text string) string {
	if _, reason, ok := strings.Cut(text, unknownPrefix); ok {
		return reason
	}
	for _, prefix := range []string{"no such key: ", "no such attribute(s): "} {
		if key, ok := strings.CutPrefix(text, prefix); ok {
			return "do not say " + key
		}
	}
	return "could not be judged: " + text
}

// member returns a member of a map.
func member(v any, key string) (field any, ok, isMap bool) {
	switch m := v.(type) {
	case map[string]any:
		field, ok = m[key]
		return field, ok, true
	case Object:
		field, ok = m.Field(key)
		return field, ok, true
	}
	return nil, false, false
}

func pick[T any](cond bool, yes, no T) T {
	if cond {
		return yes
	}
	return no
}
