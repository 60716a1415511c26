package store

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"runtime"

	"github.com/evidenced/evidenced/evidence"
)

// blobs keeps texts under the SHA-256 of their bytes, by which entries name
// them. Nothing else of the store depends on how a text is kept, which is:
//
//	blob    the pieces of a text, in order, under its hash (blob.go)
//	cut     where a text is cut into pieces: at the keys at which the one before
//	        it in its series was (cut.go, lines.go)
//	series  which blob of a stream was stored last, and what it changed (series.go)
//	frame   how a piece is kept: in full, or as a patch to an older one (frame.go, patch.go)
//	cache   the pieces that were used last (cache.go)
type blobs struct {
	s *Store
	// w is the transaction that put writes in; nil where blobs are only read.
	w *writer
}

// put stores the text of r as the next of its series and returns its hash and
// its size in bytes. A text that is there already leaves nothing new in the file.
// Records that are not in canonical order are an error, as is one of r.
func (b blobs) put(of evidence.Series, r io.Reader) (ref evidence.Ref, err error) {
	w := b.w
	frames, cuts := w.tx.Bucket(bucketFrames).Sequence(), w.tx.Bucket(bucketCuts).Sequence()
	h := sha256.New()
	text, err := w.cut(of, io.TeeReader(r, h))
	if err != nil {
		return ref, err
	}
	text.hash = evidence.Hash(h.Sum(nil))
	key := w.s.box.blobKey(text.hash)
	ref = evidence.Ref{Hash: text.hash, Size: int64(text.size)}
	if w.tx.Bucket(bucketBlobs).Get(key) != nil { // it is there already
		err = w.rollback(frames, cuts)
	} else if err = w.put(bucketBlobs, key, text.encode()); err == nil {
		err = w.untombstone(ref, key)
	}
	if err == nil {
		err = w.setHead(of, text.hash)
	}
	return ref, err
}

// get opens the text with that hash. The reader checks the hash: its last Read
// fails if the bytes are not those that were stored. The error is
// evidence.ErrErased for a text that retention erased, ErrNotFound for one that
// never was.
func (b blobs) get(h evidence.Hash) (io.ReadCloser, error) {
	var text blob
	if err := b.s.view(func(v view) (err error) { text, err = v.blob(h); return err }); err != nil {
		return nil, err
	}
	if text.cuts != 0 { // of a series
		b.s.shards.room(text.size)
	}
	return &blobReader{s: b.s, blob: text, left: len(text.pieces), sum: sha256.New()}, nil
}

// Blob stores a blob; see evidence.Writer.
func (w *writer) Blob(of evidence.Series, r io.Reader, count int) (evidence.Ref, error) {
	ref, err := blobs{w.s, w}.put(of, r)
	if err != nil {
		return ref, fmt.Errorf("store blob: %w", err)
	}
	ref.Count = count
	return ref, nil
}

// Blob opens the blob with that hash for reading. The reader checks the hash:
// its last Read fails if the bytes are not those that were stored. A blob that
// retention erased is evidence.ErrErased, one that never was ErrNotFound.
func (s *Store) Blob(hash evidence.Hash) (io.ReadCloser, error) { return blobs{s: s}.get(hash) }

// blobReader reads shard by shard, one short transaction each. It reads some
// ahead, on every processor: a shard may be a patch to a patch, many times over.
type blobReader struct {
	s     *Store
	blob  blob
	asked int             // pieces that were asked for
	ahead []chan loadedAs // what was asked for, and not yet returned
	left  int             // pieces not yet returned
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

// load waits for the next piece.
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
