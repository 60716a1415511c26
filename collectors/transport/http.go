package transport

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// defaultTransport returns net/http with the proxy and the CA bundle of the
// environment. AWS_CA_BUNDLE adds to the system's roots; SSL_CERT_FILE and
// SSL_CERT_DIR replace them, as crypto/x509 does by itself.
func defaultTransport() (http.RoundTripper, error) {
	roots, err := customRoots(os.Getenv("AWS_CA_BUNDLE"))
	if err != nil {
		return nil, err
	}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConnsPerHost:    16,
		MaxResponseHeaderBytes: 1 << 20,
		ForceAttemptHTTP2:      true,
	}, nil
}

// customRoots returns nil, the system's roots, if there is no bundle.
func customRoots(bundle string) (*x509.CertPool, error) {
	if bundle == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(bundle)
	if err != nil {
		return nil, fmt.Errorf("reading the CA bundle that AWS_CA_BUNDLE names: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("AWS_CA_BUNDLE names %s, which holds no certificate in PEM", bundle)
	}
	return pool, nil
}
