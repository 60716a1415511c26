package store

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"runtime"

	"github.com/evidenced/evidenced/evidence"
)

// partSize is the largest value that a frame is kept in: bbolt keeps larger ones badly.
const partSize = 32 << 10

// piece is one shard of a blob: the frame that keeps it, and its bytes.
// Frame 0 is that of no bytes.
type piece struct{ frame, size uint64 }

// blob is what the store knows of one.
//
//	hash (32) size (uvarint) cuts (uvarint) pieces (uvarint), and each: frame (uvarint) size (uvarint)
type blob struct {
	hash   evidence.Hash
	size   uint64
	cuts   uint64 // id of the keys at which it is cut; 0 if it was not cut by keys
	pieces []piece
}

func (b blob) encode() []byte {
	out := append([]byte(nil), b.hash[:]...)
	for _, v := range []uint64{b.size, b.cuts, uint64(len(b.pieces))} {
		out = binary.AppendUvarint(out, v)
	}
	for _, p := range b.pieces {
		out = binary.AppendUvarint(binary.AppendUvarint(out, p.frame), p.size)
	}
	return out
}

func decodeBlob(v []byte) (b blob, err error) {
	d := decoder{b: v}
	copy(b.hash[:], d.bytes(len(b.hash)))
	b.size, b.cuts = d.uvarint(), d.uvarint()
	b.pieces = make([]piece, d.bounded(uint64(len(d.b))))
	sum := uint64(0)
	for i := range b.pieces {
		b.pieces[i] = piece{d.uvarint(), d.bounded(maxFrame)}
		sum += b.pieces[i].size
	}
	if d.failed || len(d.b) > 0 || sum != b.size {
		return blob{}, errors.New("a blob's index entry is damaged")
	}
	return b, nil
}

func (b box) blobKey(h evidence.Hash) []byte {
	if b.mac == nil {
		return h[:]
	}
	k := b.name([]byte("blob"), h[:])
	return k[:]
}

// blob finds a blob by its hash.
func (v view) blob(h evidence.Hash) (b blob, err error) {
	key := v.s.box.blobKey(h)
	value, err := v.get(bucketBlobs, key)
	if err != nil {
		return b, fmt.Errorf("blob %s: %w", h, err)
	}
	if value == nil {
		return b, fmt.Errorf("blob %s: %w", h, v.absent(key))
	}
	if b, err = decodeBlob(value); err == nil && b.hash != h {
		err = errors.New("its index entry is that of another one")
	}
	if err != nil {
		return b, fmt.Errorf("blob %s: %w", h, err)
	}
	return b, nil
}

// absent says why a blob is not there.
func (v view) absent(key []byte) error {
	if v.tx.Bucket(bucketErased).Get(key) != nil {
		return evidence.ErrErased
	}
	return ErrNotFound
}

// holds reports a blob that is not there, and never was.
func (v view) holds(h evidence.Hash) error {
	key := v.s.box.blobKey(h)
	if v.tx.Bucket(bucketBlobs).Get(key) == nil && v.tx.Bucket(bucketErased).Get(key) == nil {
		return fmt.Errorf("blob %s: %w", h, ErrNotFound)
	}
	return nil
}

// Blob stores a blob; see evidence.Writer. One that is there already leaves nothing new
// in the file.
func (w *writer) Blob(of evidence.Series, r io.Reader, count int) (evidence.Ref, error) {
	ref, err := w.newBlob(of, r)
	if err != nil {
		return ref, fmt.Errorf("store blob: %w", err)
	}
	ref.Count = count
	return ref, nil
}

