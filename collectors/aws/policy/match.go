package policy

import (
	"slices"
	"strings"
)

// Like matches a text with a pattern of IAM: "*" stands for any characters, none
// included, "?" for one.
func Like(pattern, text string) bool {
	star, back := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, back = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			back++
			p, t = star+1, back
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// covers reports whether every text that matches inner matches outer. Wildcards of
// inner are taken as characters, which only a wildcard of outer matches.
func covers(outer, inner string) bool { return Like(outer, inner) }

// anyCovers reports whether one of the patterns covers the inner one.
func anyCovers(outer []string, inner string) bool {
	return slices.ContainsFunc(outer, func(o string) bool { return covers(o, inner) })
}

// onAction reports whether a statement is about an action, which may hold
// wildcards. Actions have no case.
func (s Statement) onAction(action string) bool {
	action = strings.ToLower(action)
	if len(s.Action) > 0 {
		return anyCovers(lower(s.Action), action)
	}
	return len(s.NotAction) > 0 && !slices.ContainsFunc(lower(s.NotAction), func(n string) bool { return covers(n, action) || covers(action, n) })
}

// onResource reports whether a statement is about all of a resource, a pattern. A
// statement without resources is of a trust policy, and is about its own role.
func (s Statement) onResource(resource string) bool {
	if len(s.Resource) > 0 {
		return anyCovers(s.Resource, resource)
	}
	return !slices.ContainsFunc(s.NotResource, func(n string) bool { return covers(n, resource) || covers(resource, n) })
}

func lower(list []string) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = strings.ToLower(v)
	}
	return out
}

func wild(v string) bool { return strings.ContainsAny(v, "*?") }
