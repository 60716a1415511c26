package store

import (
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
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
	// ErrSealed: the store is encrypted, and no key, or not the right one, was passed.
	ErrSealed = errors.New("the store is encrypted with another key")
	// ErrPlain: a key was passed, and the store is not encrypted.
	ErrPlain = errors.New("the store is not encrypted")
	// ErrReadOnly: the file or its folder may not be written to.
	ErrReadOnly = errors.New("the store can only be read here; who appends must be allowed to write the file and its folder")
	// ErrNotFound: there is no such blob.
	ErrNotFound = errors.New("not in the store")
	// ErrDamaged: what was read is not what was written.
	ErrDamaged = errors.New("the store is damaged; append nothing, and restore the newest backup that checks clean")
	// ErrUnsure: a write failed, and yet it is in the file. Only
	// opening the store again tells what it holds.
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
	shards shards
	zip    compressor
	unzip  decompressor

	users atomic.Int32 // that share it, beside the one that opened it

	back error // what Options.Kept told of the log when it was opened

	mu   sync.Mutex // guards what follows, and serializes appends
	vkey string
	size uint64 // entries, as the last append left them
	// kept is the file that the newest checkpoint is kept in; empty for none.
	kept     string
	accepted *Acceptance // of a log that went back
	keptErr  error
	recorded bool // the log says that it went back
}

// VerifierKey is the public key that the log is signed with now, in the form
// of a C2SP note verifier key.
func (s *Store) VerifierKey() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.vkey
}

// Held names the process that held the store when it was opened to be read: what is read is
// a copy then, as the store stood at that moment. It is empty if nobody did.
func (s *Store) Held() string { return s.held }

// Share returns the store for another user, who closes it as well: the last Close
// counts.
func (s *Store) Share() *Store {
	s.users.Add(1)
	return s
}

// Close closes the file, unless the store is shared with a user who has not
// closed it yet.
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
	// pending holds shards that this transaction has written, or read while it wrote.
	pending *shards
}

// view runs do in a read transaction.
func (s *Store) view(do func(view) error) error {
	return guard(nil, func() error {
		return s.db.View(func(tx *bolt.Tx) error { return do(view{s: s, tx: tx}) })
	})
}

// get returns the value of a key, nil if there is none. It is valid within the
// transaction only.
func (v view) get(bucket, key []byte) ([]byte, error) {
	value := v.tx.Bucket(bucket).Get(key)
	if value == nil {
		return nil, nil
	}
	return v.plain(bucket, key, value)
}

func (v view) put(bucket, key, value []byte) (err error) {
	switch string(bucket) {
	case "entries":
		if value, err = v.s.zip.entry(value); err != nil {
			return err
		}
	case "series", "cuts":
		value = summed(value)
	}
	return v.bucket(bucket).Put(key, v.s.box.seal(bucket, key, value))
}

// bucket returns a bucket to write to. Where keys only grow, pages are filled whole.
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
