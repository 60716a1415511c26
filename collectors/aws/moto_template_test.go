//go:build unix

package aws

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// template: CloudFormation, as moto has it, makes of the template the role that
// it promises.
func (m *moto) template(t *testing.T) {
	text, err := cloudFormation(calls())
	if err != nil {
		t.Fatal(err)
	}
	m.stack(t, url.Values{"Action": {"CreateStack"}, "StackName": {"evidenced"}, "TemplateBody": {string(text)},
		"Parameters.member.1.ParameterKey": {"TrustedPrincipal"}, "Parameters.member.1.ParameterValue": {"arn:aws:iam::123456789012:role/evidenced"},
		"Parameters.member.2.ParameterKey": {"ExternalId"}, "Parameters.member.2.ParameterValue": {"x"}})
	s := m.seed(t)
	c := iamClient(s.aws)
	role := write(s, c.GetRole, iam.GetRoleInput{RoleName: aws.String("EvidencedReadOnly")}).Role
	trust, err := url.QueryUnescape(aws.ToString(role.AssumeRolePolicyDocument))
	if err != nil || !strings.Contains(trust, "sts:ExternalId") || !strings.Contains(trust, "role/evidenced") {
		t.Errorf("the role trusts %s, %v", trust, err)
	}
	attached := write(s, c.ListAttachedRolePolicies, iam.ListAttachedRolePoliciesInput{RoleName: role.RoleName}).AttachedPolicies
	if len(attached) != 1 {
		t.Fatalf("%d policies", len(attached))
	}
	version := write(s, c.GetPolicyVersion, iam.GetPolicyVersionInput{PolicyArn: attached[0].PolicyArn, VersionId: aws.String("v1")})
	policy, err := url.QueryUnescape(aws.ToString(version.PolicyVersion.Document))
	if err != nil {
		t.Fatal(err)
	}
	if got := actions(t, policy); !slices.Equal(got, declaredFor(roleCalls)) {
		t.Errorf("the role may %v", got)
	}
}

// stack asks moto's CloudFormation.
func (m *moto) stack(t *testing.T, form url.Values) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, m.url, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/cloudformation/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	if b, err := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || err != nil {
		t.Fatalf("%d %.500s %v", resp.StatusCode, b, err)
	}
}
