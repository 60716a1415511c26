package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/evidenced/evidenced/evidence"
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
	k, err := ParseKey(string(b))
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", path, err)
	}
	return k, nil
}

// ParseKey reads the text of a key file: the private key and the public one.
// Its errors do not show them.
func ParseKey(text string) (*Key, error) {
	lines := strings.Fields(text)
	if len(lines) != 2 {
		return nil, errors.New("want two lines, the private and the public key")
	}
	signer, err := note.NewSigner(lines[0])
	if err != nil {
		return nil, errors.New("the first line is not a private key")
	}
	verifier, err := note.NewVerifier(lines[1])
	if err != nil || verifier.Name() != signer.Name() || verifier.KeyHash() != signer.KeyHash() {
		return nil, errors.New("the second line is not the public half of the first")
	}
	return &Key{signer: signer, secret: lines[0], Verifier: lines[1]}, nil
}

// WriteFile writes the key to a new file that only its owner may read. It
// never overwrites one, and never leaves half of one.
func (k *Key) WriteFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write signing key: %w", err)
	}
	if err := writeNew(path, fmt.Appendf(nil, "%s\n%s\n", k.secret, k.Verifier)); err != nil {
		return fmt.Errorf("write signing key: %w", err)
	}
	return nil
}

// writeNew writes a new file, which is there whole and for good, or not at all.
func writeNew(path string, b []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".part-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(b)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Link(temp.Name(), path); err != nil { // not Rename: it must not replace another one
		return err
	}
	return syncFolder(path)
}

// Sign returns a signed note of text, which must end in a newline: the manifest of a bundle.
func (k *Key) Sign(text string) ([]byte, error) {
	return signNote(text, k)
}

// SignBytes returns the Ed25519 signature of bytes that are no text of a note, such
// as what a COSE receipt is signed over: so that no signature passes for another.
func (k *Key) SignBytes(b []byte) ([]byte, error) {
	if len(b) == 0 || b[0] < 0x80 { // a note's text begins with a letter; the array that COSE signs does not
		return nil, errors.New("what reads as a text is signed as a note")
	}
	return k.signer.Sign(b)
}

// Rotate makes next the signing key of the log: an entry that both keys sign
// says so, and the checkpoint that covers it bears the signatures of both.
func (s *Store) Rotate(ctx context.Context, next *Key) error {
	err := s.append(ctx, func(w *writer) error { return w.rotate(next, evidence.ActorFrom(ctx)) })
	if err != nil {
		return fmt.Errorf("change the signing key: %w", err)
	}
	return nil
}

func (w *writer) rotate(next *Key, by *evidence.Actor) error {
	switch {
	case next.signer.Name() != w.key.signer.Name():
		return fmt.Errorf("the new key is for the log %q, this is %q", next.signer.Name(), w.key.signer.Name())
	case next.Verifier == w.key.Verifier:
		return errors.New("the new key is the one in use")
	}
	signed, err := signNote(evidence.KeyChangeText(next.signer.Name(), w.size, w.key.Verifier, next.Verifier), w.key, next)
	if err != nil {
		return err
	}
	e, err := evidence.WithBody(evidence.EntryKey, evidence.KeyChange{Old: w.key.Verifier, New: next.Verifier, Note: string(signed)})
	if err != nil {
		return err
	}
	e.Actor = by
	if _, err := w.Entry(e); err != nil {
		return err
	}
	w.old, w.key = w.key, next
	return w.tx.Bucket(bucketMeta).Put([]byte("key"), []byte(next.Verifier))
}
