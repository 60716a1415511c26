package aws

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

const assumed = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><AssumedRoleUser><AssumedRoleId>AROA:evidenced</AssumedRoleId><Arn>arn:aws:sts::` + other + `:assumed-role/Reader/evidenced</Arn></AssumedRoleUser>` +
	`<Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>` + roleKey + `</SecretAccessKey><SessionToken>` + sessionToken + `</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult><ResponseMetadata><RequestId>r3</RequestId></ResponseMetadata></AssumeRoleResponse>`

func inOrganization(c *Config) {
	c.Accounts, c.RoleName, c.ExternalID = Choice{Word: organization}, "Reader", "ext-1"
}

func TestOrganization(t *testing.T) {
	r := newRig(t, with(map[string][]reply{
		"organizations:ListAccounts":    {ok(`{"Accounts":[],"NextToken":"t2"}`)},
		"organizations:ListAccounts t2": {ok(`{"Accounts":[{"Id":"` + own + `","Name":"main","State":"ACTIVE","Status":"ACTIVE","JoinedTimestamp":1577934245.5},{"Id":"` + other + `","Name":"","Status":"ACTIVE"},{"Id":"777788889999","Name":"old","State":"SUSPENDED"}]}`)},
	}), inOrganization)
	s := r.capture(t, "organization", kindAccount)
	expect(t, s, true, `
111122223333 main [] {"joined_at":"2020-01-02T03:04:05Z","state":"ACTIVE"}
444455556666 444455556666 [] {"state":"ACTIVE"}
777788889999 old [] {"state":"SUSPENDED"}
organization read`)
	if s.Certificate.Pages != 2 || s.Certificate.Principal != "arn:aws:sts::111122223333:user/auditor" {
		t.Errorf("certificate %+v", s.Certificate)
	}
	if got := r.Collector().Scopes(s.Records); !slices.Equal(got, []evidence.Scope{own, other}) {
		t.Errorf("scopes %v: want those that can be read", got)
	}
}

func TestOrganizationDenied(t *testing.T) {
	for code, want := range map[string]error{
		"AccessDeniedException": collectors.ErrDenied, "AWSOrganizationsNotInUseException": collectors.ErrDenied,
		"ExpiredTokenException": collectors.ErrUnauthenticated, "UnrecognizedClientException": collectors.ErrUnauthenticated,
		"ThrottlingException": collectors.ErrThrottled, "InvalidInputException": collectors.ErrIncomplete,
	} {
		r := newRig(t, with(map[string][]reply{"organizations:ListAccounts": {jsonError(400, code)}}), inOrganization)
		if s := r.capture(t, "organization", kindAccount); !errors.Is(s.Err, want) {
			t.Errorf("%s: %v, want %v", code, s.Err, want)
		}
	}
}

func TestSingleAndList(t *testing.T) {
	expect(t, newRig(t, base()).capture(t, "single", kindAccount), true, `111122223333 111122223333 [] {"state":"ACTIVE"}
single read`)
	r := newRig(t, base(), func(c *Config) { c.Accounts = Choice{List: []string{other, own}} })
	expect(t, r.capture(t, "list", kindAccount), true, `111122223333 111122223333 [] {"state":"CONFIGURED"}
444455556666 444455556666 [] {"state":"CONFIGURED"}
list read`)
}

func TestRole(t *testing.T) {
	replies := with(map[string][]reply{
		"sts:GetCallerIdentity": {identityOf(own, "user/auditor"), identityOf(other, "assumed-role/Reader/evidenced")},
		"sts:AssumeRole":        {ok(assumed)},
	})
	r := newRig(t, replies, inOrganization)
	s := r.capture(t, other, kindRegion)
	expect(t, s, true, `eu-west-1 eu-west-1 [] {"opt_in_status":"opt-in-not-required"}
