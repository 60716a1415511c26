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
		{state(kindUserAccess, "What a user may do: groups, attached and inline policies."), details, inAccount((*session).collectUserAccess)},
		{state(kindGroup, "A group of users and its policies."), details, inAccount((*session).collectGroups)},
		{state(kindRole, "A role: who may take it, and what it allows.", "last_used_at", "last_used_region"), details, inAccount((*session).collectRoles)},
		{state(kindPolicy, "A managed policy of the account's own, or one of AWS that is in use."), details, inAccount((*session).collectPolicies)},
	}
}

// authorization is what an account says of its users, groups, roles and own
// policies.
type authorization struct {
	read     *collectors.Output
	users    []types.UserDetail
	groups   []types.GroupDetail
	roles    []types.RoleDetail
	policies []types.ManagedPolicyDetail
	// everything are the ARNs of the account's own policies that allow everything.
	everything map[string]bool
}

// authorization reads it once for all kinds that are made of it: one listing
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
	z := &authorization{read: collectors.NewOutput(kindPolicy), everything: map[string]bool{}}
	err := s.authorizationPages(ctx, z.read, func(page *iam.GetAccountAuthorizationDetailsOutput) error {
		z.users, z.groups = append(z.users, page.UserDetailList...), append(z.groups, page.GroupDetailList...)
		z.roles, z.policies = append(z.roles, page.RoleDetailList...), append(z.policies, page.Policies...)
		return nil
	}, types.EntityTypeUser, types.EntityTypeGroup, types.EntityTypeRole, types.EntityTypeLocalManagedPolicy)
	if err != nil {
		return nil, err
	}
	for _, p := range z.policies {
		all, _, err := allowsEverything(p)
		if err != nil {
			return nil, err
		}
		z.everything[aws.ToString(p.Arn)] = all
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
		if err := z.addPolicies(a, u.AttachedManagedPolicies, u.UserPolicyList, u.PermissionsBoundary); err != nil {
			return err
		}
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
		if err := z.addPolicies(a, g.AttachedManagedPolicies, g.GroupPolicyList, nil); err != nil {
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

// addPolicies says what is attached and what is inline, and which of these
// allow everything.
func (z *authorization) addPolicies(a collectors.Attributes, attached []types.AttachedPolicy, inline []types.PolicyDetail, boundary *types.AttachedPermissionsBoundary) error {
	var arns, names, admin []string
	for _, p := range attached {
		id := aws.ToString(p.PolicyArn)
		arns = append(arns, id)
		if strings.HasSuffix(id, administrator) || z.everything[id] {
			admin = append(admin, aws.ToString(p.PolicyName))
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
		s.addTrust(a, trust)
		if err := z.addPolicies(a, r.AttachedManagedPolicies, r.RolePolicyList, r.PermissionsBoundary); err != nil {
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
		world = world || st.anyone() && !st.restricted() || st.anyWorkflow()
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

// accountOf returns the account of a principal: an ARN, an account id, or "*".
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
	return s.authorizationPages(ctx, out, func(page *iam.GetAccountAuthorizationDetailsOutput) error {
		for _, p := range page.Policies {
			if aws.ToInt32(p.AttachmentCount) == 0 {
				continue
			}
			if err := emitPolicy(out, p, true); err != nil {
				return err
			}
		}
		return nil
	}, types.EntityTypeAWSManagedPolicy)
}

func emitPolicy(out *collectors.Output, p types.ManagedPolicyDetail, theirs bool) error {
	a := collectors.Attributes{"aws_managed": theirs}
	count(a, "attachments", p.AttachmentCount)
	a.Text("version", p.DefaultVersionId)
	a.Time("created_at", p.CreateDate)
	a.Time("updated_at", p.UpdateDate)
	all, present, err := allowsEverything(p)
	if err != nil {
		return err
	}
	if present {
		a["admin"] = all
	}
	return emitNamed(out, p.Arn, p.PolicyName, a)
}

// allowsEverything reads the version of a policy that is in force; it may not be said.
func allowsEverything(p types.ManagedPolicyDetail) (all, present bool, err error) {
	i := slices.IndexFunc(p.PolicyVersionList, func(v types.PolicyVersion) bool { return v.IsDefaultVersion })
	if i < 0 || p.PolicyVersionList[i].Document == nil {
		return false, false, nil
	}
	doc, err := parsePolicy(*p.PolicyVersionList[i].Document)
	return doc.admin(), true, err
}
