package aws

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// openKeys are the condition keys that say how a request is made, and not by
// whom: a statement for everyone that has only these is still for everyone.
var openKeys = []string{
	"aws:securetransport", "aws:requestedregion", "aws:currenttime", "aws:epochtime", "aws:useragent", "aws:referer", "s3:tlsversion",
	"lambda:functionurlauthtype", "lambda:invokedviafunctionurl", "kms:encryptionalgorithm",
}

// restricted reports a condition that may narrow who a statement is for. AWS
// demands all conditions of a statement at once, so that one is enough.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
func (s grant) restricted() bool {
	for operator, keys := range s.Condition {
		for key, value := range keys {
			if narrows(operator, key, value) {
				return true
			}
		}
	}
	return false
}

// narrows reports a condition that may keep someone out. One that holds where
// its key is absent (IfExists, ForAllValues, a negation, Null) keeps nobody out
// who leaves the key out.
func narrows(operator, key string, value any) bool {
	operator, key = strings.ToLower(operator), strings.ToLower(key)
	if strings.HasSuffix(operator, "ifexists") || strings.HasPrefix(operator, "forallvalues:") || strings.Contains(operator, "not") || operator == "null" || slices.Contains(openKeys, key) {
		return false
	}
	all := valuesOf(value)
	if strings.Contains(operator, "ipaddress") {
		return !wholeInternet(all)
	}
	if strings.HasSuffix(operator, "like") { // ARNs are matched with wildcards by all their operators
		return !slices.ContainsFunc(all, func(v string) bool { return strings.Trim(v, "*") == "" })
	}
	return !(strings.Contains(operator, "arn") && slices.ContainsFunc(all, func(v string) bool { return strings.Trim(v, "*:") == "" || strings.Trim(v, "*:") == "arn" }))
}

// valuesOf returns the values of a condition, of which one may be written without a list.
func valuesOf(value any) (all []string) {
	list, many := value.([]any)
	if !many {
		list = []any{value}
	}
	for _, v := range list {
		all = append(all, fmt.Sprint(v))
	}
	return all
}

// wholeInternet reports addresses that together are all of one version of IP,
// or all but a few: a half of it, or more, is no restriction.
func wholeInternet(cidrs []string) bool {
	return slices.ContainsFunc(cidrs, func(c string) bool {
		p, err := netip.ParsePrefix(c)
		return err == nil && vast(p)
	})
}

// vast reports a range of addresses that no company has: larger than 10.0.0.0/8
// and its like of version 4, and of version 6 larger than what a registry has.
func vast(p netip.Prefix) bool {
	if p.Addr().Is4() {
		return p.Bits() < 8
	}
	return p.Bits() < 12
}

// anyWorkflow reports a trust of the tokens of GitHub Actions, which every
// account of GitHub can ask for, without a condition on whose they are.
// https://docs.github.com/en/actions/reference/security/oidc
func (s grant) anyWorkflow() bool {
	const issuer = "token.actions.githubusercontent.com"
	if s.Effect != "Allow" || !slices.ContainsFunc(s.Principal["Federated"], func(p string) bool { return strings.HasSuffix(p, "oidc-provider/"+issuer) }) {
		return false
	}
	for operator, keys := range s.Condition {
		for key, value := range keys {
			claim, ofIssuer := strings.CutPrefix(strings.ToLower(key), issuer+":")
			if ofIssuer && claim != "aud" && narrows(operator, key, value) && !anyRepository(valuesOf(value)) {
				return false
			}
		}
	}
	return true
}

// anyRepository reports a subject that the repository of anyone matches.
func anyRepository(subjects []string) bool {
	return slices.ContainsFunc(subjects, func(v string) bool {
		owner, _, _ := strings.Cut(strings.TrimPrefix(v, "repo:"), "/")
		return strings.Trim(owner, "*") == ""
	})
}

// everyResource reports a statement on everything, or on everything but some:
// NotResource leaves out what it names, and allows all the rest.
func (s grant) everyResource() bool {
	return slices.ContainsFunc(s.Resource, func(r string) bool { return strings.Trim(r, "*") == "" }) || len(s.NotResource) > 0 && len(s.Resource) == 0
}

// covers reports a statement on a bucket (an ARN) and on all of its objects.
func (s grant) covers(bucket string) bool {
	every := func(of string) bool {
		return slices.ContainsFunc(s.Resource, func(r string) bool {
			start, wild := strings.CutSuffix(r, "*")
			return r == of || wild && !strings.ContainsAny(start, "*?$") && strings.HasPrefix(of, start)
		})
	}
	return every(bucket) && every(bucket+"/*")
}
