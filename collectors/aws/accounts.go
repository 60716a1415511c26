package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/organizations/types"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

const (
	kindAccount evidence.Kind = "aws.account"
	kindRegion  evidence.Kind = "aws.region"
)

// listedAccounts is asked for the accounts themselves, and for which of those that a
// role trusts are the company's own.
var listedAccounts = call{name: "organizations:ListAccounts", why: "accounts of the organisation"}

func accountKinds() []kind {
	return []kind{
		{state(kindAccount, "An account, as the organisation or the configuration names it."),
			[]call{listedAccounts}, inAccount((*session).collectAccounts)},
		{state(kindRegion, "A region that the account has enabled."), nil, inAccount((*session).collectRegions)},
	}
}

// collectAccounts names the accounts, by the mode that is configured.
func (s *session) collectAccounts(ctx context.Context, out *collectors.Output) error {
	switch s.RootScope() {
	case organization:
		all, err := s.listAccounts(ctx, out)
		errs := []error{err}
		for _, a := range all {
			errs = append(errs, emitMember(out, a))
		}
		return first(errs)
	case single:
		return emitAccount(out, s.account, "ACTIVE")
	}
	for _, id := range s.cfg.Accounts.List {
		if err := emitAccount(out, id, "CONFIGURED"); err != nil {
			return err
		}
	}
	return nil
}

func emitAccount(out *collectors.Output, id, state string) error {
	return out.Emit(evidence.Record{ID: id, Name: id, Attributes: map[string]any{"state": state}})
}

// listAccounts lists the accounts of the organisation. A page may be empty and
// yet have a successor. It is asked with the base credential, of any account.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
func (s *session) listAccounts(ctx context.Context, out *collectors.Output) ([]types.Account, error) {
	client := organizationsClient(s.collector.aws)
	return list(ctx, out, func(ctx context.Context, token *string) ([]types.Account, *string, error) {
		page, err := client.ListAccounts(ctx, &organizations.ListAccountsInput{NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return page.Accounts, page.NextToken, nil
	})
}

// memberIDs returns the ids of the accounts of the organisation.
func (s *session) memberIDs(ctx context.Context) (ids []string, err error) {
	all, err := s.listAccounts(ctx, collectors.NewOutput(kindAccount))
	for _, a := range all {
		ids = append(ids, aws.ToString(a.Id))
	}
	return ids, err
}

// emitMember takes the state from the older field Status where State is not
// said: servers that know only that one are still about.
func emitMember(out *collectors.Output, m types.Account) error {
	id, state := aws.ToString(m.Id), string(m.State)
	if !accountID().MatchString(id) {
		return collectors.Incomplete("organizations:ListAccounts lists the account %q", id)
	}
	if state == "" {
		state = string(m.Status)
	}
	a := collectors.Attributes{}
	a.Text("state", &state)
	a.Time("joined_at", m.JoinedTimestamp)
	name := aws.ToString(m.Name)
	if name == "" {
		name = id
	}
	return out.Emit(evidence.Record{ID: id, Name: name, Attributes: a})
}

// addMembership says whether the account belongs to an organization, another account
// of which may watch over this one, and whether all accounts of it are read.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html
func (s *session) addMembership(ctx context.Context, a collectors.Attributes) error {
	a["organization_read"] = s.collector.RootScope() == organization
	member, err := collectors.Shared(ctx, "membership", func(ctx context.Context) (bool, error) {
		resp, err := organizationsClient(s.aws).DescribeOrganization(ctx, &organizations.DescribeOrganizationInput{})
		switch {
		case notThere(err, "AWSOrganizationsNotInUseException"):
			return false, nil
		case err != nil:
			return false, classify(err)
		case resp.Organization == nil || aws.ToString(resp.Organization.Id) == "":
			return false, collectors.Incomplete("organizations:DescribeOrganization says nothing")
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	a["in_organization"] = member
	return nil
}

// optional returns nil for "", which the SDK leaves out.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
