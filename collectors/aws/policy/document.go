package policy

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// Document is a policy of IAM or of a resource.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
type Document struct{ Statement statements }

// statements may be written as one, without a list.
type statements []Statement

// Statement is one statement. Lists of one may be written as the one.
type Statement struct {
	Sid          string
	Effect       string
	Principal    principals
	NotPrincipal principals
	Action       oneOrMore
	NotAction    oneOrMore
	Resource     oneOrMore
	NotResource  oneOrMore
	Condition    map[string]map[string]values

	index int // its place in the document
}

type oneOrMore []string

// principals are who a statement is about: "*", or lists by type.
type principals map[string]oneOrMore

// values are those of a condition: texts, numbers or booleans, one or a list.
type values []string

// The effects of a statement.
const (
	allow = "Allow"
	deny  = "Deny"
)

// UnmarshalJSON takes a list, or one statement.
func (s *statements) UnmarshalJSON(b []byte) error {
	var many []Statement
	if err := json.Unmarshal(b, &many); err == nil {
		*s = many
		return nil
	}
	var one Statement
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	*s = statements{one}
	return nil
}

// UnmarshalJSON takes a list of texts, or one.
func (o *oneOrMore) UnmarshalJSON(b []byte) error {
	var many []string
	if err := json.Unmarshal(b, &many); err == nil {
		*o = many
		return nil
	}
	var one string
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	*o = oneOrMore{one}
	return nil
}

// UnmarshalJSON takes lists by type, or "*".
func (p *principals) UnmarshalJSON(b []byte) error {
	var all string
	if err := json.Unmarshal(b, &all); err == nil {
		*p = principals{"AWS": {all}}
		return nil
	}
	var by map[string]oneOrMore
	if err := json.Unmarshal(b, &by); err != nil {
		return err
	}
	*p = by
	return nil
}

// UnmarshalJSON takes a list of values, or one.
func (v *values) UnmarshalJSON(b []byte) error {
	var many []any
	if err := json.Unmarshal(b, &many); err != nil {
		var one any
		if err := json.Unmarshal(b, &one); err != nil {
			return err
		}
		many = []any{one}
	}
	*v = nil
	for _, x := range many {
		*v = append(*v, fmt.Sprint(x))
	}
	return nil
}

// Parse reads a policy. IAM returns its own percent-encoded (RFC 3986).
func Parse(text string) (Document, error) {
	if start := strings.TrimSpace(text); strings.HasPrefix(start, "%7B") || strings.HasPrefix(start, "%7b") {
		plain, err := url.PathUnescape(start)
		if err != nil {
			return Document{}, fmt.Errorf("a policy cannot be decoded: %w", err)
		}
		text = plain
	}
	var d Document
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return Document{}, fmt.Errorf("a policy cannot be read: %w", err)
	}
	for i, s := range d.Statement {
		if s.Effect != allow && s.Effect != deny {
			return Document{}, fmt.Errorf("a policy has a statement with the effect %.20q", s.Effect)
		}
		d.Statement[i].index = i
	}
	return d, nil
}

// name is the statement's own, or its place in the policy.
func (s Statement) name() string {
	if s.Sid != "" {
		return s.Sid
	}
	return fmt.Sprintf("statement %d", s.index+1)
}
