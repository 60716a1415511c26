package store

import (
	"encoding/base64"
	"fmt"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/evidenced/evidenced/evidence"
)

// addLeaf stores the hashes that leaf number n completes.
func addLeaf(tx *bolt.Tx, n uint64, leaf []byte) error {
	hashes, err := tlog.StoredHashes(int64(n), leaf, treeReader(tx))
	if err != nil {
		return err
	}
	at := uint64(tlog.StoredHashIndex(0, int64(n)))
	for i, h := range hashes {
		if err := put(tx, bucketHashes, key64(at+uint64(i)), h[:]); err != nil {
			return err
		}
	}
	return nil
}

// treeReader reads stored hashes within a transaction.
func treeReader(tx *bolt.Tx) tlog.HashReaderFunc {
	return func(indexes []int64) ([]tlog.Hash, error) {
		b := tx.Bucket(bucketHashes)
		out := make([]tlog.Hash, len(indexes))
		for i, n := range indexes {
			v := b.Get(key64(uint64(n)))
			if len(v) != tlog.HashSize {
				return nil, fmt.Errorf("tree hash %d is missing", n)
			}
			copy(out[i][:], v)
		}
		return out, nil
	}
}

func rootOf(tx *bolt.Tx, size uint64) (evidence.Hash, error) {
	h, err := tlog.TreeHash(int64(size), treeReader(tx))
	return evidence.Hash(h), err
}

// checkpoint gives the signed C2SP checkpoint of the tree of that size.
func (k *Key) checkpoint(tx *bolt.Tx, size uint64) ([]byte, error) {
	root, err := rootOf(tx, size)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", k.signer.Name(), size, base64.StdEncoding.EncodeToString(root[:]))
	signed, err := note.Sign(&note.Note{Text: text}, k.signer)
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint: %w", err)
	}
	return signed, nil
}

// Proof gives the RFC 6962 inclusion proof of leaf index in the tree of size leaves.
func (s *Store) Proof(index, size uint64) (proof []evidence.Hash, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		p, err := tlog.ProveRecord(int64(size), int64(index), treeReader(tx))
		for _, h := range p {
			proof = append(proof, evidence.Hash(h))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("prove entry %d of %d: %w", index, size, err)
	}
	return proof, nil
}

// Checkpoint returns the newest signed checkpoint and its tree size; nil for an empty log.
func (s *Store) Checkpoint() (signed []byte, size uint64, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		k, v := tx.Bucket(bucketCheckpoints).Cursor().Last()
		if k != nil {
			signed, size = append([]byte(nil), v...), fromKey(k)
		}
		return nil
	})
	return signed, size, err
}
