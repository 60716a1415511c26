package store

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/evidenced/evidenced/evidence"
)

const (
	// dictID is stated in the header of a text that was compressed with a dictionary.
	dictID     = 1
	leafDictID = 2
	// minDict: a shorter dictionary is of no use, and some coders refuse it.
	minDict = 64
	// smallWindow holds any shard and its dictionary, unless lines are very long. An
	// encoder keeps as much memory as its window has, even for a small text.
	smallWindow = 512 << 10
	largeWindow = 4 << 20
	// zstdBlock is the longest text that is one block.
	zstdBlock = 128 << 10
)

// compressor compresses with zstd. Its encoders are made when they are first
// needed, and let go of when nothing was written for two collections of
// garbage: one of them takes 1 to 5 MB. It is safe for concurrent use.
type compressor struct {
	small, large, dict, largeDict, whole, largeWhole, leaf sync.Pool
}

func encoder(pool *sync.Pool, window int, o ...zstd.EOption) (*zstd.Encoder, error) {
	if e, ok := pool.Get().(*zstd.Encoder); ok {
		return e, nil
	}
	return zstd.NewWriter(nil, append(o, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithWindowSize(window), zstd.WithLowerEncoderMem(true))...)
}

// all compresses a text by itself.
func all(small, large *sync.Pool, text []byte, o ...zstd.EOption) ([]byte, error) {
	pool, window := small, smallWindow
	if len(text) > smallWindow {
		pool, window = large, largeWindow
	}
	e, err := encoder(pool, window, o...)
	if err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	defer pool.Put(e)
	return e.EncodeAll(text, nil), nil
}

// plain compresses a text by itself, fast.
func (c *compressor) plain(text []byte) ([]byte, error) { return all(&c.small, &c.large, text) }

// well compresses the whole text of a shard. It is read often and written
// seldom: worth the time that better compression takes.
func (c *compressor) well(text []byte) ([]byte, error) {
	return all(&c.whole, &c.largeWhole, text, zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
}

// against compresses a text with a dictionary. An empty text stays empty.
func (c *compressor) against(text, dict []byte) ([]byte, error) {
	switch {
	case len(text) == 0:
		return nil, nil
	case len(dict) < minDict:
		return c.plain(text)
	}
	pool, window := &c.dict, smallWindow
	if len(text)+len(dict) > smallWindow {
		pool, window = &c.largeDict, largeWindow
	}
	e, err := encoder(pool, window)
	if err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	defer pool.Put(e)
	var out bytes.Buffer
	if err := e.ResetWithOptions(&out, zstd.WithEncoderDictRaw(dictID, dict)); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if len(text) >= zstdBlock { // as a stream its header would not state its size
		return e.EncodeAll(text, nil), nil
	}
	// One block gives the same bytes as EncodeAll, which would need tables of its own.
	_, err = e.Write(text)
	if err = errors.Join(err, e.Close()); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return out.Bytes(), nil
}

// entry compresses the text of an entry.
func (c *compressor) entry(text []byte) ([]byte, error) {
	e, err := encoder(&c.leaf, leafWindow, zstd.WithEncoderDictRaw(leafDictID, []byte(leafWords)))
	if err != nil {
		return nil, fmt.Errorf("compress an entry: %w", err)
	}
	defer c.leaf.Put(e)
	return e.EncodeAll(text, nil), nil
}

const leafWindow = 64 << 10

// decompressor reads what a compressor wrote. It is safe for concurrent use.
type decompressor struct{ pool, leaf sync.Pool }

func decoderOf(pool *sync.Pool, o ...zstd.DOption) (*zstd.Decoder, error) {
	if d, ok := pool.Get().(*zstd.Decoder); ok {
		return d, nil
	}
	return zstd.NewReader(nil, append(o, zstd.WithDecoderConcurrency(1))...)
}

// text decompresses a text of at most limit bytes that was compressed with dict.
func (u *decompressor) text(b, dict []byte, limit int) ([]byte, error) {
	if len(b) == 0 {
		return nil, nil
	}
	d, err := decoderOf(&u.pool, zstd.WithDecoderMaxMemory(maxFrame), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return nil, err
	}
	defer u.pool.Put(d)
	var h zstd.Header
	if err := h.Decode(b); err != nil || h.FrameContentSize > uint64(limit) {
		return nil, fmt.Errorf("%w: it is no zstd of at most %d bytes", errFrame, limit)
	}
	if !h.HasFCS { // a text of less than 256 bytes does not state its size
		h.FrameContentSize = min(256, uint64(limit))
	}
	if len(dict) < minDict {
		dict = nil
	}
	if err := d.ResetWithOptions(nil, zstd.WithDecoderDictRaw(dictID, dict)); err != nil {
		return nil, err
	}
	out, err := d.DecodeAll(b, make([]byte, 0, h.FrameContentSize))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFrame, err)
	}
	return out, nil
}

// entry appends the text of an entry to dst.
func (u *decompressor) entry(dst, b []byte) ([]byte, error) {
	d, err := decoderOf(&u.leaf, zstd.WithDecoderMaxMemory(evidence.MaxLine), zstd.WithDecoderDictRaw(leafDictID, []byte(leafWords)))
	if err != nil {
		return dst, err
	}
	defer u.leaf.Put(d)
	text, err := d.DecodeAll(b, dst)
	if err != nil {
		return dst, fmt.Errorf("the text of an entry: %w", err)
	}
	return text, nil
}
