package aws

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/aws/policy"
)

// holdings are the policies that somebody has.
type holdings struct {
	arns, inline []string
	documents    []namedPolicy
	// unread are the managed policies whose document is not known.
	unread []string
}

// namedPolicy is one policy by the name that people know it by.
type namedPolicy struct {
	name     string
	document policy.Document
}

// privileged are the policies of AWS that make an administrator, for where their
// documents are not said. Other policies of AWS whose document is not said make none.
var privileged = map[string]policy.Document{
	"AdministratorAccess": {Statement: []policy.Statement{{Effect: "Allow", Action: []string{"*"}, Resource: []string{"*"}}}},
	"IAMFullAccess":       {Statement: []policy.Statement{{Effect: "Allow", Action: []string{"iam:*"}, Resource: []string{"*"}}}},
}

// byAWS returns the name of a policy of AWS's own, in any partition.
func byAWS(arn string) (name string, theirs bool) {
	_, path, theirs := strings.Cut(arn, ":iam::aws:policy/")
	return path[strings.LastIndexByte(path, '/')+1:], theirs
}

// holdings returns the policies that are attached, and those that are inline.
func (z *authorization) holdings(attached []types.AttachedPolicy, inline []types.PolicyDetail) (h holdings, err error) {
	for _, p := range attached {
		id, name := aws.ToString(p.PolicyArn), aws.ToString(p.PolicyName)
		h.arns = append(h.arns, id)
		doc, known := z.document(id)
		if !known {
			h.unread = append(h.unread, name)
			continue
		}
		h.documents = append(h.documents, namedPolicy{name, doc})
	}
	for _, p := range inline {
		doc, err := parsePolicy(aws.ToString(p.PolicyDocument))
		if err != nil {
			return h, err
		}
		name := aws.ToString(p.PolicyName)
		h.inline, h.documents = append(h.inline, name), append(h.documents, namedPolicy{name, doc})
	}
	return h, nil
}

// document returns that of a managed policy, and whether it is known.
func (z *authorization) document(arn string) (policy.Document, bool) {
	if doc, known := z.documents[arn]; known {
		return doc, true
	}
	name, theirs := byAWS(arn)
	return privileged[name], theirs
}

// describe says which policies these are.
func (h holdings) describe(a collectors.Attributes) {
	a.Set("attached_policies", h.arns)
	a.Set("inline_policies", h.inline)
}

// add takes over the policies of a group.
func (h *holdings) add(prefix string, of holdings) {
	for _, d := range of.documents {
		h.documents = append(h.documents, namedPolicy{prefix + d.name, d.document})
	}
	for _, name := range of.unread {
		h.unread = append(h.unread, prefix+name)
	}
}

// addRights says by which policies their holder is an administrator, or can become
// one, within its boundary, and which of them could not be read.
func (z *authorization) addRights(a collectors.Attributes, h holdings, boundary *types.AttachedPermissionsBoundary) {
	var bound *policy.Document
	if boundary != nil {
		id := aws.ToString(boundary.PermissionsBoundaryArn)
		a.Text("permissions_boundary", &id)
		doc, known := z.documents[id]
		if name, theirs := byAWS(id); !known && theirs {
			doc, known = privileged[name]
		}
		if bound = &doc; !known {
			bound, h.unread = nil, append(h.unread, "the permissions boundary")
		}
	}
	admin, escalates := rightsOf(h.documents, bound)
	if boundary != nil && bound == nil {
		admin, escalates = nil, nil // it may be what keeps them within bounds
	}
	a.Set("admin_by", admin)
	a.Set("escalates_by", escalates)
	a.Set("unread_policies", h.unread)
}

// rightsOf names the policies that make an administrator, alone or together, and
// those that let their holder become one, each with the actions.
func rightsOf(all []namedPolicy, bound *policy.Document) (admin, escalates []string) {
	together := policy.Rights{Boundary: bound}
	for _, d := range all {
		together.Policies = append(together.Policies, d.document)
	}
	how := together.Escalation()
	if how == "" {
		return nil, nil
	}
	for _, d := range all {
		alone := policy.Rights{Policies: []policy.Document{d.document}, Boundary: bound}
		switch own := alone.Escalation(); {
		case own == "":
		case alone.Admin():
			admin = append(admin, d.name)
		default:
			escalates = append(escalates, d.name+": "+own)
		}
	}
	if len(admin)+len(escalates) == 0 {
		escalates = []string{"its policies together: " + how}
	}
	return admin, escalates
}
