package store

import (
	"encoding/binary"
	"errors"

	"github.com/evidenced/evidenced/evidence"
)

const (
	// shardSize is how much text a shard holds, about. Small ones are read fast,
	// large ones compress well.
	shardSize = 128 << 10
	// maxDepth bounds how many patches stand between a shard and a frame that
	// holds its whole text.
	maxDepth = 64
	// maxFrame bounds what a frame may say of its size: the longest line and some.
	maxFrame = evidence.MaxLine + 2*shardSize
)

var errFrame = errors.New("a frame is damaged")

// frame is how a shard is kept: its whole text, or a patch to the shard of
// another frame.
//
//	base (uvarint)   the id of the other frame; 0 for a whole text
//	depth (uvarint)  how many frames below this one, at most
//	size (uvarint)   bytes of the shard
//	head (uvarint)   bytes of the patch's head, twice, and one more if it is zstd; and it; only with a base
//	text             zstd of the text, or of the patch's text, with the dictionary of the patch
type frame struct {
	base, depth uint64
	size        int
	head, text  []byte
	packed      bool // head is zstd
}

func (f frame) encode() []byte {
	b := binary.AppendUvarint(nil, f.base)
	b = binary.AppendUvarint(b, f.depth)
	b = binary.AppendUvarint(b, uint64(f.size))
	if f.base != 0 {
		n := uint64(len(f.head)) << 1
		if f.packed {
			n |= 1
		}
		b = append(binary.AppendUvarint(b, n), f.head...)
	}
	return append(b, f.text...)
}

func decodeFrame(b []byte) (f frame, err error) {
	d := decoder{b: b}
	f.base, f.depth = d.uvarint(), d.uvarint()
	f.size = int(d.bounded(maxFrame))
	if f.base != 0 {
		n := d.bounded(2*uint64(len(b)) + 1)
		f.head, f.packed = d.bytes(int(n>>1)), n&1 == 1
	}
	f.text = d.b
	if d.failed || f.depth > maxDepth || (f.base == 0) != (f.depth == 0) {
		return f, errFrame
	}
	return f, nil
}

// decoder reads what encode wrote. After a mistake it gives zeros, and says so.
type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.failed, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.failed, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) bounded(limit uint64) uint64 {
	v := d.uvarint()
	if v > limit {
		d.failed = true
		return 0
	}
	return v
}

func (d *decoder) bytes(n int) []byte {
	if n > len(d.b) {
		d.failed, d.b = true, nil
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

// makeWhole returns a frame that holds its whole text.
func (c *compressor) makeWhole(text []byte) (frame, error) {
	packed, err := c.well(text)
	return frame{size: len(text), text: packed}, err
}

// makePatch returns the frame of a shard as a patch to old, which is the shard
// of the frame base and lies depth frames deep.
func (c *compressor) makePatch(of evidence.Content, now, old *shard, base, depth uint64) (f frame, err error) {
	patch := diff(old.lines(of), now.lines(of))
	f = frame{base: base, depth: depth + 1, size: len(now.text), head: patch.head()}
	packed, err := c.plain(f.head)
	if err != nil {
		return f, err
	}
	if len(packed) < len(f.head) {
		f.head, f.packed = packed, true
	}
	f.text, err = c.against(patch.text, dictionary(old.split(), patch.inserts, patch.dict))
	return f, err
}

// plan reads the head of a patch against the lines that it is applied to.
func (f frame) plan(u *decompressor, old [][]byte) (*plan, error) {
	head := f.head
	if f.packed {
		var err error
		if head, err = u.text(head, nil, min(maxFrame, maxHead*(len(old)+f.size+1))); err != nil {
			return nil, err
		}
	}
	return readHead(head, old, f.size)
}

// maxHead bounds the bytes that the head of a patch has for a line, old or new.
const maxHead = 4 * binary.MaxVarintLen64

// open makes the lines of a frame. Old are those of its base.
func (f frame) open(u *decompressor, old [][]byte) ([][]byte, error) {
	if f.base == 0 {
		text, err := u.text(f.text, nil, f.size)
		if err == nil && len(text) != f.size {
			err = errFrame
		}
		return newShard(text).split(), err
	}
	p, err := f.plan(u, old)
	if err != nil {
		return nil, err
	}
	text, err := u.text(f.text, p.dict, p.text)
	if err != nil {
		return nil, err
	}
	return p.apply(text)
}
