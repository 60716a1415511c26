package store

import (
	"bytes"
	"encoding/base64"
	"fmt"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/evidenced/evidenced/evidence"
)

// addLeaf stores the hashes that leaf number n completes.
func (w *writer) addLeaf(n uint64, leaf []byte) error {
	hashes, err := tlog.StoredHashes(int64(n), leaf, treeReader(w.tx))
	if err != nil {
		return err
	}
	at := uint64(tlog.StoredHashIndex(0, int64(n)))
	b := w.bucket(bucketHashes)
	for i, h := range hashes {
		if err := b.Put(key64(at+uint64(i)), h[:]); err != nil {
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

// Root returns the root of the tree of the first size leaves.
func (s *Store) Root(size uint64) (root evidence.Hash, err error) {
	err = s.view(func(v view) (err error) { root, err = rootOf(v.tx, size); return err })
	if err != nil {
		return root, fmt.Errorf("root of the first %d entries: %w", size, err)
	}
	return root, nil
}

// checkpointText is the body of the C2SP tlog-checkpoint of a log.
func checkpointText(origin string, size uint64, root evidence.Hash) string {
	return fmt.Sprintf("%s\n%d\n%s\n", origin, size, base64.StdEncoding.EncodeToString(root[:]))
}

// checkpoint returns the signed C2SP checkpoint of the tree of that size.
func (w *writer) checkpoint(size uint64, by ...*Key) ([]byte, error) {
	root, err := rootOf(w.tx, size)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return signNote(checkpointText(by[0].signer.Name(), size, root), by...)
}

// signNote signs with every key that is not nil.
func signNote(text string, by ...*Key) ([]byte, error) {
	var signers []note.Signer
	for _, k := range by {
		if k != nil {
			signers = append(signers, k.signer)
		}
	}
	signed, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return signed, nil
}

// Proof returns the RFC 6962 inclusion proof of leaf index in the tree of size leaves.
func (s *Store) Proof(index, size uint64) (proof []evidence.Hash, err error) {
	err = s.view(func(v view) error {
		p, err := tlog.ProveRecord(int64(size), int64(index), treeReader(v.tx))
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

// Consistency returns the RFC 6962 proof that the tree of newer leaves begins
// with that of older.
func (s *Store) Consistency(older, newer uint64) (proof []evidence.Hash, err error) {
	err = s.view(func(v view) error {
		p, err := tlog.ProveTree(int64(newer), int64(older), treeReader(v.tx))
		for _, h := range p {
			proof = append(proof, evidence.Hash(h))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("prove that a log of %d entries begins with one of %d: %w", newer, older, err)
	}
	return proof, nil
}

// Checkpoint returns the newest signed checkpoint and its tree size; nil for an empty log.
func (s *Store) Checkpoint() (signed []byte, size uint64, err error) {
	err = s.view(func(v view) error {
		k, text := v.tx.Bucket(bucketCheckpoints).Cursor().Last()
		if k != nil {
			signed, size = bytes.Clone(text), fromKey(k)
		}
		return nil
	})
	return signed, size, err
}
