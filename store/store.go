package store

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/evidenced/evidenced/evidence"
)

// format is the version that this program writes; doc.go describes it.
const format = "2"

var (
	bucketMeta        = []byte("meta")
	bucketEntries     = []byte("entries")
	bucketHashes      = []byte("hashes")
	bucketCheckpoints = []byte("checkpoints")
	bucketBlobs       = []byte("blobs")
	bucketCuts        = []byte("cuts")
	bucketFrames      = []byte("frames")
	bucketSeries      = []byte("series")
	bucketHistory     = []byte("history")
	bucketErased      = []byte("erased")
	buckets           = [][]byte{bucketMeta, bucketEntries, bucketHashes, bucketCheckpoints, bucketBlobs, bucketCuts,
		bucketFrames, bucketSeries, bucketHistory, bucketErased}
)

var (
	// ErrHeld: another process holds the file. The message names it.
	ErrHeld = errors.New("the store is held by another process")
	// ErrNotAStore: the file is not a store, or damaged beyond opening.
	ErrNotAStore = errors.New("not a store of this program")
	// ErrOldFormat: the file is a store of an older format; Migrate makes it a new one.
	ErrOldFormat = errors.New("a store of an older format: run `evidenced store migrate`")
	// ErrNewFormat: the file is a store of a newer format than this program knows.
	ErrNewFormat = errors.New("a store of a newer format: use a newer evidenced")
	// ErrWrongKey: the signing key is not the one that the log is signed with.
	ErrWrongKey = errors.New("the signing key does not belong to this store")
	// ErrSealed: the store is encrypted, and no key, or not the right one, was given.
	ErrSealed = errors.New("the store is encrypted with another key")
	// ErrPlain: a key was given, and the store is not encrypted.
	ErrPlain = errors.New("the store is not encrypted")
	// ErrReadOnly: the file or its folder may not be written to.
	ErrReadOnly = errors.New("the store can only be read here; who appends must be allowed to write the file and its folder")
	// ErrNotFound: there is no such blob.
	ErrNotFound = errors.New("not in the store")
	// ErrDamaged: what was read is not what was written.
	ErrDamaged = errors.New("the store is damaged; append nothing, and restore the newest backup that checks clean")
	// ErrUnsure: a write failed, and yet it is in the file. Only who opens the
	// store anew knows what it holds.
	ErrUnsure = errors.New("a write that had failed is in the file after all: open the store anew")
)

// Store is an open store. It is safe for concurrent use.
type Store struct {
	file
	path   string
	key    *Key
	now    func() time.Time
	reader bool
	box    box
	leaves leaves
	shards shards
	unpack unpackers

	users atomic.Int32 // who shares it, beside the one who opened it

	mu   sync.Mutex // guards what follows, and serialises appends
	vkey string
	pack packer
	size uint64 // entries, as the last append left them
}

// VerifierKey is the public key that the log is signed with now, in the form
// of a C2SP note verifier key.
func (s *Store) VerifierKey() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.vkey
}

// Held tells who held the store when it was opened to be read: what is read is
// a copy then, as the store stood at that moment. It is empty if nobody did.
func (s *Store) Held() string { return s.held }

// Share lets somebody else close the store as well: the last Close counts.
func (s *Store) Share() *Store {
	s.users.Add(1)
	return s
}

// Close lets go of the file, unless the store is shared with somebody who has
// not closed it yet.
func (s *Store) Close() error {
	if s.users.Add(-1) >= 0 {
		return nil
	}
	if !s.reader {
		removeHolder(s.path)
	}
	return s.db.Close()
}

// view is a look at the file within one transaction, through the box.
type view struct {
	s  *Store
	tx *bolt.Tx
	// own holds shards that this transaction has written, or read while it wrote.
	own *shards
}

// view runs do in a read transaction.
func (s *Store) view(do func(view) error) error {
	return guard(func() error {
		return s.db.View(func(tx *bolt.Tx) error { return do(view{s: s, tx: tx}) })
	})
}

// guard turns what a damaged file does to its reader into an error: bbolt
// panics on pages that make no sense, and a page behind the end of the file
// faults.
func guard(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, p)
		}
	}()
	return do()
}

// get gives the value of a key, nil if there is none. It is valid within the
// transaction only.
func (v view) get(bucket, key []byte) ([]byte, error) {
	value := v.tx.Bucket(bucket).Get(key)
	if value == nil {
		return nil, nil
	}
	return v.plain(bucket, key, value)
}

func (v view) put(bucket, key, value []byte) error {
	switch string(bucket) {
	case "entries":
		value = v.s.leaves.pack(value)
	case "series", "cuts":
		value = summed(value)
	}
	return v.bucket(bucket).Put(key, v.s.box.seal(bucket, key, value))
}

