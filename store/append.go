package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/evidenced/evidenced/evidence"
)

// Append implements evidence.Log.
func (s *Store) Append(ctx context.Context, add func(evidence.Writer) error) error {
	return s.append(ctx, func(w *writer) error { return w.callOut(add) })
}

// AppendIf implements evidence.Log.
func (s *Store) AppendIf(ctx context.Context, size uint64, add func(evidence.Writer) error) error {
	return s.appendAt(ctx, &size, func(w *writer) error { return w.callOut(add) })
}

func (s *Store) append(ctx context.Context, add func(*writer) error) error {
	return s.appendAt(ctx, nil, add)
}

// appendAt appends if the log has the wanted size; nil stands for any.
func (s *Store) appendAt(ctx context.Context, want *uint64, add func(*writer) error) error {
	if s.reader {
		return errors.New("append: the store was opened for reading only")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("append: %w", err)
	}
	if err := s.inPlace(); err != nil {
		return fmt.Errorf("append: %w", err)
	}
	if err := s.transact(want, add); err != nil {
		return fmt.Errorf("append: %w", err)
	}
	return nil
}

// ErrReplaced: the file of the store is no longer where it was opened, so that what is
// written to it would be lost with the process.
var ErrReplaced = errors.New("the file of the store was removed or replaced while it was open: stop what writes to it, put it back, and start again")

// inPlace checks that the path still leads to the open file.
func (s *Store) inPlace() error {
	there, err := os.Stat(s.path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrReplaced, err)
	}
	own, err := s.raw.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(there, own) {
		return ErrReplaced
	}
	return nil
}

// transact runs one write transaction. A commit that failed may be in the file
// all the same; the next one looks.
func (s *Store) transact(want *uint64, add func(*writer) error) error {
	w := &writer{at: s.now().UTC(), key: s.key}
	err := guard(&w.caller, func() error {
		return s.db.Update(func(tx *bolt.Tx) error {
			w.view = view{s, tx, &shards{}}
			if err := w.begin(want); err != nil {
				return err
			}
			if err := add(w); err != nil {
				return err
			}
			return w.finish()
		})
	})
	if err != nil {
		return err
	}
	s.shards.publish(w.pending)
	s.size, s.key, s.vkey = w.size, w.key, w.key.Verifier
	s.recorded = s.recorded || w.size > w.begun
	s.keep(w.signed)
	return nil
}

// writer writes one transaction.
type writer struct {
	view
	caller caller
	size   uint64    // number of leaves, with those added
	begun  uint64    // number of leaves before
	at     time.Time // what this transaction is stamped with
	key    *Key      // what it is signed with
	old    *Key      // what it is signed with as well, when the key was changed
	signed []byte    // the checkpoint of the log with what was added; nil if nothing was
	// restored are blobs that had been erased and were stored again.
	restored []evidence.Ref
}

// begin compares the size of the log with the wanted one, if there is one, and
// stamps the transaction. Entries never go back in time; when the clock did,
// that is an entry of its own and the last time is used again.
func (w *writer) begin(want *uint64) error {
	last, n, err := w.lastEntry()
	switch {
	case err != nil:
		return err
	case n != w.s.size:
		return ErrUnsure
	case want != nil && n != *want:
		return fmt.Errorf("%w: it has %d entries, not %d", evidence.ErrMoved, n, *want)
	}
	w.size, w.begun = n, n
	if n > 0 && w.at.Before(last.Recorded) {
		if err := w.entryOfClock(last); err != nil {
			return err
		}
	}
	return w.entryOfRollback()
}

// entryOfClock says in the log that the clock went back behind its last entry.
func (w *writer) entryOfClock(last evidence.Entry) error {
	back := last.Recorded.Sub(w.at)
	w.at = last.Recorded
	e, err := evidence.WithBody(evidence.EntryAgent, map[string]any{"event": "clock_went_back", "milliseconds": back.Milliseconds()})
	if err == nil {
		_, err = w.Entry(e)
	}
	return err
}

// lastEntry returns the newest entry and the number of all.
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

// Entry adds an entry; see evidence.Writer.
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

// leaf adds an entry with its canonical text, and all that follows from it.
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
func (w *writer) finish() (err error) {
	if err := w.reindex(w.restored); err != nil {
		return err
	}
	if w.size == w.begun {
		return nil
	}
	if w.signed, err = w.checkpoint(w.size, w.key, w.old); err != nil {
		return err
	}
	return w.bucket(bucketCheckpoints).Put(key64(w.size), w.signed)
}
