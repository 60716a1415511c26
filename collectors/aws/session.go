package aws

import (
	"context"
	"fmt"
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
	cfg *Config
	env collectors.Env
	aws aws.Config // with the base credential
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
		switch state, said := r.Attributes["state"]; {
		case !said, state == "ACTIVE", state == "CONFIGURED":
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
	s.partition = who.Partition
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
	s.findRegions(ctx)
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
	partition string // aws, aws-cn, aws-us-gov
	principal string
	regions   []region
	// regionsErr is why the regions are not known. It stops only what needs them.
	regionsErr error
}

// region is one region to be read; its status is "" if it was configured.
type region struct{ name, status string }

// Principal is the ARN of the caller.
func (s *session) Principal() string { return s.principal }

// notOptedIn is a region that is switched off: it holds nothing, and refuses
// to be asked. AWS does not list it unless asked to; other servers do.
const notOptedIn = "not-opted-in"

// findRegions lists the regions that are enabled, unless they are configured.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html
func (s *session) findRegions(ctx context.Context) {
	for _, name := range s.cfg.Regions.List {
		s.regions = append(s.regions, region{name: name})
	}
	if len(s.regions) > 0 {
		return
	}
	out, err := ec2Client(s.aws).DescribeRegions(ctx, &ec2.DescribeRegionsInput{})
	if err != nil {
		s.regionsErr = classify(err)
		return
	}
	for _, r := range out.Regions {
		if aws.ToString(r.RegionName) == "" {
			s.regionsErr = collectors.Incomplete("ec2:DescribeRegions lists a region without a name")
			return
		}
		if status := aws.ToString(r.OptInStatus); status != notOptedIn {
			s.regions = append(s.regions, region{*r.RegionName, status})
		}
	}
	if len(s.regions) == 0 {
		s.regionsErr = collectors.Incomplete("ec2:DescribeRegions lists no region")
	}
}

// scope gives a part of the account's scope.
func (s *session) scope(part string) evidence.Scope { return evidence.Scope(s.account + "/" + part) }

// Collect reads one kind.
func (s *session) Collect(ctx context.Context, kind evidence.Kind, _ evidence.Window, out *collectors.Output) error {
	read := map[evidence.Kind]func(context.Context, *collectors.Output) error{
		kindAccount:        s.collectAccounts,
		kindRegion:         s.collectRegions,
		kindIAMAccount:     s.collectSummary,
		kindPasswordPolicy: s.collectPasswordPolicy,
		kindUser:           s.collectUsers,
		kindTrail:          s.collectTrails,
		kindBucket:         s.collectBuckets,
	}[kind]
	if read == nil || s.root != (kind == kindAccount) {
		return fmt.Errorf("kind %s is not read in the scope of %s", kind, s.account)
	}
	return classify(read(ctx, out))
}

func (s *session) collectRegions(_ context.Context, out *collectors.Output) error {
	if s.regionsErr != nil {
		return s.regionsErr
	}
	out.Page()
	for _, r := range s.regions {
		a := collectors.Attributes{}
		a.Text("opt_in_status", &r.status)
		if err := out.Emit(evidence.Record{ID: r.name, Name: r.name, Attributes: a}); err != nil {
			return err
		}
	}
	return nil
}

// parallel is how many parts are read at a time; the door bounds it further.
const parallel = 8

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
