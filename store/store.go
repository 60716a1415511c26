package store

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/evidenced/evidenced/evidence"
)

const format = "1"

var (
	bucketMeta        = []byte("meta")
	bucketEntries     = []byte("entries")
	bucketHashes      = []byte("hashes")
	bucketCheckpoints = []byte("checkpoints")
	bucketBlobs       = []byte("blobs")
	bucketChunks      = []byte("chunks")
	buckets           = [][]byte{bucketMeta, bucketEntries, bucketHashes, bucketCheckpoints, bucketBlobs, bucketChunks}
)

var (
	// ErrHeld: another process holds the file. The message names it.
	ErrHeld = errors.New("the store is held by another process")
	// ErrNotAStore: the file is not a store, or of a format this program does not know.
	ErrNotAStore = errors.New("not a store of this program")
	// ErrWrongKey: the signing key is not the one the log was begun with.
	ErrWrongKey = errors.New("the signing key does not belong to this store")
	// ErrNotFound: there is no such blob.
	ErrNotFound = errors.New("not in the store")
)

// Options configure Open.
type Options struct {
	// Key signs checkpoints. Required to append; nil opens for reading only.
	Key *Key
	// Seal opens an encrypted store, and makes a new one encrypted; nil for a plain one.
	Seal Sealer
	// Now is the clock that entries are stamped with; nil means time.Now.
	Now func() time.Time
	// Wait is how long to wait for another process to let go; zero means 200 ms.
	Wait time.Duration
}

// Store is an open store. It is safe for concurrent use.
type Store struct {
	db     *bolt.DB
	path   string
	key    *Key
	now    func() time.Time
	vkey   string
	appMu  sync.Mutex // serialises appends; guards enc
	enc    *zstd.Encoder
	reader bool
}

// Open opens the store at path. With a key it creates the file if there is
// none; without one it opens an existing file for reading.
func Open(path string, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wait == 0 {
		o.Wait = 200 * time.Millisecond
	}
	if err := checkPath(path, o.Key == nil); err != nil {
		return nil, err
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: o.Wait, FreelistType: bolt.FreelistMapType, ReadOnly: o.Key == nil})
	if err != nil {
		return nil, openError(path, err)
	}
	s := &Store{db: db, path: path, key: o.Key, now: o.Now, reader: o.Key == nil}
	if err := s.prepare(); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	return s, nil
}

func checkPath(path string, mustExist bool) error {
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist) && mustExist:
		return fmt.Errorf("there is no store at %s yet: `evidenced collect now` makes it", path)
	case errors.Is(err, os.ErrNotExist):
		return os.MkdirAll(filepath.Dir(path), 0o700)
	case err != nil:
		return fmt.Errorf("open store: %w", err)
	case fi.IsDir():
		return fmt.Errorf("open store: %s is a folder", path)
	}
	return nil
}

func openError(path string, err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("open store %s: %w (%s)", path, ErrHeld, readHolder(path))
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return fmt.Errorf("open store %s: %w: %w", path, ErrNotAStore, err)
	}
	return fmt.Errorf("open store %s: %w", path, err)
}

// prepare makes the buckets of a new file, or checks those of an old one.
func (s *Store) prepare() (err error) {
	if s.enc, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)); err != nil {
		return err
	}
	if s.reader {
		return s.db.View(s.checkMeta)
	}
	if err := s.db.Update(s.makeOrCheck); err != nil {
		return err
	}
	return writeHolder(s.path)
}

func (s *Store) makeOrCheck(tx *bolt.Tx) error {
	if tx.Bucket(bucketMeta) != nil {
		return s.checkMeta(tx)
	}
	for _, b := range buckets {
		if _, err := tx.CreateBucket(b); err != nil {
			return err
		}
	}
	s.vkey = s.key.Verifier
	meta := tx.Bucket(bucketMeta)
	if err := meta.Put([]byte("key"), []byte(s.vkey)); err != nil {
		return err
	}
	return meta.Put([]byte("format"), []byte(format))
}

