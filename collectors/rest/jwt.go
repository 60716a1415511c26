package rest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
)

// assertion is a JWT (RFC 7519) that this program signs: private_key_jwt, the
// JWT bearer grant of Google, the app token of GitHub.
type assertion struct {
	// Key is a private key in PEM, or the JSON key of a Google service account.
	Key *template `yaml:"key"`
	// KeyID is the "kid"; a service account's key has its own.
	KeyID *template `yaml:"key_id"`
	// Certificate, in PEM, gives the "x5t" that Entra finds the key by.
	Certificate *template `yaml:"certificate"`
	// Claims are texts; {token_url} and {client_email} are known here. Times are added.
	Claims map[string]*template `yaml:"claims"`
}

// lifetime of an assertion: Okta and GitHub allow no more than ten minutes.
const lifetime = 5 * time.Minute

// serviceAccount is the JSON key that Google gives out.
type serviceAccount struct {
	Email string `json:"client_email"`
	Key   string `json:"private_key"`
	KeyID string `json:"private_key_id"`
}

// sign returns the signed token. It adds client_email to values where the key has one.
func (j *assertion) sign(values map[string]string, now time.Time) (string, error) {
	text, kid := j.Key.from(values), ""
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		var sa serviceAccount
		if err := json.Unmarshal([]byte(text), &sa); err != nil || sa.Key == "" || sa.Email == "" {
			return "", errors.New("the key is JSON, but not that of a service account: client_email or private_key is missing")
		}
		text, kid, values["client_email"] = sa.Key, sa.KeyID, sa.Email
	}
	key, err := privateKey(text)
	if err != nil {
		return "", err
	}
	head := map[string]any{"typ": "JWT", "alg": algorithm(key)}
	if j.KeyID != nil {
		kid = j.KeyID.from(values)
	}
	if kid != "" {
		head["kid"] = kid
	}
	if j.Certificate != nil {
		if head["x5t"], err = thumbprint(j.Certificate.from(values)); err != nil {
			return "", err
		}
	}
	claims := map[string]any{"iat": now.Add(-30 * time.Second).Unix(), "exp": now.Add(lifetime).Unix(), "jti": rand.Text()}
	for name, t := range j.Claims {
		claims[name] = t.from(values)
	}
	return signed(key, head, claims)
}

func signed(key crypto.Signer, head, claims map[string]any) (string, error) {
	h, err := json.Marshal(head)
	if err != nil {
		return "", err
	}
	c, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	enc := base64.RawURLEncoding
	input := enc.EncodeToString(h) + "." + enc.EncodeToString(c)
	digest := sha256.Sum256([]byte(input))
	sig, err := signature(key, digest[:])
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	return input + "." + enc.EncodeToString(sig), nil
}

// signature is that of JWS (RFC 7518): for ECDSA the two numbers side by side.
func signature(key crypto.Signer, digest []byte) ([]byte, error) {
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return key.Sign(rand.Reader, digest, crypto.SHA256)
	}
	r, s, err := ecdsa.Sign(rand.Reader, ec, digest)
	if err != nil {
		return nil, err
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), nil
}

func algorithm(key crypto.Signer) string {
	if _, ok := key.(*ecdsa.PrivateKey); ok {
		return "ES256"
	}
	return "RS256"
}

// privateKey reads PEM: PKCS #8, PKCS #1 or SEC 1. A key file may have lost its
// line breaks in an environment variable.
func privateKey(text string) (crypto.Signer, error) {
	block, _ := pem.Decode([]byte(strings.ReplaceAll(text, `\n`, "\n")))
	if block == nil {
		return nil, errors.New("the private key is not PEM: it begins with -----BEGIN PRIVATE KEY-----")
	}
	if k, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	if k, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return usable(k)
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the private key cannot be read: want RSA or P-256, not encrypted")
	}
	return usable(k)
}

func usable(k any) (crypto.Signer, error) {
	switch k := k.(type) {
	case *rsa.PrivateKey:
		return k, nil
	case *ecdsa.PrivateKey:
		if k.Curve == elliptic.P256() {
			return k, nil
		}
	}
	return nil, errors.New("the private key is neither RSA nor P-256")
}

// thumbprint is the SHA-1 of a certificate, which is how Entra names it.
func thumbprint(text string) (string, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return "", errors.New("the certificate is not PEM: it begins with -----BEGIN CERTIFICATE-----")
	}
	sum := sha1.Sum(block.Bytes)
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}
