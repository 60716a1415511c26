//go:build unix

package aws

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"

	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// accountInOrder: what is blocked for the account is blocked for its buckets;
// the tests that moto's report, and its buckets, do not stop pass.
func (m *moto) accountInOrder(t *testing.T) {
	s := m.seed(t)
	s.console("bob")
	s.mfa("bob")
	s.passwordPolicy(14, 24)
	s.bucket("us-east-1", "logs")
	s.encrypt("logs")
	s.versioning("logs", "Enabled")
	s.blockAccount(motoAccount)
	s.trail("us-east-1", "logs", cloudtrail.CreateTrailInput{Name: aws.String("main"), IsMultiRegionTrail: aws.Bool(true), EnableLogFileValidation: aws.Bool(true), KmsKeyId: aws.String(kmsKey)})
	all := collect(t, m.open(t, anyone, transport.Options{}, only(core...)))
	m.sound(t, all, only(core...))
	says(t, judge(t, all), `
aws.cloudtrail.encrypted pass []
aws.cloudtrail.logging pass []
aws.cloudtrail.management-events pass []
aws.cloudtrail.multi-region pass []
aws.cloudtrail.validation pass []
aws.iam.key-age-90 unknown []
aws.iam.password-policy pass []
aws.iam.root-mfa fail [123456789012]
aws.iam.root-mfa-hardware not_applicable []
aws.iam.root-no-access-key pass []
aws.iam.root-unused unknown []
aws.iam.unused-creds-90 unknown []
aws.iam.user-console-mfa unknown []
aws.s3.access-logged fail [logs]
aws.s3.encrypted unknown []
aws.s3.policy-private unknown []
aws.s3.public-block unknown []
aws.s3.tls-only fail [logs]
aws.s3.versioning unknown []`)
}

// emptyAccount: no policy and no trail are facts, and fail; no bucket is none.
func (m *moto) emptyAccount(t *testing.T) {
	all := collect(t, m.open(t, anyone, transport.Options{}, only(core...)))
	m.sound(t, all, only(core...))
	shows(t, all[stream(motoAccount, kindPasswordPolicy)], true, "123456789012 123456789012 [] {\"exists\":false,\"users\":0}\n123456789012 read")
	shows(t, all[stream(motoAccount, kindBucket)], true, "123456789012 read")
	shows(t, all[stream(motoAccount, kindTrail)], true, "123456789012/eu-central-1 read\n123456789012/eu-west-1 read\n123456789012/us-east-1 read")
	says(t, judge(t, all), `
aws.cloudtrail.encrypted not_applicable []
aws.cloudtrail.logging not_applicable []
aws.cloudtrail.management-events fail [123456789012]
aws.cloudtrail.multi-region fail [123456789012]
aws.cloudtrail.validation not_applicable []
aws.iam.key-age-90 unknown []
aws.iam.password-policy not_applicable []
aws.iam.root-mfa fail [123456789012]
aws.iam.root-mfa-hardware not_applicable []
aws.iam.root-no-access-key pass []
aws.iam.root-unused unknown []
aws.iam.unused-creds-90 unknown []
aws.iam.user-console-mfa unknown []
aws.s3.access-logged not_applicable []
aws.s3.encrypted not_applicable []
aws.s3.policy-private not_applicable []
aws.s3.public-block not_applicable []
aws.s3.tls-only not_applicable []
aws.s3.versioning not_applicable []`)
}

// enabledRegions: moto lists the regions that are switched off too. Each of the
// others is asked for its trails, and each is a scope of the certificate.
func (m *moto) enabledRegions(t *testing.T) {
	m.seed(t).populate()
	all := collect(t, m.open(t, anyone, transport.Options{}, everywhere, only(kindRegion, kindTrail)))
	m.sound(t, all, everywhere, only(kindRegion, kindTrail))
	var regions []evidence.Scope
	for _, r := range all[stream(motoAccount, kindRegion)].Records {
		if r.Attributes["opt_in_status"] != "opt-in-not-required" {
			t.Errorf("region %s: %v", r.ID, r.Attributes)
		}
		regions = append(regions, evidence.Scope(motoAccount+"/"+r.ID))
	}
	var asked []evidence.Scope
	for _, sc := range all[stream(motoAccount, kindTrail)].Certificate.Scopes {
		asked = append(asked, sc.Scope)
	}
	if len(regions) < 17 || !slices.Equal(regions, asked) {
		t.Errorf("regions %v, asked for trails %v", regions, asked)
	}
	elsewhere := collect(t, m.open(t, anyone, transport.Options{}, func(c *Config) { c.Regions = Choice{List: []string{"eu-west-1"}} }, only(kindTrail)))
	for where, s := range map[string]transport.Snapshot{"everywhere": all[stream(motoAccount, kindTrail)], "away from home": elsewhere[stream(motoAccount, kindTrail)]} {
		if len(s.Records) != 2 || s.Records[1].Name != "main" || s.Records[1].Attributes["is_logging"] != true {
			t.Errorf("%s: %v: the trail of all regions is in each of them, and is one", where, s.Records)
		}
	}
}