func (s *Store) checkMeta(tx *bolt.Tx) error {
	for _, b := range buckets {
		if tx.Bucket(b) == nil {
			return fmt.Errorf("%w: no bucket %q", ErrNotAStore, b)
		}
	}
	meta := tx.Bucket(bucketMeta)
	if f := string(meta.Get([]byte("format"))); f != format {
		return fmt.Errorf("%w: format %q, want %q", ErrNotAStore, f, format)
	}
	s.vkey = string(meta.Get([]byte("key")))
	if s.key != nil && s.key.Verifier != s.vkey {
		return fmt.Errorf("%w: it was begun with %s, the key given is %s", ErrWrongKey, s.vkey, s.key.Verifier)
	}
	return nil
}

// Close lets go of the file.
func (s *Store) Close() error {
	if !s.reader {
		removeHolder(s.path)
	}
	return s.db.Close()
}

// VerifierKey is the public key of the log, in the form of a C2SP note verifier.
func (s *Store) VerifierKey() string { return s.vkey }

// Append implements evidence.Log.
func (s *Store) Append(ctx context.Context, add func(evidence.Writer) error) error {
	if s.reader {
		return errors.New("append: the store was opened for reading only")
	}
	s.appMu.Lock()
	defer s.appMu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("append: %w", err)
	}
	err := s.db.Update(func(tx *bolt.Tx) error {
		w, err := s.begin(tx)
		if err != nil {
			return err
		}
		if err := add(w); err != nil {
			return err
		}
		return w.finish()
	})
	if err != nil {
		return fmt.Errorf("append: %w", err)
	}
	return nil
}

// writer is the evidence.Writer of one transaction.
type writer struct {
	s     *Store
	tx    *bolt.Tx
	size  uint64    // number of leaves, with those added
	begun uint64    // number of leaves before
	at    time.Time // what this transaction is stamped with
}

// begin stamps the transaction. Entries never go back in time; when the clock
// did, that is an entry of its own and the last time is used again.
func (s *Store) begin(tx *bolt.Tx) (*writer, error) {
	w := &writer{s: s, tx: tx, at: s.now().UTC()}
	last, n, err := lastEntry(tx)
	if err != nil {
		return nil, err
	}
	w.size, w.begun = n, n
	if n > 0 && w.at.Before(last.Recorded) {
		back := last.Recorded.Sub(w.at)
		w.at = last.Recorded
		body, err := json.Marshal(map[string]any{"event": "clock_went_back", "milliseconds": back.Milliseconds()})
		if err != nil {
			return nil, err
		}
		_, err = w.Entry(evidence.Entry{Type: evidence.EntryAgent, Body: body})
		return w, err
	}
	return w, nil
}

func lastEntry(tx *bolt.Tx) (e evidence.Entry, n uint64, err error) {
	k, v := tx.Bucket(bucketEntries).Cursor().Last()
	if k == nil {
		return e, 0, nil
	}
	if err := json.Unmarshal(v, &e); err != nil {
		return e, 0, fmt.Errorf("read last entry: %w", err)
	}
	return e, binary.BigEndian.Uint64(k) + 1, nil
}

// Entry implements evidence.Writer.
func (w *writer) Entry(e evidence.Entry) (evidence.Entry, error) {
	e.Index, e.Recorded = w.size, w.at
	leaf, err := evidence.Canonical(e)
	if err != nil {
		return e, fmt.Errorf("entry %d: %w", e.Index, err)
	}
	if err := put(w.tx, bucketEntries, key64(e.Index), leaf); err != nil {
		return e, fmt.Errorf("entry %d: %w", e.Index, err)
	}
	if err := addLeaf(w.tx, e.Index, leaf); err != nil {
		return e, fmt.Errorf("entry %d: %w", e.Index, err)
	}
	w.size++
	return e, nil
}

// finish signs the tree as it stands after the transaction.
func (w *writer) finish() error {
	if w.size == w.begun {
		return nil
	}
	note, err := w.s.key.checkpoint(w.tx, w.size)
	if err != nil {
		return err
	}
	return put(w.tx, bucketCheckpoints, key64(w.size), note)
}

// put appends: the bucket's keys only grow, so its pages are filled whole.
func put(tx *bolt.Tx, bucket, key, value []byte) error {
	b := tx.Bucket(bucket)
	b.FillPercent = 1
	return b.Put(key, value)
}

func key64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
