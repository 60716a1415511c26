package aws

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/evidenced/evidenced/collectors"
)

// statement is one statement of an IAM policy.
type statement struct {
	Sid      string   `json:"Sid"`
	Effect   string   `json:"Effect"`
	Action   []string `json:"Action"`
	Resource string   `json:"Resource"`
}

// sid names a statement after a service. IAM takes letters and digits only.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html
func sid(service string) (name string) {
	for part := range strings.SplitSeq(service, "-") {
		name += strings.ToUpper(part[:1]) + part[1:]
	}
	return name
}

// policy gives the IAM policy that grants the calls, one statement per
// service. ROLE stands for role_name; the last statement is needed only by the
// credential that takes that role in other accounts.
func policy(calls []collectors.Call) ([]byte, error) {
	byService := map[string][]string{}
	for _, c := range calls {
		for _, p := range c.Permissions {
			service, _, _ := strings.Cut(p, ":")
			byService[service] = append(byService[service], p)
		}
	}
	doc := struct {
		Version   string      `json:"Version"`
		Statement []statement `json:"Statement"`
	}{Version: "2012-10-17"}
	for service, actions := range byService {
		slices.Sort(actions)
		s := statement{sid(service), "Allow", slices.Compact(actions), "*"}
		if service == "sts" {
			s.Resource = "arn:aws:iam::*:role/ROLE"
		}
		doc.Statement = append(doc.Statement, s)
	}
	slices.SortFunc(doc.Statement, func(a, b statement) int { return strings.Compare(a.Sid, b.Sid) })
	b, err := json.MarshalIndent(doc, "", "  ")
	return append(b, '\n'), err
}
