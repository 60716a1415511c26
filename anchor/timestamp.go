package anchor

import (
	"context"
	"crypto/x509"

	"github.com/evidenced/evidenced/anchor/timestamp"
	"github.com/evidenced/evidenced/evidence"
)

// Timestamp is an RFC 3161 timestamp authority; its receipt is the token, DER.
type Timestamp struct {
	name, url string
	authority *timestamp.Authority
}

// NewTimestamp gives the authority at url, whose tokens must lead to one of roots.
func NewTimestamp(name, url string, roots *x509.CertPool) Timestamp {
	return Timestamp{name, url, timestamp.NewAuthority(url, roots)}
}

// Type implements Place.
func (t Timestamp) Type() evidence.AnchorType { return evidence.AnchorTimestamp }

// Name implements Place.
func (t Timestamp) Name() string { return t.name }

// To implements Place.
func (t Timestamp) To() string { return t.url }

// Show has the signed checkpoint stamped.
func (t Timestamp) Show(ctx context.Context, cp Checkpoint) (Receipt, error) {
	token, at, err := t.authority.Ask(ctx, evidence.HashOf(cp.Signed))
	if err != nil {
		return Receipt{}, err
	}
	return Receipt{Bytes: token, At: &at}, nil
}
