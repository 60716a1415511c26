package aws

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

const (
	kindUserAccess evidence.Kind = "aws.iam.user_access"
	kindGroup      evidence.Kind = "aws.iam.group"
	kindRole       evidence.Kind = "aws.iam.role"
	kindPolicy     evidence.Kind = "aws.iam.policy"
)

func authorizationKinds() []kind {
	details := []call{{name: "iam:GetAccountAuthorizationDetails", why: "what users, groups, roles and policies allow"}}
	return []kind{
		{state(kindUserAccess, "What a user may do: groups, attached and inline policies."), details, authorization((*session).emitUserAccess, types.EntityTypeUser)},
		{state(kindGroup, "A group of users and its policies."), details, authorization((*session).emitGroups, types.EntityTypeGroup)},
		{state(kindRole, "A role: who may take it, and what it allows.", "last_used_at", "last_used_region"), details, authorization((*session).emitRoles, types.EntityTypeRole)},
		{state(kindPolicy, "A managed policy of the account's own, or one of AWS that is in use."), details,
			authorization((*session).emitPolicies, types.EntityTypeLocalManagedPolicy, types.EntityTypeAWSManagedPolicy)},
	}
}

// authorization makes a reader of some of the account's authorization details:
// one listing where one question for each user, role and policy would be thousands.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
func authorization(emit func(*session, *collectors.Output, *iam.GetAccountAuthorizationDetailsOutput) error, of ...types.EntityType) reader {
	return whole(func(s *session, ctx context.Context, out *collectors.Output) error {
		client := iamClient(s.aws)
		return out.Pages(ctx, func(ctx context.Context, token string) (string, error) {
			page, err := client.GetAccountAuthorizationDetails(ctx, &iam.GetAccountAuthorizationDetailsInput{Filter: of, Marker: optional(token), MaxItems: aws.Int32(1000)})
			if err != nil {
				return "", classify(err)
			}
			if page.IsTruncated && aws.ToString(page.Marker) == "" {
				return "", collectors.Incomplete("iam:GetAccountAuthorizationDetails is cut, and names no next page")
			}
			return aws.ToString(page.Marker), emit(s, out, page)
		})
	})
}

// emitNamed adds a record of IAM, where everything has an ARN.
func emitNamed(out *collectors.Output, id, name *string, a collectors.Attributes) error {
	if aws.ToString(id) == "" {
		return collectors.Incomplete("iam:GetAccountAuthorizationDetails lists something without an ARN")
	}
	if aws.ToString(name) == "" {
		name = id
	}
	return out.Emit(evidence.Record{ID: *id, Name: *name, Attributes: a})
}

