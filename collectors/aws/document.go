package aws

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/evidenced/evidenced/collectors"
)

// document is a policy of IAM or of a resource.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
type document struct{ Statement statements }

// statements may be written as one, without a list.
type statements []grant

// grant is one statement. Lists of one may be written as the one.
type grant struct {
	Sid          string
	Effect       string
	Principal    principals
	NotPrincipal json.RawMessage
	Action       oneOrMore
	NotAction    oneOrMore
	Resource     oneOrMore
	NotResource  oneOrMore
	Condition    map[string]map[string]any
}

type oneOrMore []string

// principals are who a statement is about: "*", or lists by type.
type principals map[string]oneOrMore

// UnmarshalJSON takes a list, or one statement.
func (s *statements) UnmarshalJSON(b []byte) error {
	var many []grant
	if err := json.Unmarshal(b, &many); err == nil {
		*s = many
		return nil
	}
	var one grant
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

// parsePolicy reads a policy. IAM gives its own percent-encoded (RFC 3986).
func parsePolicy(text string) (document, error) {
	if strings.HasPrefix(strings.TrimSpace(text), "%7B") || strings.HasPrefix(text, "%7b") {
		plain, err := url.PathUnescape(text)
		if err != nil {
			return document{}, collectors.Incomplete("a policy cannot be decoded: %v", err)
		}
		text = plain
	}
	var d document
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return d, collectors.Incomplete("a policy cannot be read: %v", err)
	}
	for _, s := range d.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" {
			return d, collectors.Incomplete("a policy has a statement with the effect %.20q", s.Effect)
		}
	}
	return d, nil
}

// admin reports a statement that allows everything on everything.
func (d document) admin() bool {
	return slices.ContainsFunc(d.Statement, func(s grant) bool {
		every := slices.Contains(s.Action, "*") || slices.Contains(s.Action, "*:*") || len(s.NotAction) > 0 && len(s.Action) == 0
		return s.Effect == "Allow" && every && s.everyResource()
	})
}

// anyone reports a statement that lets in everyone, whatever its conditions.
func (s grant) anyone() bool {
	if s.Effect != "Allow" {
		return false
	}
	if len(s.NotPrincipal) > 0 {
		return true
	}
	for _, list := range s.Principal {
		if slices.Contains(list, "*") {
			return true
		}
	}
	return false
}

// who says whom a resource's policy lets in. A statement for everyone with a
// condition that may narrow who asks is "conditional".
func (d document) who(a collectors.Attributes) {
	var let []string
	world, conditional := false, false
	for _, s := range d.Statement {
		if s.Effect != "Allow" {
			continue
		}
		for _, list := range s.Principal {
			let = append(let, list...)
		}
		world = world || s.anyone() && !s.restricted()
		conditional = conditional || s.anyone() && s.restricted()
	}
	a.Set("policy_principals", let)
	a["policy_world"], a["policy_world_conditional"] = world, conditional
}

// tlsOnly reports a statement that denies everyone what is asked without TLS,
// of the bucket (an ARN) and of all its objects.
func (d document) tlsOnly(bucket string) bool {
	return slices.ContainsFunc(d.Statement, func(s grant) bool {
		if s.Effect != "Deny" || !(slices.Contains(s.Action, "*") || slices.Contains(s.Action, "s3:*")) || !s.covers(bucket) {
			return false
		}
		everyone := false
		for _, list := range s.Principal {
			everyone = everyone || slices.Contains(list, "*")
		}
		return everyone && secureTransport(s.Condition)
	})
}

// secureTransport finds the condition "not over TLS", and no other beside it.
func secureTransport(conditions map[string]map[string]any) bool {
	if len(conditions) != 1 || len(conditions["Bool"]) != 1 {
		return false
	}
	for key, v := range conditions["Bool"] {
		if list, ok := v.([]any); ok && len(list) == 1 {
			v = list[0]
		}
		return strings.EqualFold(key, "aws:SecureTransport") && (v == false || v == "false")
	}
	return false
}
