package witness

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"crypto/ed25519"

	cosign "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// seenLog is what was signed last of a log.
type seenLog struct {
	size uint64
	root tlog.Hash
}

// state keeps, a file each, what was signed last of every log:
//
//	origin \n size \n root in base64 \n
type state struct{ folder string }

func openState(folder string) (*state, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("the witness's folder: %w", err)
	}
	return &state{folder}, nil
}

func (s *state) path(origin string) string {
	h := sha256.Sum256([]byte(origin))
	return filepath.Join(s.folder, hex.EncodeToString(h[:])+".seen")
}

// read gives what was signed last; a log that was never seen has size 0.
func (s *state) read(origin string) (seen seenLog, err error) {
	b, err := os.ReadFile(s.path(origin))
	if errors.Is(err, os.ErrNotExist) {
		return seen, nil
	}
	if err != nil {
		return seen, fmt.Errorf("read what was signed last: %w", err)
	}
	lines := strings.Split(string(b), "\n")
	damaged := fmt.Errorf("%s is damaged: restore it, and sign nothing before", s.path(origin))
	if len(lines) != 4 || lines[0] != origin {
		return seen, damaged
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != len(seen.root) {
		return seen, damaged
	}
	copy(seen.root[:], root)
	if seen.size, err = number(lines[1]); err != nil {
		return seen, damaged
	}
	return seen, nil
}

// write makes durable what is about to be signed.
func (s *state) write(origin string, seen seenLog) error {
	text := fmt.Appendf(nil, "%s\n%d\n%s\n", origin, seen.size, base64.StdEncoding.EncodeToString(seen.root[:]))
	if err := writeWhole(s.path(origin), text, os.Rename); err != nil {
		return fmt.Errorf("write what is signed: %w", err)
	}
	return nil
}

// writeWhole writes a file, which is there whole and for good, or not at all.
// Place gives it its name: os.Rename takes that from another one, os.Link does not.
func writeWhole(path string, b []byte, place func(temp, path string) error) error {
	temp, err := os.CreateTemp(filepath.Dir(path), ".part-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(b)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err == nil {
		err = place(temp.Name(), path)
	}
	if err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// algCosignature is the type byte of a cosignature/v1 key.
const algCosignature = 4

// Key reads the key of a witness from a file, and makes one called name if
// there is none. It gives the signer and the verifier key to hand out.
func Key(path, name string) (note.Signer, string, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		b, err = makeKey(path, name)
	}
	if err != nil {
		return nil, "", fmt.Errorf("the witness's key: %w", err)
	}
	lines := strings.Fields(string(b))
	if len(lines) != 2 {
		return nil, "", fmt.Errorf("the witness's key %s: want two lines, the private and the public key", path)
	}
	signer, err := cosign.NewSignerForCosignatureV1(lines[0])
	if err != nil {
		return nil, "", fmt.Errorf("the witness's key %s: its first line is no private key", path)
	}
	verifier, err := cosign.NewVerifierForCosignatureV1(lines[1])
	if err != nil || verifier.Name() != signer.Name() || verifier.KeyHash() != signer.KeyHash() {
		return nil, "", fmt.Errorf("the witness's key %s: its second line is not the public half of the first", path)
	}
	return signer, lines[1], nil
}

// makeKey writes a new key, which only its owner may read.
func makeKey(path, name string) ([]byte, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	if name == "" || strings.ContainsAny(name, "+ \n\t") {
		return nil, fmt.Errorf("%q is no name for a key: no spaces, no plus", name)
	}
	data := append([]byte{algCosignature}, public...)
	sum := sha256.Sum256(append([]byte(name+"\n"), data...))
	hash := binary.BigEndian.Uint32(sum[:])
	text := fmt.Appendf(nil, "PRIVATE+KEY+%s+%08x+%s\n%s+%08x+%s\n", name, hash, base64.StdEncoding.EncodeToString(append([]byte{algCosignature}, private.Seed()...)),
		name, hash, base64.StdEncoding.EncodeToString(data))
	return text, writeWhole(path, text, os.Link)
}
