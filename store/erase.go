package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// Retention says what may be erased.
type Retention struct {
	// Policy is the rule in words, for the tombstone.
	Policy string
	// Kinds it applies to; empty means every kind.
	Kinds []evidence.Kind
	// Before: only blobs are erased that no entry recorded at or after it names.
	Before time.Time
}

// lets reports whether the policy lets go of what an entry keeps.
func (r Retention) lets(e evidence.Entry) bool {
	if !e.Recorded.Before(r.Before) {
		return false
	}
	return len(r.Kinds) == 0 || e.Run != nil && slices.Contains(r.Kinds, e.Run.Stream.Kind)
}

// eraseBatch bounds one tombstone, and what one transaction rewrites.
const eraseBatch = 4096

// Expired returns the blobs that a policy lets go of, oldest first.
func (s *Store) Expired(ctx context.Context, r Retention) (refs []evidence.Ref, err error) {
	keep := map[evidence.Hash]bool{}
	seen := map[evidence.Hash]bool{}
	for e, err := range s.Entries(0) {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return nil, fmt.Errorf("find what may be erased: %w", err)
		}
		if e.Type == evidence.EntryErasure {
			continue
		}
		for _, ref := range e.Refs() {
			if !r.lets(e) {
				keep[ref.Hash] = true
			} else if ref.Size > 0 && !seen[ref.Hash] {
				seen[ref.Hash] = true
				refs = append(refs, ref)
			}
		}
	}
	err = s.view(func(v view) error {
		refs = slices.DeleteFunc(refs, func(ref evidence.Ref) bool {
			return keep[ref.Hash] || v.tx.Bucket(bucketBlobs).Get(s.box.blobKey(ref.Hash)) == nil
		})
		return nil
	})
	return refs, err
}

