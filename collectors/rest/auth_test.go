package rest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// tokenServer returns tokens, which are good for two minutes, and answers /me and /users.
type tokenServer struct {
	mu     sync.Mutex
	asked  []*http.Request // for a token
	forms  []url.Values
	refuse bool
	member string // that holds the token
}

func (s *tokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method == http.MethodPost {
		if err := r.ParseForm(); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		s.asked, s.forms = append(s.asked, r), append(s.forms, r.PostForm)
		if s.refuse {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"invalid_client"}`)
			return
		}
		fmt.Fprintf(w, `{"%s":"planted-token-%d","expires_in":120}`, s.member, len(s.asked))
		return
	}
	if r.Header.Get("Authorization") != fmt.Sprintf("Bearer planted-token-%d", len(s.asked)) {
		w.WriteHeader(http.StatusUnauthorized)
	}
	answer1(w, r, map[string]string{"/users": `[{"id":"u","mfa":true}]`})
}

// open opens a session on a changed tiny whose settings are given.
func (s *tokenServer) open(t *testing.T, auth string, settings map[string]string, now func() time.Time) *transport.Source {
	t.Helper()
	text := strings.Replace(tiny, "auth: [{bearer: \"{token}\"}]\n", auth, 1)
	text = strings.Replace(text, "settings:\n", "settings:\n  - {name: id, doc: An id., example: a}\n  - {name: key, doc: A key., secret: true, example: k}\n  - {name: certificate, doc: A certificate., secret: true, example: c}\n", 1)
	d, err := Parse("tiny.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s.member = d.Auth[0].Token.member()
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	cfg := d.newConfig()
	cfg.common.Endpoint = srv.URL
	for name, v := range settings {
		if d.setting(name).Secret {
			cfg.secrets[name] = collectors.Secret(v)
		} else {
			cfg.settings[name] = v
		}
	}
	src, err := transport.Open(d.Spec(), cfg, transport.Options{Now: now}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func users(t *testing.T, v *transport.Visit) transport.Snapshot {
	return v.Capture(t.Context(), "tiny.user", evidence.Window{})
}

const byKey = `auth:
  - bearer: "{access_token}"
    jwt: {key: "{key}", key_id: kid1, claims: {iss: "{id}", aud: "{token_url}"}}
    token: {call: POST https://login.tiny.example/oauth/token, form: {grant_type: client_credentials, client_assertion: "{assertion}"}}
`

// TestAssertions: what is signed can be verified by the public key, for the
// vendor's own address, whatever the endpoint is.
func TestAssertions(t *testing.T) {
	now := func() time.Time { return runAt }
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(testKey()))
	rsaKey, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, key, alg string
		verify         func(digest, sig []byte) bool
	}{
		{"RSA", testKey(), "RS256", func(d, sig []byte) bool { return rsa.VerifyPKCS1v15(&rsaKey.PublicKey, crypto.SHA256, d, sig) == nil }},
		{"RSA with lost line breaks", strings.ReplaceAll(testKey(), "\n", `\n`), "RS256", func(d, sig []byte) bool { return rsa.VerifyPKCS1v15(&rsaKey.PublicKey, crypto.SHA256, d, sig) == nil }},
		{"P-256", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "ES256", func(d, sig []byte) bool {
			return len(sig) == 64 && ecdsa.Verify(&ec.PublicKey, d, new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := &tokenServer{}
			src := srv.open(t, byKey, map[string]string{"id": "app", "key": tt.key}, now)
			snap := users(t, src.Visit(t.Context(), src.Collector().RootScope()))
			if snap.Err != nil {
				t.Fatal(snap.Err)
			}
			signed := srv.forms[0].Get("client_assertion")
			part := strings.Split(signed, ".")
			var head, claims map[string]any
			unpack(t, part[0], &head)
			unpack(t, part[1], &claims)
			sig, err := base64.RawURLEncoding.DecodeString(part[2])
			digest := sha256.Sum256([]byte(part[0] + "." + part[1]))
			if err != nil || head["alg"] != tt.alg || head["kid"] != "kid1" || !tt.verify(digest[:], sig) {
				t.Errorf("head %v, %v: the signature is not right", head, err)
			}
			if claims["iss"] != "app" || claims["aud"] != "https://login.tiny.example/oauth/token" || claims["exp"] != float64(runAt.Add(5*time.Minute).Unix()) {
				t.Errorf("claims %v", claims)
			}
			for _, x := range snap.Exchanges {
				if strings.Contains(x.Request+x.Body, part[2]) || strings.Contains(x.Request+x.Body, "planted-token") {
					t.Errorf("a credential is kept: %+v", x)
				}
			}
		})
	}
}

func unpack(t *testing.T, part string, v any) {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

// TestTokens: a token is asked for once in a session, and again before it ends.
func TestTokens(t *testing.T) {
	at := runAt
	srv := &tokenServer{}
	src := srv.open(t, byKey, map[string]string{"id": "app", "key": testKey()}, func() time.Time { return at })
	v := src.Visit(t.Context(), src.Collector().RootScope())
	for _, step := range []struct {
		pass   time.Duration
		tokens int
	}{{0, 1}, {59 * time.Second, 1}, {2 * time.Second, 2}} {
		at = at.Add(step.pass)
		if snap := users(t, v); snap.Err != nil || len(srv.asked) != step.tokens {
			t.Errorf("after %s more: %d tokens, %v", step.pass, len(srv.asked), snap.Err)
		}
	}
}

// TestOtherGrants: a token for a user and a password, and the way of GitHub
// Apps: the signed token asks for an installation's, with no body at all.
func TestOtherGrants(t *testing.T) {
	now := func() time.Time { return runAt }
	srv := &tokenServer{}
	src := srv.open(t, `auth:
  - bearer: "{access_token}"
    token: {call: POST /oauth/token, form: {grant_type: account_credentials}, basic: {user: "{id}", password: "{token}"}}
`, map[string]string{"id": "app", "token": "planted-secret"}, now)
	if snap := users(t, src.Visit(t.Context(), src.Collector().RootScope())); snap.Err != nil {
		t.Fatal(snap.Err)
	}
	if user, password, _ := srv.asked[0].BasicAuth(); user != "app" || password != "planted-secret" {
		t.Errorf("signed in as %s, %s", user, password)
	}
	srv = &tokenServer{}
	src = srv.open(t, `auth:
  - bearer: "{access_token}"
    jwt: {key: "{key}", claims: {iss: "{id}"}}
    token: {call: "POST /app/installations/{id}/access_tokens", header: {Authorization: "Bearer {assertion}"}, value: .token}
`, map[string]string{"id": "77", "key": testKey()}, now)
	snap := users(t, src.Visit(t.Context(), src.Collector().RootScope()))
	if snap.Err != nil {
		t.Fatal(snap.Err)
	}
	if kept := fmt.Sprint(snap.Exchanges); strings.Contains(kept, "planted-token") {
		t.Errorf("the token is kept: %s", kept)
	}
	if r := srv.asked[0]; r.URL.Path != "/app/installations/77/access_tokens" || strings.Count(r.Header.Get("Authorization"), ".") != 2 || r.ContentLength != 0 {
		t.Errorf("asked %s with %q", r.URL, r.Header.Get("Authorization"))
	}
}

// TestBadCredentials: each is not authenticated, and says what is wrong.
func TestBadCredentials(t *testing.T) {
	withCertificate := strings.Replace(byKey, "key_id: kid1", `certificate: "{certificate}"`, 1)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(p384)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, auth string
		settings   map[string]string
		refuse     bool
		want       string
	}{
		{"no PEM", byKey, map[string]string{"id": "a", "key": "hunter2hunter2"}, false, "not PEM"},
		{"PEM of something else", byKey, map[string]string{"id": "a", "key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}, false, "cannot be read"},
		{"another curve", byKey, map[string]string{"id": "a", "key": string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))}, false, "neither RSA nor P-256"},
		{"JSON of something else", byKey, map[string]string{"id": "a", "key": `{"type":"authorized_user"}`}, false, "not that of a service account"},
		{"no certificate", withCertificate, map[string]string{"id": "a", "key": testKey(), "certificate": "none at all"}, false, "certificate is not PEM"},
		{"refused", byKey, map[string]string{"id": "a", "key": testKey()}, true, "answered 400"},
		{"nothing", byKey, nil, false, "give id and key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := &tokenServer{refuse: tt.refuse}
			src := srv.open(t, tt.auth, map[string]string{"id": "a"}, func() time.Time { return runAt })
			if tt.settings != nil {
				src = srv.open(t, tt.auth, tt.settings, func() time.Time { return runAt })
			}
			snap := users(t, src.Visit(t.Context(), src.Collector().RootScope()))
			if !errors.Is(snap.Err, collectors.ErrUnauthenticated) || !strings.Contains(snap.Err.Error(), tt.want) {
				t.Errorf("got %v, want %s", snap.Err, tt.want)
			}
			if key := tt.settings["key"]; len(key) > 40 && strings.Contains(fmt.Sprint(snap.Err), key[30:]) {
				t.Errorf("the error shows the key: %v", snap.Err)
			}
		})
	}
}

func TestTokenLifetimes(t *testing.T) {
	e := &exchange{Call: &call{name: "POST /token"}, Value: compiled(t, ".access_token"), Expires: compiled(t, ".expires_in")}
	for expires, ok := range map[string]bool{`3600`: true, `"3600"`: true, `null`: true, `1e300`: false, `"NaN"`: false, `"Inf"`: false, `-1e300`: false} {
		_, _, err := e.read(t.Context(), answer{status: http.StatusOK, body: []byte(`{"access_token":"planted","expires_in":` + expires + `}`)})
		if ok != (err == nil) || !ok && !errors.Is(err, collectors.ErrIncomplete) {
			t.Errorf("%s: got %v", expires, err)
		}
	}
}