us-east-1 us-east-1 [] {"opt_in_status":"opt-in-not-required"}
444455556666 read`)
	if s.Certificate.Principal != "arn:aws:sts::444455556666:assumed-role/Reader/evidenced" {
		t.Errorf("principal %s", s.Certificate.Principal)
	}
	if got := s.Certificate.Redactions; !slices.Equal(got, []string{"SecretAccessKey", "SessionToken"}) {
		t.Errorf("redactions %v", got)
	}
	i := slices.IndexFunc(s.Exchanges, func(x evidence.Exchange) bool { return x.Call == "sts:AssumeRole" })
	for _, part := range []string{"RoleArn=arn%3Aaws%3Aiam%3A%3A444455556666%3Arole%2FReader", "ExternalId=ext-1", "RoleSessionName=evidenced"} {
		if !strings.Contains(s.Exchanges[i].Request, part) {
			t.Errorf("%s is not in %s", part, s.Exchanges[i].Request)
		}
	}
}

// TestScopesDoNotMix: the session that names the accounts knows no regions; to
// read one account's kinds in it would find nothing, and call that whole.
func TestScopesDoNotMix(t *testing.T) {
	r := newRig(t, with(trails()))
	for scope, kind := range map[evidence.Scope]evidence.Kind{"single": kindTrail, own: kindAccount} {
		if s := r.capture(t, scope, kind); s.Err == nil || s.Certificate.Complete {
			t.Errorf("%s in %s is complete", kind, scope)
		}
	}
}

func TestRoleRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		replies map[string][]reply
		change  func(*Config)
		want    error
	}{
		"denied":         {map[string][]reply{"sts:AssumeRole": {queryError(403, "AccessDenied")}}, inOrganization, collectors.ErrDenied},
		"expired":        {map[string][]reply{"sts:AssumeRole": {queryError(403, "ExpiredToken")}}, inOrganization, collectors.ErrUnauthenticated},
		"no role":        {nil, func(c *Config) { c.Accounts = Choice{List: []string{other}} }, collectors.ErrDenied},
		"wrong account":  {map[string][]reply{"sts:AssumeRole": {ok(assumed)}}, inOrganization, collectors.ErrDenied},
		"no credential":  {map[string][]reply{"sts:GetCallerIdentity": {queryError(403, "InvalidClientTokenId")}}, inOrganization, collectors.ErrUnauthenticated},
		"wrong secret":   {map[string][]reply{"sts:GetCallerIdentity": {queryError(403, "SignatureDoesNotMatch")}}, inOrganization, collectors.ErrUnauthenticated},
		"says not who":   {map[string][]reply{"sts:GetCallerIdentity": {ok(`<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>`)}}, inOrganization, collectors.ErrIncomplete},
		"not an answer":  {map[string][]reply{"sts:GetCallerIdentity": {ok(`<html>hello`)}}, inOrganization, collectors.ErrIncomplete},
		"unknown answer": {map[string][]reply{"sts:GetCallerIdentity": {{status: 404, body: "<html>"}}}, inOrganization, collectors.ErrIncomplete},
	} {
		t.Run(name, func(t *testing.T) {
			s := newRig(t, with(tt.replies), tt.change).capture(t, other, kindRegion)
			if !errors.Is(s.Err, tt.want) || len(s.Exchanges) == 0 {
				t.Errorf("error %v, %d exchanges; want %v", s.Err, len(s.Exchanges), tt.want)
			}
		})
	}
}

func TestNoCredentialAtAll(t *testing.T) {
	r := newRig(t, base())
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	cfg := newConfig()
	cfg.Common.Endpoint = r.Config.Base().Endpoint
	s, err := transport.Open(Spec(), cfg, transport.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	snap := s.Visit(t.Context(), own).Capture(t.Context(), kindRegion, evidence.Window{})
	if !errors.Is(snap.Err, collectors.ErrUnauthenticated) || len(snap.Exchanges) != 0 {
		t.Errorf("error %v, %d exchanges", snap.Err, len(snap.Exchanges))
	}
}

func TestRegions(t *testing.T) {
	t.Run("configured", func(t *testing.T) {
		r := newRig(t, base(), func(c *Config) { c.Regions = Choice{List: []string{"eu-west-1"}} })
		expect(t, r.capture(t, own, kindRegion), true, "eu-west-1 eu-west-1 [] {}\n111122223333 read")
	})
	t.Run("switched off", func(t *testing.T) {
		listed := strings.Replace(regionsXML, "opt-in-not-required", notOptedIn, 1)
		expect(t, newRig(t, with(map[string][]reply{"ec2:DescribeRegions": {ok(listed)}})).capture(t, own, kindRegion), true,
			"eu-west-1 eu-west-1 [] {\"opt_in_status\":\"opt-in-not-required\"}\n111122223333 read")
	})
	t.Run("denied stops only what needs them", func(t *testing.T) {
		replies := map[string][]reply{"ec2:DescribeRegions": {ec2Error(403, "UnauthorizedOperation")}, "iam:GetAccountPasswordPolicy": {queryError(404, "NoSuchEntity")},
			"iam:GetAccountSummary": query("GetAccountSummary", `<SummaryMap><entry><key>Users</key><value>3</value></entry></SummaryMap>`)}
		r := newRig(t, with(replies))
		for kind, want := range map[evidence.Kind]error{kindRegion: collectors.ErrDenied, kindTrail: collectors.ErrDenied, kindPasswordPolicy: nil} {
			if s := r.capture(t, own, kind); !errors.Is(s.Err, want) {
				t.Errorf("%s: %v, want %v", kind, s.Err, want)
			}
		}
	})
}

// TestCABundle: where AWS_CA_BUNDLE is set, the SDK refuses other HTTP clients
// than its own while it reads its configuration.
func TestCABundle(t *testing.T) {
	environment(t)
	t.Setenv("AWS_CA_BUNDLE", "testdata/ca.pem")
	if _, err := transport.Open(Spec(), newConfig(), transport.Options{}, nil); err != nil {
		t.Error(err)
	}
}
