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

// Answer is what a rule says of one record, as an index.
type Answer uint8

const (
	// None: not judged yet, or gone.
	None Answer = iota
	// Pass: the predicate holds.
	Pass
	// Fail: the predicate does not hold.
	Fail
	// Unknown: the record does not say enough.
	Unknown
	// NotApplicable: the rule's condition leaves the record out.
	NotApplicable
	// Answers is how many there are.
	Answers
)

// Fine reports whether a record of this answer is not failing.
func (a Answer) Fine() bool { return a == Pass || a == NotApplicable }

// Judgement is the answer of a rule for one record at one instant.
type Judgement struct {
	Answer Answer
	// Why completes "this record ..." for an unknown.
	Why string
	// Until is when, in Unix seconds, the same record must be judged again.
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
	// Attributes replace those of the record where it is not nil.
	Attributes Object
	// PlainCEL answers every expression by CEL alone, to test and measure.
	PlainCEL bool

	rec    *evidence.Record
	stream evidence.Stream
	text   string // of the stream, made when it is asked for
	scope  evidence.Scope
	attrs  any // of the record, for CEL, likewise
	clock  clock

	// Of the answer that shortcuts are giving: the steps that are left, and the
	// variables of the loops around.
	steps int
	vars  []any
}

// SetCalendar sets the calendar that working days are told by; there may be none.
func (b *Context) SetCalendar(c Calendar) { b.clock.calendar = c }

// SetNow sets the instant of evaluation.
func (b *Context) SetNow(t time.Time) { b.clock.now = t }

// SetRecord sets the record that is asked about, and the stream it is of. Both
// are kept until the next call.
func (b *Context) SetRecord(rec *evidence.Record, stream evidence.Stream) {
	if b.stream != stream {
		b.stream, b.text = stream, ""
	}
	b.rec, b.scope, b.attrs = rec, cmp.Or(rec.Scope, stream.Scope), nil
}

// ResolveName gives the variables of a predicate.
func (b *Context) ResolveName(name string) (any, bool) {
	switch name {
	case "r":
		if b.attrs == nil {
			b.attrs = types.NewStringInterfaceMap(types.DefaultTypeAdapter, b.attributes())
		}
		return b.attrs, true
	case "id":
		return b.rec.ID, true
	case "name":
		return b.rec.Name, true
	case "scope":
		return string(b.scope), true
	case "source":
		return b.stream.Source, true
	case "stream":
		if b.text == "" {
			b.text = b.stream.String()
		}
		return b.text, true
	case "now":
		return b.clock.now, true
	case "effective":
		if b.rec.Effective == nil {
			return nil, false
		}
		return *b.rec.Effective, true
	case clockName:
		return &b.clock, true
	}
	return nil, false
}

func (b *Context) attributes() map[string]any {
	if b.Attributes != nil {
		return b.Attributes.Map()
	}
	return b.rec.Attributes
}

// Parent is nil: there are no other variables.
func (b *Context) Parent() interpreter.Activation { return nil }

// Judge applies r to the record of the context.
func (r *Rule) Judge(b *Context) Judgement {
	b.clock.until = Forever
	if r.when != nil {
		if applies, why := ask(r.when, b); why != "" || !applies {
			return Judgement{pick(why == "", NotApplicable, Unknown), why, r.until(b)}
		}
	}
	ok, why := ask(r.pass, b)
	switch {
	case why != "":
		return Judgement{Unknown, why, r.until(b)}
	case ok:
		return Judgement{Pass, "", r.until(b)}
	}
	return Judgement{Fail, "", r.until(b)}
}

func (r *Rule) until(b *Context) int64 {
	if r.now {
		return 0 // no telling: judge again each time
	}
	return b.clock.until
}

// Explain returns why the record of the context failed, by default a text of the
// test's title.
func (r *Rule) Explain(b *Context, title string) string {
	if r.detail != nil {
		if out, _, err := r.detail.Eval(b); err == nil {
			if s, ok := out.(types.String); ok && s != "" {
				return string(s)
			}
		}
	}
	return "not so: " + title
}

// ask evaluates a predicate. A non-empty why means that there is no answer.
func ask(p *expression, b *Context) (ok bool, why string) {
	if yes, sure := b.shortcut(p); sure {
		if yes, isBool := yes.(bool); isBool {
			return yes, ""
		}
	}
	out, _, err := p.Eval(b)
	if err != nil {
		return false, reasonOf(err.Error())
	}
	v, isBool := out.(types.Bool)
	if !isBool {
		return false, fmt.Sprintf("could not be judged: the predicate gave %s, not true or false", out.Type().TypeName())
	}
	return bool(v), ""
}

// shortcut returns what the shortcut of an expression is sure of.
func (b *Context) shortcut(p *expression) (any, bool) {
	if b.PlainCEL {
		return nil, false
	}
	return p.short.answer(b)
}

const saidUnknown = "unknown: "

func reasonOf(text string) string {
	if _, why, ok := strings.Cut(text, saidUnknown); ok {
		return why
	}
	for _, prefix := range []string{"no such key: ", "no such attribute(s): "} {
		if key, ok := strings.CutPrefix(text, prefix); ok {
			return "do not say " + key
		}
	}
	return "could not be judged: " + text
}

// member returns what a map says under a key.
func member(v any, key string) (field any, said, isMap bool) {
	switch m := v.(type) {
	case map[string]any:
		field, said = m[key]
		return field, said, true
	case Object:
		field, said = m.Field(key)
		return field, said, true
	}
	return nil, false, false
}

func pick[T any](cond bool, yes, no T) T {
	if cond {
		return yes
	}
	return no
}
