package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func parsed(t testing.TB, text string) Document {
	t.Helper()
	d, err := Parse(text)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return d
}

// open1 is a policy of a resource with one statement for everyone, under conditions.
func forAll(conditions string) string {
	return `{"Statement":[{"Sid":"S","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunction","Resource":"*","Condition":{` + conditions + `}}]}`
}

// TestConditions: whom the conditions of a statement for everyone leave out.
func TestConditions(t *testing.T) {
	for conditions, want := range map[string]string{
		``: "world",
		`"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}`:                                                   "world",
		`"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}`:                                                "world",
		`"Bool":{"aws:SecureTransport":"true"}`:                                                                  "world",
		`"Bool":{"aws:SecureTransport":true},"StringEquals":{"AWS:sourceaccount":"111122223333"}`:                "conditional",
		`"StringEquals":{"aws:SourceAccount":["111122223333","444455556666"]}`:                                   "conditional",
		`"NumericEquals":{"aws:SourceAccount":111122223333}`:                                                     "conditional",
		`"StringLike":{"aws:SourceAccount":"*"}`:                                                                 "world",
		`"StringLike":{"aws:SourceAccount":["111122223333","1*"]}`:                                               "world",
		`"StringNotEquals":{"aws:SourceAccount":"111122223333"}`:                                                 "world",
		`"StringEqualsIfExists":{"aws:SourceAccount":"111122223333"}`:                                            "world",
		`"StringEqualsIfExists":{"aws:SourceAccount":"111122223333"},"Null":{"aws:SourceAccount":"false"}`:       "conditional",
		`"ForAllValues:StringEquals":{"aws:PrincipalOrgPaths":"o-a/r-b/"}`:                                       "world",
		`"ForAllValues:StringLike":{"aws:PrincipalOrgPaths":"o-a/r-b/*"},"Null":{"aws:PrincipalOrgPaths":false}`: "conditional",
		`"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-a/*"}`:                                             "conditional",
		`"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-*/*"}`:                                             "world",
		`"StringEquals":{"aws:PrincipalOrgID":"o-a"}`:                                                            "conditional",
		`"StringLike":{"aws:PrincipalOrgID":"o-*"}`:                                                              "world",
		`"Null":{"aws:PrincipalOrgID":"false"}`:                                                                  "world",
		`"ArnLike":{"aws:SourceArn":"arn:aws:sns:us-east-1:111122223333:*"}`:                                     "conditional",
		`"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:*:alerts"}`:                                                   "world",
		`"ArnEquals":{"aws:SourceArn":"arn:aws:s3:*:*:*"}`:                                                       "world",
		`"ArnLike":{"aws:SourceArn":"arn:aws:s3:::data"}`:                                                        "conditional",
		`"ArnLike":{"aws:SourceArn":"arn:aws:s3:::data-*"}`:                                                      "world",
		`"StringLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/*"}`:                                   "conditional",
		`"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/deploy"}`:                                            "world",
		`"StringLike":{"aws:userid":"AROAEXAMPLE:*"}`:                                                            "conditional",
		`"StringLike":{"aws:userid":"*:ann"}`:                                                                    "world",
		`"StringEquals":{"aws:PrincipalTag/team":"ops"}`:                                                         "world",
		`"StringEquals":{"aws:SourceVpce":"vpce-1"}`:                                                             "conditional",
		`"StringLike":{"aws:SourceVpce":"vpce-*"}`:                                                               "world",
		`"IpAddress":{"aws:VpcSourceIp":"10.0.0.0/8"}`:                                                           "world",
		`"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}`:                                                          "conditional",
		`"IpAddress":{"aws:SourceIp":["203.0.113.0/24","::/0"]}`:                                                 "world",
		`"IpAddress":{"aws:SourceIp":["0.0.0.0/1","128.0.0.0/1"]}`:                                               "world",
		`"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}`:                                                       "world",
		`"StringEquals":{"sts:ExternalId":"x"}`:                                                                  "world",
		`"StringEquals":{"aws:Referer":"https://acme.example"}`:                                                  "world",
		`"StringEquals":{"acme:NewKey":"x"}`:                                                                     "S",
		`"DateLessThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}`:                                              "S",
		`"StringEquals":{"aws:SourceAccount":"${aws:PrincipalAccount}"}`:                                         "S",
		`"StringEquals":{"acme:NewKey":"x","aws:SourceVpc":"vpc-1"}`:                                             "conditional",
		`"StringEquals":{"kms:ViaService":"s3.us-east-1.amazonaws.com","kms:CallerAccount":"111122223333"}`:      "conditional",
		`"StringEquals":{"kms:ViaService":"s3.us-east-1.amazonaws.com"}`:                                         "world",
		`"Bool":{"elasticfilesystem:AccessedViaMountTarget":"true"}`:                                             "conditional",
		`"StringEquals":{"aws:PrincipalOrgID":[]}`:                                                               "world",
	} {
		a := parsed(t, forAll(conditions)).Access()
		got := strings.Join(a.Undecided, " ")
		switch {
		case a.World:
			got = "world"
		case a.Conditional:
			got = "conditional"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", conditions, got, want)
		}
	}
}

