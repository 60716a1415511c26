package aws

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/evidenced/evidenced/collectors"
)

// actions returns what a policy allows, in order.
func actions(t *testing.T, policy string) (all []string) {
	t.Helper()
	var doc struct{ Statement []struct{ Action []string } }
	if err := json.Unmarshal([]byte(policy), &doc); err != nil {
		t.Fatalf("%v in %.200s", err, policy)
	}
	for _, s := range doc.Statement {
		all = append(all, s.Action...)
	}
	slices.Sort(all)
	return all
}

// declaredFor returns the permissions of some of the calls, in order.
func declaredFor(want func(collectors.Call) bool) (all []string) {
	for _, c := range calls() {
		if want(c) {
			all = append(all, c.Permissions...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func roleCalls(c collectors.Call) bool { return !ofBase(c) }

// TestPolicyFits: IAM takes a managed policy of 6,144 characters, not counting white space.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
func TestPolicyFits(t *testing.T) {
	b, err := printedPolicy(calls())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(strings.Join(strings.Fields(string(b)), "")); n > 6144 {
		t.Errorf("%d characters", n)
	}
	if got, want := actions(t, string(b)), declaredFor(func(collectors.Call) bool { return true }); !slices.Equal(got, want) {
		t.Errorf("allows %v, declared are %v", got, want)
	}
	for _, a := range actions(t, string(b)) {
		if strings.Contains(a, "*") {
			t.Errorf("%s is more than one action", a)
		}
	}
}

// TestTerraform reads the template as Terraform would, and evaluates its policies.
func TestTerraform(t *testing.T) {
	text, err := terraform(calls())
	if err != nil {
		t.Fatal(err)
	}
	file, diags := hclsyntax.ParseConfig(text, "role.tf", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	ctx := &hcl.EvalContext{
		Functions: map[string]function.Function{"jsonencode": stdlib.JSONEncodeFunc},
		Variables: map[string]cty.Value{"var": cty.ObjectVal(map[string]cty.Value{
			"role_name": cty.StringVal("Reader"), "trusted_principal": cty.StringVal("arn:aws:iam::1:role/evidenced"), "external_id": cty.StringVal("x"),
		})},
	}
	got := map[string]string{}
	for _, b := range file.Body.(*hclsyntax.Body).Blocks {
		for _, name := range []string{"policy", "assume_role_policy", "value"} {
			if at := b.Body.Attributes[name]; at != nil {
				v, diags := at.Expr.Value(ctx)
				if diags.HasErrors() {
					t.Fatal(diags)
				}
				got[strings.Join(b.Labels, ".")+"."+name] = v.AsString()
			}
		}
	}
	if all := actions(t, got["aws_iam_policy.evidenced.policy"]); !slices.Equal(all, declaredFor(roleCalls)) {
		t.Errorf("the role may %v", all)
	}
	if all := actions(t, got["base_policy.value"]); !slices.Equal(all, declaredFor(ofBase)) || !strings.Contains(got["base_policy.value"], `"arn:aws:iam::*:role/Reader"`) {
		t.Errorf("the base may %s", got["base_policy.value"])
	}
	if trust := got["aws_iam_role.evidenced.assume_role_policy"]; !strings.Contains(trust, `{"sts:ExternalId":"x"}`) || !strings.Contains(trust, "role/evidenced") {
		t.Errorf("the role trusts %s", trust)
	}
}
