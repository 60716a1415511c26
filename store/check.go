package store

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"runtime"
	"slices"
	"sync"

	bolt "go.etcd.io/bbolt"

	"github.com/evidenced/evidenced/evidence"
)

// Report is what Check counted and found.
type Report struct {
	Entries     uint64 `json:"entries"`
	Blobs       int    `json:"blobs"`
	Erased      int    `json:"erased"`
	Bytes       int64  `json:"bytes"`
	Checkpoints int    `json:"checkpoints"`
	// Problems say what is wrong and where, the first thousand of them.
	Problems []string `json:"problems"`
}

// OK reports whether nothing was wrong.
func (r Report) OK() bool { return len(r.Problems) == 0 }

const maxProblems = 1000

// checker walks the whole file once.
type checker struct {
	s      *Store
	mu     sync.Mutex // guards report and rows, while series are checked at once
	report Report
	rows   rowSum
	// refs are the blobs that entries name, with the newest entry that does.
	refs   map[evidence.Hash]named
	erased map[evidence.Hash]uint64
	loose  []evidence.Ref // blobs that are of no run
	runs   map[evidence.Stream][]uint64
	kept   map[content]bool // what the runs of the log have
}

// content is what a series is of.
type content struct {
	stream evidence.Stream
	of     evidence.Content
}

// named is what the log says of a blob.
type named struct {
	last uint64 // the newest entry that names it
	size int64
}

// Check reads everything and proves it: the pages of the file, every leaf and
// the tree over them, every signed checkpoint, every blob and every reference,
// and derives every index anew. The error is for a check that could not be
// made; what is wrong is in the report. Appends wait until it is done.
func (s *Store) Check(ctx context.Context) (Report, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &checker{s: s.unread(), refs: map[evidence.Hash]named{}, erased: map[evidence.Hash]uint64{}, runs: map[evidence.Stream][]uint64{}, kept: map[content]bool{}}
	c.report.Problems = []string{}
	for _, step := range []func(context.Context) error{c.pages, c.leaves, c.tombstones, c.blobs, c.frames, c.series, c.history} {
		if err := ctx.Err(); err != nil {
			return c.report, fmt.Errorf("check store: %w", err)
		}
		before := len(c.report.Problems)
		if err := step(ctx); err != nil {
			c.problem("%v", err)
		}
		if broken := len(c.report.Problems) > before; broken && before == 0 && c.unwalkable() {
			break // what lies on broken pages cannot be walked
		}
	}
	return c.report, nil
}

// unwalkable reports pages that must not be walked.
func (c *checker) unwalkable() bool {
	err := c.s.structure()
	return err != nil && !errors.Is(err, errHead)
}

// unread is the same store, of which nothing is in memory yet: what is checked
// is the file.
func (s *Store) unread() *Store {
	return &Store{file: s.file, path: s.path, now: s.now, reader: true, box: s.box, vkey: s.vkey}
}

func (c *checker) problem(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.report.Problems) < maxProblems {
		c.report.Problems = append(c.report.Problems, fmt.Sprintf(format, args...))
	}
}

// pages checks the file below the buckets: first that walking it ends, then by
// bbolt's own rules.
func (c *checker) pages(context.Context) error {
	if err := c.s.structure(); errors.Is(err, errHead) {
		c.problem("%v", err)
	} else if err != nil {
		return err
	}
	return c.s.view(func(v view) error {
		for err := range v.tx.Check() {
			c.problem("file structure: %v", err)
		}
		return nil
	})
}

// tombstones compares the index of what was erased with the log.
func (c *checker) tombstones(context.Context) error {
	left := map[string]uint64{}
	for h, n := range c.erased {
		if c.gone(h) {
			left[string(c.s.box.blobKey(h))] = n
		}
	}
	c.report.Erased = len(left)
	return c.s.view(func(v view) error {
		cur := v.tx.Bucket(bucketErased).Cursor()
		for k, value := cur.First(); k != nil; k, value = cur.Next() {
			if n, ok := left[string(k)]; !ok || len(value) != 8 || fromKey(value) != n {
				c.problem("tombstone %x: no entry of the log says so", k)
			}
			delete(left, string(k))
		}
		for k, n := range left {
			c.problem("tombstone %x: entry %d says so, and it is not there", k, n)
		}
		return nil
	})
}

