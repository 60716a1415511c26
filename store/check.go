package store

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/evidenced/evidenced/evidence"
)

// Report is what Check counted and found.
type Report struct {
	Entries     uint64   `json:"entries"`
	Blobs       int      `json:"blobs"`
	Bytes       int64    `json:"bytes"`
	Checkpoints int      `json:"checkpoints"`
	Problems    []string `json:"problems"`
}

// OK reports whether nothing was wrong.
func (r Report) OK() bool { return len(r.Problems) == 0 }

// checker walks the whole file once.
type checker struct {
	s      *Store
	report Report
	// roots[n] is needed for the checkpoint of size n; the tree is rebuilt here
	// from the leaves alone.
	tree  rebuilt
	signs map[uint64][]byte
	refs  map[evidence.Hash]bool
}

// Check reads everything and proves it: the pages of the file, every leaf and
// the tree over them, every signed checkpoint, every blob and every reference.
// The error is for a check that could not be made; what is wrong is in the report.
func (s *Store) Check(ctx context.Context) (Report, error) {
	c := &checker{s: s, signs: map[uint64][]byte{}, refs: map[evidence.Hash]bool{}}
	c.report.Problems = []string{}
	for _, step := range []func(context.Context) error{c.pages, c.checkpoints, c.leaves, c.blobs, c.chunks} {
		if err := ctx.Err(); err != nil {
			return c.report, fmt.Errorf("check store: %w", err)
		}
		if err := step(ctx); err != nil {
			c.problem("%v", err)
		}
	}
	return c.report, nil
}

func (c *checker) problem(format string, args ...any) {
	c.report.Problems = append(c.report.Problems, fmt.Sprintf(format, args...))
}

func (c *checker) pages(context.Context) error {
	return c.s.db.View(func(tx *bolt.Tx) error {
		for err := range tx.Check() {
			c.problem("file structure: %v", err)
		}
		return nil
	})
}

func (c *checker) checkpoints(context.Context) error {
	for cp, err := range c.s.Checkpoints() {
		if err != nil {
			return err
		}
		c.signs[cp.Size] = cp.Signed
		c.report.Checkpoints++
	}
	return nil
}

// leaves rebuilds the tree from the leaves and compares it, at every
// checkpoint, with what was signed, and with the stored hashes.
func (c *checker) leaves(ctx context.Context) error {
	verifier, err := note.NewVerifier(c.s.vkey)
	if err != nil {
		return fmt.Errorf("verifier key: %w", err)
	}
	var last evidence.Entry
	for leaf, err := range c.s.Leaves(0) {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		last = c.leaf(leaf, last)
		if err := c.tree.add(leaf); err != nil {
			return fmt.Errorf("entry %d: %w", c.report.Entries, err)
		}
		c.report.Entries++
		if signed, ok := c.signs[c.report.Entries]; ok {
			delete(c.signs, c.report.Entries)
			c.signed(signed, verifier)
		}
	}
	for size := range c.signs {
		c.problem("checkpoint of %d entries: the log has only %d", size, c.report.Entries)
	}
	if err := c.s.db.View(c.storedHashes); err != nil {
		return err
	}
	return c.lastSigned()
}

func (c *checker) leaf(leaf []byte, last evidence.Entry) evidence.Entry {
	var e evidence.Entry
	if err := evidence.DecodeCanonical(leaf, &e); err != nil {
		c.problem("entry %d: %v", c.report.Entries, err)
		return last
	}
	if e.Index != c.report.Entries {
		c.problem("entry %d says it is entry %d", c.report.Entries, e.Index)
	}
	if e.Recorded.Before(last.Recorded) {
		c.problem("entry %d was recorded before the one before it", e.Index)
	}
	if e.Run != nil {
		c.refer(e.Run.Records)
		c.refer(e.Run.Exchanges)
	}
	return e
}

func (c *checker) refer(ref *evidence.Ref) {
	if ref != nil {
		c.refs[ref.Hash] = true
	}
}

