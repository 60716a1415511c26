package timestamp

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/digitorus/pkcs7"
	"github.com/digitorus/timestamp"

	"github.com/evidenced/evidenced/evidence"
)

// maxToken bounds a token: a signature and a few certificates.
const maxToken = 256 << 10

// Verify checks an RFC 3161 token over a SHA-256 digest and gives the time that
// it states. The certificate of who signed it must lead to one of roots, be made
// for timestamps (extended key usage timeStamping, RFC 3161 section 2.3), and
// have been valid at that time; that it has expired since does not matter.
func Verify(token []byte, digest evidence.Hash, roots *x509.CertPool) (at time.Time, err error) {
	defer func() { // the parsers read what anybody may have written
		if p := recover(); p != nil {
			at, err = time.Time{}, fmt.Errorf("timestamp token: it cannot be read: %v", p)
		}
	}()
	if at, err = verify(token, digest, roots); err != nil {
		return time.Time{}, fmt.Errorf("timestamp token: %w", err)
	}
	return at, nil
}

func verify(token []byte, digest evidence.Hash, roots *x509.CertPool) (time.Time, error) {
	if roots == nil {
		return time.Time{}, errors.New("no certificates to check it with were given")
	}
	if len(token) > maxToken {
		return time.Time{}, fmt.Errorf("it has %d bytes", len(token))
	}
	ts, err := timestamp.Parse(token)
	if err != nil {
		return time.Time{}, err
	}
	if ts.HashAlgorithm != crypto.SHA256 || !bytes.Equal(ts.HashedMessage, digest[:]) {
		return time.Time{}, errors.New("it is over something else")
	}
	p, err := pkcs7.Parse(token)
	if err != nil {
		return time.Time{}, err
	}
	if len(p.Signers) != 1 {
		return time.Time{}, fmt.Errorf("it has %d signers, not one", len(p.Signers))
	}
	chain := x509.NewCertPool()
	for _, c := range p.Certificates {
		chain.AddCert(c)
	}
	err = p.VerifyWithOpts(x509.VerifyOptions{Roots: roots, Intermediates: chain, CurrentTime: ts.Time, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}})
	return ts.Time.UTC(), err
}

// Roots reads certificates in PEM form.
func Roots(pem []byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("it holds no certificate in PEM form")
	}
	return pool, nil
}

// FromFile gives what checks tokens against the certificates in a PEM file; nil
// if no file is named.
func FromFile(path string) (func(token []byte, digest evidence.Hash) (time.Time, error), error) {
	if path == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("certificates of the timestamp authority: %w", err)
	}
	roots, err := Roots(pem)
	if err != nil {
		return nil, fmt.Errorf("certificates of the timestamp authority, %s: %w", path, err)
	}
	return func(token []byte, digest evidence.Hash) (time.Time, error) { return Verify(token, digest, roots) }, nil
}
