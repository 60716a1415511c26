package aws

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/identitystore"
	storetypes "github.com/aws/aws-sdk-go-v2/service/identitystore/types"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin/types"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

const (
	kindDirectory     evidence.Kind = "aws.sso.instance"
	kindPerson        evidence.Kind = "aws.sso.user"
	kindTeam          evidence.Kind = "aws.sso.group"
	kindPermissionSet evidence.Kind = "aws.sso.permission_set"
	kindAssignment    evidence.Kind = "aws.sso.assignment"
)

// identityCenterKinds: no API tells the MFA devices of a user of Identity
// Center, or whether they are demanded; that is the identity provider's to say.
func identityCenterKinds() []kind {
	instances := call{name: "sso:ListInstances", why: "where Identity Center is"}
	sets := call{name: "sso:ListPermissionSets", why: "permission sets"}
	return []kind{
		{state(kindDirectory, "An instance of IAM Identity Center that the account owns."), []call{instances}, inAccount((*session).collectDirectories)},
		{state(kindPerson, "A user of Identity Center."), []call{instances, {name: "identitystore:ListUsers", why: "users of Identity Center"}}, inDirectories(collectPeople)},
		{state(kindTeam, "A group of Identity Center and its members."), []call{instances, {name: "identitystore:ListGroups", why: "groups of Identity Center"},
			{name: "identitystore:ListGroupMemberships", why: "members of a group"}}, inDirectories(collectTeams)},
		{state(kindPermissionSet, "A permission set: its policies, and whether one allows everything."), []call{instances, sets,
			{name: "sso:DescribePermissionSet", why: "name and session length of a permission set"},
			{name: "sso:ListManagedPoliciesInPermissionSet", why: "policies of AWS in a permission set"},
			{name: "sso:ListCustomerManagedPolicyReferencesInPermissionSet", why: "own policies in a permission set"},
			{name: "sso:GetInlinePolicyForPermissionSet", why: "inline policy of a permission set"},
		}, inDirectories(collectPermissionSets)},
		{state(kindAssignment, "A user or group that has a permission set in an account."), []call{instances, sets,
			{name: "sso:ListAccountsForProvisionedPermissionSet", why: "accounts in which a permission set is assigned"},
			{name: "sso:ListAccountAssignments", why: "who has a permission set in an account"},
		}, inDirectories(collectAssignments)},
	}
}

// directory is one instance of Identity Center and the region of its home.
type directory struct {
	types.InstanceMetadata
	place *regionReader
}

// directories finds the instances that the account owns. The organisation's own
// is also read where the credential itself is at home: a delegated
// administrator sees it there, and the other accounts only see that it exists.
// An instance answers in the region of its home alone, so every region is
// asked, once for all kinds.
// https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_ListInstances.html
func (s *session) directories(ctx context.Context, out *collectors.Output) ([]directory, error) {
	regions, err := s.regions(ctx)
	if err != nil {
		return nil, err
	}
	type finding struct {
		byRegion map[string][]types.InstanceMetadata
		out      *collectors.Output
		err      error
	}
	all, err := collectors.Shared(ctx, "sso instances", func(ctx context.Context) (finding, error) {
		seen, own := &found[string, []types.InstanceMetadata]{m: map[string][]types.InstanceMetadata{}}, collectors.NewOutput(kindDirectory)
		err := s.eachRegion(ctx, own, regions, func(ctx context.Context, p *regionReader) error {
			instances, err := p.instances(ctx)
			seen.set(p.region, instances)
			return err
		})
		return finding{seen.m, own, err}, nil
	})
	if err != nil {
		return nil, err
	}
	out.Adopt(all.out)
	var mine []directory
	for _, r := range regions {
		for _, i := range all.byRegion[r.name] {
			if aws.ToString(i.InstanceArn) == "" || aws.ToString(i.IdentityStoreId) == "" {
				return nil, collectors.Incomplete("sso:ListInstances lists an instance without its ARN or identity store")
			}
			if owner := aws.ToString(i.OwnerAccountId); owner == s.account || s.home == s.account {
				mine = append(mine, directory{i, s.inRegion(r.name, out)})
			}
		}
	}
	return mine, all.err
}

