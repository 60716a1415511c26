package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	bolt "go.etcd.io/bbolt"

	"github.com/evidenced/evidenced/evidence"
)

const chunkSize = 32 << 10

// blobMeta is what the blobs bucket holds for one hash.
type blobMeta struct{ id, size, count uint64 }

func (m blobMeta) encode() []byte {
	b := key64(m.id)
	b = binary.BigEndian.AppendUint64(b, m.size)
	return binary.BigEndian.AppendUint64(b, m.count)
}

func decodeMeta(b []byte) (m blobMeta, err error) {
	if len(b) != 24 {
		return m, fmt.Errorf("blob index entry of %d bytes, want 24", len(b))
	}
	return blobMeta{fromKey(b), fromKey(b[8:]), fromKey(b[16:])}, nil
}

func fromKey(b []byte) uint64 { return binary.BigEndian.Uint64(b) }

// Blob implements evidence.Writer. A blob that is there already costs one
// reading when r can seek, and nothing in the file.
func (w *writer) Blob(_ evidence.Series, r io.Reader, count int) (evidence.Ref, error) {
	if rs, ok := r.(io.ReadSeeker); ok {
		ref, known, err := w.known(rs, count)
		if err != nil || known {
			return ref, err
		}
	}
	id, err := w.tx.Bucket(bucketChunks).NextSequence()
	if err != nil {
		return evidence.Ref{}, fmt.Errorf("store blob: %w", err)
	}
	ref, err := w.writeChunks(r, id)
	if err != nil {
		return ref, fmt.Errorf("store blob: %w", err)
	}
	ref.Count = count
	blobs := w.tx.Bucket(bucketBlobs)
	if blobs.Get(ref.Hash[:]) != nil {
		return ref, w.dropChunks(id)
	}
	return ref, blobs.Put(ref.Hash[:], blobMeta{id, uint64(ref.Size), uint64(count)}.encode())
}

func (w *writer) known(r io.ReadSeeker, count int) (ref evidence.Ref, known bool, err error) {
	h := sha256.New()
	if ref.Size, err = io.Copy(h, r); err != nil {
		return ref, false, fmt.Errorf("store blob: %w", err)
	}
	ref.Hash, ref.Count = evidence.Hash(h.Sum(nil)), count
	if w.tx.Bucket(bucketBlobs).Get(ref.Hash[:]) != nil {
		return ref, true, nil
	}
	_, err = r.Seek(0, io.SeekStart)
	return ref, false, err
}

func (w *writer) writeChunks(r io.Reader, id uint64) (evidence.Ref, error) {
	h := sha256.New()
	chunks := &chunkWriter{tx: w.tx, id: id}
	w.s.enc.Reset(chunks)
	n, err := io.Copy(w.s.enc, io.TeeReader(r, h))
	if err = errors.Join(err, w.s.enc.Close()); err == nil {
		err = chunks.flush()
	}
	return evidence.Ref{Hash: evidence.Hash(h.Sum(nil)), Size: n}, err
}

// dropChunks takes back what this transaction wrote for a blob that turned out to be known.
func (w *writer) dropChunks(id uint64) error {
	b := w.tx.Bucket(bucketChunks)
	c := b.Cursor()
	var keys [][]byte
	for k, _ := c.Seek(key64(id)); k != nil && fromKey(k) == id; k, _ = c.Next() {
		keys = append(keys, bytes.Clone(k))
	}
	for _, k := range keys {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// chunkWriter cuts a compressed stream into values that bbolt keeps well.
type chunkWriter struct {
	tx  *bolt.Tx
	id  uint64
	n   uint32
	buf []byte
}

func (c *chunkWriter) Write(p []byte) (int, error) {
	c.buf = append(c.buf, p...)
	for len(c.buf) >= chunkSize {
		if err := c.put(c.buf[:chunkSize]); err != nil {
			return 0, err
		}
		c.buf = c.buf[chunkSize:]
	}
	return len(p), nil
}

func (c *chunkWriter) flush() error {
	if len(c.buf) == 0 {
		return nil
	}
	return c.put(c.buf)
}

func (c *chunkWriter) put(p []byte) error {
	err := put(c.tx, bucketChunks, chunkKey(c.id, c.n), bytes.Clone(p))
	c.n++
	return err
}

func chunkKey(id uint64, n uint32) []byte { return binary.BigEndian.AppendUint32(key64(id), n) }

// Blob opens the blob with that hash for reading. The reader checks the hash:
// its last Read fails if the bytes are not those that were stored.
func (s *Store) Blob(hash evidence.Hash) (io.ReadCloser, error) {
	var m blobMeta
	err := s.db.View(func(tx *bolt.Tx) (err error) {
		v := tx.Bucket(bucketBlobs).Get(hash[:])
		if v == nil {
			return ErrNotFound
		}
		m, err = decodeMeta(v)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", hash, err)
	}
	dec, err := zstd.NewReader(&chunkReader{s: s, id: m.id}, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", hash, err)
	}
	return &blobReader{dec: dec, want: hash, left: int64(m.size), sum: sha256.New()}, nil
}

// chunkReader reads the compressed stream, one short transaction a chunk.
type chunkReader struct {
	s   *Store
	id  uint64
	n   uint32
	buf []byte
}

func (c *chunkReader) Read(p []byte) (int, error) {
	for len(c.buf) == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.buf)
	c.buf = c.buf[n:]
	return n, nil
}

func (c *chunkReader) next() error {
	err := c.s.db.View(func(tx *bolt.Tx) error {
		v := tx.Bucket(bucketChunks).Get(chunkKey(c.id, c.n))
		if v == nil {
			return io.EOF
		}
		c.buf = bytes.Clone(v)
		return nil
	})
	c.n++
	return err
}

type blobReader struct {
	dec  *zstd.Decoder
	want evidence.Hash
	left int64
	sum  interface {
		io.Writer
		Sum([]byte) []byte
	}
}

func (b *blobReader) Read(p []byte) (int, error) {
	n, err := b.dec.Read(p)
	b.sum.Write(p[:n])
	b.left -= int64(n)
	switch {
	case err != nil && err != io.EOF:
		return n, fmt.Errorf("blob %s: %w", b.want, err)
	case b.left < 0, err == io.EOF && b.left > 0, err == io.EOF && evidence.Hash(b.sum.Sum(nil)) != b.want:
		return n, fmt.Errorf("blob %s: the bytes in the file are not those that were stored", b.want)
	}
	return n, err
}

func (b *blobReader) Close() error { b.dec.Close(); return nil }
