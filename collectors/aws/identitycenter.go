package aws

import (
	"context"
	"errors"
	"slices"

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
	teams := []call{{name: "identitystore:ListGroups", why: "groups of Identity Center"}, {name: "identitystore:ListGroupMemberships", why: "members of a group"}}
	policies := []call{
		{name: "sso:ListPermissionSets", why: "permission sets"},
		{name: "sso:DescribePermissionSet", why: "name and session length of a permission set"},
		{name: "sso:ListManagedPoliciesInPermissionSet", why: "policies of AWS in a permission set"},
		{name: "sso:ListCustomerManagedPolicyReferencesInPermissionSet", why: "own policies in a permission set"},
		{name: "sso:GetInlinePolicyForPermissionSet", why: "inline policy of a permission set"},
	}
	assignments := []call{
		{name: "sso:ListAccountsForProvisionedPermissionSet", why: "accounts in which a permission set is assigned"},
		{name: "sso:ListAccountAssignments", why: "who has a permission set in an account"},
	}
	return []kind{
		{state(kindDirectory, "An instance of IAM Identity Center that the account owns."), []call{instances}, inAccount((*session).collectDirectories)},
		{state(kindPerson, "A user of Identity Center, and the accounts in which it is an administrator, by itself or by a group."),
			slices.Concat([]call{instances, {name: "identitystore:ListUsers", why: "users of Identity Center"}}, teams, policies, assignments), inDirectories(collectPeople)},
		{state(kindTeam, "A group of Identity Center and its members."), slices.Concat([]call{instances}, teams), inDirectories(collectTeams)},
		{state(kindPermissionSet, "A permission set: its policies, and whether they make an administrator."), slices.Concat([]call{instances}, policies), inDirectories(collectPermissionSets)},
		{state(kindAssignment, "A user or group that has a permission set in an account."), slices.Concat([]call{instances, policies[0]}, assignments), inDirectories(collectAssignments)},
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
	regions, err := s.everyRegion(ctx)
	if err != nil {
		return nil, err
	}
	all, err := collectors.Shared(ctx, "sso instances", func(ctx context.Context) (instancesFound, error) {
		return s.findInstances(ctx, regions), nil
	})
	if err != nil {
		return nil, err
	}
	out.Adopt(all.out)
	var mine []directory
	seen := map[string]bool{} // an instance that is replicated shows in several regions
	for _, r := range regions {
		for _, i := range all.byRegion[r.name] {
			if aws.ToString(i.InstanceArn) == "" || aws.ToString(i.IdentityStoreId) == "" {
				return nil, collectors.Incomplete("sso:ListInstances lists an instance without its ARN or identity store")
			}
			if owner := aws.ToString(i.OwnerAccountId); !seen[*i.InstanceArn] && (owner == s.account || s.home == s.account) {
				seen[*i.InstanceArn] = true
				mine = append(mine, directory{i, s.inRegion(r.name, out)})
			}
		}
	}
	return mine, all.err
}

// instancesFound are the instances by region, what was read for it, and why not all.
type instancesFound struct {
	byRegion map[string][]types.InstanceMetadata
	out      *collectors.Output
	err      error
}

// findInstances asks every region. An account owns one instance at most: where it is
// found, the regions that refuse to be asked hold none, and are no parts of the scope.
// https://docs.aws.amazon.com/singlesignon/latest/userguide/identity-center-instances.html
func (s *session) findInstances(ctx context.Context, regions []region) instancesFound {
	seen := &found[string, []types.InstanceMetadata]{m: map[string][]types.InstanceMetadata{}}
	errs := &found[string, error]{m: map[string]error{}}
	f := instancesFound{seen.m, collectors.NewOutput(kindDirectory), nil}
	_ = s.eachRegion(ctx, collectors.NewOutput(kindDirectory), regions, func(ctx context.Context, p *regionReader) error {
		instances, err := p.instances(ctx)
		seen.set(p.region, instances)
		errs.set(p.region, err)
		return nil // it is told below
	})
	owned := false
	for _, instances := range seen.m {
		owned = owned || slices.ContainsFunc(instances, func(i types.InstanceMetadata) bool { return aws.ToString(i.OwnerAccountId) == s.account })
	}
	if owned {
		regions = slices.DeleteFunc(slices.Clone(regions), func(r region) bool { return errors.Is(errs.m[r.name], collectors.ErrDenied) })
	}
	f.err = s.eachRegion(ctx, f.out, regions, func(_ context.Context, p *regionReader) error {
		if err := errs.m[p.region]; err != nil {
			return err
		}
		p.out.Page()
		return nil
	})
	return f
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

// sharedOf reads something of an instance once for all kinds that rest on it.
func sharedOf[T any](ctx context.Context, d *directory, name string, read func(context.Context, *directory) (T, error)) (value T, err error) {
	type reading struct {
		value T
		out   *collectors.Output
		err   error
	}
	r, err := collectors.Shared(ctx, name+" "+aws.ToString(d.InstanceArn), func(ctx context.Context) (reading, error) {
		place := *d.place
		place.out = collectors.NewOutput(kindDirectory)
		v, err := read(ctx, &directory{d.InstanceMetadata, &place})
		return reading{v, place.out, err}, nil
	})
	if err != nil {
		return value, err
	}
	d.place.out.Adopt(r.out)
	return r.value, r.err
}

// collectPeople emits the users, and in which accounts each is an administrator,
// by itself or by a group, as far as all of that could be read.
// https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/API_ListUsers.html
func collectPeople(ctx context.Context, d *directory) error {
	administered, unread := d.administered(ctx)
	client := identityStoreClient(d.place.aws)
	err := rows(ctx, d.place.out, func(ctx context.Context, token *string) ([]storetypes.User, *string, error) {
		page, err := client.ListUsers(ctx, &identitystore.ListUsersInput{IdentityStoreId: d.IdentityStoreId, NextToken: token, MaxResults: aws.Int32(100)})
		if err != nil {
			return nil, nil, err
		}
		return page.Users, page.NextToken, nil
	}, func(u storetypes.User) error {
		id := aws.ToString(u.UserId)
		if id == "" {
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
		if unread == nil {
			a.Set("admin_in", administered[id])
		}
		return d.place.emit(aws.ToString(d.IdentityStoreId)+"/user/"+id, aws.ToString(u.UserName), a)
	})
	return first([]error{err, unread})
}

// team is a group and its members, or why those could not be read.
type team struct {
	storetypes.Group
	members []string
	err     error
}

// https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/API_ListGroups.html
func (d *directory) teams(ctx context.Context) ([]team, error) {
	return sharedOf(ctx, d, "sso groups", readTeams)
}

func readTeams(ctx context.Context, d *directory) ([]team, error) {
	client := identityStoreClient(d.place.aws)
	groups, err := list(ctx, d.place.out, func(ctx context.Context, token *string) ([]storetypes.Group, *string, error) {
		page, err := client.ListGroups(ctx, &identitystore.ListGroupsInput{IdentityStoreId: d.IdentityStoreId, NextToken: token, MaxResults: aws.Int32(100)})
		if err != nil {
			return nil, nil, err
		}
		return page.Groups, page.NextToken, nil
	})
	all := make([]team, len(groups))
	errs := collectors.Each(ctx, len(groups), parallel, func(ctx context.Context, i int) error {
		all[i] = d.readTeam(ctx, groups[i])
		return all[i].err
	})
	return all, first(append(errs, err))
}

// https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/API_ListGroupMemberships.html
func (d *directory) readTeam(ctx context.Context, g storetypes.Group) team {
	client, t := identityStoreClient(d.place.aws), team{Group: g}
	t.err = rows(ctx, d.place.out, func(ctx context.Context, token *string) ([]storetypes.GroupMembership, *string, error) {
		page, err := client.ListGroupMemberships(ctx, &identitystore.ListGroupMembershipsInput{IdentityStoreId: d.IdentityStoreId, GroupId: g.GroupId, NextToken: token, MaxResults: aws.Int32(100)})
		if err != nil {
			return nil, nil, err
		}
		return page.GroupMemberships, page.NextToken, nil
	}, func(m storetypes.GroupMembership) error {
		if user, ok := m.MemberId.(*storetypes.MemberIdMemberUserId); ok {
			t.members = append(t.members, user.Value)
		}
		return nil
	})
	t.err = d.place.markIncomplete("group/"+aws.ToString(g.GroupId), t.err)
	return t
}

func collectTeams(ctx context.Context, d *directory) error {
	all, unread := d.teams(ctx)
	errs := []error{unread}
	for _, t := range all {
		id := aws.ToString(t.GroupId)
		if id == "" {
			errs = append(errs, d.place.emit("", "", nil))
			continue
		}
		a := collectors.Attributes{}
		if t.err == nil {
			a.Set("members", t.members)
		}
		a.Text("description", t.Description)
		errs = append(errs, d.place.emit(aws.ToString(d.IdentityStoreId)+"/group/"+id, aws.ToString(t.DisplayName), a))
	}
	return first(errs)
}