// blobs checks that the index of blobs is what the entries name.
func (c *checker) blobs(ctx context.Context) error {
	left := make(map[evidence.Hash]bool, len(c.refs))
	for h := range c.refs {
		if !c.gone(h) {
			left[h] = true
		}
	}
	for kv, err := range c.s.pairs(bucketBlobs, []byte{}) {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		b, err := decodeBlob(kv[1])
		switch {
		case err != nil:
			c.problem("blob %x: %v", kv[0], err)
			continue
		case string(c.s.box.blobKey(b.hash)) != string(kv[0]):
			c.problem("blob %x: its index entry is that of %s", kv[0], b.hash)
		case !left[b.hash]:
			c.problem("blob %s: no entry names it", b.hash)
		case uint64(c.refs[b.hash].size) != b.size:
			c.problem("blob %s: it has %d bytes, an entry says %d", b.hash, b.size, c.refs[b.hash].size)
		}
		c.report.Blobs++
		c.report.Bytes += int64(b.size)
		delete(left, b.hash)
	}
	for h := range left {
		c.problem("blob %s: an entry names it, but it is not there", h)
	}
	return nil
}

// frames looks for frames and cuts that are missing, or that nobody needs.
func (c *checker) frames(context.Context) error {
	return c.s.view(func(v view) error {
		frames, cuts, err := v.used()
		if err != nil {
			return err
		}
		if err := c.spread(v, frames); err != nil {
			return err
		}
		delete(frames, 0)
		delete(cuts, 0)
		c.exactly(v.tx, bucketFrames, frames)
		c.exactly(v.tx, bucketCuts, cuts)
		for id := range cuts {
			if _, err := v.cuts(id); err != nil {
				c.problem("%v", err)
			}
		}
		return nil
	})
}

// series checks that there is one for each content of each stream of the log,
// and that it goes on from a blob of the log.
func (c *checker) series(context.Context) error {
	ids := map[uint64]bool{}
	for kv, err := range c.s.pairs(bucketSeries, []byte{}) {
		if err != nil {
			return err
		}
		var s series
		if err := json.Unmarshal(kv[1], &s); err != nil {
			return fmt.Errorf("series %x: %w", kv[0], err)
		}
		_, named := c.refs[s.Head]
		switch {
		case string(c.s.box.seriesKey(s.Stream, s.Content)) != string(kv[0]):
			c.problem("series %x: it is that of %s of %s", kv[0], s.Content, s.Stream)
		case s.ID == 0 || ids[s.ID]:
			c.problem("series %s of %s: its number %d is that of another one", s.Content, s.Stream, s.ID)
		case s.Head != (evidence.Hash{}) && (!named || c.gone(s.Head)):
			c.problem("series %s of %s: its newest blob %s is none of the log", s.Content, s.Stream, s.Head)
		}
		ids[s.ID] = true
		delete(c.kept, content{s.Stream, s.Content})
	}
	for own := range c.kept {
		c.problem("series %s of %s: it is missing", own.of, own.stream)
	}
	return nil
}

// spread adds the frames that frames are patches to.
func (c *checker) spread(v view, used map[uint64]bool) error {
	for id := range used {
		for id != 0 {
			f, err := v.frame(id)
			if err != nil {
				c.problem("%v", err)
				break
			}
			if f.base >= id {
				c.problem("frame %d: it is a patch to a later one, %d", id, f.base)
				break
			}
			id = f.base
			if used[id] {
				break
			}
			used[id] = true
		}
	}
	return nil
}

// exactly reports keys of a bucket whose number is not wanted, and parts of
// frames beyond their last.
func (c *checker) exactly(tx *bolt.Tx, bucket []byte, want map[uint64]bool) {
	cur := tx.Bucket(bucket).Cursor()
	last, parts := uint64(0), uint64(0)
	for k, _ := cur.First(); k != nil; k, _ = cur.Next() {
		id := fromKey(k)
		if !want[id] {
			c.problem("%s %d: no blob has it", bucket, id)
		}
		if id != last {
			last, parts = id, 0
		}
		if len(k) > 8 && (len(k) != 12 || uint64(k[8])<<24|uint64(k[9])<<16|uint64(k[10])<<8|uint64(k[11]) != parts) {
			c.problem("%s %d: its parts do not follow one another", bucket, id)
		}
		parts++
	}
}

// history reads every blob, series by series, and derives the history anew:
// what is patched is then read once.
func (c *checker) history(ctx context.Context) error {
	work := make(chan func() error)
	var wg sync.WaitGroup
	for range max(1, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for do := range work {
				if err := guard(nil, do); err != nil {
					c.problem("%v", err)
				}
			}
		})
	}
	c.eachSeries(ctx, func(do func() error) { work <- do })
	close(work)
	wg.Wait()
	return c.storedRows()
}

// eachSeries hands out the work of checking one series, or one blob that
// belongs to none.
func (c *checker) eachSeries(ctx context.Context, hand func(func() error)) {
	streams := make([]evidence.Stream, 0, len(c.runs))
	for st := range c.runs {
		streams = append(streams, st)
	}
	slices.SortFunc(streams, func(a, b evidence.Stream) int { return len(c.runs[b]) - len(c.runs[a]) })
	var done sync.Map
	for _, st := range streams {
		hand(func() error { return c.stream(ctx, st, &done) })
	}
	for _, ref := range c.loose {
		hand(func() error { return c.blob(ctx, ref.Hash, &done) })
	}
}

