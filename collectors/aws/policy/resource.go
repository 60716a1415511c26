package policy

import (
	"slices"
	"strings"
)

// Access is whom a policy of a resource lets in.
type Access struct {
	// World: somebody without any relation to the account is let in.
	World bool
	// Conditional: a statement for everyone is narrowed to known callers.
	Conditional bool
	// Undecided are the statements for everyone whose conditions may restrict, or may
	// not, by name.
	Undecided []string
	// Principals are all that statements let in, as they are written.
	Principals []string
}

// Access returns whom the policy lets in. A statement for everyone counts as far as
// its own conditions, and the statements that deny, leave it open.
func (d Document) Access() (a Access) {
	for _, s := range d.Statement {
		if s.Effect != allow {
			continue
		}
		for _, list := range s.Principal {
			a.Principals = append(a.Principals, list...)
		}
		if !s.everyone() {
			continue
		}
		switch min(s.reach(nil), d.denied(s)) {
		case open:
			a.World = true
		case undecided:
			a.Undecided = append(a.Undecided, s.name())
		case narrow:
			a.Conditional = true
		}
	}
	return a
}

// everyone reports a statement about everyone, or about everyone but some.
func (s Statement) everyone() bool {
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

// denied returns how far the statements that deny leave open what s allows: narrow
// where one denies it to all strangers.
func (d Document) denied(s Statement) reach {
	least := open
	for _, n := range d.Statement {
		if n.Effect == deny && n.everyone() && n.onAllOf(s) {
			least = min(least, n.leaves())
		}
	}
	return least
}

// onAllOf reports whether a statement is about all actions and resources of another one.
func (s Statement) onAllOf(other Statement) bool {
	if len(other.Action) == 0 && !slices.Contains(s.Action, "*") || len(other.NotResource) > 0 && !slices.Contains(s.Resource, "*") {
		return false
	}
	return !slices.ContainsFunc(other.Action, func(a string) bool { return !s.onAction(a) }) &&
		!slices.ContainsFunc(other.Resource, func(r string) bool { return !s.onResource(r) })
}

// leaves returns whom a statement that denies everyone leaves in. It keeps
// strangers out if each of its conditions holds for them: "not of my
// organization" does, and so does "not called by a service of AWS".
func (s Statement) leaves() reach {
	for operator, keys := range s.Condition {
		base, _ := plainOperator(operator) // a stranger lacks the key, which a negated operator takes for a match
		for key, vs := range keys {
			key = strings.ToLower(key)
			direct := (key == "aws:principalisawsservice" || key == "aws:viaawsservice") && base == "bool" && isTrue(vs, false) != narrow
			if c := restrictingKeys[key]; !direct && (c == nil || !negated(base) || c(vs, strings.HasSuffix(base, "like") || strings.HasPrefix(base, "arn")) != narrow) {
				return open
			}
		}
	}
	return narrow
}

// TLSOnly reports whether statements deny everyone what is asked without TLS, of a
// bucket (its ARN) and of all its objects.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
func (d Document) TLSOnly(bucket string) bool {
	return d.refusesPlain(bucket) && d.refusesPlain(bucket+"/*")
}

func (d Document) refusesPlain(resource string) bool {
	return slices.ContainsFunc(d.Statement, func(s Statement) bool {
		return s.Effect == deny && len(s.NotPrincipal) == 0 && s.everyone() && s.onAction("s3:*") && s.onResource(resource) && s.whenPlain()
	})
}

// whenPlain reports the condition "not over TLS", with none beside it but that AWS
// itself does not ask. The key is in every request, so that IfExists is no way around.
func (s Statement) whenPlain() bool {
	found := false
	for operator, keys := range s.Condition {
		base, _ := plainOperator(operator)
		for key, vs := range keys {
			isFalse := base == "bool" && len(vs) > 0 && !slices.ContainsFunc(vs, func(v string) bool { return !strings.EqualFold(v, "false") })
			switch strings.ToLower(key) {
			case "aws:securetransport":
				found = isFalse
			case "aws:principalisawsservice", "aws:viaawsservice":
			default:
				return false
			}
			if !isFalse {
				return false
			}
		}
	}
	return found
}
