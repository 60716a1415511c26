package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"iter"

	"github.com/klauspost/compress/zstd"
	bolt "go.etcd.io/bbolt"

	"github.com/evidenced/evidenced/evidence"
)

// format1 reads a store of the first format:
//
//	meta         "format" -> "1", "key" -> verifier key
//	entries      index (8 bytes) -> leaf
//	checkpoints  tree size (8) -> C2SP checkpoint
//	blobs        SHA-256 (32) -> id (8) size (8) count (8)
//	chunks       blob id (8) number (4) -> at most 32 KiB of the blob's zstd frame
type format1 struct {
	db   *bolt.DB
	vkey string
}

func openFormat1(db *bolt.DB) (source, error) {
	f := format1{db: db}
	err := db.View(func(tx *bolt.Tx) error {
		for _, name := range []string{"meta", "entries", "checkpoints", "blobs", "chunks"} {
			if tx.Bucket([]byte(name)) == nil {
				return fmt.Errorf("%w: it has no %s", ErrNotAStore, name)
			}
		}
		meta := tx.Bucket(bucketMeta)
		if v := string(meta.Get([]byte("format"))); v != "1" {
			return fmt.Errorf("it is of format %.20q: there is nothing to migrate", v)
		}
		f.vkey = string(meta.Get([]byte("key")))
		return nil
	})
	return f, err
}

// VerifierKey is the key that the log is signed with.
func (f format1) VerifierKey() string { return f.vkey }

func (f format1) volatile(evidence.Stream) []string { return nil }

// each yields a bucket whose keys begin with a number, from the first.
func (f format1) each(bucket []byte) iter.Seq2[[2][]byte, error] {
	return func(yield func([2][]byte, error) bool) {
		for next := key64(0); next != nil; {
			var got [][2][]byte
			err := f.db.View(func(tx *bolt.Tx) error {
				c := tx.Bucket(bucket).Cursor()
				k, v := c.Seek(next)
				for ; k != nil && len(got) < batch; k, v = c.Next() {
					got = append(got, [2][]byte{bytes.Clone(k), bytes.Clone(v)})
				}
				next = bytes.Clone(k)
				return nil
			})
			if err != nil {
				yield([2][]byte{}, err)
				return
			}
			for _, kv := range got {
				if !yield(kv, nil) {
					return
				}
			}
		}
	}
}

// Leaves yields the leaves of the log.
func (f format1) Leaves(uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for kv, err := range f.each(bucketEntries) {
			if !yield(kv[1], err) {
				return
			}
		}
	}
}

// Checkpoints yields the signed checkpoints.
func (f format1) Checkpoints() iter.Seq2[evidence.Checkpoint, error] {
	return func(yield func(evidence.Checkpoint, error) bool) {
		for kv, err := range f.each(bucketCheckpoints) {
			if !yield(evidence.Checkpoint{Size: fromKey(kv[0]), Signed: kv[1]}, err) {
				return
			}
		}
	}
}

// Blob returns the bytes of a blob.
func (f format1) Blob(h evidence.Hash) (io.ReadCloser, error) {
	var packed []byte
	err := f.db.View(func(tx *bolt.Tx) error {
		meta := tx.Bucket(bucketBlobs).Get(h[:])
		if len(meta) != 24 {
			return ErrNotFound
		}
		chunks := tx.Bucket([]byte("chunks"))
		for n := uint32(0); ; n++ {
			part := chunks.Get(binary.BigEndian.AppendUint32(bytes.Clone(meta[:8]), n))
			if part == nil {
				return nil
			}
			packed = append(packed, part...)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", h, err)
	}
	dec, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", h, err)
	}
	return dec.IOReadCloser(), nil
}
