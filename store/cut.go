package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/evidenced/evidenced/evidence"
)

// cutter cuts a blob into shards. The blobs of a series are cut at the same
// keys, so that a shard is a patch to the same shard of the blob before, or is
// that shard. Where one has grown too large, it is cut anew.
type cutter struct {
	w    *writer
	of   evidence.Series
	head blob     // the blob before; without pieces if there is none
	cuts [][]byte // the keys at which head is cut: piece i+1 begins at cuts[i]

	at   int    // the piece of head whose keys are being read
	buf  []byte // its lines so far
	ends []int
	own  [][]byte // their keys
	from []byte   // the key that buf begins at
	over bool     // this piece was too large: what is in buf is not its beginning
	last []byte   // the key of the last line
	anew bool     // it is not cut where head is

	out  blob
	keys [][]byte // where each piece of out begins
}

// cut writes the frames of what r holds.
func (w *writer) cut(of evidence.Series, r io.Reader) (blob, error) {
	c := &cutter{w: w, of: of}
	if of.Content == evidence.ContentFile || of.Content == "" {
		err := c.file(r)
		return c.out, err
	}
	if err := c.begin(); err != nil {
		return c.out, err
	}
	if err := eachLine(r, c.line); err != nil {
		return c.out, err
	}
	for {
		if err := c.flush(); err != nil {
			return c.out, err
		}
		if c.at == len(c.cuts) {
			err := c.finish()
			return c.out, err
		}
		c.next()
	}
}

