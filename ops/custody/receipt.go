package custody

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/receipt"
	"github.com/evidenced/evidenced/store"
)

// EntryReceipt is the receipt of an entry of the log.
type EntryReceipt struct {
	Entry uint64 `json:"entry"`
	// Size is how many entries the log has under the root that is signed.
	Size uint64 `json:"size"`
	// Leaf is the entry as it stands in the log, Receipt the COSE receipt over it.
	Leaf    []byte `json:"-"`
	Receipt []byte `json:"-"`
}

// Receipts returns COSE receipts of entries, and the key of the log that signs
// them in PEM.
func (k *Keeper) Receipts(entries []uint64) (out []EntryReceipt, publicKey []byte, err error) {
	s, key, err := k.OpenToSign()
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if key.Verifier != s.VerifierKey() {
		return nil, nil, fmt.Errorf("receipts: %w", store.ErrWrongKey)
	}
	if err := s.RolledBack(); err != nil {
		return nil, nil, fmt.Errorf("receipts: %w", err)
	}
	size, err := s.Size()
	if err != nil {
		return nil, nil, err
	}
	for _, n := range entries {
		if n >= size {
			return nil, nil, api.Errorf(api.NotFound, "the log has no entry %d: it has %d", n, size)
		}
		r, err := receiptOf(s, key, n, size)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, r)
	}
	publicKey, err = publicPEM(key.Verifier)
	return out, publicKey, err
}

func receiptOf(s *store.Store, key *store.Key, n, size uint64) (r EntryReceipt, err error) {
	r = EntryReceipt{Entry: n, Size: size}
	in := receipt.Inclusion{Verifier: key.Verifier, Index: n, Size: size}
	if in.Path, err = s.Proof(n, size); err != nil {
		return r, err
	}
	if in.Root, err = s.Root(size); err != nil {
		return r, err
	}
	for leaf, err := range s.Leaves(n) {
		if err != nil {
			return r, err
		}
		r.Leaf = leaf
		break
	}
	r.Receipt, err = in.Sign(key.SignBytes)
	return r, err
}

// publicPEM returns the public key of a verifier key as most programs read it.
func publicPEM(verifier string) ([]byte, error) {
	parts := strings.SplitN(verifier, "+", 3)
	data, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(data) != 1+ed25519.PublicKeySize {
		return nil, fmt.Errorf("the key %s is not an Ed25519 key", evidence.Printable(verifier))
	}
	der, err := x509.MarshalPKIXPublicKey(ed25519.PublicKey(data[1:]))
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// WriteReceipts writes the receipts of entries, which are named by their numbers, with
// the entries and the key of the log to a folder. It is made if it is not there; no
// file is replaced.
func (k *Keeper) WriteReceipts(numbers []string, folder string) ([]EntryReceipt, error) {
	var entries []uint64
	for _, text := range numbers {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return nil, api.Errorf(api.Usage, "%q is not the number of a log entry", text)
		}
		entries = append(entries, n)
	}
	all, key, err := k.Receipts(entries)
	if err != nil {
		return nil, err
	}
	return all, writeReceipts(folder, all, key)
}

func writeReceipts(folder string, all []EntryReceipt, key []byte) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("write the receipts: %w", err)
	}
	files := map[string][]byte{"key.pem": key}
	for _, r := range all {
		files[fmt.Sprintf("entry-%d.json", r.Entry)], files[fmt.Sprintf("entry-%d.receipt.cbor", r.Entry)] = r.Leaf, r.Receipt
	}
	for name, content := range files {
		if err := writeOnce(filepath.Join(folder, name), content); err != nil {
			return err
		}
	}
	return nil
}

// writeOnce writes a new file. One that is there with the same content is left as it is.
func writeOnce(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) && holds(path, content) {
		return nil
	}
	if errors.Is(err, os.ErrExist) {
		return api.Errorf(api.Usage, "%s is there already, and is another file: name another folder", path)
	}
	if err == nil {
		_, err = f.Write(content)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("write the receipts: %w", err)
	}
	return nil
}

// holds reports a regular file of that content.
func holds(path string, content []byte) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	old, err := os.ReadFile(path)
	return err == nil && bytes.Equal(old, content)
}
