package collectors

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	var p Patterns
	for _, name := range []string{"GET /teams/{team}", "GET /teams/{team}/users", "POST /teams/{team}"} {
		if err := p.Add(name); err != nil {
			t.Fatal(err)
		}
	}
	for address, want := range map[string]string{"/teams/a": "GET /teams/{team}", "/teams/a/users": "GET /teams/{team}/users", "/teams": "", "/teams/a/": ""} {
		if got := p.Call(httptest.NewRequest(http.MethodGet, address, nil)); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	if got := new(Patterns).Call(httptest.NewRequest(http.MethodGet, "/", nil)); got != "" {
		t.Errorf("none declared: %q", got)
	}
}

// TestPatternErrors: an error names the calls, and neither net/http nor a file of ours.
func TestPatternErrors(t *testing.T) {
	for name, want := range map[string]string{
		"GET /{what}/acme":    `call "GET /{what}/acme" cannot be told from call "GET /teams/{team}": a request may match both`,
		"GET /teams/{team}":   `cannot be told from call "GET /teams/{team}"`,
		"GET /teams/{other}":  `cannot be told from call "GET /teams/{team}"`,
		"GET /{id}/x/{id}":    `call "GET /{id}/x/{id}" is no pattern such as GET /users/{id}: duplicate wildcard name "id"`,
		"GET /x/{}":           "empty wildcard",
		"GET /x/{a}b":         "is no pattern such as GET /users/{id}: ",
		"GE(T /x":             "is no pattern such as GET /users/{id}: ",
		"GET /x/{a...}/users": "is no pattern such as GET /users/{id}: ",
	} {
		var p Patterns
		if err := p.Add("GET /teams/{team}"); err != nil {
			t.Fatal(err)
		}
		err := p.Add(name)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "registered at") || strings.Contains(err.Error(), ".go") {
			t.Errorf("%s: %v\nwant %s", name, err, want)
		}
	}
}