// TestAccess: principals, and what other statements deny.
func TestAccess(t *testing.T) {
	const everyone = `{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}`
	for text, world := range map[string]bool{
		`{"Statement":` + everyone + `}`: true,
		`{"Statement":{"Effect":"Allow","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"s3:*","Resource":"*"}}`:                                                                                                                       true,
		`{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"s3:*","Resource":"*"}}`:                                                                                                                          false,
		`{"Statement":{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"s3:*","Resource":"*"}}`:                                                                                                                                    false,
		`{"Statement":[` + everyone + `,{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}]}`:                                                                                                                                             false,
		`{"Statement":[` + everyone + `,{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::data","arn:aws:s3:::data/*"],"Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"o-a"}}}]}`:                                        false,
		`{"Statement":[` + everyone + `,{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::data/*","Condition":{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-a"},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}}]}`: false,
		`{"Statement":[` + everyone + `,{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"o-a"},"Bool":{"aws:SecureTransport":"false"}}}]}`:                                         true,
		`{"Statement":[` + everyone + `,{"Effect":"Deny","Principal":"*","Action":"s3:Put*","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"o-a"}}}]}`:                                                                             true,
		`{"Statement":[` + everyone + `,{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::data/private/*"}]}`:                                                                                                                   true,
		`{"Statement":[` + everyone + `,{"Effect":"Deny","Principal":"*","NotAction":"s3:GetObject","Resource":"*"}]}`:                                                                                                                                  true,
		`{"Statement":[` + everyone + `,{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":"s3:*","Resource":"*"}]}`:                                                                                                        true,
		`{"Statement":[` + everyone + `,{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"s3:*","Resource":"*"}]}`:                                                                                                     false,
		`{"Statement":[` + everyone + `,{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":["203.0.113.0/24"]}}}]}`:                                                                            false,
		`{"Statement":[` + everyone + `,{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":["0.0.0.0/0"]}}}]}`:                                                                                 true,
	} {
		if a := parsed(t, text).Access(); a.World != world || len(a.Undecided) > 0 {
			t.Errorf("%s: %+v, want world %v", text, a, world)
		}
	}
}

