package policy

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// reach is how far a statement's conditions let its principals be.
type reach int

const (
	narrow    reach = iota // known callers only
	undecided              // by a condition that may restrict, or may not
	open                   // nobody is kept out
)

// check says what the values of a condition key leave open; pattern means that
// the operator takes wildcards.
type check func(vs values, pattern bool) reach

// restrictingKeys are the condition keys that name who asks, or from where, with
// what their values must be like to keep a stranger out. Keys that the asker can
// set (PrincipalTag, ResourceTag, UserAgent) are not among them.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
var restrictingKeys = map[string]check{
	"aws:sourceaccount": literal, "aws:sourceowner": literal, "aws:principalaccount": literal, "kms:calleraccount": literal,
	"s3:dataaccesspointaccount": literal, "aws:vpceaccount": literal,
	"aws:principalorgid": literal, "aws:sourceorgid": literal, "aws:vpceorgid": literal,
	"aws:principalorgpaths": inOrganization, "aws:sourceorgpaths": inOrganization, "aws:vpceorgpaths": inOrganization,
	"aws:principalarn": ofAccount, "aws:sourcearn": ofAccount, "s3:dataaccesspointarn": ofAccount, "lambda:sourcefunctionarn": ofAccount, "aws:sourcevpcarn": ofAccount,
	"aws:sourcevpc": literal, "aws:sourcevpce": literal, "aws:userid": ofPrincipal, "aws:sourceip": addresses, "lambda:eventsourcetoken": literal,
	"elasticfilesystem:accessedviamounttarget": isTrue,
	"cognito-identity.amazonaws.com:aud":       literal,
}

// openKeys are the keys that say how a request is made, or what the asker can say
// of itself. A key that is in neither list leaves a statement undecided.
var openKeys = []string{
	"aws:securetransport", "aws:requestedregion", "aws:useragent", "aws:referer", "aws:viaawsservice", "aws:calledvia", "aws:calledviafirst", "aws:calledvialast",
	"aws:multifactorauthpresent", "aws:multifactorauthage", "aws:tokenissuetime", "aws:principaltype", "aws:username", "aws:sourceidentity", "aws:tagkeys", "aws:vpcsourceip",
	"aws:resourceaccount", "aws:resourceorgid", "aws:resourceorgpaths", "aws:principalisawsservice", "aws:principalservicename", "aws:principalservicenameslist",
	"s3:tlsversion", "s3:prefix", "s3:delimiter", "s3:max-keys", "s3:x-amz-acl", "s3:authtype", "s3:signatureversion", "s3:signatureage", "s3:x-amz-server-side-encryption",
	"s3:resourceaccount", "s3:accesspointnetworkorigin", "s3:versionid",
	"lambda:functionurlauthtype", "lambda:invokedviafunctionurl", "lambda:principal", "kms:viaservice", "kms:encryptionalgorithm", "kms:grantisforawsresource",
	"kms:grantoperations", "kms:requestalias", "sns:protocol", "sns:endpoint", "sts:externalid", "sts:rolesessionname", "sts:transitivetagkeys",
}

// openPrefixes begin the keys of tags and contexts, which the asker chooses.
var openPrefixes = []string{"aws:principaltag/", "aws:requesttag/", "aws:resourcetag/", "kms:encryptioncontext", "s3:existingobjecttag/", "s3:requestobjecttag/"}

// reach returns how far the conditions let strangers in. AWS demands all
// conditions of a statement at once, so the narrowest one counts.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
func (s Statement) reach(more map[string]check) reach {
	least := open
	for operator, keys := range s.Condition {
		for key, vs := range keys {
			least = min(least, s.reachOf(operator, strings.ToLower(key), vs, more))
		}
	}
	return least
}