// gone reports a blob that was erased, and not stored anew.
func (c *checker) gone(h evidence.Hash) bool {
	at, erased := c.erased[h]
	return erased && c.refs[h].last < at
}

// stream reads the blobs of a stream in their order, and derives its history
// behind that: what was read is then still in memory.
func (c *checker) stream(ctx context.Context, st evidence.Stream, done *sync.Map) error {
	read := make(chan uint64, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := guard(nil, func() error { return c.derived(ctx, st, read) }); err != nil {
			c.problem("%v", err)
		}
		for range read { // what is left, so that nobody waits
		}
	})
	defer wg.Wait()
	defer close(read)
	for _, n := range c.runs[st] {
		var e evidence.Entry
		if err := c.s.view(func(v view) (err error) { e, err = v.entry(n); return err }); err != nil {
			return err
		}
		for _, ref := range e.Refs() {
			if err := c.blob(ctx, ref.Hash, done); err != nil {
				return err
			}
		}
		if e.Run.Records != nil {
			read <- n
		}
	}
	return nil
}

// derived derives the history of a stream from its runs.
func (c *checker) derived(ctx context.Context, st evidence.Stream, runs <-chan uint64) error {
	var rows rowSum
	err := c.s.view(func(v view) error {
		have, err := v.series(evidence.Series{Stream: st, Content: evidence.ContentRecords})
		if err != nil {
			return err
		}
		begin := have
		begin.Last, begin.Whole = evidence.Hash{}, evidence.Hash{}
		seen, at := map[string]bool{}, uint64(0) // of one entry: it may tell a key twice
		got, err := v.derive(begin, values(runs), func(key []byte, entry uint64) error {
			if entry != at {
				clear(seen)
				at = entry
			}
			if k := c.s.box.historyKey(have.ID, key); !seen[string(k)] {
				seen[string(k)] = true
				rows.add(k, entry)
			}
			return ctx.Err()
		})
		if err == nil && (got.Last != have.Last || got.Whole != have.Whole) {
			err = fmt.Errorf("series %s: it does not end where the log says", st)
		}
		return err
	})
	c.mu.Lock()
	c.rows.join(rows)
	c.mu.Unlock()
	return err
}

// values yields what comes through a channel.
func values(ch <-chan uint64) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for n := range ch {
			if !yield(n) {
				return
			}
		}
	}
}

// blob reads one blob and compares its hash, once.
func (c *checker) blob(ctx context.Context, h evidence.Hash, done *sync.Map) error {
	if _, is := done.LoadOrStore(h, true); is || c.gone(h) {
		return nil
	}
	r, err := c.s.Blob(h)
	if err != nil {
		c.problem("%v", err)
		return nil
	}
	defer r.Close()
	b := r.(*blobReader)
	b.alone = true
	if err := drain(b); err != nil {
		c.problem("%v", err)
	}
	return ctx.Err()
}

// drain reads a blob to its end without copying it.
func drain(r *blobReader) error {
	for r.left > 0 {
		if err := r.load(); err != nil {
			return fmt.Errorf("blob %s: %w", r.blob.hash, err)
		}
	}
	if err := r.end(); err != io.EOF {
		return err
	}
	return nil
}

// storedRows compares the history that is stored with what was derived.
func (c *checker) storedRows() error {
	var stored rowSum
	for kv, err := range c.s.pairs(bucketHistory, []byte{}) {
		if err != nil {
			return err
		}
		entries, err := decodeHistory(kv[1])
		if err != nil {
			return fmt.Errorf("history %x: %w", kv[0], err)
		}
		for _, n := range entries {
			stored.add(kv[0], n)
		}
	}
	if stored != c.rows {
		c.problem("the history of resources is not what the log gives")
	}
	return nil
}

// rowSum tells two sets of rows apart, in whatever order they come, without
// holding them: the sum of their hashes.
type rowSum struct {
	sum  [4]uint64
	rows uint64
}

func (r *rowSum) add(key []byte, entry uint64) {
	h := sha256.New()
	h.Write(key)
	h.Write(key64(entry))
	r.join(rowSum{sumOf(h), 1})
}

func sumOf(h hash.Hash) (s [4]uint64) {
	b := h.Sum(nil)
	for i := range s {
		s[i] = fromKey(b[8*i:])
	}
	return s
}

func (r *rowSum) join(o rowSum) {
	for i := range r.sum {
		r.sum[i] += o.sum[i]
	}
	r.rows += o.rows
}
