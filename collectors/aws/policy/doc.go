// Package policy answers what policies of AWS allow: what an identity may do,
// whom a policy of a resource lets in from outside, who may assume a role.
//
// It reads policies as sets, not as one request at a time: NotAction,
// NotResource, NotPrincipal, Deny, permissions boundaries, and conditions by
// whether they keep a stranger out. A condition counts as a restriction only if
// its key and its values are known to be one; what cannot be decided is returned
// by the name of its statement, and is never taken for a restriction.
//
// It may import the standard library only. What never enters: the AWS SDK,
// networks, clocks, records, and the verdict of a test.
package policy