func (w *writer) newBlob(of evidence.Series, r io.Reader) (ref evidence.Ref, err error) {
	frames, cuts := w.tx.Bucket(bucketFrames).Sequence(), w.tx.Bucket(bucketCuts).Sequence()
	h := sha256.New()
	b, err := w.cut(of, io.TeeReader(r, h))
	if err != nil {
		return ref, err
	}
	b.hash = evidence.Hash(h.Sum(nil))
	key := w.s.box.blobKey(b.hash)
	ref = evidence.Ref{Hash: b.hash, Size: int64(b.size)}
	if w.tx.Bucket(bucketBlobs).Get(key) != nil { // it is known
		err = w.takeBack(frames, cuts)
	} else if err = w.put(bucketBlobs, key, b.encode()); err == nil {
		err = w.revive(ref, key)
	}
	if err == nil {
		err = w.follow(of, b.hash)
	}
	return ref, err
}

// revive takes back the tombstone of a blob that is stored again: the older
// entries that name it can be read again, too.
func (w *writer) revive(ref evidence.Ref, key []byte) error {
	erased := w.tx.Bucket(bucketErased)
	if erased.Get(key) == nil {
		return nil
	}
	w.revived = append(w.revived, ref)
	return erased.Delete(key)
}

// takeBack deletes the frames and cuts that this transaction has written after
// these, for a blob that is known.
func (w *writer) takeBack(frames, cuts uint64) error {
	w.own.forget() // it may hold some of them
	return errors.Join(w.drop(bucketFrames, key64(frames+1), anyKey), w.drop(bucketCuts, key64(cuts+1), anyKey))
}

func anyKey([]byte) bool { return true }

// putFrame writes a frame in parts; the first byte of a part is 1 for the last one.
func (v view) putFrame(id uint64, f frame) error {
	b := f.encode()
	for n := uint32(0); ; n++ {
		part := b[:min(len(b), partSize)]
		b = b[len(part):]
		last := byte(0)
		if len(b) == 0 {
			last = 1
		}
		if err := v.put(bucketFrames, binary.BigEndian.AppendUint32(key64(id), n), append([]byte{last}, part...)); err != nil || last == 1 {
			return err
		}
	}
}

// frame reads a frame; it is valid within the transaction only.
func (v view) frame(id uint64) (f frame, err error) {
	var b []byte
	for n := uint32(0); ; n++ {
		part, err := v.get(bucketFrames, binary.BigEndian.AppendUint32(key64(id), n))
		if err != nil {
			return f, err
		}
		if len(part) == 0 {
			return f, fmt.Errorf("frame %d: part %d is missing", id, n)
		}
		if n == 0 && part[0] == 1 {
			b = part[1:]
			break
		}
		if b = append(b, part[1:]...); part[0] == 1 {
			break
		}
	}
	if f, err = decodeFrame(b); err != nil {
		err = fmt.Errorf("frame %d: %w", id, err)
	}
	return f, err
}

// shard gives the text that a frame keeps: it goes down to a frame that is
// known, or holds its whole text, and applies the patches from there.
func (v view) shard(id uint64) (*shard, error) {
	var chain []frame
	var s *shard
	for at := id; ; {
		if s = v.have(at); s != nil {
			break
		}
		f, err := v.frame(at)
		if err != nil {
			return nil, err
		}
		chain = append(chain, f)
		if f.base == 0 {
			break
		}
		if at = f.base; len(chain) > maxDepth {
			return nil, fmt.Errorf("frame %d: %w: it is deeper than %d", id, errFrame, maxDepth)
		}
	}
	if len(chain) == 0 {
		return s, nil
	}
	var lines [][]byte
	if s != nil {
		lines = s.split()
	}
	for i := len(chain) - 1; i >= 0; i-- {
		var err error
		if lines, err = chain[i].open(&v.s.unzip, lines); err != nil {
			return nil, fmt.Errorf("frame %d: %w", id, err)
		}
	}
	s = joined(lines, chain[0].size)
	v.cache().add(id, s)
	return s, nil
}

func (v view) have(id uint64) *shard {
	if v.own != nil {
		if s := v.own.get(id); s != nil {
			return s
		}
	}
	return v.s.shards.get(id)
}

// cache is where a shard is kept that was read: a frame that a write
// transaction made is nobody else's before it is in the file.
func (v view) cache() *shards {
	if v.own != nil {
		return v.own
	}
	return &v.s.shards
}

