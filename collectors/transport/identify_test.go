package transport

import (
	"crypto/tls"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/collectors"
)

func TestOpenRefusesWrites(t *testing.T) {
	for _, calls := range [][]collectors.Call{
		{{Name: "POST /x"}},
		{{Name: "iam:DeleteUser"}},
		{{Name: "GET /a"}, {Name: "GET /a"}},
		{{Name: "GET /a/{x}/b"}, {Name: "GET /a/c/{y}"}}, // neither is the more special one
	} {
		spec := testSpec
		spec.Calls = calls
		if _, err := Open(spec, &testConfig{}, Options{}, nil); err == nil {
			t.Errorf("%v was accepted", calls)
		}
	}
}

func TestIdentifyBelowEndpoint(t *testing.T) {
	id, err := newIdentifier(collectors.Spec{Calls: []collectors.Call{{Name: "GET /repos/{r}/rules/{branch}"}}}, "https://ghe.acme/api/v3/")
	if err != nil {
		t.Fatal(err)
	}
	for address, ok := range map[string]bool{
		"https://ghe.acme/api/v3/repos/a/rules/main":          true,
		"https://ghe.acme/api/v3/repos/a/rules/feature%2Fx":   true,
		"https://ghe.acme/api/v3/repos/a/rules/feature/x":     false,
		"https://ghe.acme/repos/a/rules/main":                 false,
		"https://ghe.acme/api/v33/repos/a/rules/main":         false,
		"https://ghe.acme/api/v3/../repos/a/rules/main":       false,
		"https://ghe.acme/api/v3//repos/a/rules/main":         false,
		"https://ghe.acme/api/v3/repos/a/rules/..%2F..%2Fx":   true, // one segment, and sent as one
		"https://ghe.acme/api/v3/repos/a/rules/%2e%2e/%2e%2e": false,
	} {
		r, err := http.NewRequest("GET", address, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := id.identify(r, nil); (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestHostMatches(t *testing.T) {
	tests := []struct {
		pattern, url string
		want         bool
	}{
		{"api.github.com", "https://api.github.com/x", true},
		{"api.github.com", "https://API.github.com:443/x", true},
		{"api.github.com", "https://api.github.com:8443/x", false},
		{"api.github.com", "https://api.github.com.evil.org/x", false},
		{"*.amazonaws.com", "https://iam.amazonaws.com/", true},
		{"*.amazonaws.com", "https://a.b.amazonaws.com/", false},
		{"*.amazonaws.com", "https://amazonaws.com/", false},
		{"*.amazonaws.com", "https://evilamazonaws.com/", false},
		{"*.amazonaws.com", "https://.amazonaws.com/", false},
		{"s3.*.amazonaws.com", "https://S3.eu-west-1.amazonaws.com/", true},
		{"s3.*.amazonaws.com", "https://data.s3.eu-west-1.amazonaws.com/", false},
		{"s3.*.amazonaws.com", "https://s3.a.b.amazonaws.com/", false},
		{"ghe.acme:8443", "https://ghe.acme:8443/", true},
		{"ghe.acme:8443", "https://ghe.acme/", false},
		{"127.0.0.1", "http://127.0.0.1:5000/", true},
		{"127.0.0.1:5000", "http://127.0.0.1:5001/", false},
	}
	for _, tt := range tests {
		u, err := url.Parse(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		if got := hostMatches(tt.pattern, u); got != tt.want {
			t.Errorf("%s against %s: %v", tt.pattern, tt.url, got)
		}
	}
}

func TestDefaultTransportTrustsBundle(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) }))
	defer srv.Close()
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		env  string
		want string
	}{{"", "certificate"}, {bundle, ""}} {
		t.Setenv("AWS_CA_BUNDLE", tt.env)
		rt, err := defaultTransport()
		if err != nil {
			t.Fatal(err)
		}
		if v := rt.(*http.Transport).TLSClientConfig.MinVersion; v != tls.VersionTLS12 {
			t.Errorf("oldest TLS version %x", v)
		}
		resp, err := (&http.Client{Transport: rt}).Get(srv.URL)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("bundle %q: %v", tt.env, err)
		}
		if resp != nil {
			_ = resp.Body.Close()
		}
	}
	t.Setenv("AWS_CA_BUNDLE", bundle+".missing")
	if _, err := Open(testSpec, &testConfig{}, Options{}, nil); err == nil {
		t.Error("a bundle that is not there was accepted")
	}
}
