package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/evidenced/evidenced/evidence"
)

// batch bounds how long a read transaction lives: a long one would keep the
// writer from reusing pages.
const batch = 512

// Size returns the number of entries in the log.
func (s *Store) Size() (n uint64, err error) {
	err = s.view(func(v view) error { n = logSize(v.tx); return nil })
	return n, err
}

func logSize(tx *bolt.Tx) uint64 {
	if k, _ := tx.Bucket(bucketEntries).Cursor().Last(); k != nil {
		return fromKey(k) + 1
	}
	return 0
}

// pairs walks a bucket from a key on, in batches of one read transaction each.
func (s *Store) pairs(bucket, from []byte) iter.Seq2[[2][]byte, error] {
	return func(yield func([2][]byte, error) bool) {
		for next := from; next != nil; {
			var got [][2][]byte
			err := s.view(func(v view) (err error) {
				got, next, err = v.batch(bucket, next)
				return err
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

func (v view) batch(bucket, from []byte) (got [][2][]byte, next []byte, err error) {
	c := v.tx.Bucket(bucket).Cursor()
	k, value := c.Seek(from)
	for ; k != nil && len(got) < batch; k, value = c.Next() {
		if value, err = v.plain(bucket, k, value); err != nil {
			return nil, nil, err
		}
		got = append(got, [2][]byte{bytes.Clone(k), bytes.Clone(value)})
	}
	return got, bytes.Clone(k), nil
}

// plain opens a value of a bucket; tree hashes and checkpoints are not sealed.
func (v view) plain(bucket, k, value []byte) ([]byte, error) {
	switch string(bucket) {
	case "hashes", "checkpoints", "erased":
		return value, nil
	}
	value, err := v.s.box.open(bucket, k, value)
	if err != nil {
		return nil, err
	}
	switch string(bucket) {
	case "entries":
		return v.s.unzip.entry(nil, value)
	case "series", "cuts":
		return unsummed(bucket, k, value)
	}
	return value, nil
}

// sumSize is how much of a SHA-256 follows a value that nothing else would
// show to be damaged.
const sumSize = 8

func summed(value []byte) []byte {
	h := evidence.HashOf(value)
	return slices.Concat(value, h[:sumSize])
}

func unsummed(bucket, k, b []byte) ([]byte, error) {
	if n := len(b) - sumSize; n >= 0 {
		if h := evidence.HashOf(b[:n]); bytes.Equal(h[:sumSize], b[n:]) {
			return b[:n], nil
		}
	}
	return nil, fmt.Errorf("%s %x: it is not what was written", bucket, k)
}

// entry reads one entry of the log.
func (v view) entry(n uint64) (e evidence.Entry, err error) {
	leaf, err := v.get(bucketEntries, key64(n))
	if err == nil && leaf == nil {
		err = errors.New("it is missing")
	}
	if err == nil {
		err = json.Unmarshal(leaf, &e)
	}
	if err != nil {
		return e, fmt.Errorf("entry %d: %w", n, err)
	}
	return e, nil
}

// eachEntry reads the log within one transaction.
func (v view) eachEntry(do func(evidence.Entry) error) error {
	var d evidence.LeafDecoder
	c := v.tx.Bucket(bucketEntries).Cursor()
	for k, value := c.First(); k != nil; k, value = c.Next() {
		text, err := v.plain(bucketEntries, k, value)
		if err != nil {
			return err
		}
		e, err := d.Decode(text)
		if err != nil {
			return fmt.Errorf("entry %d: %w", fromKey(k), err)
		}
		if err := do(e); err != nil {
			return err
		}
	}
	return nil
}

// Leaves yields the canonical texts of the entries from index on, in order.
func (s *Store) Leaves(from uint64) iter.Seq2[[]byte, error] {
	return s.texts(from, func(b *leafBatch) *leafBatch { return &leafBatch{text: make([]byte, 0, len(b.text))} })
}

// Scan yields the leaves of the log from index on, in order, each to be decoded
// if it matters. It is the cheapest way to read the log: a command that needs
// several things of it scans it once.
func (s *Store) Scan(from uint64) iter.Seq2[evidence.Leaf, error] {
	return func(yield func(evidence.Leaf, error) bool) {
		var d evidence.LeafDecoder
		for text, err := range s.texts(from, func(b *leafBatch) *leafBatch { return b }) {
			if !yield(d.Leaf(text), err) {
				return
			}
		}
	}
}

// Entries yields the entries of the log from index on, in order. What recurs in
// them is shared, and must not be changed.
func (s *Store) Entries(from uint64) iter.Seq2[evidence.Entry, error] {
	return s.entries(from, func(evidence.Leaf) bool { return true })
}

// Runs yields the runs of the log, in order.
func (s *Store) Runs() iter.Seq2[evidence.Run, error] {
	return func(yield func(evidence.Run, error) bool) {
		for e, err := range s.entries(0, func(l evidence.Leaf) bool { return l.Type() == evidence.EntryRun }) {
			if err == nil && e.Run == nil {
				continue
			}
			var r evidence.Run
			if err == nil {
				r = *e.Run
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// entries yields the entries whose leaf is wanted.
func (s *Store) entries(from uint64, wanted func(evidence.Leaf) bool) iter.Seq2[evidence.Entry, error] {
	return func(yield func(evidence.Entry, error) bool) {
		for leaf, err := range s.Scan(from) {
			var e evidence.Entry
			if err == nil && !wanted(leaf) {
				continue
			}
			if err == nil {
				e, err = leaf.Entry()
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// texts yields the texts of the leaves, batch by batch. What next returns holds
// the next batch, and may be the one before.
func (s *Store) texts(from uint64, next func(*leafBatch) *leafBatch) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for b := new(leafBatch); ; b = next(b) {
			err := s.view(func(v view) error { return b.read(v, from) })
			for i := range b.ends {
				if !yield(b.at(i), nil) {
					return
				}
				from++
			}
			if err != nil {
				yield(nil, err)
			}
			if err != nil || b.last {
				return
			}
		}
	}
}

// batchText bounds the bytes of a leafBatch, but for its last text.
const batchText = 1 << 20

// roomForLeaf is more than nearly all texts have.
const roomForLeaf = 8 << 10

// leafBatch holds the texts of leaves that follow one another.
type leafBatch struct {
	text []byte
	ends []int
	last bool // the log ends with them
}

func (b *leafBatch) at(i int) []byte {
	begin := 0
	if i > 0 {
		begin = b.ends[i-1]
	}
	return b.text[begin:b.ends[i]:b.ends[i]]
}

// read takes the texts from index on, at most batch of them. On an error it holds
// those before.
func (b *leafBatch) read(v view, from uint64) error {
	b.text, b.ends, b.last = b.text[:0], b.ends[:0], false
	c := v.tx.Bucket(bucketEntries).Cursor()
	k, value := c.Seek(key64(from))
	for ; k != nil && len(b.ends) < batch && len(b.text) < batchText; k, value = c.Next() {
		if n := fromKey(k); n != from {
			return fmt.Errorf("entry %d is missing from the log", from)
		}
		value, err := v.s.box.open(bucketEntries, k, value)
		if err != nil {
			return err
		}
		if cap(b.text)-len(b.text) < roomForLeaf { // the decoder would make room for one text only
			b.text = slices.Grow(b.text, max(len(b.text), 4*roomForLeaf))
		}
		if b.text, err = v.s.unzip.entry(b.text, value); err != nil {
			return err
		}
		b.ends = append(b.ends, len(b.text))
		from++
	}
	b.last = k == nil
	return nil
}

// Lines yields the records of a snapshot, in canonical order, each to be decoded by who needs it.
func (s *Store) Lines(ref evidence.Ref) iter.Seq2[evidence.Line, error] {
	return read(s, ref, func(r io.Reader) iter.Seq2[evidence.Line, error] {
		return evidence.ReadRecordLines(r, evidence.MaxLine, "")
	})
}

// Records yields the records of a snapshot, in canonical order.
func (s *Store) Records(ref evidence.Ref) iter.Seq2[evidence.Record, error] {
	return evidence.DecodeLines(s.Lines(ref))
}

// Exchanges yields the exchanges of a snapshot, in canonical order.
func (s *Store) Exchanges(ref evidence.Ref) iter.Seq2[evidence.Exchange, error] {
	return read(s, ref, evidence.ReadLines[evidence.Exchange])
}

func read[T any](s *Store, ref evidence.Ref, each func(io.Reader) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		b, err := s.Blob(ref.Hash)
		if err != nil {
			var zero T
			yield(zero, err)
			return
		}
		defer b.Close()
		for v, err := range each(b) {
			if !yield(v, err) {
				return
			}
		}
	}
}

// Checkpoints yields every signed checkpoint, oldest first.
func (s *Store) Checkpoints() iter.Seq2[evidence.Checkpoint, error] {
	return func(yield func(evidence.Checkpoint, error) bool) {
		for kv, err := range s.pairs(bucketCheckpoints, key64(0)) {
			var c evidence.Checkpoint
			if err == nil {
				c = evidence.Checkpoint{Size: fromKey(kv[0]), Signed: kv[1]}
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}