// file cuts bytes of any kind, without keys.
func (c *cutter) file(r io.Reader) error {
	buf := make([]byte, shardSize)
	for {
		n, err := io.ReadFull(r, buf)
		if n > 0 {
			if err := c.emit(&shard{text: buf[:n]}, nil, 0); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// begin finds the blob before, and where it is cut. Cuts that leave next to
// nothing in a shard are not kept.
func (c *cutter) begin() (err error) {
	s, err := c.w.series(c.of)
	if err != nil || s.Head == (evidence.Hash{}) {
		return err
	}
	if c.head, err = c.w.blob(s.Head); errors.Is(err, evidence.ErrErased) {
		return nil
	}
	if err != nil {
		return err
	}
	if n := uint64(len(c.head.pieces)); n > 4 && c.head.size/n < shardSize/8 {
		c.head, c.anew = blob{}, true
		return nil
	}
	c.w.own.room(c.head.size)
	c.w.s.shards.room(c.head.size)
	c.cuts, err = c.w.cuts(c.head.cuts)
	return err
}

var errOrder = errors.New("records are not in canonical order, by scope and id")

func (c *cutter) line(text []byte) error {
	key := keyOf(c.of.Content, text)
	if c.of.Content == evidence.ContentRecords && c.last != nil && bytes.Compare(key, c.last) <= 0 {
		return fmt.Errorf("%w: %.80q", errOrder, key)
	}
	c.last = key
	for c.at < len(c.cuts) && bytes.Compare(key, c.cuts[c.at]) >= 0 {
		if err := c.flush(); err != nil {
			return err
		}
		c.next()
	}
	if len(c.buf) >= 2*shardSize {
		c.over, c.anew = true, true
		if err := c.flush(); err != nil {
			return err
		}
		c.begun(key)
	}
	c.buf = append(c.buf, text...)
	c.ends, c.own = append(c.ends, len(c.buf)), append(c.own, key)
	return nil
}

// next goes to the next piece of head.
func (c *cutter) next() {
	c.begun(c.cuts[c.at])
	c.over = false
	c.at++
}

// begun makes room for the lines of a piece.
func (c *cutter) begun(from []byte) {
	c.from, c.buf, c.ends, c.own = from, nil, nil, nil
}

// piece gives the lines that were read as a shard.
func (c *cutter) piece() *shard {
	s := &shard{text: c.buf, ends: c.ends, keyed: make([]line, len(c.ends))}
	for i := range s.keyed {
		s.keyed[i] = line{s.at(i), c.own[i]}
	}
	return s
}

// flush writes the lines that were read as a piece.
func (c *cutter) flush() error {
	var base uint64
	var old *shard
	if !c.over && c.at < len(c.head.pieces) && c.head.pieces[c.at].frame != 0 {
		base = c.head.pieces[c.at].frame
		var err error
		if old, err = c.w.pieceShard(c.head.pieces[c.at]); err != nil {
			return err
		}
	}
	return c.emit(c.piece(), old, base)
}

// emit adds a piece, as a patch to old, which is the shard of the frame base; if
// both are the same it is that frame.
func (c *cutter) emit(now, old *shard, base uint64) (err error) {
	id, size := base, uint64(len(now.text))
	switch {
	case size == 0:
		id = 0
	case old == nil || !bytes.Equal(old.text, now.text):
		id, err = c.w.newFrame(c.of.Content, now, old, base)
	}
	c.keys = append(c.keys, c.from)
	c.out.size += size
	c.out.pieces = append(c.out.pieces, piece{id, size})
	return err
}

func (w *writer) newFrame(c evidence.Content, now, old *shard, base uint64) (uint64, error) {
	f, err := w.patchOrWhole(c, now, old, base)
	if err != nil {
		return 0, err
	}
	id, err := w.tx.Bucket(bucketFrames).NextSequence()
	if err != nil {
		return 0, err
	}
	if now.keyed != nil { // the next one is made from it
		w.own.add(id, now)
	}
	return id, w.putFrame(id, f)
}

// patchOrWhole gives the frame of a shard: a patch, unless there is nothing to
// patch, or the greatest depth is reached.
func (w *writer) patchOrWhole(c evidence.Content, now, old *shard, base uint64) (frame, error) {
	if old == nil {
		return w.s.zip.makeWhole(now.text)
	}
	below, err := w.frame(base)
	switch {
	case err != nil:
		return frame{}, err
	case below.depth == maxDepth:
		return w.s.zip.makeWhole(now.text)
	}
	return w.s.zip.makePatch(c, now, old, base, below.depth)
}

// finish writes where the blob is cut, unless it is cut where head is.
func (c *cutter) finish() error {
	if !c.anew && c.head.pieces != nil {
		c.out.cuts = c.head.cuts
		return nil
	}
	c.dropEmpty()
	if len(c.keys) < 2 {
		return nil
	}
	id, err := c.w.tx.Bucket(bucketCuts).NextSequence()
	if err != nil {
		return err
	}
	c.out.cuts = id
	return c.w.put(bucketCuts, key64(id), encodeCuts(c.keys[1:]))
}

func (c *cutter) dropEmpty() {
	n := 0
	for i, p := range c.out.pieces {
		if p.size > 0 {
			c.out.pieces[n], c.keys[n] = p, c.keys[i]
			n++
		}
	}
	c.out.pieces, c.keys = c.out.pieces[:n], c.keys[:n]
}

func encodeCuts(keys [][]byte) []byte {
	b := binary.AppendUvarint(nil, uint64(len(keys)))
	for _, k := range keys {
		b = append(binary.AppendUvarint(b, uint64(len(k))), k...)
	}
	return b
}

func decodeCuts(b []byte) ([][]byte, error) {
	d := decoder{b: b}
	keys := make([][]byte, d.bounded(uint64(len(b))))
	for i := range keys {
		keys[i] = bytes.Clone(d.bytes(int(d.bounded(uint64(len(b))))))
		if i > 0 && bytes.Compare(keys[i-1], keys[i]) >= 0 {
			d.failed = true
		}
	}
	if d.failed || len(d.b) > 0 {
		return nil, errors.New("where a series is cut is damaged")
	}
	return keys, nil
}

// cuts reads the keys at which a blob is cut; 0 stands for none.
func (v view) cuts(id uint64) ([][]byte, error) {
	if id == 0 {
		return nil, nil
	}
	b, err := v.get(bucketCuts, key64(id))
	if err == nil && b == nil {
		err = errors.New("they are missing")
	}
	if err != nil {
		return nil, fmt.Errorf("cuts %d: %w", id, err)
	}
	keys, err := decodeCuts(b)
	if err != nil {
		return nil, fmt.Errorf("cuts %d: %w", id, err)
	}
	return keys, nil
}