func (p *regionReader) instances(ctx context.Context) ([]types.InstanceMetadata, error) {
	client := ssoClient(p.aws)
	return list(ctx, p.out, func(ctx context.Context, token *string) ([]types.InstanceMetadata, *string, error) {
		page, err := client.ListInstances(ctx, &ssoadmin.ListInstancesInput{NextToken: token, MaxResults: aws.Int32(100)})
		if err != nil {
			return nil, nil, err
		}
		return page.Instances, page.NextToken, nil
	})
}

// inDirectories makes a reader that reads every instance.
func inDirectories(read func(context.Context, *directory) error) reader {
	return inAccount(func(s *session, ctx context.Context, out *collectors.Output) error {
		all, unread := s.directories(ctx, out)
		errs := []error{unread}
		for _, d := range all {
			err := classify(read(ctx, &d))
			out.Scope(d.place.part, err)
			errs = append(errs, err)
		}
		return first(errs)
	})
}

func (s *session) collectDirectories(ctx context.Context, out *collectors.Output) error {
	all, unread := s.directories(ctx, out)
	errs := []error{unread}
	for _, d := range all {
		a := collectors.Attributes{}
		a.Text("identity_store", d.IdentityStoreId)
		a.Text("owner", d.OwnerAccountId)
		word(a, "status", d.Status)
		a.Time("created_at", d.CreatedDate)
		errs = append(errs, d.place.emit(aws.ToString(d.InstanceArn), aws.ToString(d.Name), a))
	}
	return first(errs)
}

// https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/API_ListUsers.html
func collectPeople(ctx context.Context, d *directory) error {
	client := identityStoreClient(d.place.aws)
	return rows(ctx, d.place.out, func(ctx context.Context, token *string) ([]storetypes.User, *string, error) {
		page, err := client.ListUsers(ctx, &identitystore.ListUsersInput{IdentityStoreId: d.IdentityStoreId, NextToken: token, MaxResults: aws.Int32(100)})
		if err != nil {
			return nil, nil, err
		}
		return page.Users, page.NextToken, nil
	}, func(u storetypes.User) error {
		if aws.ToString(u.UserId) == "" {
			return d.place.emit("", "", nil)
		}
		a := collectors.Attributes{}
		a.Text("user_name", u.UserName)
		a.Text("display_name", u.DisplayName)
		word(a, "status", u.UserStatus)
		a.Time("created_at", u.CreatedAt)
		for _, e := range u.Emails {
			if e.Primary || len(u.Emails) == 1 {
				a.Text("email", e.Value)
			}
		}
		return d.place.emit(aws.ToString(d.IdentityStoreId)+"/user/"+*u.UserId, aws.ToString(u.UserName), a)
	})
}

// https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/API_ListGroups.html
func collectTeams(ctx context.Context, d *directory) error {
	client := identityStoreClient(d.place.aws)
	all, err := list(ctx, d.place.out, func(ctx context.Context, token *string) ([]storetypes.Group, *string, error) {
		page, err := client.ListGroups(ctx, &identitystore.ListGroupsInput{IdentityStoreId: d.IdentityStoreId, NextToken: token, MaxResults: aws.Int32(100)})
		if err != nil {
			return nil, nil, err
		}
		return page.Groups, page.NextToken, nil
	})
	return first(append(eachOf(ctx, all, d.collectTeam), err))
}

