package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/evidenced/evidenced/evidence"
)

// source is a log that another store is made from.
type source interface {
	VerifierKey() string
	Leaves(from uint64) iter.Seq2[[]byte, error]
	Checkpoints() iter.Seq2[evidence.Checkpoint, error]
	Blob(h evidence.Hash) (io.ReadCloser, error)
	// volatile returns the attributes of a stream whose change is none.
	volatile(evidence.Stream) []string
}

var _ source = (*Store)(nil)

func (s *Store) volatile(st evidence.Stream) (names []string) {
	_ = s.view(func(v view) error {
		sr, err := v.series(evidence.Series{Stream: st, Content: evidence.ContentRecords})
		names = sr.Volatile
		return err
	})
	return names
}

// rebuildBatch is how many entries one transaction of a rebuilding takes.
const rebuildBatch = 64

// rebuild makes a store at temp that has the leaves, checkpoints and blobs of
// another log, each byte as it is, and everything else made again.
func rebuild(ctx context.Context, temp string, seal Sealer, from func() (source, error)) error {
	src, err := from()
	if err != nil {
		return err
	}
	f, err := openFile(temp, 0, false)
	if err != nil {
		return err
	}
	db := f.db
	db.NoSync = true // it is nobody's before it was checked
	s := &Store{file: f, path: temp, now: time.Now, reader: true}
	err = db.Update(func(tx *bolt.Tx) error { return layOut(tx, src.VerifierKey(), seal) })
	if err == nil {
		err = s.prepare(seal)
	}
	if err == nil {
		err = s.replay(ctx, src)
	}
	return errors.Join(err, db.Sync(), db.Close())
}

// replay appends what another log holds.
func (s *Store) replay(ctx context.Context, src source) error {
	var batch [][]byte
	flush := func() error {
		err := s.db.Update(func(tx *bolt.Tx) error { return s.replayLeaves(tx, src, batch) })
		batch = batch[:0]
		return err
	}
	for leaf, err := range src.Leaves(0) {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if batch = append(batch, leaf); len(batch) == rebuildBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	return s.db.Update(func(tx *bolt.Tx) error {
		w := view{s: s, tx: tx}
		for cp, err := range src.Checkpoints() {
			if err == nil {
				err = w.bucket(bucketCheckpoints).Put(key64(cp.Size), cp.Signed)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) replayLeaves(tx *bolt.Tx, src source, leaves [][]byte) error {
	w := &writer{view: view{s, tx, &shards{}}, size: s.size}
	for _, leaf := range leaves {
		var e evidence.Entry
		if err := evidence.DecodeCanonical(leaf, &e); err != nil {
			return fmt.Errorf("entry %d: %w", w.size, err)
		}
		if e.Index != w.size {
			return fmt.Errorf("entry %d says it is entry %d", w.size, e.Index)
		}
		if err := w.replayBlobs(src, e); err != nil {
			return fmt.Errorf("entry %d: %w", w.size, err)
		}
		if err := w.leaf(e, leaf); err != nil {
			return fmt.Errorf("entry %d: %w", w.size, err)
		}
	}
	s.size = w.size
	s.shards.publish(w.pending)
	return w.reindex(w.restored)
}

// replayBlobs stores what an entry names.
func (w *writer) replayBlobs(src source, e evidence.Entry) error {
	for _, ref := range e.Blobs {
		if err := w.replayBlob(src, evidence.Series{Content: evidence.ContentFile}, ref); err != nil {
			return err
		}
	}
	if e.Run == nil {
		return nil
	}
	of := evidence.Series{Stream: e.Run.Stream, Content: evidence.ContentExchanges}
	if e.Run.Exchanges != nil {
		if err := w.replayBlob(src, of, *e.Run.Exchanges); err != nil {
			return err
		}
	}
	if e.Run.Records == nil {
		return nil
	}
	of.Content, of.Volatile = evidence.ContentRecords, src.volatile(e.Run.Stream)
	return w.replayBlob(src, of, *e.Run.Records)
}

func (w *writer) replayBlob(src source, of evidence.Series, ref evidence.Ref) error {
	key := w.s.box.blobKey(ref.Hash)
	if w.tx.Bucket(bucketBlobs).Get(key) != nil {
		return w.setHead(of, ref.Hash)
	}
	r, err := src.Blob(ref.Hash)
	if errors.Is(err, evidence.ErrErased) {
		return w.tx.Bucket(bucketErased).Put(key, key64(^uint64(0))) // until its tombstone comes
	}
	if err != nil {
		return err
	}
	got, err := blobs{w.s, w}.put(of, r)
	if err = errors.Join(err, r.Close()); err == nil && got.Hash != ref.Hash {
		err = fmt.Errorf("blob %s: its bytes are those of %s", ref.Hash, got.Hash)
	}
	return err
}

// keep returns a file a second name, never over another one. The name may be
// there from a try that was interrupted.
func keep(path, as string) error {
	err := os.Link(path, as)
	if !errors.Is(err, os.ErrExist) {
		return err
	}
	a, errA := os.Stat(path)
	b, errB := os.Stat(as)
	if errA == nil && errB == nil && os.SameFile(a, b) {
		return nil
	}
	return err
}

// Migrate makes a store of an older format one of this format. The old file
// stays beside it, under the name it returns. Seal encrypts the new one.
func Migrate(ctx context.Context, path string, seal Sealer) (old string, err error) {
	old = path + ".format1"
	err = replace(ctx, path, "migrate", func(db *bolt.DB, temp string) error {
		return rebuild(ctx, temp, seal, func() (source, error) { return openFormat1(db) })
	}, func(temp string) error {
		if _, err := checkFile(ctx, temp, seal); err != nil {
			return err
		}
		return keep(path, old)
	})
	if err != nil {
		return "", fmt.Errorf("migrate %s: %w", path, err)
	}
	return old, nil
}
