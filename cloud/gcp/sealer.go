package gcp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

// purpose is the additional authenticated data: what was wrapped for it is
// unwrapped with it only.
const purpose = "evidenced:store-data-key"

const (
	kmsEndpoint = "https://cloudkms.googleapis.com"
	// https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys/encrypt, "Authorization scopes"
	kmsScope = "https://www.googleapis.com/auth/cloudkms"
	// maxWrapped bounds a wrapped key, in bytes: far above what 32 bytes come to.
	maxWrapped = 64 << 10
	// kmsTimeout bounds one request.
	kmsTimeout = 15 * time.Second
)

// SealerOptions say which key, and where it is.
type SealerOptions struct {
	// Key is its resource name: projects/P/locations/L/keyRings/R/cryptoKeys/K.
	Key string
	// Endpoint is another address to ask than Google's; empty for Google.
	Endpoint string
}

// Sealer wraps with one key of Cloud KMS. Its credential is the application
// default one.
type Sealer struct {
	key, endpoint string
	http          *http.Client
	token         func(context.Context) (string, error)
	pause         time.Duration // before the first repetition; doubled for each after
}

var keyName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^projects/[A-Za-z0-9.:_-]+/locations/[a-z0-9-]+/keyRings/[A-Za-z0-9_-]+/cryptoKeys/[A-Za-z0-9_-]+$`)
})

// NewSealer returns the sealer of a key. It asks nothing of the network yet.
func NewSealer(o SealerOptions) (*Sealer, error) {
	if !keyName().MatchString(o.Key) {
		return nil, fmt.Errorf("key %q of Cloud KMS: want projects/P/locations/L/keyRings/R/cryptoKeys/K", o.Key)
	}
	s := &Sealer{key: o.Key, endpoint: kmsEndpoint, token: defaultToken(kmsScope), pause: 500 * time.Millisecond}
	if o.Endpoint != "" {
		s.endpoint = strings.TrimRight(o.Endpoint, "/")
	}
	s.http = &http.Client{Timeout: kmsTimeout, CheckRedirect: func(*http.Request, []*http.Request) error {
		return errors.New("it leads elsewhere; the data key does not follow")
	}}
	return s, nil
}

// ID returns the key's resource name.
func (s *Sealer) ID() string { return s.key }

// encryptRequest and the three below are those of the REST reference. The
// 64-bit integers of a checksum are text there.
// https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys/encrypt
type encryptRequest struct {
	Plaintext       []byte   `json:"plaintext"`
	AAD             []byte   `json:"additionalAuthenticatedData"`
	PlaintextCRC32C checksum `json:"plaintextCrc32c"`
	AADCRC32C       checksum `json:"additionalAuthenticatedDataCrc32c"`
}

type encryptResponse struct {
	Name              string    `json:"name"`
	Ciphertext        []byte    `json:"ciphertext"`
	CiphertextCRC32C  *checksum `json:"ciphertextCrc32c"`
	VerifiedPlaintext bool      `json:"verifiedPlaintextCrc32c"`
	VerifiedAAD       bool      `json:"verifiedAdditionalAuthenticatedDataCrc32c"`
}

// https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys/decrypt
type decryptRequest struct {
	Ciphertext       []byte   `json:"ciphertext"`
	AAD              []byte   `json:"additionalAuthenticatedData"`
	CiphertextCRC32C checksum `json:"ciphertextCrc32c"`
	AADCRC32C        checksum `json:"additionalAuthenticatedDataCrc32c"`
}

type decryptResponse struct {
	Plaintext       []byte    `json:"plaintext"`
	PlaintextCRC32C *checksum `json:"plaintextCrc32c"`
}

// Wrap seals a data key. It needs cloudkms.cryptoKeyVersions.useToEncrypt.
func (s *Sealer) Wrap(ctx context.Context, key []byte) ([]byte, error) {
	aad := []byte(purpose)
	var out encryptResponse
	if err := s.call(ctx, "encrypt", encryptRequest{key, aad, sum(key), sum(aad)}, &out); err != nil {
		return nil, err
	}
	n := len(out.Ciphertext)
	switch {
	case !strings.HasPrefix(out.Name, s.key+"/cryptoKeyVersions/"):
		return nil, s.wrong("the answer is of another key, %q", out.Name)
	case !out.VerifiedPlaintext || !out.VerifiedAAD:
		return nil, s.wrong("the server did not verify the checksums of what was sent: it was changed on its way")
	case n == 0 || n > maxWrapped:
		return nil, s.wrong("it gave a wrapped key of %d bytes", n)
	}
	return out.Ciphertext, s.intact(out.Ciphertext, out.CiphertextCRC32C)
}

// Unwrap opens what Wrap sealed. It needs cloudkms.cryptoKeyVersions.useToDecrypt.
func (s *Sealer) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	if n := len(wrapped); n == 0 || n > maxWrapped {
		return nil, s.wrong("a wrapped key of %d bytes is none of Cloud KMS", n)
	}
	aad := []byte(purpose)
	var out decryptResponse
	if err := s.call(ctx, "decrypt", decryptRequest{wrapped, aad, sum(wrapped), sum(aad)}, &out); err != nil {
		return nil, err
	}
	if len(out.Plaintext) == 0 {
		return nil, s.wrong("it gave an empty key")
	}
	return out.Plaintext, s.intact(out.Plaintext, out.PlaintextCRC32C)
}

// intact compares what arrived with the checksum that came with it.
func (s *Sealer) intact(b []byte, want *checksum) error {
	if want == nil || *want != sum(b) {
		return s.wrong("what arrived is not what the server sent: its checksum is another")
	}
	return nil
}

func (s *Sealer) wrong(format string, args ...any) error {
	return fmt.Errorf("key %s of Cloud KMS: %s", s.key, fmt.Sprintf(format, args...))
}