// https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/API_ListGroupMemberships.html
func (d *directory) collectTeam(ctx context.Context, g storetypes.Group) error {
	id := aws.ToString(g.GroupId)
	if id == "" {
		return d.place.emit("", "", nil)
	}
	client, a := identityStoreClient(d.place.aws), collectors.Attributes{}
	var members []string
	err := rows(ctx, d.place.out, func(ctx context.Context, token *string) ([]storetypes.GroupMembership, *string, error) {
		page, err := client.ListGroupMemberships(ctx, &identitystore.ListGroupMembershipsInput{IdentityStoreId: d.IdentityStoreId, GroupId: &id, NextToken: token, MaxResults: aws.Int32(100)})
		if err != nil {
			return nil, nil, err
		}
		return page.GroupMemberships, page.NextToken, nil
	}, func(m storetypes.GroupMembership) error {
		if user, ok := m.MemberId.(*storetypes.MemberIdMemberUserId); ok {
			members = append(members, user.Value)
		}
		return nil
	})
	if err == nil {
		a.Set("members", members)
	}
	a.Text("description", g.Description)
	return first([]error{d.place.markIncomplete("group/"+id, err), d.place.emit(aws.ToString(d.IdentityStoreId)+"/group/"+id, aws.ToString(g.DisplayName), a)})
}

// https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_ListPermissionSets.html
func (d *directory) permissionSets(ctx context.Context) ([]string, error) {
	client := ssoClient(d.place.aws)
	return list(ctx, d.place.out, func(ctx context.Context, token *string) ([]string, *string, error) {
		page, err := client.ListPermissionSets(ctx, &ssoadmin.ListPermissionSetsInput{InstanceArn: d.InstanceArn, NextToken: token, MaxResults: aws.Int32(100)})
		if err != nil {
			return nil, nil, err
		}
		return page.PermissionSets, page.NextToken, nil
	})
}

func collectPermissionSets(ctx context.Context, d *directory) error {
	all, err := d.permissionSets(ctx)
	return first(append(eachOf(ctx, all, d.collectPermissionSet), err))
}

// https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_DescribePermissionSet.html
func (d *directory) collectPermissionSet(ctx context.Context, set string) error {
	a, name := collectors.Attributes{}, set
	resp, err := ssoClient(d.place.aws).DescribePermissionSet(ctx, &ssoadmin.DescribePermissionSetInput{InstanceArn: d.InstanceArn, PermissionSetArn: &set})
	if err == nil && resp.PermissionSet == nil {
		err = collectors.Incomplete("sso:DescribePermissionSet says nothing of %s", set)
	}
	if err == nil {
		d.place.out.Page()
		name = aws.ToString(resp.PermissionSet.Name)
		a.Text("description", resp.PermissionSet.Description)
		a.Text("session_duration", resp.PermissionSet.SessionDuration)
		a.Time("created_at", resp.PermissionSet.CreatedDate)
	}
	unread := first([]error{err, d.addSetPolicies(ctx, set, a)})
	return first([]error{d.place.markIncomplete("permission-set/"+set, unread), d.place.emit(set, name, a)})
}

// addSetPolicies says which policies a set has, and which of them allow everything.
func (d *directory) addSetPolicies(ctx context.Context, set string, a collectors.Attributes) error {
	managed, errManaged := d.managedPolicies(ctx, set)
	own, errOwn := d.ownPolicies(ctx, set)
	admin, errInline := d.inlinePolicy(ctx, set, a)
	for _, policy := range managed {
		if strings.HasSuffix(aws.ToString(policy.Arn), administrator) {
			admin = append(admin, "AdministratorAccess")
		}
	}
	if errManaged == nil {
		a.Set("managed_policies", arnsOf(managed))
	}
	if errOwn == nil {
		a.Set("own_policies", own)
	}
	if errManaged == nil && errInline == nil {
		a.Set("admin_by", admin)
	}
	return first([]error{errManaged, errOwn, errInline})
}

func arnsOf(policies []types.AttachedManagedPolicy) (all []string) {
	for _, p := range policies {
		all = append(all, aws.ToString(p.Arn))
	}
	return all
}

