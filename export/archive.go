package export

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"

	"github.com/klauspost/compress/flate"

	"github.com/evidenced/evidenced/evidence"
)

// Member is one file of the bundle as the manifest lists it.
type Member struct {
	Path         string        `json:"path"`
	Size         int64         `json:"size"`
	SHA256       evidence.Hash `json:"sha256"`
	Packed       int64         `json:"packed"`
	PackedSHA256 evidence.Hash `json:"packed_sha256"`
}

// archive writes the members of a bundle. Every header field is fixed, so
// that the same files give the same archive.
type archive struct {
	ctx     context.Context
	zip     *zip.Writer
	deflate *flate.Writer
	members []Member
}

func newArchive(ctx context.Context, w io.Writer) (*archive, error) {
	d, err := flate.NewWriter(nil, flate.DefaultCompression)
	return &archive{ctx: ctx, zip: zip.NewWriter(w), deflate: d}, err
}

// file adds one file, whose content write produces.
func (a *archive) file(path string, write func(io.Writer) error) error {
	if err := a.ctx.Err(); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if err := a.add(path, write); err != nil {
		return fmt.Errorf("export %s: %w", path, err)
	}
	return nil
}

func (a *archive) add(path string, write func(io.Writer) error) error {
	packed := &spool{sum: sha256.New()}
	defer packed.close()
	plain := &meter{sum: sha256.New(), crc: crc32.NewIEEE()}
	a.deflate.Reset(packed)
	if err := write(io.MultiWriter(interrupted{a.ctx}, plain, a.deflate)); err != nil {
		return err
	}
	if err := a.deflate.Close(); err != nil {
		return err
	}
	m := Member{path, plain.n, evidence.Hash(plain.sum.Sum(nil)), packed.n, evidence.Hash(packed.sum.Sum(nil))}
	a.members = append(a.members, m)
	return a.raw(header(path, zip.Deflate, plain.crc.Sum32(), m.Packed, m.Size), packed)
}

// interrupted takes everything until its context ends.
type interrupted struct{ ctx context.Context }

func (i interrupted) Write(p []byte) (int, error) { return len(p), i.ctx.Err() }

// stored adds a file as it is: the manifest and its signature, which no manifest lists.
func (a *archive) stored(path string, content []byte) error {
	size := int64(len(content))
	err := a.raw(header(path, zip.Store, crc32.ChecksumIEEE(content), size, size), bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("export %s: %w", path, err)
	}
	return nil
}

func header(path string, method uint16, crc uint32, packed, size int64) *zip.FileHeader {
	h := &zip.FileHeader{Name: path, Method: method, CRC32: crc, CompressedSize64: uint64(packed), UncompressedSize64: uint64(size)}
	//lint:ignore SA1019 CreateRaw writes this field, and not Modified
	h.ModifiedDate = 1<<5 | 1 // 1980-01-01, the first day a ZIP can state
	return h
}

func (a *archive) raw(h *zip.FileHeader, content io.WriterTo) error {
	w, err := a.zip.CreateRaw(h)
	if err != nil {
		return err
	}
	_, err = content.WriteTo(w)
	return err
}

// meter counts and sums what is written.
type meter struct {
	n   int64
	sum hash.Hash
	crc hash.Hash32
}

func (m *meter) Write(p []byte) (int, error) {
	m.n += int64(len(p))
	m.sum.Write(p)
	m.crc.Write(p)
	return len(p), nil
}

// spoolMemory is how much of a packed file is held in memory; the rest goes to
// a temporary file, because a ZIP states the size before the bytes.
const spoolMemory = 8 << 20

type spool struct {
	buf  bytes.Buffer
	file *os.File
	n    int64
	sum  hash.Hash
}

func (s *spool) Write(p []byte) (int, error) {
	s.n += int64(len(p))
	s.sum.Write(p)
	if s.file == nil && s.buf.Len()+len(p) <= spoolMemory {
		return s.buf.Write(p)
	}
	if s.file == nil {
		f, err := os.CreateTemp("", "evidenced-export-*")
		if err != nil {
			return 0, err
		}
		s.file = f
	}
	return s.file.Write(p)
}

// WriteTo hands over everything that was written.
func (s *spool) WriteTo(w io.Writer) (int64, error) {
	n, err := s.buf.WriteTo(w)
	if err != nil || s.file == nil {
		return n, err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return n, err
	}
	m, err := io.Copy(w, s.file)
	return n + m, err
}

func (s *spool) close() {
	if s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name())
	}
}