// organization: each account is read in its own session, and what is wrong in
// one is not wrong in the other.
func (m *moto) organization(t *testing.T) {
	s := m.seed(t)
	s.organization()
	s.console("alice")
	id, inside := s.member("product")
	inside.console("dave")
	inside.mfa("dave")
	inside.passwordPolicy(8, 1)
	inside.bucket("eu-west-1", "data")
	closed, _ := s.member("closed")
	s.closeMember(closed)

	src := m.open(t, anyone, transport.Options{}, ofOrganization, only(core...))
	all := collect(t, src)
	m.sound(t, all, ofOrganization, only(core...))
	root := all[stream(organization, kindAccount)]
	shows(t, root, true, inOrder(
		motoAccount+` master [] {"joined_at":"NOW","state":"ACTIVE"}`, id+` product [] {"joined_at":"NOW","state":"ACTIVE"}`, closed+` closed [] {"joined_at":"NOW","state":"SUSPENDED"}`)+"organization read")
	if got := src.Collector().Scopes(root.Records); len(got) != 2 || slices.Contains(got, evidence.Scope(closed)) {
		t.Errorf("scopes %v: the closed account cannot be read", got)
	}
	for st, snap := range all {
		want := map[evidence.Scope]string{evidence.Scope(id): "arn:aws:sts::" + id + ":assumed-role/Reader/evidenced"}[st.Scope]
		if want == "" {
			want = "arn:aws:sts::123456789012:user/moto"
		}
		if snap.Certificate.Principal != want {
			t.Errorf("%s: asked by %s, want %s", st, snap.Certificate.Principal, want)
		}
	}
	keepsNoCredential(t, all[stream(id, kindPasswordPolicy)])
	failing := map[string][]string{}
	for _, g := range judge(t, all).Gaps {
		if g.Test == "aws.iam.user-console-mfa" || g.Test == "aws.iam.password-policy" || g.Test == "aws.s3.public-block" {
			failing[g.Test] = append(failing[g.Test], g.Resource)
		}
	}
	for test, want := range map[string][]string{
		"aws.iam.user-console-mfa": {"arn:aws:iam::123456789012:user/alice"},
		"aws.iam.password-policy":  {motoAccount, id}, // none in one, eight characters in the other
		"aws.s3.public-block":      {"arn:aws:s3:::data"},
	} {
		if !slices.Equal(slices.Sorted(slices.Values(failing[test])), slices.Sorted(slices.Values(want))) {
			t.Errorf("%s: failing %v, want %v", test, failing[test], want)
		}
	}
}

// inOrder returns lines in the order of their account, which moto draws.
func inOrder(lines ...string) string {
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}

func ofOrganization(c *Config) { c.Accounts, c.RoleName = Choice{Word: organization}, "Reader" }

// keepsNoCredential: the answer that carried the role's credential is kept without it.
func keepsNoCredential(t *testing.T, s transport.Snapshot) {
	t.Helper()
	i := slices.IndexFunc(s.Exchanges, func(x evidence.Exchange) bool { return x.Call == "sts:AssumeRole" })
	if i < 0 || !slices.Equal(s.Exchanges[i].Redacted, []string{"SecretAccessKey", "SessionToken"}) {
		t.Errorf("no exchange of sts:AssumeRole, or it is not redacted: %d", i)
	}
}

// caBundle: where AWS_CA_BUNDLE is set, the SDK takes none but its own HTTP client.
func (m *moto) caBundle(t *testing.T) {
	s := m.seed(t)
	s.organization()
	_, _ = s.member("product")
	all := collect(t, m.open(t, anyone, transport.Options{}, ofOrganization, only(core...), func(*Config) { t.Setenv("AWS_CA_BUNDLE", "testdata/ca.pem") }))
	if len(all) != 13 {
		t.Errorf("%d streams", len(all))
	}
	m.sound(t, all, ofOrganization, only(core...))
}

// oldKey: moto makes no keys of the past, so this run is one of the future.
func (m *moto) oldKey(t *testing.T) {
	s := m.seed(t)
	s.user("carol")
	s.accessKey("carol")
	s.user("erin")
	const later = 91 * 24 * time.Hour
	all := collect(t, m.open(t, anyone, transport.Options{Now: func() time.Time { return time.Now().Add(later) }}, only(kindUser)))
	users := stream(motoAccount, kindUser)
	says(t, judge(t, snapshots{users: all[users]}), `
aws.iam.key-age-90 fail [carol]
aws.iam.root-unused unknown []
aws.iam.unused-creds-90 fail [carol]
aws.iam.user-console-mfa unknown []`)
	if off := all[users].Certificate.ClockOffsetMS; off == nil || (time.Duration(*off)*time.Millisecond-later).Abs() > time.Minute {
		t.Errorf("the certificate does not show that the clocks differ: %v", off)
	}
}
