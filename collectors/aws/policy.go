package aws

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/evidenced/evidenced/collectors"
)

// allowance is a policy of IAM.
type allowance struct {
	Version   string      `json:"Version"`
	Statement []statement `json:"Statement"`
}

// statement is one statement of it.
type statement struct {
	Sid      string   `json:"Sid"`
	Effect   string   `json:"Effect"`
	Action   []string `json:"Action"`
	Resource any      `json:"Resource"`
}

// sid names a statement after a service. IAM takes letters and digits only.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html
func sid(service string) (name string) {
	for part := range strings.SplitSeq(service, "-") {
		name += strings.ToUpper(part[:1]) + part[1:]
	}
	return name
}

// allow returns the policy that grants the calls, one statement per service. In
// place of ROLE the statement of sts names the roles that may be taken.
func allow(calls []collectors.Call, role any) allowance {
	byService := map[string][]string{}
	for _, c := range calls {
		for _, p := range c.Permissions {
			service, _, _ := strings.Cut(p, ":")
			byService[service] = append(byService[service], p)
		}
	}
	doc := allowance{Version: "2012-10-17"}
	for service, actions := range byService {
		slices.Sort(actions)
		s := statement{sid(service), "Allow", slices.Compact(actions), "*"}
		if service == "sts" {
			s.Resource = role
		}
		doc.Statement = append(doc.Statement, s)
	}
	slices.SortFunc(doc.Statement, func(a, b statement) int { return strings.Compare(a.Sid, b.Sid) })
	return doc
}

// printedPolicy returns the whole policy. ROLE stands for role_name; the last statement
// is needed only by the credential that takes that role in other accounts.
func printedPolicy(calls []collectors.Call) ([]byte, error) {
	b, err := json.MarshalIndent(allow(calls, "arn:aws:iam::*:role/ROLE"), "", "  ")
	return append(b, '\n'), err
}

// ofBase are the calls that only the credential makes which evidenced runs
// with, in its own account; all others are made as the role in each account.
func ofBase(c collectors.Call) bool {
	return c.Name == "organizations:ListAccounts" || c.Name == "sts:AssumeRole"
}

// divided parts the calls of the role from those of the base credential.
func divided(calls []collectors.Call) (role, base []collectors.Call) {
	for _, c := range calls {
		if ofBase(c) {
			base = append(base, c)
		} else {
			role = append(role, c)
		}
	}
	return role, base
}
