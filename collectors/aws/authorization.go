package aws

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/aws/policy"
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
		{state(kindUserAccess, "What a user may do: groups, attached and inline policies."), details, inAccount((*session).collectUserAccess)},
		{state(kindGroup, "A group of users and its policies."), details, inAccount((*session).collectGroups)},
		{state(kindRole, "A role: who may take it, and what it allows.", "last_used_at", "last_used_region"), append(details, listedAccounts), inAccount((*session).collectRoles)},
		{state(kindPolicy, "A managed policy of the account's own, or one of AWS that is in use."), details, inAccount((*session).collectPolicies)},
	}
}

// authorization is what an account says of its users, groups, roles and policies.
type authorization struct {
	read     *collectors.Output
	users    []types.UserDetail
	groups   []types.GroupDetail
	roles    []types.RoleDetail
	policies []types.ManagedPolicyDetail
	// theirs are the policies of AWS that are in use.
	theirs []types.ManagedPolicyDetail
	// documents are those of the managed policies, by ARN.
	documents map[string]policy.Document
}

// authorization reads it once for all kinds that are made of it: two listings
// where one question for each user, role and policy would be thousands.
func (s *session) authorization(ctx context.Context, out *collectors.Output) (*authorization, error) {
	z, err := collectors.Shared(ctx, "authorization", s.readAuthorization)
	if err != nil {
		return nil, err
	}
	out.Adopt(z.read)
	return z, nil
}

func (s *session) readAuthorization(ctx context.Context) (*authorization, error) {
	z := &authorization{read: collectors.NewOutput(kindPolicy), documents: map[string]policy.Document{}}
	err := s.authorizationPages(ctx, z.read, func(page *iam.GetAccountAuthorizationDetailsOutput) error {
		z.users, z.groups = append(z.users, page.UserDetailList...), append(z.groups, page.GroupDetailList...)
		z.roles, z.policies = append(z.roles, page.RoleDetailList...), append(z.policies, page.Policies...)
		return nil
	}, types.EntityTypeUser, types.EntityTypeGroup, types.EntityTypeRole, types.EntityTypeLocalManagedPolicy)
	if err != nil {
		return nil, err
	}
	err = s.authorizationPages(ctx, z.read, func(page *iam.GetAccountAuthorizationDetailsOutput) error {
		for _, p := range page.Policies {
			if aws.ToInt32(p.AttachmentCount)+aws.ToInt32(p.PermissionsBoundaryUsageCount) > 0 {
				z.theirs = append(z.theirs, p)
			}
		}
		return nil
	}, types.EntityTypeAWSManagedPolicy)
	if err != nil {
		return nil, err
	}
	for _, p := range slices.Concat(z.theirs, z.policies) {
		doc, present, err := documentOf(p)
		if err != nil {
			return nil, err
		}
		if present {
			z.documents[aws.ToString(p.Arn)] = doc
		}
	}
	return z, nil
}

// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
func (s *session) authorizationPages(ctx context.Context, out *collectors.Output, take func(*iam.GetAccountAuthorizationDetailsOutput) error, of ...types.EntityType) error {
	client := iamClient(s.aws)
	return out.Pages(ctx, func(ctx context.Context, token string) (string, error) {
		page, err := client.GetAccountAuthorizationDetails(ctx, &iam.GetAccountAuthorizationDetailsInput{Filter: of, Marker: optional(token), MaxItems: aws.Int32(1000)})
		if err != nil {
			return "", classify(err)
		}
		if page.IsTruncated && aws.ToString(page.Marker) == "" {
			return "", collectors.Incomplete("iam:GetAccountAuthorizationDetails is cut, and names no next page")
		}
		return aws.ToString(page.Marker), take(page)
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

func (s *session) collectUserAccess(ctx context.Context, out *collectors.Output) error {
	z, err := s.authorization(ctx, out)
	if err != nil {
		return err
	}
	for _, u := range z.users {
		a := collectors.Attributes{}
		a.Set("groups", u.GroupList)
		a.Time("created_at", u.CreateDate)
		h, err := z.holdings(u.AttachedManagedPolicies, u.UserPolicyList)
		if err != nil {
			return err
		}
		h.describe(a)
		for _, g := range z.groups {
			if !slices.Contains(u.GroupList, aws.ToString(g.GroupName)) {
				continue
			}
			of, err := z.holdings(g.AttachedManagedPolicies, g.GroupPolicyList)
			if err != nil {
				return err
			}
			h.add("group "+aws.ToString(g.GroupName)+": ", of)
		}
		z.addRights(a, h, u.PermissionsBoundary)
		if err := emitNamed(out, u.Arn, u.UserName, a); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) collectGroups(ctx context.Context, out *collectors.Output) error {
	z, err := s.authorization(ctx, out)
	if err != nil {
		return err
	}
	for _, g := range z.groups {
		a := collectors.Attributes{}
		a.Time("created_at", g.CreateDate)
		h, err := z.holdings(g.AttachedManagedPolicies, g.GroupPolicyList)
		if err != nil {
			return err
		}
		h.describe(a)
		z.addRights(a, h, nil)
		a["members"] = z.members(g)
		if err := emitNamed(out, g.Arn, g.GroupName, a); err != nil {
			return err
		}
	}
	return nil
}

// members counts the users of a group.
func (z *authorization) members(g types.GroupDetail) (n int64) {
	for _, u := range z.users {
		if slices.Contains(u.GroupList, aws.ToString(g.GroupName)) {
			n++
		}
	}
	return n
}

func (s *session) collectRoles(ctx context.Context, out *collectors.Output) error {
	z, err := s.authorization(ctx, out)
	if err != nil {
		return err
	}
	for _, r := range z.roles {
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
		s.addTrust(ctx, out, a, trust.Trust(s.account))
		h, err := z.holdings(r.AttachedManagedPolicies, r.RolePolicyList)
		if err != nil {
			return err
		}
		h.describe(a)
		z.addRights(a, h, r.PermissionsBoundary)
		if err := emitNamed(out, r.Arn, r.RoleName, a); err != nil {
			return err
		}
	}
	return nil
}

// addTrust says who may assume a role: services, identity providers, other
// accounts, and which of these are trusted without an external ID and are not
// known to be the company's own.
func (s *session) addTrust(ctx context.Context, out *collectors.Output, a collectors.Attributes, trust policy.Trust) {
	bare := slices.DeleteFunc(slices.Clone(trust.Bare), func(account string) bool {
		return account == s.home || slices.Contains(s.cfg.Accounts.List, account)
	})
	if len(bare) > 0 && s.RootScope() == organization {
		own, err := collectors.Shared(ctx, "accounts", s.memberIDs)
		if err != nil {
			out.Scope(evidence.Scope(s.account), nil)
			out.Scope(s.scope("organization"), err)
		}
		bare = slices.DeleteFunc(bare, func(account string) bool { return slices.Contains(own, account) })
	}
	a.Set("trusted_services", trust.Services)
	a.Set("trusted_providers", trust.Providers)
	a.Set("trusted_accounts", trust.Accounts)
	a.Set("trusted_without_external_id", bare)
	a.Set("trust_undecided", trust.Undecided)
	a["trusts_anyone"] = trust.Anyone
}

// collectPolicies emits the account's own policies, and those of AWS that are in use.
func (s *session) collectPolicies(ctx context.Context, out *collectors.Output) error {
	z, err := s.authorization(ctx, out)
	if err != nil {
		return err
	}
	for _, p := range z.policies {
		if err := emitPolicy(out, p, false); err != nil {
			return err
		}
	}
	for _, p := range z.theirs {
		if aws.ToInt32(p.AttachmentCount) == 0 {
			continue
		}
		if err := emitPolicy(out, p, true); err != nil {
			return err
		}
	}
	return nil
}

func emitPolicy(out *collectors.Output, p types.ManagedPolicyDetail, theirs bool) error {
	a := collectors.Attributes{"aws_managed": theirs}
	count(a, "attachments", p.AttachmentCount)
	a.Text("version", p.DefaultVersionId)
	a.Time("created_at", p.CreateDate)
	a.Time("updated_at", p.UpdateDate)
	doc, present, err := documentOf(p)
	if err != nil {
		return err
	}
	if present {
		r := policy.Rights{Policies: []policy.Document{doc}}
		a["admin"] = r.Admin()
		a["escalates_by"] = r.Escalation()
	}
	return emitNamed(out, p.Arn, p.PolicyName, a)
}

// documentOf reads the version of a policy that is in force; it may not be said.
func documentOf(p types.ManagedPolicyDetail) (doc policy.Document, present bool, err error) {
	i := slices.IndexFunc(p.PolicyVersionList, func(v types.PolicyVersion) bool { return v.IsDefaultVersion })
	if i < 0 || p.PolicyVersionList[i].Document == nil {
		return doc, false, nil
	}
	doc, err = parsePolicy(*p.PolicyVersionList[i].Document)
	return doc, err == nil, err
}