func federated(issuer, conditions string) string {
	return `{"Statement":{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/` + issuer + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{` + conditions + `}}}`
}

// TestTrust: who may assume a role.
func TestTrust(t *testing.T) {
	const gh, aud = "token.actions.githubusercontent.com", `"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}`
	sub := func(operator, value string) string {
		return fmt.Sprintf(`%s,%q:{"token.actions.githubusercontent.com:sub":%q}`, aud, operator, value)
	}
	for text, anyone := range map[string]bool{
		federated(gh, aud): true,
		federated(gh, sub("StringLike", "repo:acme/*")):                                                                                        false,
		federated(gh, sub("StringLike", "repo:acme*")):                                                                                         true,
		federated(gh, sub("StringLike", "repo:acme*/*")):                                                                                       true,
		federated(gh, sub("StringLike", "repo:*/app:*")):                                                                                       true,
		federated(gh, sub("StringLike", "repo:*")):                                                                                             true,
		federated(gh, sub("StringLike", "*")):                                                                                                  true,
		federated(gh, sub("StringLike", "*:environment:production")):                                                                           true,
		federated(gh, sub("StringLike", "repository_owner:acme:*")):                                                                            false,
		federated(gh, sub("StringEquals", "repo:acme/*")):                                                                                      false, // a literal that nobody has
		federated(gh, sub("ForAnyValue:StringLike", "repo:acme/app:*")):                                                                        false,
		federated(gh, sub("StringNotLike", "repo:evil/*")):                                                                                     true,
		federated(gh, `"StringEquals":{"token.actions.githubusercontent.com:repository_owner":"acme"}`):                                        false,
		federated(gh, `"StringEquals":{"token.actions.githubusercontent.com:actor":"ann"}`):                                                    true,
		federated("gitlab.com", `"StringEquals":{"gitlab.com:aud":"https://gitlab.com"}`):                                                      true,
		federated("gitlab.com", `"StringLike":{"gitlab.com:sub":"project_path:acme/*:ref_type:branch:ref:main"}`):                              false,
		federated("gitlab.com", `"StringLike":{"gitlab.com:sub":"project_path:*:ref_type:branch:ref:main"}`):                                   true,
		federated("gitlab.acme.example", `"StringEquals":{"gitlab.acme.example:aud":"x"}`):                                                     false,
		federated("app.terraform.io", `"StringEquals":{"app.terraform.io:aud":"aws.workload.identity"}`):                                       true,
		federated("app.terraform.io", `"StringLike":{"app.terraform.io:sub":"organization:acme:project:*"}`):                                   false,
		federated("app.terraform.io", `"StringLike":{"app.terraform.io:sub":"organization:*:project:web"}`):                                    true,
		federated("oidc.eks.us-east-1.amazonaws.com/id/ABC", ``):                                                                               false,
		`{"Statement":{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity"}}`: true,
		`{"Statement":{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"us-east-1:1"}}}}`: false,
		`{"Statement":{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:saml-provider/okta"},"Action":"sts:AssumeRoleWithSAML"}}`:                                                                            false,
		`{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}`:                                                                                                                                             true,
		`{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:*","Condition":{"StringEquals":{"sts:ExternalId":"x"}}}}`:                                                                                                  true,
		`{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-a"}}}}`:                                                                                   false,
		`{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:TagSession"}}`:                                                                                                                                             false,
		`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"},{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringNotEquals":{"aws:PrincipalAccount":"111122223333"}}}]}`:       false,
	} {
		if got := parsed(t, text).Trust("111122223333"); got.Anyone != anyone || len(got.Undecided) > 0 {
			t.Errorf("%s: %+v, want anyone %v", text, got, anyone)
		}
	}
}

// TestDeputy: other accounts that a role trusts, and without what.
func TestDeputy(t *testing.T) {
	for condition, bare := range map[string]bool{
		``:                                      true,
		`"StringEquals":{"sts:ExternalId":"x"}`: false,
		`"StringLike":{"sts:ExternalId":"*"}`:   true,
		`"StringEqualsIfExists":{"sts:ExternalId":"x"}`:        true,
		`"ForAllValues:StringEquals":{"sts:ExternalId":["x"]}`: true,
		`"StringNotEquals":{"sts:ExternalId":"x"}`:             true,
		`"StringEquals":{"aws:PrincipalOrgID":"o-a"}`:          false,
		`"Bool":{"aws:MultiFactorAuthPresent":"true"}`:         false,
		`"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}`: true,
		`"StringEquals":{"aws:PrincipalTag/x":"y"}`:            true,
	} {
		text := `{"Statement":{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::999988887777:root","arn:aws:iam::111122223333:root","AIDAGONE"]},"Action":"sts:AssumeRole","Condition":{` + condition + `}}}`
		got := parsed(t, text).Trust("111122223333")
		if !slices.Equal(got.Accounts, []string{"999988887777"}) || slices.Equal(got.Bare, got.Accounts) != bare || got.Anyone {
			t.Errorf("%s: %+v, want bare %v", condition, got, bare)
		}
	}
}