// Erase deletes the blobs that a policy lets go of, and writes their
// tombstones. It returns them. Until Compact, remains of them are in the
// free pages of the file.
func (s *Store) Erase(ctx context.Context, r Retention) (refs []evidence.Ref, err error) {
	expired, err := s.Expired(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := dropState(s.path); err != nil {
		return nil, err
	}
	for batch := range slices.Chunk(expired, eraseBatch) {
		err := s.append(ctx, func(w *writer) error {
			e, err := evidence.WithBody(evidence.EntryErasure, evidence.Erasure{Policy: r.Policy, Before: r.Before.UTC(), Blobs: batch})
			if err == nil {
				e.Actor = evidence.ActorFrom(ctx)
				_, err = w.Entry(e)
			}
			return err
		})
		if err != nil {
			return refs, fmt.Errorf("erase under the policy %q: %w", r.Policy, err)
		}
		refs = append(refs, batch...)
	}
	return refs, nil
}

// indexErasure deletes what a tombstone names. What other blobs need of it
// is rewritten first.
func (w *writer) indexErasure(e evidence.Entry) error {
	var body evidence.Erasure
	if err := e.DecodeBody(evidence.EntryErasure, &body); err != nil {
		return err
	}
	gone := false
	for _, ref := range body.Blobs {
		key := w.s.box.blobKey(ref.Hash)
		gone = gone || w.tx.Bucket(bucketBlobs).Get(key) != nil
		if err := w.tx.Bucket(bucketBlobs).Delete(key); err != nil {
			return err
		}
		if err := w.tx.Bucket(bucketErased).Put(key, key64(e.Index)); err != nil {
			return err
		}
	}
	if !gone { // a log that is written again never had them
		return nil
	}
	if err := w.dropUnused(); err != nil {
		return err
	}
	if err := w.forgetHeads(); err != nil {
		return err
	}
	return w.reindex(body.Blobs)
}

// forgetHeads makes every series begin again whose newest blob is not there.
func (w *writer) forgetHeads() error {
	var lost []series
	c := w.tx.Bucket(bucketSeries).Cursor()
	for k, value := c.First(); k != nil; k, value = c.Next() {
		value, err := w.plain(bucketSeries, k, value)
		var s series
		if err == nil {
			err = json.Unmarshal(value, &s)
		}
		if err != nil {
			return err
		}
		if w.tx.Bucket(bucketBlobs).Get(w.s.box.blobKey(s.Head)) == nil {
			s.Head = evidence.Hash{}
			lost = append(lost, s)
		}
	}
	for _, s := range lost {
		if err := w.putSeries(s); err != nil {
			return err
		}
	}
	return nil
}

// dropUnused deletes the frames and cuts that no blob has.
func (w *writer) dropUnused() error {
	frames, cuts, err := w.used()
	if err != nil {
		return err
	}
	if err := w.rebase(frames); err != nil {
		return err
	}
	w.pending.forget()
	unused := func(used map[uint64]bool) func([]byte) bool { return func(k []byte) bool { return !used[fromKey(k)] } }
	return errors.Join(w.drop(bucketFrames, nil, unused(frames)), w.drop(bucketCuts, nil, unused(cuts)))
}

// drop deletes the keys of a bucket, from a key on, that unwanted is true for.
func (w *writer) drop(bucket, from []byte, unwanted func(k []byte) bool) error {
	b := w.tx.Bucket(bucket)
	var keys [][]byte
	c := b.Cursor()
	for k, _ := c.Seek(from); k != nil; k, _ = c.Next() {
		if unwanted(k) {
			keys = append(keys, bytes.Clone(k))
		} else if from != nil {
			break
		}
	}
	for _, k := range keys {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// used returns the frames and the cuts that the blobs have.
func (v view) used() (frames, cuts map[uint64]bool, err error) {
	frames, cuts = map[uint64]bool{}, map[uint64]bool{}
	c := v.tx.Bucket(bucketBlobs).Cursor()
	for k, value := c.First(); k != nil; k, value = c.Next() {
		if value, err = v.plain(bucketBlobs, k, value); err != nil {
			return nil, nil, err
		}
		b, err := decodeBlob(value)
		if err != nil {
			return nil, nil, err
		}
		cuts[b.cuts] = true
		for _, p := range b.pieces {
			frames[p.frame] = true
		}
	}
	return frames, cuts, nil
}

// rebase makes every frame that is used, but is a patch to one that is not, a
// full text of its own.
func (w *writer) rebase(used map[uint64]bool) error {
	ids := make([]uint64, 0, len(used))
	for id := range used {
		if id != 0 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		f, err := w.frame(id)
		if err != nil {
			return err
		}
		if f.base == 0 || used[f.base] {
			continue
		}
		if err := w.makeFull(id); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) makeFull(id uint64) error {
	s, err := w.shard(id)
	if err != nil {
		return err
	}
	if err := w.drop(bucketFrames, key64(id), func(k []byte) bool { return fromKey(k) == id }); err != nil {
		return err
	}
	f, err := w.s.zip.makeFull(s.text)
	if err != nil {
		return err
	}
	return w.putFrame(id, f)
}

// reindex derives the history again of every series that lost some of these
// blobs, or has them again.
func (w *writer) reindex(blobs []evidence.Ref) error {
	if len(blobs) == 0 {
		return nil
	}
	lost := map[evidence.Hash]bool{}
	for _, ref := range blobs {
		lost[ref.Hash] = true
	}
	touched := map[evidence.Stream]bool{}
	runs := map[evidence.Stream][]uint64{}
	err := w.eachEntry(func(e evidence.Entry) error {
		if e.Run != nil && e.Run.Records != nil {
			runs[e.Run.Stream] = append(runs[e.Run.Stream], e.Index)
			touched[e.Run.Stream] = touched[e.Run.Stream] || lost[e.Run.Records.Hash]
		}
		return nil
	})
	if err != nil {
		return err
	}
	for st, entries := range runs {
		if touched[st] {
			if err := w.rederive(st, entries); err != nil {
				return err
			}
		}
	}
	return nil
}

// rederive makes the history of one stream from its runs.
func (w *writer) rederive(st evidence.Stream, entries []uint64) error {
	s, err := w.series(evidence.Series{Stream: st, Content: evidence.ContentRecords})
	if err != nil {
		return err
	}
	if err := w.drop(bucketHistory, key64(s.ID), func(k []byte) bool { return fromKey(k) == s.ID }); err != nil {
		return err
	}
	s.Last, s.Complete = evidence.Hash{}, evidence.Hash{}
	s, err = w.derive(s, slices.Values(entries), func(key []byte, entry uint64) error { return w.addHistory(s.ID, key, entry) })
	if err != nil {
		return err
	}
	return w.putSeries(s)
}

// derive reports the history of a series: each key, and each entry that
// shows it in a new state. Runs whose records were erased count for nothing.
func (v view) derive(s series, entries iter.Seq[uint64], report func(key []byte, entry uint64) error) (series, error) {
	for n := range entries {
		e, err := v.entry(n)
		if err != nil {
			return s, err
		}
		next, err := v.changes(s, *e.Run, func(key []byte) error { return report(key, n) })
		if errors.Is(err, evidence.ErrErased) {
			continue
		}
		if err != nil {
			return s, fmt.Errorf("entry %d: %w", n, err)
		}
		s = next
	}
	return s, nil
}
