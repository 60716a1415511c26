package collectors

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// body is the shape of what a read by POST may send. A member may be left out;
// none may be added. A text "{name}" stands for any text, number or truth value, a
// list of one such text for a list of any length, everything else for itself.
type body map[string]any

// postRead tells the paths by which vendors read with POST: a search, a report,
// a query, the exchange of one credential for a shorter one.
var postRead = regexp.MustCompile(`^POST /([^ ]*/)?[^ /]*(search|query|list|list_v2|list/continue|get_info|report|reports/custom|attempts|usages|auditevents|introspect|graphql|statements|token|access_tokens)$`)

// asks tells the texts that read, where a language is posted: GraphQL and SQL.
var asks = map[string]*regexp.Regexp{
	"query":     regexp.MustCompile(`^\s*(query\b|\{)[^;]*$`),
	"statement": regexp.MustCompile(`^\s*(?i:SELECT|SHOW|DESCRIBE)\b[^;]*$`),
}

// CheckRead reports a call that is not a read: see the function. A POST is one
// where it has a declared body and goes to a path that vendors read by; what it
// posts in a language of queries must be fixed, and a query.
func (c Call) CheckRead() error {
	if !strings.HasPrefix(c.Name, "POST ") {
		if c.Body != "" {
			return fmt.Errorf("call %q is no POST, and yet has a body", c.Name)
		}
		return CheckRead(c.Name)
	}
	shape, err := parseBody(c.Body)
	switch {
	case !postRead.MatchString(c.Name):
		return fmt.Errorf("call %q is not a read: a POST may go to a search, a query, a report or a token only", c.Name)
	case err != nil:
		return fmt.Errorf("call %q: %w", c.Name, err)
	}
	for name, form := range asks {
		text, there := shape[name].(string)
		if there && (!form.MatchString(text) || free.MatchString(text) || changes.MatchString(text)) || !there && strings.HasSuffix(c.Name, map[string]string{"query": "/graphql", "statement": "/statements"}[name]) {
			return fmt.Errorf("call %q is not a read: its %s must be fixed, and a single one that reads", c.Name, name)
		}
	}
	return nil
}

var changes = regexp.MustCompile(`(?i)\b(mutation|subscription|insert|update|delete|merge|call|into)\b`)

func parseBody(text string) (b body, err error) {
	if err = json.Unmarshal([]byte(text), &b); err != nil || b == nil {
		return nil, errors.New("a POST needs the shape of its body, a JSON object")
	}
	return b, nil
}

// admits reports whether a body has the shape. None is a body without members.
func (b body) admits(contentType string, sent []byte) bool {
	var got map[string]any
	switch {
	case len(sent) == 0:
		return true
	case strings.HasPrefix(contentType, "application/x-www-form-urlencoded"):
		form, err := url.ParseQuery(string(sent))
		if err != nil {
			return false
		}
		got = map[string]any{}
		for name, values := range form {
			if len(values) != 1 {
				return false
			}
			got[name] = values[0]
		}
	case json.Unmarshal(sent, &got) != nil:
		return false
	}
	return fits(map[string]any(b), got)
}

var free = regexp.MustCompile(`^\{[^{}\s]*\}$`)

// fits compares what was sent with the shape.
func fits(shape, sent any) bool {
	switch s := shape.(type) {
	case string:
		if !free.MatchString(s) {
			return sent == shape
		}
		switch sent.(type) {
		case string, float64, bool:
			return true
		}
		return false
	case []any:
		list, ok := sent.([]any)
		if len(s) != 1 || !ok {
			return reflect.DeepEqual(shape, sent)
		}
		return !slices.ContainsFunc(list, func(v any) bool { return !fits(s[0], v) })
	case map[string]any:
		m, ok := sent.(map[string]any)
		for name, v := range m {
			inner, declared := s[name]
			ok = ok && declared && fits(inner, v)
		}
		return ok
	}
	return reflect.DeepEqual(shape, sent)
}