// bucket gives a bucket to write to. Where keys only grow, pages are filled whole.
func (v view) bucket(name []byte) *bolt.Bucket {
	b := v.tx.Bucket(name)
	switch string(name) {
	case "entries", "hashes", "checkpoints", "cuts", "frames":
		b.FillPercent = 1
	}
	return b
}

func key64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func fromKey(b []byte) uint64 {
	if len(b) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

// Append implements evidence.Log.
func (s *Store) Append(ctx context.Context, add func(evidence.Writer) error) error {
	return s.append(ctx, func(w *writer) error { return add(w) })
}

func (s *Store) append(ctx context.Context, add func(*writer) error) error {
	if s.reader {
		return errors.New("append: the store was opened for reading only")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("append: %w", err)
	}
	if err := s.transact(add); err != nil {
		return fmt.Errorf("append: %w", err)
	}
	return nil
}

// transact runs one write transaction. A commit that failed may be in the file
// all the same; the next one looks.
func (s *Store) transact(add func(*writer) error) error {
	var w *writer
	err := guard(func() error {
		return s.db.Update(func(tx *bolt.Tx) (err error) {
			if w, err = s.begin(tx); err != nil {
				return err
			}
			if err = add(w); err != nil {
				return err
			}
			return w.finish()
		})
	})
	if err != nil {
		return err
	}
	s.shards.publish(w.own)
	s.size, s.key, s.vkey = w.size, w.key, w.key.Verifier
	return nil
}

// writer is the evidence.Writer of one transaction.
type writer struct {
	view
	size  uint64    // number of leaves, with those added
	begun uint64    // number of leaves before
	at    time.Time // what this transaction is stamped with
	key   *Key      // what it is signed with
	old   *Key      // what it is signed with as well, when the key was changed
	// revived are blobs that had been erased and were stored again.
	revived []evidence.Ref
}

// begin stamps the transaction. Entries never go back in time; when the clock
// did, that is an entry of its own and the last time is used again.
func (s *Store) begin(tx *bolt.Tx) (*writer, error) {
	w := &writer{view: view{s, tx, &shards{}}, at: s.now().UTC(), key: s.key}
	last, n, err := w.lastEntry()
	if err != nil {
		return nil, err
	}
	if n != s.size {
		return nil, ErrUnsure
	}
	w.size, w.begun = n, n
	if n > 0 && w.at.Before(last.Recorded) {
		back := last.Recorded.Sub(w.at)
		w.at = last.Recorded
		e, err := evidence.WithBody(evidence.EntryAgent, map[string]any{"event": "clock_went_back", "milliseconds": back.Milliseconds()})
		if err != nil {
			return nil, err
		}
		_, err = w.Entry(e)
		return w, err
	}
	return w, nil
}

// lastEntry gives the newest entry and the number of all.
func (v view) lastEntry() (e evidence.Entry, n uint64, err error) {
	k, sealed := v.tx.Bucket(bucketEntries).Cursor().Last()
	if k == nil {
		return e, 0, nil
	}
	leaf, err := v.plain(bucketEntries, k, sealed)
	if err != nil {
		return e, 0, err
	}
	if err := json.Unmarshal(leaf, &e); err != nil {
		return e, 0, fmt.Errorf("read last entry: %w", err)
	}
	return e, fromKey(k) + 1, nil
}

// Entry implements evidence.Writer.
func (w *writer) Entry(e evidence.Entry) (evidence.Entry, error) {
	e.Index, e.Recorded = w.size, w.at
	leaf, err := evidence.Canonical(e)
	if err == nil {
		err = w.leaf(e, leaf)
	}
	if err != nil {
		return e, fmt.Errorf("entry %d: %w", e.Index, err)
	}
	return e, nil
}

// leaf adds an entry whose canonical text is given, and all that follows from it.
func (w *writer) leaf(e evidence.Entry, leaf []byte) error {
	if err := w.put(bucketEntries, key64(e.Index), leaf); err != nil {
		return err
	}
	if err := w.addLeaf(e.Index, leaf); err != nil {
		return err
	}
	for _, ref := range e.Refs() {
		if err := w.holds(ref.Hash); err != nil {
			return err
		}
	}
	w.size++
	return w.index(e)
}

// finish signs the tree as it stands after the transaction.
func (w *writer) finish() error {
	if err := w.reindex(w.revived); err != nil {
		return err
	}
	if w.size == w.begun {
		return nil
	}
	note, err := w.checkpoint(w.size, w.key, w.old)
	if err != nil {
		return err
	}
	return w.bucket(bucketCheckpoints).Put(key64(w.size), note)
}
