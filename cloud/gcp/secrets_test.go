package gcp

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func double(t *testing.T, h http.HandlerFunc) *Secrets {
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	m := NewSecrets()
	m.endpoint, m.token = srv.URL, func(context.Context) (string, error) { return "token", nil }
	return m
}

func TestSecretsGet(t *testing.T) {
	answer := func(sum string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet || r.Header.Get("Authorization") != "Bearer token" {
				t.Errorf("%s %v", r.Method, r.Header)
			}
			fmt.Fprintf(w, `{"name":%q,"payload":{"data":%q,"dataCrc32c":%q}}`, r.URL.Path, base64.StdEncoding.EncodeToString([]byte("123456789")), sum)
		}
	}
	// The check value of CRC-32C, of "123456789".
	if got, err := double(t, answer("3808858755")).Get(t.Context(), "projects/p/secrets/s"); err != nil || got != "123456789" {
		t.Errorf("%q %v", got, err)
	}
	if _, err := double(t, answer("1")).Get(t.Context(), "projects/p/secrets/s"); err == nil || strings.Contains(err.Error(), "123456789") {
		t.Error(err)
	}
	var asked string
	m := double(t, func(w http.ResponseWriter, r *http.Request) { asked = r.URL.Path; w.WriteHeader(http.StatusForbidden) })
	for ref, want := range map[string]string{"projects/p/secrets/s": "/v1/projects/p/secrets/s/versions/latest:access", "projects/p/secrets/s/versions/3": "/v1/projects/p/secrets/s/versions/3:access"} {
		if _, err := m.Get(t.Context(), ref); err == nil || !strings.Contains(err.Error(), "secretAccessor") || asked != want {
			t.Errorf("%s: %s %v", ref, asked, err)
		}
	}
}

func TestSecretsWrong(t *testing.T) {
	for _, bad := range []string{"", "s", "projects/p/secrets/s/../x", "projects/p/secrets/s?x=1"} {
		if _, err := NewSecrets().Get(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "want projects/P/secrets/S") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	m := double(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"payload":{"data":"s3cret`) })
	if _, err := m.Get(t.Context(), "projects/p/secrets/s"); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Error(err)
	}
	m = double(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
	})
	if _, err := m.Get(t.Context(), "projects/p/secrets/s"); err == nil {
		t.Error("followed elsewhere")
	}
	m.token = func(context.Context) (string, error) { return "", errors.New("none") }
	if _, err := m.Get(t.Context(), "projects/p/secrets/s"); err == nil || !strings.Contains(err.Error(), "no credential") {
		t.Error(err)
	}
}
