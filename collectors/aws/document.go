package aws

import (
	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/aws/policy"
)

// parsePolicy reads a policy; one that cannot be read leaves its record incomplete.
func parsePolicy(text string) (policy.Document, error) {
	d, err := policy.Parse(text)
	if err != nil {
		return d, collectors.Incomplete("%v", err)
	}
	return d, nil
}

// addAccess says whom a resource's policy lets in. A statement for everyone with a
// condition that keeps strangers out is "conditional"; one of which that cannot be
// said is undecided, by its name.
func addAccess(d policy.Document, a collectors.Attributes) {
	access := d.Access()
	a.Set("policy_principals", access.Principals)
	a.Set("policy_undecided", access.Undecided)
	a["policy_world"], a["policy_world_conditional"] = access.World, access.Conditional
}
