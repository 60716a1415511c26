package transport

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/collectors"
)

// TestPostedBodies: a body may lack declared members, and have no others.
func TestPostedBodies(t *testing.T) {
	id, err := newIdentifier(collectors.Spec{Calls: []collectors.Call{
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
