package timestamp

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"time"

	"github.com/digitorus/timestamp"

	"github.com/evidenced/evidenced/evidence"
)

// Authority is a timestamp authority that is asked over HTTP (RFC 3161 section 3.4).
type Authority struct {
	url    string
	roots  *x509.CertPool
	client *http.Client
}

// NewAuthority gives the authority at url, whose tokens must lead to one of roots.
func NewAuthority(url string, roots *x509.CertPool) *Authority {
	return &Authority{url, roots, &http.Client{Timeout: 30 * time.Second}}
}

// Ask gives a token over the digest, checked, and its time.
func (a *Authority) Ask(ctx context.Context, digest evidence.Hash) (token []byte, at time.Time, err error) {
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return nil, at, err
	}
	request := timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: digest[:], Certificates: true, Nonce: nonce}
	body, err := request.Marshal()
	if err != nil {
		return nil, at, fmt.Errorf("make the timestamp request: %w", err)
	}
	answer, err := a.post(ctx, body)
	if err != nil {
		return nil, at, err
	}
	ts, err := timestamp.ParseResponse(answer)
	if err != nil {
		return nil, at, fmt.Errorf("the timestamp authority refuses, or its answer is none: %w", err)
	}
	if ts.Nonce == nil || ts.Nonce.Cmp(nonce) != 0 {
		return nil, at, errors.New("the timestamp authority answers another request than ours")
	}
	at, err = Verify(ts.RawToken, digest, a.roots)
	return ts.RawToken, at, err
}

func (a *Authority) post(ctx context.Context, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/timestamp-query")
	res, err := a.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the timestamp authority: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxToken))
	if err != nil {
		return nil, fmt.Errorf("read the timestamp authority's answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the timestamp authority answers %d", res.StatusCode)
	}
	return answer, nil
}
