package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

const (
	kindIAMAccount     evidence.Kind = "aws.iam.account"
	kindPasswordPolicy evidence.Kind = "aws.iam.password_policy"
	kindUser           evidence.Kind = "aws.iam.user"
)

func iamKinds() []kind {
	return []kind{
		{state(kindIAMAccount, "The account's root user and counts of its users and MFA devices."),
			[]call{{name: "iam:GetAccountSummary", why: "root user and counts"}, {name: "iam:ListVirtualMFADevices", why: "whether the root user's device is a virtual one"}}, inAccount((*session).collectSummary)},
		{state(kindPasswordPolicy, "The account's password policy, or that there is none, and how many users it is for."),
			[]call{{name: "iam:GetAccountPasswordPolicy", why: "password policy"}, {name: "iam:GetAccountSummary", why: "root user and counts"}}, inAccount((*session).collectPasswordPolicy)},
		{state(kindUser, "A user, or the root user, as of the credential report.",
			"password_last_used_at", "access_key_1_last_used_at", "access_key_2_last_used_at"),
			[]call{
				{name: "iam:GenerateCredentialReport", why: "makes AWS prepare the credential report; changes nothing"},
				{name: "iam:GetCredentialReport", why: "users, passwords, keys, MFA"},
			}, inAccount((*session).collectUsers)},
	}
}

// collectSummary reads the account's root user and counts; unlike the
// credential report they are of this moment.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html
func (s *session) collectSummary(ctx context.Context, out *collectors.Output) error {
	summary, err := s.summary(ctx, out)
	if err != nil {
		return err
	}
	a := collectors.Attributes{}
	if v, present := summary["AccountMFAEnabled"]; present {
		a["root_mfa"] = v != 0
	}
	for name, key := range map[string]string{
		"root_access_keys": "AccountAccessKeysPresent", "root_password_present": "AccountPasswordPresent",
		"users": "Users", "mfa_devices": "MFADevices", "mfa_devices_in_use": "MFADevicesInUse",
	} {
		if v, present := summary[key]; present {
			a[name] = int64(v)
		}
	}
	unread := s.addRootDevice(ctx, out, a)
	return first([]error{unread, out.Emit(evidence.Record{ID: s.account, Name: s.account, Attributes: a})})
}

// summary reads the counts of the account once for all kinds.
func (s *session) summary(ctx context.Context, out *collectors.Output) (map[string]int32, error) {
	type reading struct {
		out    *collectors.Output
		counts map[string]int32
	}
	r, err := collectors.Shared(ctx, "account summary", func(ctx context.Context) (reading, error) {
		resp, err := iamClient(s.aws).GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
		if err != nil {
			return reading{}, classify(err)
		}
		if len(resp.SummaryMap) == 0 {
			return reading{}, collectors.Incomplete("iam:GetAccountSummary says nothing")
		}
		own := collectors.NewOutput(kindIAMAccount)
		own.Page()
		return reading{own, resp.SummaryMap}, nil
	})
	if err != nil {
		return nil, err
	}
	out.Adopt(r.out)
	return r.counts, nil
}

// addRootDevice says whether the root user's device is a virtual one. It is
// asked only where there is a device.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListVirtualMFADevices.html
func (s *session) addRootDevice(ctx context.Context, out *collectors.Output, a collectors.Attributes) error {
	if a["root_mfa"] != true {
		return nil
	}
	client, virtual := iamClient(s.aws), false
	err := rows(ctx, out, func(ctx context.Context, token *string) ([]types.VirtualMFADevice, *string, error) {
		page, err := client.ListVirtualMFADevices(ctx, &iam.ListVirtualMFADevicesInput{AssignmentStatus: types.AssignmentStatusTypeAssigned, Marker: token, MaxItems: aws.Int32(1000)})
		if err != nil {
			return nil, nil, err
		}
		return page.VirtualMFADevices, page.Marker, nil
	}, func(d types.VirtualMFADevice) error {
		virtual = virtual || d.User != nil && aws.ToString(d.User.Arn) == "arn:"+s.partition+":iam::"+s.account+":root"
		return nil
	})
	if err != nil {
		out.Scope(evidence.Scope(s.account), nil)
		out.Scope(s.scope("root-device"), err)
		return err
	}
	a["root_mfa_virtual"] = virtual
	return nil
}

// collectPasswordPolicy reads the password policy. That there is none is a fact.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountPasswordPolicy.html
func (s *session) collectPasswordPolicy(ctx context.Context, out *collectors.Output) error {
	resp, err := iamClient(s.aws).GetAccountPasswordPolicy(ctx, &iam.GetAccountPasswordPolicyInput{})
	a := collectors.Attributes{"exists": true}
	switch {
	case code(err) == "NoSuchEntity":
		a["exists"] = false
	case err != nil:
		return classify(err)
	case resp.PasswordPolicy == nil || resp.PasswordPolicy.MinimumPasswordLength == nil:
		return collectors.Incomplete("iam:GetAccountPasswordPolicy states no minimum length")
	default:
		p := resp.PasswordPolicy
		a.Int("minimum_length", number(p.MinimumPasswordLength))
		a.Int("max_age_days", number(p.MaxPasswordAge))
		a.Int("reuse_prevention", number(p.PasswordReusePrevention))
		a.Bool("hard_expiry", p.HardExpiry)
		a["require_symbols"], a["require_numbers"] = p.RequireSymbols, p.RequireNumbers
		a["require_uppercase"], a["require_lowercase"] = p.RequireUppercaseCharacters, p.RequireLowercaseCharacters
		a["expire"], a["allow_change"] = p.ExpirePasswords, p.AllowUsersToChangePassword
	}
	out.Page()
	if weak(resp) {
		s.addUsers(ctx, out, a)
	}
	return out.Emit(evidence.Record{ID: s.account, Name: s.account, Attributes: a})
}

// weak reports that there is no policy, or one that asks for less than the baseline
// of CIS: it matters only to who has users.
func weak(resp *iam.GetAccountPasswordPolicyOutput) bool {
	return resp == nil || resp.PasswordPolicy == nil || aws.ToInt32(resp.PasswordPolicy.MinimumPasswordLength) < 14 || aws.ToInt32(resp.PasswordPolicy.PasswordReusePrevention) < 24
}

// addUsers says how many users the account has.
func (s *session) addUsers(ctx context.Context, out *collectors.Output, a collectors.Attributes) {
	counts, err := s.summary(ctx, out)
	if n, present := counts["Users"]; present {
		a["users"] = int64(n)
	}
	if err != nil {
		out.Scope(evidence.Scope(s.account), nil)
		out.Scope(s.scope("users"), err)
	}
}

func number(v *int32) *int {
	if v == nil {
		return nil
	}
	n := int(*v)
	return &n
}
