package aws

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/evidenced/evidenced/collectors"
)

// terraform returns the role of an account with its policy, and the policy of the
// credential that takes the role. JSON is HCL too, where no text holds "${".
func terraform(calls []collectors.Call) ([]byte, error) {
	forRole, forBase := divided(calls)
	read, err := indented(allow(forRole, nil))
	if err != nil {
		return nil, err
	}
	base, err := indented(allow(forBase, "arn:aws:iam::*:role/ROLE"))
	if err != nil {
		return nil, err
	}
	base = bytes.ReplaceAll(base, []byte("role/ROLE"), []byte("role/${var.role_name}"))
	return fmt.Appendf(nil, terraformText, read, base), nil
}

func indented(p allowance) ([]byte, error) { return json.MarshalIndent(p, "  ", "  ") }

const terraformText = `# The read-only role that evidenced takes in an account, and what its own credential may do.
# Made by: evidenced permissions aws --as terraform

variable "role_name" {
  type        = string
  default     = "EvidencedReadOnly"
  description = "As in role_name of evidenced.yaml."
}

variable "trusted_principal" {
  type        = string
  description = "ARN of the role or user that evidenced runs with."
}

variable "external_id" {
  type        = string
  description = "As in external_id of evidenced.yaml."
}

resource "aws_iam_policy" "evidenced" {
  name   = var.role_name
  policy = jsonencode(%s)
}

resource "aws_iam_role" "evidenced" {
  name = var.role_name
  assume_role_policy = jsonencode({
    "Version" : "2012-10-17",
    "Statement" : [{
      "Effect" : "Allow",
      "Principal" : { "AWS" : var.trusted_principal },
      "Action" : "sts:AssumeRole",
      "Condition" : { "StringEquals" : { "sts:ExternalId" : var.external_id } }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "evidenced" {
  role       = aws_iam_role.evidenced.name
  policy_arn = aws_iam_policy.evidenced.arn
}

# For the credential that evidenced runs with: give it this policy.
output "base_policy" {
  value = jsonencode(%s)
}
`

// cloudFormation returns the role with its policy, to be put into every account
// by a stack set, and states the policy of the base credential as its metadata.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html
func cloudFormation(calls []collectors.Call) ([]byte, error) {
	forRole, forBase := divided(calls)
	type object = map[string]any
	text := func(description string) object { return object{"Type": "String", "Description": description} }
	name := text("As in role_name of evidenced.yaml.")
	name["Default"] = "EvidencedReadOnly"
	ref := func(parameter string) object { return object{"Ref": parameter} }
	return marshal(object{
		"AWSTemplateFormatVersion": "2010-09-09",
		"Description":              "The read-only role that evidenced takes in an account. Made by: evidenced permissions aws --as cloudformation",
		"Parameters": object{
			"RoleName": name, "TrustedPrincipal": text("ARN of the role or user that evidenced runs with."), "ExternalId": text("As in external_id of evidenced.yaml."),
		},
		"Metadata": object{"PolicyOfTheBaseCredential": allow(forBase, "arn:aws:iam::*:role/ROLE")},
		"Resources": object{
			"Policy": object{"Type": "AWS::IAM::ManagedPolicy", "Properties": object{"ManagedPolicyName": ref("RoleName"), "PolicyDocument": allow(forRole, nil), "Roles": []any{ref("Role")}}},
			"Role": object{"Type": "AWS::IAM::Role", "Properties": object{
				"RoleName": ref("RoleName"),
				"AssumeRolePolicyDocument": object{"Version": "2012-10-17", "Statement": []any{object{
					"Effect": "Allow", "Principal": object{"AWS": ref("TrustedPrincipal")}, "Action": "sts:AssumeRole",
					"Condition": object{"StringEquals": object{"sts:ExternalId": ref("ExternalId")}},
				}}},
			}},
		},
	})
}

func marshal(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	return append(b, '\n'), err
}
