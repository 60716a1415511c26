package aws

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin/types"

	"github.com/evidenced/evidenced/collectors"
)

// permissionSet is what could be read of a permission set.
type permissionSet struct {
	arn, name  string
	attributes collectors.Attributes
	privileged bool // it makes an administrator, or lets its holder become one
	err        error
}

// assignment is a permission set that a user or a group has in an account.
type assignment struct {
	set, account string
	types.AccountAssignment
}

// https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_ListPermissionSets.html
func (d *directory) permissionSets(ctx context.Context) ([]string, error) {
	return sharedOf(ctx, d, "sso sets", listPermissionSets)
}

func listPermissionSets(ctx context.Context, d *directory) ([]string, error) {
	client := ssoClient(d.place.aws)
	return list(ctx, d.place.out, func(ctx context.Context, token *string) ([]string, *string, error) {
		page, err := client.ListPermissionSets(ctx, &ssoadmin.ListPermissionSetsInput{InstanceArn: d.InstanceArn, NextToken: token, MaxResults: aws.Int32(100)})
		if err != nil {
			return nil, nil, err
		}
		return page.PermissionSets, page.NextToken, nil
	})
}

// describedSets reads every set with its policies, once for all kinds.
func (d *directory) describedSets(ctx context.Context) ([]permissionSet, error) {
	arns, err := d.permissionSets(ctx)
	all, unread := sharedOf(ctx, d, "sso set policies", func(ctx context.Context, d *directory) ([]permissionSet, error) {
		all := make([]permissionSet, len(arns))
		return all, first(collectors.Each(ctx, len(arns), parallel, func(ctx context.Context, i int) error {
			all[i] = d.describeSet(ctx, arns[i])
			return all[i].err
		}))
	})
	return all, first([]error{err, unread})
}

func collectPermissionSets(ctx context.Context, d *directory) error {
	all, err := d.describedSets(ctx)
	errs := []error{err}
	for _, s := range all {
		errs = append(errs, d.place.emit(s.arn, s.name, s.attributes))
	}
	return first(errs)
}

// https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_DescribePermissionSet.html
func (d *directory) describeSet(ctx context.Context, set string) permissionSet {
	s := permissionSet{arn: set, name: set, attributes: collectors.Attributes{}}
	resp, err := ssoClient(d.place.aws).DescribePermissionSet(ctx, &ssoadmin.DescribePermissionSetInput{InstanceArn: d.InstanceArn, PermissionSetArn: &set})
	if err == nil && resp.PermissionSet == nil {
		err = collectors.Incomplete("sso:DescribePermissionSet says nothing of %s", set)
	}
	if err == nil {
		d.place.out.Page()
		s.name = aws.ToString(resp.PermissionSet.Name)
		s.attributes.Text("description", resp.PermissionSet.Description)
		s.attributes.Text("session_duration", resp.PermissionSet.SessionDuration)
		s.attributes.Time("created_at", resp.PermissionSet.CreatedDate)
	}
	s.err = d.place.markIncomplete("permission-set/"+set, first([]error{err, d.addSetPolicies(ctx, &s)}))
	return s
}