// Blob opens the blob with that hash for reading. The reader checks the hash:
// its last Read fails if the bytes are not those that were stored. A blob that
// retention took away is evidence.ErrErased, one that never was ErrNotFound.
func (s *Store) Blob(hash evidence.Hash) (io.ReadCloser, error) {
	var b blob
	if err := s.view(func(v view) (err error) { b, err = v.blob(hash); return err }); err != nil {
		return nil, err
	}
	if b.cuts != 0 { // of a series
		s.shards.room(b.size)
	}
	return &blobReader{s: s, blob: b, left: len(b.pieces), sum: sha256.New()}, nil
}

// blobReader reads shard by shard, one short transaction each. It reads some
// ahead, on every processor: a shard may be a patch to a patch, many times over.
type blobReader struct {
	s     *Store
	blob  blob
	asked int             // pieces that were asked for
	ahead []chan loadedAs // what was asked for, and not yet taken
	left  int             // pieces not yet taken
	alone bool            // the other processors have work
	buf   []byte
	sum   hash.Hash
}

// loadedAs is a piece that was read.
type loadedAs struct {
	text []byte
	err  error
}

// Read implements io.Reader.
func (r *blobReader) Read(p []byte) (int, error) {
	for len(r.buf) == 0 {
		if r.left == 0 {
			return 0, r.end()
		}
		if err := r.load(); err != nil {
			return 0, fmt.Errorf("blob %s: %w", r.blob.hash, err)
		}
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	return n, nil
}

// load takes the next piece.
func (r *blobReader) load() error {
	for r.asked < len(r.blob.pieces) && len(r.ahead) < runtime.GOMAXPROCS(0) {
		r.ask(r.blob.pieces[r.asked])
		r.asked++
	}
	got := <-r.ahead[0]
	r.ahead = r.ahead[1:]
	r.left--
	r.buf = got.text
	r.sum.Write(got.text)
	return got.err
}

func (r *blobReader) ask(p piece) {
	done := make(chan loadedAs, 1)
	r.ahead = append(r.ahead, done)
	read := func() {
		text, err := r.s.piece(p)
		done <- loadedAs{text, err}
	}
	if r.alone || len(r.blob.pieces) == 1 {
		read()
	} else {
		go read()
	}
}

func (r *blobReader) end() error {
	if evidence.Hash(r.sum.Sum(nil)) != r.blob.hash {
		return fmt.Errorf("blob %s: the bytes in the file are not those that were stored", r.blob.hash)
	}
	return io.EOF
}

// Close implements io.Closer. What is being read ahead ends by itself.
func (r *blobReader) Close() error {
	for _, done := range r.ahead {
		<-done
	}
	r.ahead, r.left = nil, 0
	return nil
}

// piece gives the text of one piece of a blob.
func (s *Store) piece(p piece) (text []byte, err error) {
	err = s.view(func(v view) error {
		sh, err := v.pieceShard(p)
		text = sh.text
		return err
	})
	return text, err
}

func (v view) pieceShard(p piece) (*shard, error) {
	if p.frame == 0 {
		return &shard{}, nil
	}
	s, err := v.shard(p.frame)
	if err != nil {
		return &shard{}, err
	}
	if uint64(len(s.text)) != p.size {
		return &shard{}, fmt.Errorf("frame %d: it holds %d bytes, not %d", p.frame, len(s.text), p.size)
	}
	return s, nil
}

// eachLine reads r line by line; a last one may lack its newline.
func eachLine(r io.Reader, do func(text []byte) error) error {
	br := bufio.NewReaderSize(r, 64<<10)
	var long []byte
	for {
		part, err := br.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			if long = append(long, part...); len(long) > evidence.MaxLine {
				return fmt.Errorf("a line is longer than %d bytes", evidence.MaxLine)
			}
			continue
		case err != nil && err != io.EOF:
			return err
		}
		if len(long) > 0 {
			part = append(long, part...)
			long = nil
		}
		if len(part) > 0 {
			if err := do(part); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}
