package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/evidenced/evidenced/evidence"
)

const (
	// shardSize is how much text a shard holds, about. Small ones are read fast,
	// large ones compress well.
	shardSize = 64 << 10
	// maxDepth bounds how many patches stand between a shard and a frame that
	// holds its whole text.
	maxDepth = 32
	// maxFrame bounds what a frame may say of its size: the longest line and some.
	maxFrame = evidence.MaxLine + 2*shardSize
)

var errFrame = errors.New("a frame is damaged")

// frame is how a shard is kept: its whole text, or a patch to the shard of
// another frame.
//
//	base (uvarint)   the id of the other frame; 0 for a whole text
//	depth (uvarint)  how many frames below this one
//	size (uvarint)   bytes of the shard
//	ops (uvarint)    bytes of the patch's operations, and they; only with a base
//	text             zstd of the text, or of the patch's new lines; with a base the
//	                 dictionary is that of the patch
type frame struct {
	base, depth uint64
	size        int
	ops, text   []byte
}

func (f frame) encode() []byte {
	b := binary.AppendUvarint(nil, f.base)
	b = binary.AppendUvarint(b, f.depth)
	b = binary.AppendUvarint(b, uint64(f.size))
	if f.base != 0 {
		b = binary.AppendUvarint(b, uint64(len(f.ops)))
		b = append(b, f.ops...)
	}
	return append(b, f.text...)
}

func decodeFrame(b []byte) (f frame, err error) {
	d := decoder{b: b}
	f.base, f.depth = d.uvarint(), d.uvarint()
	f.size = int(d.bounded(maxFrame))
	if f.base != 0 {
		f.ops = d.bytes(int(d.bounded(uint64(len(b)))))
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

// packer compresses. Its user serialises the calls.
type packer struct{ plain, dict *zstd.Encoder }

func newPacker() (p packer, err error) {
	opts := []zstd.EOption{zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithWindowSize(8 << 20)}
	if p.plain, err = zstd.NewWriter(nil, opts...); err != nil {
		return p, err
	}
	p.dict, err = zstd.NewWriter(nil, opts...)
	return p, err
}

func (p packer) pack(text, dict []byte) ([]byte, error) {
	if len(dict) < minDict {
		return p.plain.EncodeAll(text, nil), nil
	}
	if err := p.dict.ResetWithOptions(nil, zstd.WithEncoderDictRaw(dictID, dict)); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return p.dict.EncodeAll(text, nil), nil
}

const (
	dictID = 1
	// minDict: a shorter dictionary is of no use, and some coders refuse it.
	minDict = 64
)

// unpackers decompress; they may be used at once.
type unpackers struct{ pool sync.Pool }

func (u *unpackers) unpack(text, dict []byte, limit int) ([]byte, error) {
	d, _ := u.pool.Get().(*zstd.Decoder)
	if d == nil {
		var err error
		if d, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxFrame), zstd.WithDecodeAllCapLimit(true)); err != nil {
			return nil, err
		}
	}
	defer u.pool.Put(d)
	if len(dict) < minDict {
		dict = nil
	}
	if err := d.ResetWithOptions(nil, zstd.WithDecoderDictRaw(dictID, dict)); err != nil {
		return nil, err
	}
	out, err := d.DecodeAll(text, make([]byte, 0, limit))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFrame, err)
	}
	return out, nil
}

// makeFrame gives the frame of a shard: a patch to old, the shard of the frame
// base, unless that one has the greatest depth already.
func (p packer) makeFrame(c evidence.Content, text []byte, old *shard, base, depth uint64) (f frame, err error) {
	f.size = len(text)
	if old == nil || depth >= maxDepth {
		f.text, err = p.pack(text, nil)
		return f, err
	}
	patch := diff(old.lines(c), newShard(text).lines(c))
	dict, err := old.dictionary(patch.ops)
	if err != nil {
		return f, err
	}
	f.base, f.depth, f.ops = base, depth+1, patch.ops
	f.text, err = p.pack(patch.text, dict)
	return f, err
}

// open makes the shard of a frame. Old is that of its base.
func (f frame) open(u *unpackers, old *shard) (*shard, error) {
	if f.base == 0 {
		text, err := u.unpack(f.text, nil, f.size)
		if err == nil && len(text) != f.size {
			err = errFrame
		}
		return newShard(text), err
	}
	dict, err := old.dictionary(f.ops)
	if err != nil {
		return nil, err
	}
	text, err := u.unpack(f.text, dict, f.size)
	if err != nil {
		return nil, err
	}
	return old.apply(f.ops, text, f.size)
}
