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
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

// A GitHub App signs a short statement of who it is with its private key, and
// gets a token of an hour for the organisation in which it is installed.
// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
const (
	callApp      = "GET /app"
	callAppToken = "POST /app/installations/{installation_id}/access_tokens"
)

// credential returns the token that a request is signed with.
type credential interface {
	token(ctx context.Context) (collectors.Secret, error)
}

// fixed is a token that is configured.
type fixed collectors.Secret

func (f fixed) token(context.Context) (collectors.Secret, error) { return collectors.Secret(f), nil }

// app is what an App proves who it is with: a statement for each request.
type app struct {
	id      int64
	key     collectors.Secret
	now     func() time.Time
	offline bool // a recording needs no proof

	mu   sync.Mutex
	skew time.Duration // GitHub's clock less ours, once it is known to matter
}

func (a *app) token(context.Context) (collectors.Secret, error) {
	if a.offline {
		return "", nil
	}
	if err := a.key.Check(); err != nil {
		return "", fmt.Errorf("private_key, such as private_key: \"${file:/run/secrets/github.pem}\": %w", err)
	}
	key, err := parseKey(a.key.Reveal())
	if err != nil {
		return "", fmt.Errorf("%w: private_key: %w", collectors.ErrUnauthenticated, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return statement(key, a.id, a.now().Add(a.skew))
}

// correct takes over GitHub's clock, and reports whether ours was so far off
// that it refuses what we sign: it allows ten minutes, and nothing of the future.
func (a *app) correct(date string) bool {
	theirs, err := http.ParseTime(date)
	if err != nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.skew
	a.skew = theirs.Sub(a.now()).Truncate(time.Second)
	return (a.skew - before).Abs() > 30*time.Second
}

// parseKey reads a key in the forms in which GitHub and others write it.
func parseKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("it is not a key in PEM, as GitHub gives it for download")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("it is no RSA key") // the cause may quote it
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("it is no RSA key")
	}
	return private, nil
}

// statement signs who we are (RS256). It begins a minute ago, for the sake of
// clocks, and holds for less than the ten minutes that GitHub allows.
func statement(key *rsa.PrivateKey, id int64, now time.Time) (collectors.Secret, error) {
	claims, err := json.Marshal(map[string]any{"iat": now.Add(-time.Minute).Unix(), "exp": now.Add(8 * time.Minute).Unix(), "iss": strconv.FormatInt(id, 10)})
	if err != nil {
		return "", fmt.Errorf("the App's statement: %w", err)
	}
	enc := base64.RawURLEncoding
	text := enc.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + enc.EncodeToString(claims)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("%w: signing with private_key: %w", collectors.ErrUnauthenticated, err)
	}
	return collectors.Secret(text + "." + enc.EncodeToString(sig)), nil
}

// installed is the credential of an App where it is installed.
type installed struct {
	proof   *app
	api     *client // asks in the name of the App itself
	id      int64
	conceal func(string, time.Time)

	mu      sync.Mutex
	current collectors.Secret
	renew   time.Time // by our clock
	rights  map[string]string
}

// early is how long before its end a token is no longer used.
const early = 5 * time.Minute

func (i *installed) token(ctx context.Context) (collectors.Secret, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.current != "" && i.proof.now().Before(i.renew) {
		return i.current, nil
	}
	if err := i.fetch(ctx); err != nil {
		return "", fmt.Errorf("token of the App's installation %d: %w", i.id, err)
	}
	return i.current, nil
}

// fetch asks for a token. How long it holds is reckoned by GitHub's own clock.
// https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
func (i *installed) fetch(ctx context.Context) error {
	var got struct {
		Token   collectors.Secret `json:"token"`
		Expires time.Time         `json:"expires_at"`
		Rights  map[string]string `json:"permissions"`
	}
	resp, err := i.api.read(ctx, http.MethodPost, fmt.Sprintf("app/installations/%d/access_tokens", i.id), &got)
	switch {
	case err != nil:
		return err
	case got.Token == "" || got.Expires.IsZero():
		return collectors.Incomplete("the answer has no token, or does not say until when it holds")
	}
	now := i.proof.now()
	theirs, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		theirs = now
	}
	ends := now.Add(got.Expires.Sub(theirs))
	i.conceal(got.Token.Reveal(), ends)
	i.current, i.renew, i.rights = got.Token, ends.Add(-early), got.Rights
	return nil
}

// principal asks who the App is. Where our clock is wrong it goes by GitHub's.
// https://docs.github.com/en/rest/apps/apps#get-the-authenticated-app
func (i *installed) principal(ctx context.Context) (string, error) {
	var about struct {
		ID   int64  `json:"id"`
		Slug string `json:"slug"`
	}
	resp, err := i.api.read(ctx, http.MethodGet, "app", &about)
	if errors.Is(err, collectors.ErrUnauthenticated) && resp != nil && i.proof.correct(resp.Header.Get("Date")) {
		_, err = i.api.read(ctx, http.MethodGet, "app", &about)
	}
	switch {
	case err != nil:
		return "", err
	case about.ID != i.proof.id || about.Slug == "":
		return "", collectors.Incomplete("GET /app is about the App %d, not %d", about.ID, i.proof.id)
	}
	if _, err := i.token(ctx); err != nil {
		return "", err
	}
	var rights []string
	for _, name := range slices.Sorted(maps.Keys(i.rights)) {
		rights = append(rights, name+": "+i.rights[name])
	}
	return fmt.Sprintf("app %s (%d), installation %d, %s", about.Slug, about.ID, i.id, strings.Join(rights, ", ")), nil
}

func appCalls() []collectors.Call {
	return []collectors.Call{
		{Name: callApp, Why: "who the App is, where one is used; needs no permission"},
		{Name: callAppToken, Body: "{}", Why: "a token of an hour, where an App is used; needs no permission"},
	}
}