func (s Statement) reachOf(operator, key string, vs values, more map[string]check) reach {
	c := more[key]
	if c == nil {
		c = restrictingKeys[key]
	}
	base, holdsWithout := plainOperator(operator)
	switch {
	case negated(base) || base == "null":
		return open // it holds of all but a few, or of who brings the key
	case holdsWithout && !s.demands(key) && more[key] == nil:
		return open // who leaves the key out is let in
	case c == nil && (slices.Contains(openKeys, key) || slices.ContainsFunc(openPrefixes, func(p string) bool { return strings.HasPrefix(key, p) })):
		return open
	case c == nil:
		return undecided
	case slices.ContainsFunc(vs, func(v string) bool { return strings.Contains(v, "${") }):
		return undecided
	}
	return c(vs, strings.HasSuffix(base, "like") || strings.HasPrefix(base, "arn"))
}

// plainOperator takes the parts off an operator that make it hold where its key
// is absent, and says whether there are any.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
func plainOperator(operator string) (base string, holdsWithout bool) {
	base = strings.ToLower(operator)
	base, ifExists := strings.CutSuffix(base, "ifexists")
	base, forAll := strings.CutPrefix(base, "forallvalues:")
	return strings.TrimPrefix(base, "foranyvalue:"), ifExists || forAll
}

// negated reports an operator such as StringNotEquals.
func negated(base string) bool {
	return strings.HasPrefix(base, "stringnot") || strings.HasPrefix(base, "arnnot") || strings.HasPrefix(base, "notip") || strings.HasPrefix(base, "numericnot") || strings.HasPrefix(base, "datenot")
}

// demands reports a condition that the key is there: Null with false.
func (s Statement) demands(key string) bool {
	for operator, keys := range s.Condition {
		for k, vs := range keys {
			if strings.EqualFold(operator, "Null") && strings.EqualFold(k, key) && isTrue(vs, false) != narrow {
				return true
			}
		}
	}
	return false
}

// literal: what has no wildcard names one value, and a few are known ones.
func literal(vs values, pattern bool) reach {
	if len(vs) == 0 || pattern && slices.ContainsFunc(vs, wild) {
		return open
	}
	return narrow
}

// isTrue: the key must be true. Anything else holds for everyone else.
func isTrue(vs values, _ bool) reach {
	if len(vs) > 0 && !slices.ContainsFunc(vs, func(v string) bool { return !strings.EqualFold(v, "true") }) {
		return narrow
	}
	return open
}

// inOrganization: the first part of a path is the organization.
func inOrganization(vs values, pattern bool) reach {
	return literal(each(vs, func(v string) string { first, _, _ := strings.Cut(v, "/"); return first }), pattern)
}

// ofPrincipal: the part before the colon is the id of a user or role.
func ofPrincipal(vs values, pattern bool) reach {
	return literal(each(vs, func(v string) string { first, _, _ := strings.Cut(v, ":"); return first }), pattern)
}

func each(vs values, f func(string) string) values {
	out := make(values, len(vs))
	for i, v := range vs {
		out[i] = f(v)
	}
	return out
}

var accountNumber = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]{12}$`) })

// ofAccount: an ARN pattern keeps strangers out if it names the account, or a bucket.
func ofAccount(vs values, pattern bool) reach {
	if len(vs) == 0 || slices.ContainsFunc(vs, func(v string) bool { return !namesOwner(v, pattern) }) {
		return open
	}
	return narrow
}

func namesOwner(pattern string, wildcards bool) bool {
	if !wildcards || !wild(pattern) {
		return true
	}
	fields := strings.SplitN(pattern, ":", 6)
	if slices.ContainsFunc(fields[:min(5, len(fields))], accountNumber().MatchString) {
		return true
	}
	return len(fields) == 6 && fields[2] == "s3" && fields[4] == "" && ownBucket(fields[5])
}

// ownBucket reports a resource of S3 whose bucket is named, and not only begun.
func ownBucket(resource string) bool {
	bucket, _, _ := strings.Cut(resource, "/")
	return bucket != "" && !wild(bucket)
}

func addresses(vs values, _ bool) reach {
	if len(vs) == 0 || World(vs) {
		return open
	}
	return narrow
}
