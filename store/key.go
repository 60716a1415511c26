package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Key signs checkpoints with Ed25519. It is kept apart from the store.
type Key struct {
	signer note.Signer
	secret string
	// Verifier is the public half, in the form of a C2SP note verifier key.
	Verifier string
}

// NewKey makes a key for the log called name. random is nil for the system's source.
func NewKey(name string, random io.Reader) (*Key, error) {
	if random == nil {
		random = rand.Reader
	}
	secret, verifier, err := note.GenerateKey(random, name)
	if err != nil {
		return nil, fmt.Errorf("make signing key: %w", err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		return nil, fmt.Errorf("make signing key: %w", err)
	}
	return &Key{signer: signer, secret: secret, Verifier: verifier}, nil
}

// ReadKey reads the key file that WriteFile wrote.
func ReadKey(path string) (*Key, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no signing key at %s: `evidenced init` makes one; a lost key cannot be replaced by a new one for the same store: %w", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read signing key: %w", err)
	}
	lines := strings.Fields(string(b))
	if len(lines) != 2 {
		return nil, fmt.Errorf("signing key %s: want two lines, the private and the public key", path)
	}
	signer, err := note.NewSigner(lines[0])
	if err != nil {
		return nil, fmt.Errorf("signing key %s: the first line is not a private key", path)
	}
	verifier, err := note.NewVerifier(lines[1])
	if err != nil || verifier.Name() != signer.Name() || verifier.KeyHash() != signer.KeyHash() {
		return nil, fmt.Errorf("signing key %s: the second line is not the public half of the first", path)
	}
	return &Key{signer: signer, secret: lines[0], Verifier: lines[1]}, nil
}

// WriteFile writes the key to a new file that only its owner may read. It
// never overwrites one.
func (k *Key) WriteFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write signing key: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write signing key: %w", err)
	}
	_, err = fmt.Fprintf(f, "%s\n%s\n", k.secret, k.Verifier)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write signing key: %w", err)
	}
	return nil
}

// Sign gives a signed note of text, which must end in a newline: the manifest of a bundle.
func (k *Key) Sign(text string) ([]byte, error) {
	return note.Sign(&note.Note{Text: text}, k.signer)
}
