package collectors

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

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

// TestPostedBodies: a body may lack declared members, and have no others.
func TestPostedBodies(t *testing.T) {
	id, err := newIdentifier(Spec{Calls: []Call{
		{Name: "POST /search", Body: `{"jql":"{free}","limit":100,"page":{"after":"{page}"}}`},
		{Name: "POST /token", Body: `{"grant_type":"client_credentials","secret":"{free}"}`},
	}}, "")
	if err != nil {
		t.Fatal(err)
	}
	const form = "application/x-www-form-urlencoded"
	for _, tt := range []struct {
		path, kind, body string
		ok               bool
	}{
		{"/search", "application/json", `{"jql":"x","limit":100,"page":{"after":"y"}}`, true},
		{"/search", "application/json", `{"jql":"x"}`, true},
		{"/search", "application/json", `{"page":{"after":7}}`, true},
		{"/search", "application/json", `{"limit":101}`, false},
		{"/search", "application/json", `{"jql":{"a":1}}`, false},
		{"/search", "application/json", `{"page":{"delete":true}}`, false},
		{"/search", "application/json", `{"delete":true}`, false},
		{"/search", "application/json", `[]`, false},
		{"/search", "application/json", `{`, false},
		{"/token", form, `grant_type=client_credentials&secret=s3`, true},
		{"/token", form, `grant_type=password`, false},
		{"/token", form, `secret=a&secret=b`, false},
		{"/token", form, `%zz`, false},
		{"/token", form, ``, true},
		{"/other", "application/json", `{}`, false},
	} {
		r := httptest.NewRequest(http.MethodPost, tt.path, strings.NewReader(tt.body))
		r.Header.Set("Content-Type", tt.kind)
		if _, err := id.identify(r, []byte(tt.body)); (err == nil) != tt.ok {
			t.Errorf("%s %s: %v", tt.path, tt.body, err)
		}
	}
}