// https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_ListManagedPoliciesInPermissionSet.html
func (d *directory) managedPolicies(ctx context.Context, set string) ([]types.AttachedManagedPolicy, error) {
	client := ssoClient(d.place.aws)
	return list(ctx, d.place.out, func(ctx context.Context, token *string) ([]types.AttachedManagedPolicy, *string, error) {
		page, err := client.ListManagedPoliciesInPermissionSet(ctx, &ssoadmin.ListManagedPoliciesInPermissionSetInput{InstanceArn: d.InstanceArn, PermissionSetArn: &set, NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return page.AttachedManagedPolicies, page.NextToken, nil
	})
}

// https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_ListCustomerManagedPolicyReferencesInPermissionSet.html
func (d *directory) ownPolicies(ctx context.Context, set string) (names []string, err error) {
	client := ssoClient(d.place.aws)
	err = rows(ctx, d.place.out, func(ctx context.Context, token *string) ([]types.CustomerManagedPolicyReference, *string, error) {
		page, err := client.ListCustomerManagedPolicyReferencesInPermissionSet(ctx, &ssoadmin.ListCustomerManagedPolicyReferencesInPermissionSetInput{InstanceArn: d.InstanceArn, PermissionSetArn: &set, NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return page.CustomerManagedPolicyReferences, page.NextToken, nil
	}, func(r types.CustomerManagedPolicyReference) error {
		names = append(names, aws.ToString(r.Path)+aws.ToString(r.Name))
		return nil
	})
	return names, err
}

// https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_GetInlinePolicyForPermissionSet.html
func (d *directory) inlinePolicy(ctx context.Context, set string, a collectors.Attributes) (admin []string, err error) {
	resp, err := ssoClient(d.place.aws).GetInlinePolicyForPermissionSet(ctx, &ssoadmin.GetInlinePolicyForPermissionSetInput{InstanceArn: d.InstanceArn, PermissionSetArn: &set})
	if err != nil {
		return nil, classify(err)
	}
	d.place.out.Page()
	text := aws.ToString(resp.InlinePolicy)
	a["inline_policy"] = text != ""
	if text == "" {
		return nil, nil
	}
	doc, err := parsePolicy(text)
	if err == nil && doc.admin() {
		admin = []string{"inline"}
	}
	return admin, err
}

// collectAssignments asks for the accounts of every set, then who has it there.
// https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_ListAccountAssignments.html
func collectAssignments(ctx context.Context, d *directory) error {
	sets, err := d.permissionSets(ctx)
	return first(append(eachOf(ctx, sets, d.collectAssigned), err))
}

func (d *directory) collectAssigned(ctx context.Context, set string) error {
	client := ssoClient(d.place.aws)
	accounts, err := list(ctx, d.place.out, func(ctx context.Context, token *string) ([]string, *string, error) {
		page, err := client.ListAccountsForProvisionedPermissionSet(ctx, &ssoadmin.ListAccountsForProvisionedPermissionSetInput{InstanceArn: d.InstanceArn, PermissionSetArn: &set, NextToken: token, MaxResults: aws.Int32(100)})
		if err != nil {
			return nil, nil, err
		}
		return page.AccountIds, page.NextToken, nil
	})
	errs := eachOf(ctx, accounts, func(ctx context.Context, account string) error { return d.emitAssigned(ctx, set, account) })
	return d.place.markIncomplete("permission-set/"+set, first(append(errs, err)))
}

func (d *directory) emitAssigned(ctx context.Context, set, account string) error {
	client := ssoClient(d.place.aws)
	return rows(ctx, d.place.out, func(ctx context.Context, token *string) ([]types.AccountAssignment, *string, error) {
		page, err := client.ListAccountAssignments(ctx, &ssoadmin.ListAccountAssignmentsInput{InstanceArn: d.InstanceArn, PermissionSetArn: &set, AccountId: &account, NextToken: token, MaxResults: aws.Int32(100)})
		if err != nil {
			return nil, nil, err
		}
		return page.AccountAssignments, page.NextToken, nil
	}, func(x types.AccountAssignment) error {
		a := collectors.Attributes{"account": account, "permission_set": set}
		word(a, "principal_type", x.PrincipalType)
		a.Text("principal", x.PrincipalId)
		return d.place.emit(set+"/"+account+"/"+string(x.PrincipalType)+"/"+aws.ToString(x.PrincipalId), "", a)
	})
}
