package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// What follows reads the pages of a bbolt file without bbolt. bbolt trusts
// them: on a page that points to itself it walks for ever, on one that points
// out of the file it faults, and what a damaged list calls free it overwrites.
//
// All integers are little-endian. A page is a header of 16 bytes (id 8, flags
// 2, count 2, overflow 4) and its elements, and goes on for overflow pages. An
// element of a branch is: position 4, key size 4, page 8; of a leaf: flags 4,
// position 4, key size 4, value size 4. A position counts from its element. The
// value of a leaf element with flag 1 is a bucket: root page 8, sequence 8,
// and, if the root is 0, a leaf page within the value.

// pageSize is that of a new store, whatever the machine it is made on: large
// pages leave less of the file unused.
const pageSize = 8 << 10

// smallest and largest page that a store may have.
const minPage, maxPage = 1 << 10, 64 << 10

const (
	flagBranch, flagLeaf, flagFreelist = 1, 2, 16
	headerSize, elementSize            = 16, 16
	// maxTree bounds how deep pages and buckets may be nested.
	maxTree = 64
)

var le = binary.LittleEndian

// metaPage is what bbolt's newest valid meta page says.
type metaPage struct{ size, root, freelist, pages, tx uint64 }

// readMeta reads both meta pages; the newer valid one counts. It has no pages
// if there is none. The second one begins where the first ends, and how long
// that is only a valid one says. With only one of them valid, both is false:
// the other may have been the newer one.
func readMeta(r io.ReaderAt) (newest metaPage, both bool) {
	newest, first := metaAt(r, 0)
	for size := int64(minPage); size <= maxPage; size *= 2 {
		m, ok := metaAt(r, size)
		if !ok || m.size != uint64(size) {
			continue
		}
		both = first && newest.size == m.size
		if newest.pages == 0 || m.tx > newest.tx {
			newest = m
		}
	}
	return newest, both
}

// metaAt reads a meta page. It is, behind the header: magic, version, page
// size, flags (4 each), root bucket (16), freelist, pages, transaction (8
// each), FNV-64a of these.
func metaAt(r io.ReaderAt, at int64) (m metaPage, ok bool) {
	b := make([]byte, headerSize+64)
	if _, err := r.ReadAt(b, at); err != nil {
		return m, false
	}
	b = b[headerSize:]
	sum := fnv.New64a()
	sum.Write(b[:56])
	m = metaPage{uint64(le.Uint32(b[8:])), le.Uint64(b[16:]), le.Uint64(b[32:]), le.Uint64(b[40:]), le.Uint64(b[48:])}
	if le.Uint32(b) != 0xED0CDAED || le.Uint32(b[4:]) != 2 || le.Uint64(b[56:]) != sum.Sum64() || m.size < minPage || m.size > maxPage {
		return metaPage{}, false
	}
	return m, true
}

// errHead: see readMeta. bbolt would go on from the other one, as if what was
// appended last had never been.
var errHead = fmt.Errorf("%w: one of its two heads is, and what was appended last may be missing", ErrDamaged)

// inspect looks at the pages of the file before bbolt walks them. A file that
// is sound but for one of its heads is errHead.
func inspect(f *os.File) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	meta, both := readMeta(f)
	if meta.pages < 4 || meta.pages > 1<<40 {
		return fmt.Errorf("%w: it does not begin as one does", ErrNotAStore)
	}
	if need := int64(meta.pages * meta.size); fi.Size() < need {
		return fmt.Errorf("%w: it was cut: it has %d bytes, and needs %d", ErrDamaged, fi.Size(), need)
	}
	if err := walkPages(f, meta); err != nil || both {
		return err
	}
	return errHead
}

// structure walks the pages of the store as it stands.
func (s *Store) structure() error {
	// The transaction keeps the pages of every newer state as they are.
	return s.view(func(view) error { return inspect(s.raw) })
}

// pageWalk goes over every page that is reachable, once.
type pageWalk struct {
	r    io.ReaderAt
	meta metaPage
	seen []uint64 // a bit a page
	// bufs holds a page of each depth: while it is read, those above it are.
	bufs [][]byte
}

