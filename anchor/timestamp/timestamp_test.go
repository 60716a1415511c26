package timestamp

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// authority is a timestamp authority made of openssl, with a CA of its own.
type authority struct {
	dir   string
	roots *x509.CertPool
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newKey(t testing.TB, path string) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(k)
	must(t, err)
	must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	return k
}

// newAuthority makes the certificates. Usage is what the TSA's is for; valid
// how long it is, from an hour ago.
func newAuthority(t testing.TB, usage []x509.ExtKeyUsage, valid time.Duration) *authority {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Fatal("these tests need the program openssl")
	}
	a := &authority{dir: t.TempDir(), roots: x509.NewCertPool()}
	caKey := newKey(t, filepath.Join(a.dir, "ca.key"))
	begin := time.Now().Add(-time.Hour)
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"}, NotBefore: begin, NotAfter: begin.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	must(t, err)
	root, err := x509.ParseCertificate(caDER)
	must(t, err)
	a.roots.AddCert(root)
	tsaKey := newKey(t, filepath.Join(a.dir, "tsa.key"))
	tsa := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Test TSA"}, NotBefore: begin, NotAfter: begin.Add(valid), KeyUsage: x509.KeyUsageDigitalSignature}
	if usage != nil { // openssl wants it critical, and alone
		tsa.ExtraExtensions = []pkix.Extension{{Id: []int{2, 5, 29, 37}, Critical: true, Value: []byte{0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08}}}
	}
	tsaDER, err := x509.CreateCertificate(rand.Reader, tsa, ca, tsaKey.Public(), caKey)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(a.dir, "tsa.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tsaDER}), 0o600))
	must(t, os.WriteFile(filepath.Join(a.dir, "ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}), 0o600))
	must(t, os.WriteFile(filepath.Join(a.dir, "openssl.cnf"), []byte(`[tsa]
default_tsa = t
[t]
serial = serial
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
signer_digest = sha256
ess_cert_id_alg = sha256
`), 0o600))
	must(t, os.WriteFile(filepath.Join(a.dir, "serial"), []byte("01\n"), 0o600))
	return a
}

// reply answers a request, as openssl does.
func (a *authority) reply(query []byte) ([]byte, error) {
	if err := os.WriteFile(filepath.Join(a.dir, "query"), query, 0o600); err != nil {
		return nil, err
	}
	c := exec.Command("openssl", "ts", "-reply", "-config", "openssl.cnf", "-section", "t", "-queryfile", "query", "-signer", "tsa.pem", "-inkey", "tsa.key", "-out", "reply")
	c.Dir = a.dir
	if out, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	return os.ReadFile(filepath.Join(a.dir, "reply"))
}

// ServeHTTP implements http.Handler.
func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query, _ := io.ReadAll(r.Body)
	if r.Header.Get("Content-Type") != "application/timestamp-query" {
		http.Error(w, "what is this?", http.StatusUnsupportedMediaType)
		return
	}
	b, err := a.reply(query)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(b)
}

var stamping = []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}

// ask gets a token for a digest.
func ask(t testing.TB, a *authority, digest evidence.Hash) []byte {
	t.Helper()
	srv := httptest.NewServer(a)
	defer srv.Close()
	token, at, err := NewAuthority(srv.URL, a.roots).Ask(context.Background(), digest)
	must(t, err)
	if d := time.Since(at); d < -time.Minute || d > time.Minute {
		t.Fatalf("stamped at %s", at)
	}
	return token
}

func TestToken(t *testing.T) {
	a := newAuthority(t, stamping, 24*time.Hour)
	digest := evidence.HashOf([]byte("checkpoint"))
	token := ask(t, a, digest)
	at, err := Verify(token, digest, a.roots)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(a.dir, "token.der"), token, 0o600))
	c := exec.Command("openssl", "ts", "-verify", "-digest", digest.String(), "-in", "token.der", "-token_in", "-CAfile", "ca.pem") // as docs/anchors.md says
	c.Dir = a.dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("openssl does not take the token: %v %s", err, out)
	}
	other := newAuthority(t, stamping, time.Hour)
	for name, c := range map[string]struct {
		token  []byte
		digest evidence.Hash
		roots  *x509.CertPool
	}{
		"another digest": {token, evidence.HashOf([]byte("x")), a.roots},
		"another CA":     {token, digest, other.roots},
		"no CA":          {token, digest, nil},
		"cut":            {token[:len(token)/2], digest, a.roots},
		"empty":          {nil, digest, a.roots},
		"huge":           {make([]byte, maxToken+1), digest, a.roots},
	} {
		if got, err := Verify(c.token, c.digest, c.roots); err == nil || !got.IsZero() {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	for i := range token { // whatever bit is flipped, it never says another time
		bad := bytes.Clone(token)
		bad[i] ^= 1 << (i % 8)
		if got, err := Verify(bad, digest, a.roots); err == nil && !got.Equal(at) {
			t.Fatalf("byte %d flipped: %s", i, got)
		}
	}
}

// TestExpiredSince: what counts is that the certificate was valid when it signed.
func TestExpiredSince(t *testing.T) {
	a := newAuthority(t, stamping, time.Hour+3*time.Second)
	digest := evidence.HashOf([]byte("checkpoint"))
	token := ask(t, a, digest)
	leaf, err := os.ReadFile(filepath.Join(a.dir, "tsa.pem"))
	must(t, err)
	block, _ := pem.Decode(leaf)
	cert, err := x509.ParseCertificate(block.Bytes)
	must(t, err)
	<-time.After(time.Until(cert.NotAfter) + time.Second)
	_, err = Verify(token, digest, a.roots)
	must(t, err)
}

func TestCertificateForSomethingElse(t *testing.T) {
	a := newAuthority(t, nil, time.Hour*2)
	digest := evidence.HashOf([]byte("checkpoint"))
	srv := httptest.NewServer(a)
	defer srv.Close()
	// openssl itself refuses to sign with such a certificate.
	if _, _, err := NewAuthority(srv.URL, a.roots).Ask(context.Background(), digest); err == nil || !strings.Contains(err.Error(), "answers 500") {
		t.Fatalf("%v", err)
	}
}

func TestBadAnswers(t *testing.T) {
	a := newAuthority(t, stamping, 2*time.Hour)
	for name, h := range map[string]http.HandlerFunc{
		"not found": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 404) },
		"no token":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"rejected": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte{0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02})
		},
		"endless": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) },
	} {
		srv := httptest.NewServer(h)
		if _, _, err := NewAuthority(srv.URL, a.roots).Ask(context.Background(), evidence.Hash{}); err == nil {
			t.Errorf("%s: taken", name)
		}
		srv.Close()
	}
	// The answer to another request.
	var first []byte
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, _ := io.ReadAll(r.Body)
		if first == nil {
			first, _ = a.reply(query)
		}
		_, _ = w.Write(first)
	}))
	defer srv.Close()
	_, _, err := NewAuthority(srv.URL, a.roots).Ask(context.Background(), evidence.HashOf([]byte("x")))
	must(t, err)
	if _, _, err := NewAuthority(srv.URL, a.roots).Ask(context.Background(), evidence.HashOf([]byte("x"))); err == nil || !strings.Contains(err.Error(), "another request") {
		t.Errorf("a replayed answer: %v", err)
	}
}

func FuzzVerify(f *testing.F) {
	a := newAuthority(f, stamping, time.Hour*2)
	digest := evidence.HashOf([]byte("checkpoint"))
	token := ask(f, a, digest)
	at, err := Verify(token, digest, a.roots)
	must(f, err)
	f.Add(token)
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := Verify(b, digest, a.roots); err == nil && !got.Equal(at) {
			t.Fatalf("taken: %x", b)
		}
	})
}