// signed compares one checkpoint with the tree rebuilt so far.
func (c *checker) signed(signed []byte, v note.Verifier) {
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		c.problem("checkpoint of %d entries: %v", c.report.Entries, err)
		return
	}
	root, err := c.tree.root()
	if err != nil {
		c.problem("checkpoint of %d entries: %v", c.report.Entries, err)
		return
	}
	want := []string{v.Name(), strconv.FormatUint(c.report.Entries, 10), base64.StdEncoding.EncodeToString(root[:]), ""}
	if n.Text != strings.Join(want, "\n") {
		c.problem("checkpoint of %d entries: it was signed over another log", c.report.Entries)
	}
}

func (c *checker) lastSigned() error {
	_, size, err := c.s.Checkpoint()
	if err == nil && size != c.report.Entries {
		c.problem("the last checkpoint covers %d of %d entries", size, c.report.Entries)
	}
	return err
}

func (c *checker) storedHashes(tx *bolt.Tx) error {
	cur, n := tx.Bucket(bucketHashes).Cursor(), 0
	for k, v := cur.First(); k != nil; k, v = cur.Next() {
		if n >= len(c.tree) || fromKey(k) != uint64(n) || !bytes.Equal(v, c.tree[n][:]) {
			c.problem("tree hash %d is not the hash of the leaves", n)
			return nil
		}
		n++
	}
	if n != len(c.tree) {
		c.problem("the tree has %d hashes, the leaves make %d", n, len(c.tree))
	}
	return nil
}

func (c *checker) blobs(ctx context.Context) error {
	for kv, err := range c.s.pairs(bucketBlobs, []byte{0}) {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if len(kv[0]) != len(evidence.Hash{}) {
			c.problem("blob index key of %d bytes", len(kv[0]))
			continue
		}
		c.blob(evidence.Hash(kv[0]))
	}
	for h := range c.refs {
		c.problem("blob %s: an entry names it, but it is not there", h)
	}
	return nil
}

func (c *checker) blob(h evidence.Hash) {
	c.report.Blobs++
	if !c.refs[h] {
		c.problem("blob %s: no entry names it", h)
	}
	delete(c.refs, h)
	r, err := c.s.Blob(h)
	if err != nil {
		c.problem("%v", err)
		return
	}
	defer r.Close()
	n, err := io.Copy(io.Discard, r)
	c.report.Bytes += n
	if err != nil {
		c.problem("%v", err)
	}
}

// chunks looks for pieces that belong to no blob.
func (c *checker) chunks(context.Context) error {
	ids := map[uint64]bool{}
	for kv, err := range c.s.pairs(bucketBlobs, []byte{0}) {
		if err != nil {
			return err
		}
		m, err := decodeMeta(kv[1])
		if err != nil {
			return err
		}
		ids[m.id] = true
	}
	for kv, err := range c.s.pairs(bucketChunks, []byte{0}) {
		if err != nil {
			return err
		}
		if len(kv[0]) != 12 || !ids[fromKey(kv[0])] {
			c.problem("chunk %x belongs to no blob", kv[0])
		}
	}
	return nil
}

// rebuilt holds the stored hashes of a tree that is made anew from its leaves.
type rebuilt []tlog.Hash

func (t *rebuilt) read(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, n := range indexes {
		out[i] = (*t)[n]
	}
	return out, nil
}

// leaves gives the number of leaves that make this many stored hashes.
func (t *rebuilt) leaves() int64 {
	n := int64(len(*t)+1) / 2
	for tlog.StoredHashCount(n) < int64(len(*t)) {
		n++
	}
	return n
}

func (t *rebuilt) add(leaf []byte) error {
	hashes, err := tlog.StoredHashes(t.leaves(), leaf, tlog.HashReaderFunc(t.read))
	*t = append(*t, hashes...)
	return err
}

func (t *rebuilt) root() (tlog.Hash, error) {
	return tlog.TreeHash(t.leaves(), tlog.HashReaderFunc(t.read))
}