func walkPages(r io.ReaderAt, meta metaPage) error {
	w := &pageWalk{r: r, meta: meta, seen: make([]uint64, meta.pages/64+1)}
	if err := w.tree(meta.root, 0); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err := w.freelist(); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

// reach marks a page as reached.
func (w *pageWalk) reach(id uint64) error {
	if id < 2 || id >= w.meta.pages {
		return fmt.Errorf("page %d: there are pages 2 to %d", id, w.meta.pages-1)
	}
	if w.seen[id/64]&(1<<(id%64)) != 0 {
		return fmt.Errorf("page %d is used twice", id)
	}
	w.seen[id/64] |= 1 << (id % 64)
	return nil
}

// buffer returns room for a page of a depth, valid until the next one of it.
func (w *pageWalk) buffer(depth int, size uint64) []byte {
	for len(w.bufs) <= depth {
		w.bufs = append(w.bufs, nil)
	}
	if uint64(cap(w.bufs[depth])) < size {
		w.bufs[depth] = make([]byte, size)
	}
	return w.bufs[depth][:size]
}

// page reads a page with all that it goes on over, and checks its header.
func (w *pageWalk) page(id uint64, depth int) ([]byte, error) {
	if err := w.reach(id); err != nil {
		return nil, err
	}
	b := w.buffer(depth, w.meta.size)
	if _, err := w.r.ReadAt(b, int64(id*w.meta.size)); err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	if le.Uint64(b) != id {
		return nil, fmt.Errorf("page %d says it is page %d", id, le.Uint64(b))
	}
	over := uint64(le.Uint32(b[12:]))
	if over == 0 {
		return b, nil
	}
	if id+over >= w.meta.pages {
		return nil, fmt.Errorf("page %d goes on behind the last one", id)
	}
	for n := uint64(1); n <= over; n++ {
		if err := w.reach(id + n); err != nil {
			return nil, err
		}
	}
	b = w.buffer(depth, (1+over)*w.meta.size)
	if _, err := w.r.ReadAt(b, int64(id*w.meta.size)); err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	return b, nil
}

func (w *pageWalk) tree(id uint64, depth int) error {
	if depth > maxTree {
		return fmt.Errorf("page %d lies deeper than %d pages", id, maxTree)
	}
	b, err := w.page(id, depth)
	if err != nil {
		return err
	}
	if err := w.elements(b, depth); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

// elements checks a branch or leaf page and walks what is below it.
func (w *pageWalk) elements(b []byte, depth int) error {
	flags, count := le.Uint16(b[8:]), int(le.Uint16(b[10:]))
	if flags != flagBranch && flags != flagLeaf || flags == flagBranch && count == 0 {
		return fmt.Errorf("it is neither a branch nor a leaf (flags %#x, %d elements)", flags, count)
	}
	if headerSize+count*elementSize > len(b) {
		return fmt.Errorf("it says that it has %d elements", count)
	}
	var last []byte
	for i := range count {
		at := headerSize + i*elementSize
		key, value, err := element(b, at, flags)
		if err != nil {
			return err
		}
		if i > 0 && bytes.Compare(last, key) >= 0 {
			return errors.New("its keys are out of order")
		}
		last = key
		if err := w.below(b[at:], value, flags, depth); err != nil {
			return err
		}
	}
	return nil
}

// element returns the key and the value of an element.
func element(b []byte, at int, flags uint16) (key, value []byte, err error) {
	e := b[at:]
	pos, ksize, vsize := uint64(le.Uint32(e)), uint64(le.Uint32(e[4:])), uint64(0)
	if flags == flagLeaf {
		pos, ksize, vsize = uint64(le.Uint32(e[4:])), uint64(le.Uint32(e[8:])), uint64(le.Uint32(e[12:]))
	}
	begin := uint64(at) + pos
	if pos < elementSize || begin+ksize+vsize > uint64(len(b)) {
		return nil, nil, errors.New("an element lies outside of it")
	}
	return b[begin : begin+ksize], b[begin+ksize : begin+ksize+vsize], nil
}

func (w *pageWalk) below(e, value []byte, flags uint16, depth int) error {
	if flags == flagBranch {
		return w.tree(le.Uint64(e[8:]), depth+1)
	}
	switch kind := le.Uint32(e); {
	case kind == 0:
		return nil
	case kind != 1 || len(value) < 16:
		return fmt.Errorf("an element of the kind %d", kind)
	}
	if root := le.Uint64(value); root != 0 {
		return w.tree(root, depth+1)
	}
	if len(value) < 16+headerSize || depth > maxTree || le.Uint16(value[16+8:]) != flagLeaf {
		return errors.New("a bucket within it is not one")
	}
	return w.elements(value[16:], depth+1)
}

// freelist checks that nothing is called free that is in use.
func (w *pageWalk) freelist() error {
	id := w.meta.freelist
	if id == ^uint64(0) {
		return nil
	}
	b, err := w.page(id, 0)
	if err != nil {
		return fmt.Errorf("the list of free pages: %w", err)
	}
	ids := b[headerSize:]
	n := uint64(le.Uint16(b[10:]))
	if n == 0xffff {
		n, ids = le.Uint64(ids), ids[8:]
	}
	if le.Uint16(b[8:]) != flagFreelist || n > uint64(len(ids)/8) {
		return errors.New("the list of free pages is none")
	}
	for i := range n {
		if err := w.reach(le.Uint64(ids[8*i:])); err != nil {
			return fmt.Errorf("the list of free pages: %w", err)
		}
	}
	return nil
}