func (s *session) emitUserAccess(out *collectors.Output, page *iam.GetAccountAuthorizationDetailsOutput) error {
	for _, u := range page.UserDetailList {
		a := collectors.Attributes{}
		a.Set("groups", u.GroupList)
		a.Time("created_at", u.CreateDate)
		if err := addPolicies(a, u.AttachedManagedPolicies, u.UserPolicyList, u.PermissionsBoundary); err != nil {
			return err
		}
		if err := emitNamed(out, u.Arn, u.UserName, a); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) emitGroups(out *collectors.Output, page *iam.GetAccountAuthorizationDetailsOutput) error {
	for _, g := range page.GroupDetailList {
		a := collectors.Attributes{}
		a.Time("created_at", g.CreateDate)
		if err := addPolicies(a, g.AttachedManagedPolicies, g.GroupPolicyList, nil); err != nil {
			return err
		}
		if err := emitNamed(out, g.Arn, g.GroupName, a); err != nil {
			return err
		}
	}
	return nil
}

// administrator ends the ARN of AWS's policy that allows everything.
const administrator = ":iam::aws:policy/AdministratorAccess"

// addPolicies says what is attached and what is inline, and whether one of
// these allows everything. A policy of the account's own says that of itself,
// in its own record.
func addPolicies(a collectors.Attributes, attached []types.AttachedPolicy, inline []types.PolicyDetail, boundary *types.AttachedPermissionsBoundary) error {
	var arns, names, admin []string
	for _, p := range attached {
		arns = append(arns, aws.ToString(p.PolicyArn))
		if strings.HasSuffix(aws.ToString(p.PolicyArn), administrator) {
			admin = append(admin, "AdministratorAccess")
		}
	}
	for _, p := range inline {
		doc, err := parsePolicy(aws.ToString(p.PolicyDocument))
		if err != nil {
			return err
		}
		names = append(names, aws.ToString(p.PolicyName))
		if doc.admin() {
			admin = append(admin, aws.ToString(p.PolicyName))
		}
	}
	a.Set("attached_policies", arns)
	a.Set("inline_policies", names)
	a.Set("admin_by", admin)
	if boundary != nil {
		a.Text("permissions_boundary", boundary.PermissionsBoundaryArn)
	}
	return nil
}

func (s *session) emitRoles(out *collectors.Output, page *iam.GetAccountAuthorizationDetailsOutput) error {
	for _, r := range page.RoleDetailList {
		a := collectors.Attributes{"service_linked": strings.HasPrefix(aws.ToString(r.Path), "/aws-service-role/")}
		a.Text("path", r.Path)
		a.Time("created_at", r.CreateDate)
		if r.RoleLastUsed != nil {
			a.Time("last_used_at", r.RoleLastUsed.LastUsedDate)
			a.Text("last_used_region", r.RoleLastUsed.Region)
		}
		trust, err := parsePolicy(aws.ToString(r.AssumeRolePolicyDocument))
		if err != nil {
			return err
		}
		s.addTrust(a, trust)
		if err := addPolicies(a, r.AttachedManagedPolicies, r.RolePolicyList, r.PermissionsBoundary); err != nil {
			return err
		}
		if err := emitNamed(out, r.Arn, r.RoleName, a); err != nil {
			return err
		}
	}
	return nil
}

// addTrust says who may take a role: services, identity providers, principals
// of other accounts, and which of those need no external id.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
func (s *session) addTrust(a collectors.Attributes, trust document) {
	var services, federated, others, bare []string
	world := false
	for _, st := range trust.Statement {
		if st.Effect != "Allow" {
			continue
		}
		world = world || st.anyone() && len(st.Condition) == 0
		services = append(services, st.Principal["Service"]...)
		federated = append(federated, st.Principal["Federated"]...)
		for _, who := range st.Principal["AWS"] {
			if account := accountOf(who); account != s.account {
				others = append(others, account)
				if !st.demandsExternalID() {
					bare = append(bare, account)
				}
			}
		}
	}
	a.Set("trusted_services", services)
	a.Set("trusted_providers", federated)
	a.Set("trusted_accounts", others)
	a.Set("trusted_without_external_id", bare)
	a["trusts_anyone"] = world
}

// accountOf gives the account of a principal: an ARN, an account id, or "*".
func accountOf(who string) string {
	if parsed, err := arn.Parse(who); err == nil && parsed.AccountID != "" {
		return parsed.AccountID
	}
	return who
}

func (s grant) demandsExternalID() bool {
	for operator, keys := range s.Condition {
		for key := range keys {
			if strings.HasPrefix(operator, "String") && strings.EqualFold(key, "sts:ExternalId") {
				return true
			}
		}
	}
	return false
}

// emitPolicies leaves out the policies of AWS that nothing uses.
func (s *session) emitPolicies(out *collectors.Output, page *iam.GetAccountAuthorizationDetailsOutput) error {
	for _, p := range page.Policies {
		own := !strings.Contains(aws.ToString(p.Arn), ":iam::aws:policy/")
		if !own && aws.ToInt32(p.AttachmentCount) == 0 {
			continue
		}
		a := collectors.Attributes{"aws_managed": !own}
		count(a, "attachments", p.AttachmentCount)
		a.Text("version", p.DefaultVersionId)
		a.Time("created_at", p.CreateDate)
		a.Time("updated_at", p.UpdateDate)
		i := slices.IndexFunc(p.PolicyVersionList, func(v types.PolicyVersion) bool { return v.IsDefaultVersion })
		if i >= 0 && p.PolicyVersionList[i].Document != nil {
			doc, err := parsePolicy(*p.PolicyVersionList[i].Document)
			if err != nil {
				return err
			}
			a["admin"] = doc.admin()
		}
		if err := emitNamed(out, p.Arn, p.PolicyName, a); err != nil {
			return err
		}
	}
	return nil
}
