package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// collector implements collectors.Collector.
type collector struct {
	cfg   *Config
	env   collectors.Env
	aws   aws.Config // with the base credential
	kinds []kind
}

// RootScope is how the accounts are chosen: organization, single or list.
func (c *collector) RootScope() evidence.Scope {
	if len(c.cfg.Accounts.List) > 0 {
		return "list"
	}
	return evidence.Scope(c.cfg.Accounts.Word)
}

// Scopes are the accounts that can be asked. An account that is suspended or
// closing is evidence by its record, and cannot be read.
func (c *collector) Scopes(root []evidence.Record) []evidence.Scope {
	scopes := []evidence.Scope{}
	for _, r := range root {
		switch state, present := r.Attributes["state"]; {
		case !present, state == "ACTIVE", state == "CONFIGURED":
			scopes = append(scopes, evidence.Scope(r.ID))
		}
	}
	return scopes
}

// Session finds out who asks, in the account that the scope names. For another
// account than the credential's own it takes the role there.
func (c *collector) Session(ctx context.Context, scope evidence.Scope) (collectors.Session, error) {
	s := &session{collector: c, aws: c.aws, account: string(scope)}
	who, err := callerIdentity(ctx, s.aws)
	if err != nil {
		return nil, err
	}
	s.partition, s.home = who.Partition, who.AccountID
	if scope == c.RootScope() {
		s.root, s.account, s.principal = true, who.AccountID, who.String()
		return s, nil
	}
	if who.AccountID != s.account && c.cfg.RoleName != "" && !c.env.Offline {
		s.aws = assume(c.aws, roleARN(who.Partition, s.account, c.cfg.RoleName), c.cfg.ExternalID, c.env.Conceal)
	}
	if who.AccountID != s.account && c.cfg.RoleName != "" {
		if who, err = callerIdentity(ctx, s.aws); err != nil {
			return nil, err
		}
	}
	if who.AccountID != s.account {
		return nil, fmt.Errorf("%w: the credential is one of account %s, not of %s: set role_name", collectors.ErrDenied, who.AccountID, s.account)
	}
	s.principal = who.String()
	return s, nil
}

func roleARN(partition, account, role string) string {
	return arn.ARN{Partition: partition, Service: "iam", AccountID: account, Resource: "role/" + role}.String()
}

// callerIdentity asks who the credential is.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
func callerIdentity(ctx context.Context, cfg aws.Config) (arn.ARN, error) {
	out, err := stsClient(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return arn.ARN{}, classify(err)
	}
	who, err := arn.Parse(aws.ToString(out.Arn))
	if err != nil || who.AccountID == "" || who.AccountID != aws.ToString(out.Account) {
		return arn.ARN{}, collectors.Incomplete("sts:GetCallerIdentity names account %q and principal %q", aws.ToString(out.Account), aws.ToString(out.Arn))
	}
	return who, nil
}

// session implements collectors.Session for one account.
type session struct {
	*collector
	root      bool       // names accounts, and reads none
	aws       aws.Config // with the credential of this account
	account   string
	home      string // the account of the base credential
	partition string // aws, aws-cn, aws-us-gov
	principal string
}

// region is one region to be read; its status is "" if it was configured.
type region struct{ name, status string }

// Principal is the ARN of the caller.
func (s *session) Principal() string { return s.principal }

// notOptedIn is a region that is switched off: it holds nothing, and refuses
// to be asked. AWS does not list it unless asked to; other servers do.
const notOptedIn = "not-opted-in"

// regions are those that are configured, or those that the account has enabled.
func (s *session) regions(ctx context.Context) ([]region, error) {
	var named []region
	for _, name := range s.cfg.Regions.List {
		named = append(named, region{name: name})
	}
	if named != nil {
		return named, nil
	}
	return collectors.Shared(ctx, "regions", s.enabledRegions)
}

// everyRegion returns the regions that are configured and those that are enabled
// beside them, for what has one home that may be anywhere.
func (s *session) everyRegion(ctx context.Context) ([]region, error) {
	all, err := s.regions(ctx)
	if err != nil || len(s.cfg.Regions.List) == 0 {
		return all, err
	}
	enabled, err := collectors.Shared(ctx, "regions", s.enabledRegions)
	if err != nil {
		return nil, err
	}
	all = slices.Clone(all)
	for _, r := range enabled {
		if partitionOf(r.name) == s.partition && !slices.ContainsFunc(all, func(have region) bool { return have.name == r.name }) {
			all = append(all, r)
		}
	}
	return all, nil
}

// partitionOf returns the partition of a region, by its name.
// https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
func partitionOf(region string) string {
	for prefix, partition := range map[string]string{"cn-": "aws-cn", "us-gov-": "aws-us-gov", "us-iso-": "aws-iso", "us-isob-": "aws-iso-b", "us-isof-": "aws-iso-f", "eu-isoe-": "aws-iso-e", "eusc-": "aws-eusc"} {
		if strings.HasPrefix(region, prefix) {
			return partition
		}
	}
	return "aws"
}

// enabledRegions lists the regions that are enabled.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html
func (s *session) enabledRegions(ctx context.Context) (regions []region, err error) {
	out, err := ec2Client(s.aws).DescribeRegions(ctx, &ec2.DescribeRegionsInput{})
	if err != nil {
		return nil, classify(err)
	}
	for _, r := range out.Regions {
		if aws.ToString(r.RegionName) == "" {
			return nil, collectors.Incomplete("ec2:DescribeRegions lists a region without a name")
		}
		if status := aws.ToString(r.OptInStatus); status != notOptedIn {
			regions = append(regions, region{*r.RegionName, status})
		}
	}
	if len(regions) == 0 {
		return nil, collectors.Incomplete("ec2:DescribeRegions lists no region")
	}
	return regions, nil
}

// scope returns a part of the account's scope.
func (s *session) scope(part string) evidence.Scope { return evidence.Scope(s.account + "/" + part) }

// Collect reads one kind.
func (s *session) Collect(ctx context.Context, name evidence.Kind, w evidence.Window, out *collectors.Output) error {
	i := slices.IndexFunc(s.kinds, func(k kind) bool { return k.Kind == name })
	if i < 0 || s.root != (name == kindAccount) {
		return fmt.Errorf("kind %s is not read in the scope of %s", name, s.account)
	}
	return classify(s.kinds[i].read(s, ctx, w, out))
}

func (s *session) collectRegions(ctx context.Context, out *collectors.Output) error {
	regions, err := s.regions(ctx)
	if err != nil {
		return err
	}
	out.Page()
	for _, r := range regions {
		a := collectors.Attributes{}
		a.Text("opt_in_status", &r.status)
		if err := out.Emit(evidence.Record{ID: r.name, Name: r.name, Attributes: a}); err != nil {
			return err
		}
	}
	return nil
}

// parallel is how many parts are read at a time; the door bounds it further.
const parallel = 24

// found collects from concurrent readers.
type found[K comparable, V any] struct {
	mu sync.Mutex
	m  map[K]V
}

func (f *found[K, V]) set(k K, v V) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.m[k] = v
}
