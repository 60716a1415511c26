package github

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

var appKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func pkcs1() collectors.Secret {
	return collectors.Secret(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(appKey())}))
}

// appHub is GitHub as an App sees it. Its clock is its own.
type appHub struct {
	t      *testing.T
	clock  func() time.Time
	life   time.Duration // of a token
	tokens int
	mu     sync.Mutex
}

func (h *appHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w.Header().Set("Date", h.clock().UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Type", "application/json")
	bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	refuse := func() { w.WriteHeader(http.StatusUnauthorized); fmt.Fprint(w, `{"message":"Bad credentials"}`) }
	switch r.Method + " " + r.URL.Path {
	case "GET /app":
		if !h.proves(bearer) {
			refuse()
			return
		}
		fmt.Fprint(w, `{"id":77,"slug":"evidenced-acme","owner":{"login":"acme"}}`)
	case "POST /app/installations/88/access_tokens":
		if !h.proves(bearer) {
			refuse()
			return
		}
		h.tokens++
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"token":"ghs_planted%d","expires_at":%q,"permissions":{"metadata":"read","contents":"read"},"repository_selection":"all"}`, h.tokens, h.clock().Add(h.life).UTC().Format(time.RFC3339))
	default:
		if bearer != fmt.Sprintf("ghs_planted%d", h.tokens) {
			refuse()
			return
		}
		switch r.URL.Path {
		case "/orgs/acme":
			fmt.Fprint(w, `{"id":1,"login":"acme","public_repos":0,"total_private_repos":0}`)
		case "/orgs/acme/members":
			fmt.Fprint(w, `[]`)
		default:
			fmt.Fprint(w, `[]`)
		}
	}
}

// proves verifies a statement as GitHub does.
func (h *appHub) proves(jwt string) bool {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return false
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPKCS1v15(&appKey().PublicKey, crypto.SHA256, sum[:], sig) != nil {
		return false
	}
	var head struct{ Alg, Typ string }
	var claims struct {
		Iat, Exp int64
		Iss      string
	}
	for i, v := range []any{&head, &claims} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(b, v) != nil {
			return false
		}
	}
	now := h.clock().Unix()
	return head.Alg == "RS256" && claims.Iss == "77" && claims.Iat <= now && claims.Exp > now && claims.Exp <= now+600
}

func (h *appHub) open(t *testing.T, key collectors.Secret, now func() time.Time) *transport.Source {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	cfg := newConfig()
	cfg.Organization, cfg.AppID, cfg.InstallationID, cfg.PrivateKey, cfg.Common.Endpoint = "acme", 77, 88, key, srv.URL
	src, err := transport.Open(Spec(), cfg, transport.Options{Now: now, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func still() time.Time { return start }

const appPrincipal = "app evidenced-acme (77), installation 88, contents: read, metadata: read"

// TestApp: an App proves who it is, its rights are named, and no secret is kept.
func TestApp(t *testing.T) {
	pkcs8, err := x509.MarshalPKCS8PrivateKey(appKey())
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		key   collectors.Secret
		clock time.Time // GitHub's
	}{
		"PKCS 1":             {pkcs1(), start},
		"PKCS 8":             {collectors.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})), start},
		"our clock is ahead": {pkcs1(), start.Add(-3 * time.Hour)},
		"our clock is late":  {pkcs1(), start.Add(3 * time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			h := &appHub{t: t, clock: func() time.Time { return tt.clock }, life: time.Hour}
			src := h.open(t, tt.key, still)
			s := src.Visit(t.Context(), "acme").Capture(t.Context(), kindOrg, evidence.Window{})
			if s.Err != nil || s.Certificate.Principal != appPrincipal || h.tokens != 1 {
				t.Fatalf("error %v, principal %q, %d tokens", s.Err, s.Certificate.Principal, h.tokens)
			}
			b, err := evidence.Lines(s.Exchanges)
			if err != nil || strings.Contains(string(b), "ghs_planted") || strings.Contains(string(b), "eyJ") {
				t.Errorf("a secret is kept, or %v: %s", err, b)
			}
			cfg := newConfig()
			cfg.Organization, cfg.AppID, cfg.InstallationID, cfg.Common.Endpoint = "acme", 77, 88, src.Config.Base().Endpoint
			again, err := transport.Open(Spec(), cfg, transport.Replay(s.Exchanges), nil)
			if err != nil {
				t.Fatal(err)
			}
			if r := again.Visit(t.Context(), "acme").Capture(t.Context(), kindOrg, evidence.Window{}); r.Err != nil || text(t, r) != text(t, s) || r.Certificate.Principal != appPrincipal {
				t.Errorf("replayed without a key: %v", r.Err)
			}
		})
	}
}

// TestAppRefused: what is wrong with a key is said, and the key is not.
func TestAppRefused(t *testing.T) {
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for why, key := range map[string]collectors.Secret{
		"is not set":      collectors.MissingSecret("the file is not set"),
		"key in PEM":      "MIIBOgIBAAJBAK",
		"no RSA key":      "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		"Bad credentials": collectors.Secret(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(other)})),
	} {
		h := &appHub{t: t, clock: still, life: time.Hour}
		s := h.open(t, key, still).Visit(t.Context(), "acme").Capture(t.Context(), kindOrg, evidence.Window{})
		if !errors.Is(s.Err, collectors.ErrUnauthenticated) || !strings.Contains(s.Err.Error(), why) || strings.Contains(s.Err.Error(), "AAAA") {
			t.Errorf("%s: %v", why, s.Err)
		}
	}
}

// TestAppTokenIsRenewed: a token is used no longer than until shortly before
// its end, and each visit has its own.
func TestAppTokenIsRenewed(t *testing.T) {
	var mu sync.Mutex
	now := start
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	h := &appHub{t: t, clock: clock, life: time.Hour}
	src := h.open(t, pkcs1(), clock)
	visit := src.Visit(t.Context(), "acme")
	for i, passed := range []time.Duration{0, 50 * time.Minute, 6 * time.Minute, time.Minute, time.Hour} {
		mu.Lock()
		now = now.Add(passed)
		mu.Unlock()
		s := visit.Capture(t.Context(), kindOrg, evidence.Window{})
		if want := []int{1, 1, 2, 2, 3}[i]; s.Err != nil || h.tokens != want {
			t.Errorf("after %s: error %v, %d tokens, want %d", passed, s.Err, h.tokens, want)
		}
	}
	if src.Visit(t.Context(), "acme").Capture(t.Context(), kindOrg, evidence.Window{}); h.tokens != 4 {
		t.Errorf("%d tokens, want one of its own for the second visit", h.tokens)
	}
}

func TestAppConfig(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"an App needs both":    func(c *Config) { c.AppID = 1 },
		"both there":           func(c *Config) { c.AppID, c.InstallationID, c.Token = 1, 2, "ghp_x" },
		"without app_id":       func(c *Config) { c.PrivateKey = "x" },
		"installation_id is -": func(c *Config) { c.AppID, c.InstallationID = 1, -1 },
	} {
		c := newConfig()
		c.Organization = "acme"
		change(c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
