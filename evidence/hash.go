package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Hash is a SHA-256. Its text form is 64 lower-case hexadecimal digits.
type Hash [sha256.Size]byte

// HashOf returns the hash of b.
func HashOf(b []byte) Hash { return sha256.Sum256(b) }

// LeafHash returns the RFC 6962 hash of a log leaf: SHA-256(0x00 || leaf).
func LeafHash(leaf []byte) Hash {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(leaf)
	return Hash(h.Sum(nil))
}

// ParseHash reads the text form.
func ParseHash(s string) (Hash, error) {
	var h Hash
	return h, h.UnmarshalText([]byte(s))
}

// String returns the text form.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText returns the text form.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads the text form; upper case and other lengths are errors,
// so that one hash has one text.
func (h *Hash) UnmarshalText(b []byte) error {
	var v Hash
	if n, err := hex.Decode(v[:], b[:min(len(b), 2*len(v))]); err != nil || n != len(v) || v.String() != string(b) {
		return fmt.Errorf("hash %.80q: want %d lower-case hexadecimal digits", b, 2*len(v))
	}
	*h = v
	return nil
}
