package gap

import (
	"cmp"
	"fmt"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"

	"github.com/evidenced/evidenced/evidence"
)

// judgement is what a rule says of one record.
type judgement struct {
	code code
	// why completes "this record ..." for an unknown.
	why string
	// until is when, in Unix seconds, the same record must be judged again.
	until int64
}

// bench is the activation of one record at one instant; it is used again for the next one.
type bench struct {
	rec    *evidence.Record
	stream evidence.Stream
	text   string // of the stream, made when it is asked for
	scope  evidence.Scope
	attrs  any    // of the record, for CEL, likewise
	row    *row   // in place of the record's attributes, where it is one
	shown  []*row // those of which some form is kept
	clock  clock

	// Of the answer that shortcuts are giving: the steps that are left, and the
	// variables of the loops around.
	steps int
	vars  []any
}

func (b *bench) take(rec *evidence.Record, stream evidence.Stream) {
	if b.stream != stream {
		b.stream, b.text = stream, ""
	}
	b.rec, b.scope, b.attrs = rec, cmp.Or(rec.Scope, stream.Scope), nil
}

// ResolveName gives the variables of a predicate.
func (b *bench) ResolveName(name string) (any, bool) {
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

func (b *bench) attributes() map[string]any {
	if b.row != nil {
		return b.asMap(b.row)
	}
	return b.rec.Attributes
}

// Parent is nil: there are no other variables.
func (b *bench) Parent() interpreter.Activation { return nil }

// judge applies r to the record on the bench.
func (r *rule) judge(b *bench) judgement {
	b.clock.until = forever
	if r.when != nil {
		if applies, why := ask(r.when, b); why != "" || !applies {
			return judgement{pick(why == "", cNA, cUnknown), why, r.until(b)}
		}
	}
	ok, why := ask(r.pass, b)
	switch {
	case why != "":
		return judgement{cUnknown, why, r.until(b)}
	case ok:
		return judgement{cPass, "", r.until(b)}
	}
	return judgement{cFail, "", r.until(b)}
}

func (r *rule) until(b *bench) int64 {
	if r.now {
		return 0 // no telling: judge again each time
	}
	return b.clock.until
}

// explain says why the record on the bench failed t.
func (r *rule) explain(b *bench, t *Test) string {
	if r.detail != nil {
		if out, _, err := r.detail.Eval(b); err == nil {
			if s, ok := out.(types.String); ok && s != "" {
				return string(s)
			}
		}
	}
	return "not so: " + t.Title
}

// ask evaluates a predicate. A non-empty why means that there is no answer.
func ask(p *expression, b *bench) (ok bool, why string) {
	if yes, sure := p.short.answer(b); sure {
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

func pick[T any](cond bool, yes, no T) T {
	if cond {
		return yes
	}
	return no
}