// addSetPolicies says which policies a set has, and which make an administrator. Own
// policies stand in each account under their name, and are judged there, with the
// role that Identity Center makes of the set.
func (d *directory) addSetPolicies(ctx context.Context, s *permissionSet) error {
	managed, errManaged := d.managedPolicies(ctx, s.arn)
	own, errOwn := d.ownPolicies(ctx, s.arn)
	inline, errInline := d.inlinePolicy(ctx, s.arn, s.attributes)
	var all []namedPolicy
	for _, p := range managed {
		if name, theirs := byAWS(aws.ToString(p.Arn)); theirs {
			all = append(all, namedPolicy{name, privileged[name]})
		}
	}
	if errManaged == nil {
		s.attributes.Set("managed_policies", arnsOf(managed))
	}
	if errOwn == nil {
		s.attributes.Set("own_policies", own)
	}
	if errManaged == nil && errInline == nil {
		admin, escalates := rightsOf(append(all, inline...), nil)
		s.attributes.Set("admin_by", admin)
		s.attributes.Set("escalates_by", escalates)
		s.privileged = len(admin)+len(escalates) > 0
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
func (d *directory) inlinePolicy(ctx context.Context, set string, a collectors.Attributes) ([]namedPolicy, error) {
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
	return []namedPolicy{{"inline", doc}}, err
}

// assignments asks for the accounts of every set, then who has it there.
// https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_ListAccountAssignments.html
func (d *directory) assignments(ctx context.Context) ([]assignment, error) {
	sets, err := d.permissionSets(ctx)
	all, unread := sharedOf(ctx, d, "sso assignments", func(ctx context.Context, d *directory) ([]assignment, error) {
		bySet := make([][]assignment, len(sets))
		errs := collectors.Each(ctx, len(sets), parallel, func(ctx context.Context, i int) (err error) {
			bySet[i], err = d.assigned(ctx, sets[i])
			return err
		})
		return slices.Concat(bySet...), first(errs)
	})
	return all, first([]error{err, unread})
}

func (d *directory) assigned(ctx context.Context, set string) ([]assignment, error) {
	client := ssoClient(d.place.aws)
	accounts, err := list(ctx, d.place.out, func(ctx context.Context, token *string) ([]string, *string, error) {
		page, err := client.ListAccountsForProvisionedPermissionSet(ctx, &ssoadmin.ListAccountsForProvisionedPermissionSetInput{InstanceArn: d.InstanceArn, PermissionSetArn: &set, NextToken: token, MaxResults: aws.Int32(100)})
		if err != nil {
			return nil, nil, err
		}
		return page.AccountIds, page.NextToken, nil
	})
	byAccount := make([][]assignment, len(accounts))
	errs := collectors.Each(ctx, len(accounts), parallel, func(ctx context.Context, i int) (err error) {
		byAccount[i], err = d.assignedIn(ctx, set, accounts[i])
		return err
	})
	return slices.Concat(byAccount...), d.place.markIncomplete("permission-set/"+set, first(append(errs, err)))
}

func (d *directory) assignedIn(ctx context.Context, set, account string) (all []assignment, err error) {
	client := ssoClient(d.place.aws)
	err = rows(ctx, d.place.out, func(ctx context.Context, token *string) ([]types.AccountAssignment, *string, error) {
		page, err := client.ListAccountAssignments(ctx, &ssoadmin.ListAccountAssignmentsInput{InstanceArn: d.InstanceArn, PermissionSetArn: &set, AccountId: &account, NextToken: token, MaxResults: aws.Int32(100)})
		if err != nil {
			return nil, nil, err
		}
		return page.AccountAssignments, page.NextToken, nil
	}, func(x types.AccountAssignment) error {
		all = append(all, assignment{set, account, x})
		return nil
	})
	return all, err
}

func collectAssignments(ctx context.Context, d *directory) error {
	all, err := d.assignments(ctx)
	errs := []error{err}
	for _, x := range all {
		a := collectors.Attributes{"account": x.account, "permission_set": x.set}
		word(a, "principal_type", x.PrincipalType)
		a.Text("principal", x.PrincipalId)
		errs = append(errs, d.place.emit(x.set+"/"+x.account+"/"+string(x.PrincipalType)+"/"+aws.ToString(x.PrincipalId), "", a))
	}
	return first(errs)
}

// administered returns the accounts in which each user has a permission set that
// makes an administrator.
func (d *directory) administered(ctx context.Context) (map[string][]string, error) {
	sets, errSets := d.describedSets(ctx)
	assigned, errAssigned := d.assignments(ctx)
	teams, errTeams := d.teams(ctx)
	if err := first([]error{errSets, errAssigned, errTeams}); err != nil {
		return nil, err
	}
	members, in := map[string][]string{}, map[string][]string{}
	for _, t := range teams {
		members[aws.ToString(t.GroupId)] = t.members
	}
	for _, x := range assigned {
		if !slices.ContainsFunc(sets, func(s permissionSet) bool { return s.arn == x.set && s.privileged }) {
			continue
		}
		who := []string{aws.ToString(x.PrincipalId)}
		if x.PrincipalType == types.PrincipalTypeGroup {
			who = members[who[0]]
		}
		for _, user := range who {
			if !slices.Contains(in[user], x.account) {
				in[user] = append(in[user], x.account)
			}
		}
	}
	return in, nil
}
