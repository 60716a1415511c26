package store

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/evidenced/evidenced/evidence"
)

// Sealer wraps the key that an encrypted store is sealed with: a key of 32
// bytes of one's own (NewSealer), or a key management service.
type Sealer interface {
	// ID names the wrapping key in the store's header and in messages. It is no secret.
	ID() string
	// Wrap and Unwrap seal and open a data key of 32 bytes.
	Wrap(ctx context.Context, key []byte) ([]byte, error)
	Unwrap(ctx context.Context, wrapped []byte) ([]byte, error)
}

const keySize = 32

// localSealer wraps with a key that the caller keeps.
type localSealer struct {
	id   string
	aead cipher.AEAD
}

// NewSealer returns the sealer of a wrapping key of 32 bytes. Its ID tells one
// key from another and says nothing of it.
func NewSealer(key []byte) (Sealer, error) {
	if len(key) != keySize {
		return nil, fmt.Errorf("the encryption key has %d bytes, want %d", len(key), keySize)
	}
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	id, err := hkdf.Key(sha256.New, key, nil, "evidenced/store/key-id", 8)
	return localSealer{fmt.Sprintf("key:%x", id), aead}, err
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (l localSealer) ID() string { return l.id }

func (l localSealer) Wrap(_ context.Context, key []byte) ([]byte, error) {
	return l.aead.Seal(nil, nil, key, []byte(l.id)), nil
}

func (l localSealer) Unwrap(_ context.Context, wrapped []byte) ([]byte, error) {
	return l.aead.Open(nil, nil, wrapped, []byte(l.id))
}

// box seals values under the data key of an encrypted store (AES-256-GCM), and
// names things by their HMAC; that of a plain store leaves all as it is. A
// value is bound to its place: it opens in no other.
type box struct {
	aead cipher.AEAD
	mac  []byte
	key  []byte // the data key, to wrap it again
}

func newBox(dataKey []byte) (box, error) {
	if len(dataKey) != keySize {
		return box{}, errors.New("the data key has a wrong length")
	}
	seal, err := hkdf.Key(sha256.New, dataKey, nil, "evidenced/store/seal", keySize)
	if err != nil {
		return box{}, err
	}
	mac, err := hkdf.Key(sha256.New, dataKey, nil, "evidenced/store/name", keySize)
	if err != nil {
		return box{}, err
	}
	aead, err := newAEAD(seal)
	return box{aead, mac, dataKey}, err
}

func place(bucket, key []byte) []byte { return slices.Concat(bucket, []byte{0}, key) }

func (b box) seal(bucket, key, value []byte) []byte {
	if b.aead == nil {
		return value
	}
	return b.aead.Seal(nil, nil, value, place(bucket, key))
}

// open returns the value; it may share memory with sealed.
func (b box) open(bucket, key, sealed []byte) ([]byte, error) {
	if b.aead == nil {
		return sealed, nil
	}
	v, err := b.aead.Open(nil, nil, sealed, place(bucket, key))
	if err != nil {
		return nil, fmt.Errorf("%s %x does not open under the store's key: it was changed", bucket, key)
	}
	return v, nil
}

// name returns the key under which something is found that must not be read from
// the file: the hash of a blob, the id of a resource.
func (b box) name(of ...[]byte) evidence.Hash {
	h := sha256.New()
	if b.mac != nil {
		h = hmac.New(sha256.New, b.mac)
	}
	for _, part := range of {
		h.Write(key64(uint64(len(part))))
		h.Write(part)
	}
	return evidence.Hash(h.Sum(nil))
}

// sealHeader is what the meta bucket holds of an encrypted store.
type sealHeader struct {
	// By is the ID of the wrapping key, Key the wrapped data key.
	By  string `json:"by"`
	Key []byte `json:"key"`
}

// sealed makes a new data key and returns it wrapped.
func sealed(ctx context.Context, by Sealer) (box, []byte, error) {
	key := make([]byte, keySize)
	if _, err := rand.Read(key); err != nil {
		return box{}, nil, err
	}
	return wrap(ctx, by, key)
}

func wrap(ctx context.Context, by Sealer, key []byte) (box, []byte, error) {
	wrapped, err := by.Wrap(ctx, key)
	if err != nil {
		return box{}, nil, fmt.Errorf("wrap the data key with %s: %w", by.ID(), err)
	}
	b, err := newBox(key)
	if err != nil {
		return b, nil, err
	}
	header, err := json.Marshal(sealHeader{by.ID(), wrapped})
	return b, header, err
}

// unwrap opens the data key of a store. Without a header the store is plain.
func unwrap(ctx context.Context, header []byte, by Sealer) ([]byte, error) {
	var h sealHeader
	if err := json.Unmarshal(header, &h); err != nil {
		return nil, fmt.Errorf("%w: its encryption header: %w", ErrNotAStore, err)
	}
	if by == nil {
		return nil, fmt.Errorf("%w: it is sealed with %s, and the configuration names no key (store.encryption)", ErrSealed, evidence.Printable(h.By))
	}
	key, err := by.Unwrap(ctx, h.Key)
	switch {
	case err == nil:
		return key, nil
	case h.By == by.ID():
		return nil, fmt.Errorf("the key that the store is sealed with could not be opened by %s: %w", by.ID(), err)
	}
	return nil, fmt.Errorf("%w: it is sealed with %s, %s does not open it: %w", ErrSealed, evidence.Printable(h.By), by.ID(), err)
}