// TestRights: who is an administrator, and who can become one.
func TestRights(t *testing.T) {
	const all = `{"Effect":"Allow","Action":"*","Resource":"*"}`
	for text, want := range map[string]string{
		all: "admin",
		`{"Effect":"Allow","Action":["*:*"],"Resource":["arn:aws:*:*:*:*"]}`:        "admin",
		`{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::audit-logs/*"}`: "admin",
		`{"Effect":"Allow","NotAction":"aws-portal:*","Resource":"*"}`:              "admin",
		`{"Effect":"Allow","NotAction":["iam:*","organizations:*","account:*"],"Resource":"*"},{"Effect":"Allow","Action":["iam:CreateServiceLinkedRole","iam:ListRoles","organizations:DescribeOrganization"],"Resource":"*"}`: "",
		all + `,{"Effect":"Deny","Action":["iam:*","sso:*","organizations:*"],"Resource":"*"}`:                                                                                                                                  "",
		all + `,{"Effect":"Deny","Action":"s3:DeleteBucket","Resource":"*"}`:                                                                                                                                                    "admin",
		all + `,{"Effect":"Deny","Action":"*","Resource":"*"}`:                                                                                                                                                                  "",
		all + `,{"Effect":"Deny","NotAction":"sts:*","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}`:                                                                                       "admin",
		`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}`:                                                                                                             "admin",
		`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"web"}}}`:                                                                                                            "",
		`{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::data/*"}`:                                                                                                                                                      "",
		`{"Effect":"Allow","Action":"iam:*","Resource":"*"}`:                                                                                                                                                                    "iam:AttachUserPolicy",
		`{"Effect":"Allow","Action":"sso:*","Resource":"*"}`:                                                                                                                                                                    "sso:AttachManagedPolicyToPermissionSet",
		`{"Effect":"Allow","Action":"iam:Get*","Resource":"*"}`:                                                                                                                                                                 "",
		`{"Effect":"Allow","Action":"iam:createpolicyversion","Resource":"arn:aws:iam::*:policy/*"}`:                                                                                                                            "iam:CreatePolicyVersion",
		`{"Effect":"Allow","Action":"iam:CreatePolicyVersion","Resource":"arn:aws:iam::1:policy/app-*"}`:                                                                                                                        "",
		`{"Effect":"Allow","Action":"iam:PutUserPolicy","Resource":"arn:aws:iam::*:user/${aws:username}"}`:                                                                                                                      "iam:PutUserPolicy",
		`{"Effect":"Allow","Action":["iam:*AccessKey*","iam:*MFADevice","iam:ChangePassword"],"Resource":"arn:aws:iam::*:user/${aws:username}"}`:                                                                                "",
		`{"Effect":"Allow","Action":["iam:*AccessKey*"],"Resource":"*"}`:                                                                                                                                                        "iam:CreateAccessKey",
		`{"Effect":"Allow","Action":["iam:PassRole","lambda:*"],"Resource":"*"}`:                                                                                                                                                "iam:PassRole and lambda:CreateFunction and lambda:InvokeFunction",
		`{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::1:role/app"},{"Effect":"Allow","Action":"lambda:*","Resource":"*"}`:                                                                                 "",
		`{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"ecs-tasks.amazonaws.com"}}},{"Effect":"Allow","Action":"lambda:*","Resource":"*"}`:                        "",
		`{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}}},{"Effect":"Allow","Action":"lambda:*","Resource":"*"}`:                           "iam:PassRole and lambda:CreateFunction and lambda:InvokeFunction",
		`{"Effect":"Allow","Action":"iam:PassRole","Resource":"*"}`:                                                                                                                                                             "",
	} {
		r := Rights{Policies: []Document{parsed(t, `{"Statement":[`+text+`]}`)}}
		got := r.Escalation()
		if r.Admin() {
			got = "admin"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
		if none := parsed(t, `{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`); (Rights{r.Policies, &none}).Escalation() != "" {
			t.Errorf("%s: escalates out of its boundary", text)
		}
	}
	boundary := parsed(t, `{"Statement":[`+all+`]}`)
	if r := (Rights{[]Document{boundary}, &boundary}); !r.Admin() {
		t.Error("a boundary of everything bounds nothing")
	}
	if (Rights{}).Admin() || (Rights{Boundary: &boundary}).Admin() {
		t.Error("a boundary gives no rights")
	}
}

// TestTLSOnly: which policies refuse what is not encrypted, of the whole bucket.
func TestTLSOnly(t *testing.T) {
	const when = `"Condition":{"Bool":{"aws:SecureTransport":"false"}}`
	for statements, want := range map[string]bool{
		`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::data","arn:aws:s3:::data/*"],` + when + `}`:                                                                         true,
		`{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"*","Resource":"*",` + when + `}`:                                                                                                            true,
		`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::data*",` + when + `}`:                                                                                                true,
		`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::data",` + when + `},{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::data/*",` + when + `}`: true,
		`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::data/*",` + when + `}`:                                                                                               false,
		`{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"*",` + when + `}`:                                                                                                         false,
		`{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::1:root"},"Action":"s3:*","Resource":"*",` + when + `}`:                                                                                       false,
		`{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::1:root"},"Action":"s3:*","Resource":"*",` + when + `}`:                                                                                    false,
		`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"BoolIfExists":{"aws:SecureTransport":[false]}}}`:                                                                 true,
		`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}`:                                                                          false,
		`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"NumericLessThan":{"s3:TlsVersion":"1.2"}}}`:                                                                      false,
		`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"},"StringEquals":{"aws:PrincipalTag/x":"y"}}}`:                               false,
		`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false","aws:PrincipalIsAWSService":"false"}}}`:                                     true,
		`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:PrincipalIsAWSService":"false"}}}`:                                                                   false,
		`{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}`:                                                                         false,
	} {
		if got := parsed(t, `{"Statement":[`+statements+`]}`).TLSOnly("arn:aws:s3:::data"); got != want {
			t.Errorf("%s: %v, want %v", statements, got, want)
		}
	}
}

// TestWorld: how many addresses are too many.
func TestWorld(t *testing.T) {
	for cidrs, want := range map[string]bool{
		"0.0.0.0/0": true, "::/0": true, "0.0.0.0/1 128.0.0.0/1": true, "0.0.0.0/2 64.0.0.0/2": true, "2000::/3": true, "203.0.113.0/24": false,
		"10.0.0.0/8 172.16.0.0/12 192.168.0.0/16": false, "fc00::/7": false, "pl-1 sg-1": false, "": false, "8.0.0.0/7": true, "128.0.0.0/8": false,
		"1.0.0.0/8 2.0.0.0/8 3.0.0.0/8 4.0.0.0/8 5.0.0.0/8": true, "1.0.0.0/8 1.1.0.0/16 1.2.0.0/16 1.0.0.0/8": false, "2600::/12": false,
	} {
		if got := World(strings.Fields(cidrs)); got != want {
			t.Errorf("%s: %v, want %v", cidrs, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "{", `{"Statement":[{"Effect":"allow"}]}`, `{"Statement":[{}]}`, "%7B%ZZ", `{"Statement":"x"}`, `{"Statement":{"Effect":"Allow","Action":{}}}`} {
		if d, err := Parse(text); err == nil {
			t.Errorf("%q became %+v", text, d)
		}
	}
	if d := parsed(t, "%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22%2A%22%2C%22Resource%22%3A%22%2A%22%7D%7D"); !(Rights{Policies: []Document{d}}).Admin() {
		t.Errorf("%+v is no administrator", d)
	}
}

// FuzzPolicy: whatever a policy says, a statement that denies everyone everything
// ends all access and all rights, and one that allows everyone everything opens it
// unless something denies.
func FuzzPolicy(f *testing.F) {
	f.Add(forAll(`"StringEquals":{"aws:SourceAccount":"111122223333"}`))
	f.Add(federated("token.actions.githubusercontent.com", `"StringLike":{"token.actions.githubusercontent.com:sub":"repo:acme/*"}`))
	f.Add(`{"Statement":[{"Effect":"Allow","NotPrincipal":{"AWS":"1"},"NotAction":["iam:*"],"NotResource":["*"],"Condition":{"Null":{"a:b":"false"}}}]}`)
	f.Add(`{"Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"StringNotLike":{"aws:PrincipalArn":"arn:aws:*"}}},{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse(text)
		if err != nil {
			return
		}
		everything := Statement{Principal: principals{"AWS": {"*"}}, Action: oneOrMore{"*"}, Resource: oneOrMore{"*"}}
		denying, allowing := everything, everything
		denying.Effect, allowing.Effect = deny, allow
		shut := Document{append(slices.Clone(d.Statement), denying)}
		if a := shut.Access(); a.World || len(a.Undecided) > 0 {
			t.Fatalf("%s: %+v is open", text, a)
		}
		if r := shut.Trust("111122223333"); r.Anyone || len(r.Undecided) > 0 {
			t.Fatalf("%s: %+v may assume", text, r)
		}
		if r := (Rights{Policies: []Document{shut}}); r.Admin() || r.Escalation() != "" {
			t.Fatalf("%s: rights in spite of a denial", text)
		}
		if d.TLSOnly("arn:aws:s3:::data") && !shut.TLSOnly("arn:aws:s3:::data") {
			t.Fatalf("%s: a denial more takes one away", text)
		}
		if slices.ContainsFunc(d.Statement, func(s Statement) bool { return s.Effect == deny }) {
			return
		}
		wide := Document{append(slices.Clone(d.Statement), allowing)}
		if !wide.Access().World || !wide.Trust("111122223333").Anyone || !(Rights{Policies: []Document{wide}}).Admin() {
			t.Fatalf("%s: not open in spite of a statement that opens all", text)
		}
	})
}
