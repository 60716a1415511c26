package verify

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"

	"github.com/evidenced/evidenced/evidence"
)

// archive checks that the file is, byte for byte, the archive that the
// manifest describes: it is written again from the manifest and the packed
// bytes, and compared. So no byte of it is free: headers, order, padding,
// comments and anything before, between or after the members.
func (c *check) archive() {
	same := &comparer{want: io.NewSectionReader(c.b.file, 0, c.b.size)}
	w := zip.NewWriter(same)
	for m := range c.b.inOrder() {
		if err := c.rewrite(w, m); err != nil {
			c.fail("archive", m.Path, "%v", err)
			return
		}
	}
	err := w.Close()
	if err == nil && same.at != c.b.size {
		err = fmt.Errorf("%d bytes after the end of the archive", c.b.size-same.at)
	}
	if err != nil {
		c.fail("archive", "", "%v", err)
	}
}

// inOrder yields every member of the archive in the one order.
func (b *Bundle) inOrder() iter.Seq[Member] {
	return func(yield func(Member) bool) {
		for _, m := range b.Manifest.Files {
			if !yield(m) {
				return
			}
		}
		_ = yield(Member{Path: manifestName}) && yield(Member{Path: signatureName})
	}
}

// rewrite writes one member as a bundle must hold it: every header field is fixed.
func (c *check) rewrite(w *zip.Writer, m Member) error {
	f := c.b.members[m.Path]
	h := &zip.FileHeader{Name: m.Path, Method: zip.Deflate, CRC32: f.CRC32, CompressedSize64: uint64(m.Packed), UncompressedSize64: uint64(m.Size)}
	if m.Path == manifestName || m.Path == signatureName {
		h.Method, h.CompressedSize64, h.UncompressedSize64 = zip.Store, f.UncompressedSize64, f.UncompressedSize64
	}
	//lint:ignore SA1019 CreateRaw writes this field, and not Modified
	h.ModifiedDate = 1<<5 | 1 // 1980-01-01, the first day a ZIP can state
	raw, err := f.OpenRaw()
	if err != nil {
		return err
	}
	dst, err := w.CreateRaw(h)
	if err != nil {
		return err
	}
	if _, err := io.Copy(dst, interruptible{c.ctx, raw}); err != nil {
		return err
	}
	return w.Flush()
}

var errDiffers = errors.New("the archive is not the one that the manifest describes")

// comparer compares what is written to it with the file.
type comparer struct {
	want io.Reader
	at   int64
	buf  []byte
}

func (c *comparer) Write(p []byte) (int, error) {
	if cap(c.buf) < len(p) {
		c.buf = make([]byte, len(p))
	}
	got := c.buf[:len(p)]
	if _, err := io.ReadFull(c.want, got); err != nil || !bytes.Equal(got, p) {
		return 0, fmt.Errorf("%w: byte %d or one soon after it", errDiffers, c.at)
	}
	c.at += int64(len(p))
	return len(p), nil
}

// files checks the packed and the unpacked bytes of every file.
func (c *check) files() {
	var total int64
	for _, m := range c.b.Manifest.Files {
		if m.Size < 0 || m.Size > c.opt.MaxBytes-total {
			c.fail("file", m.Path, "unpacked, the bundle is larger than %d bytes", c.opt.MaxBytes)
			return
		}
		total += m.Size
	}
	each(c, c.b.Manifest.Files, c.file, func(m Member, err error) {
		if err != nil {
			c.fail("file", m.Path, "%v", err)
		}
		c.res.Checked.Files++
		c.res.Checked.Bytes += m.Size
		c.opt.Progress(c.res.Checked.Bytes, total)
	})
}

func (c *check) file(m Member) error {
	raw, err := c.b.members[m.Path].OpenRaw()
	if err != nil {
		return err
	}
	packed := sha256.New()
	if n, err := io.Copy(packed, interruptible{c.ctx, raw}); err != nil || n != m.Packed || evidence.Hash(packed.Sum(nil)) != m.PackedSHA256 {
		return fmt.Errorf("its packed bytes are not those of the manifest")
	}
	if raw, err = c.b.members[m.Path].OpenRaw(); err != nil {
		return err
	}
	content, crc := sha256.New(), crc32.NewIEEE()
	n, used, err := inflate(io.MultiWriter(content, crc), bufio.NewReaderSize(interruptible{c.ctx, raw}, 1<<16), m.Size+1)
	switch {
	case err != nil:
		return fmt.Errorf("unpack: %w", err)
	case n == m.Size && used != m.Packed:
		return fmt.Errorf("%d bytes stand after its deflate stream", m.Packed-used)
	case n != m.Size:
		return fmt.Errorf("%d bytes or more, the manifest says %d", n, m.Size)
	case evidence.Hash(content.Sum(nil)) != m.SHA256:
		return fmt.Errorf("its bytes are not those of the manifest")
	case crc.Sum32() != c.b.members[m.Path].CRC32:
		return fmt.Errorf("its CRC-32 is not the one of the archive")
	}
	return nil
}
