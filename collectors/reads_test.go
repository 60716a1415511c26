package collectors

import "testing"

func TestCheckRead(t *testing.T) {
	for name, read := range map[string]bool{
		"GET /orgs/{org}": true, "HEAD /x": true, "GET /user": true,
		"POST /search": false, "DELETE /x": false, "GET /": false, "GET /x/": false, "GET /x/{rest...}": false, "/x": false, "GET example.com/x": false,
		"iam:GetUser": true, "ec2:DescribeRegions": true, "s3:ListBuckets": true, "cloudtrail:LookupEvents": true,
		"iam:GenerateCredentialReport": true, "sts:AssumeRole": true,
		"iam:CreateUser": false, "sts:AssumeRoleWithSAML": false, "iam:GenerateServiceLastAccessedDetails": false,
		"iam:Getaway": false, "iam:Get": false, "": false,
	} {
		if err := CheckRead(name); (err == nil) != read {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestProgramReads(t *testing.T) {
	for name, read := range map[string]bool{
		"RUN git version": true, "RUN id -u": true, "RUN git --git-dir={repository} rev-list --header {tip}": true,
		"RUN git --git-dir={repository} config --get remote.origin.url": true,
		"RUN git --git-dir={repository} config x y":                     false, "RUN git --git-dir={repository} push {remote}": false,
		"RUN git {verb}": false, "RUN sh -c {script}": false, "RUN git version --x": false, "RUN git --git-dir={repository} rev-list": false,
	} {
		if got := CheckRead(name) == nil; got != read {
			t.Errorf("%s: a read is %v", name, got)
		}
	}
}
func TestPostedReads(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		read       bool
	}{
		{"POST /oauth2/v1/token", `{"grant_type":"client_credentials","client_id":"{free}"}`, true},
		{"POST /app/installations/{id}/access_tokens", `{}`, true},
		{"POST /v1/signinattempts", `{"cursor":"{page}"}`, true},
		{"POST /api/v1/reports/custom", `{"fields":["id"]}`, true},
		{"POST /graphql", `{"query":"query { users { id } }","variables":{"after":"{page}"}}`, true},
		{"POST /graphql", `{"query":"mutation { deleteUser }"}`, false},
		{"POST /graphql", `{"query":"query A { a } mutation B { b }"}`, false},
		{"POST /graphql", `{"query":"{free}"}`, false},
		{"POST /graphql", `{}`, false},
		{"POST /api/v2/statements", `{"statement":"SHOW USERS"}`, true},
		{"POST /api/v2/statements", `{"statement":"DROP USER x"}`, false},
		{"POST /api/v2/statements", `{"statement":"SELECT 1; DROP USER x"}`, false},
		{"POST /api/v1/users", `{}`, false},
		{"POST /tokens/create", `{}`, false},
		{"POST /search", ``, false},
		{"POST /search", `[]`, false},
		{"GET /users", `{}`, false},
		{"DELETE /search", ``, false},
	} {
		if err := (Call{Name: tt.name, Body: tt.body}).CheckRead(); (err == nil) != tt.read {
			t.Errorf("%s %s: %v", tt.name, tt.body, err)
		}
	}
}
