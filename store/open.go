package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/evidenced/evidenced/evidence"
)

// Options configure Open.
type Options struct {
	// Key signs checkpoints. Required to append; nil opens for reading only.
	Key *Key
	// Seal opens an encrypted store, and makes a new one encrypted; nil for a plain one.
	Seal Sealer
	// Now is the clock that entries are stamped with; nil means time.Now.
	Now func() time.Time
	// Kept is a file that keeps the newest checkpoint outside of the store: that of
	// the signing key with KeptSuffix. It is written after each append; empty
	// means none. A log that is not the one that it speaks of is *RolledBack: an
	// error to who would append, told by Store.RolledBack to who only reads.
	Kept string
	// AcceptRollback opens a log to append to it that has gone back all the same:
	// the first append records that, with who accepted it and why. Nil refuses.
	AcceptRollback *Acceptance
	// Wait is how long to wait for another process to let go; zero means 200 ms.
	Wait time.Duration
}

// unwrapTime bounds how long a key management service may take.
const unwrapTime = 30 * time.Second

// Open opens the store at path. With a key it creates the file if there is
// none; without one it opens an existing file for reading, or a copy of it, if
// another process holds it.
func Open(path string, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	before := readKept(o.Kept) // before the log is looked at, which may grow meanwhile
	if err := ready(path, o, before); err != nil {
		return nil, err
	}
	s := &Store{path: path, key: o.Key, now: o.Now, reader: o.Key == nil, kept: o.Kept, accepted: o.AcceptRollback}
	open := false
	defer func() {
		if !open && s.db != nil {
			_ = s.db.Close()
		}
	}()
	c := &caller{}
	err := guard(c, func() (err error) {
		if s.file, err = openSound(path, o.Wait, s.reader); err == nil {
			err = s.prepare(lend(c, o.Seal))
		}
		if err == nil || errors.Is(err, ErrWrongKey) {
			s.back = before.against(s)
			err = s.admit(err, o.AcceptRollback != nil)
		}
		return err
	})
	if err != nil {
		return nil, openError(path, err)
	}
	open = true
	return s, nil
}

// file is an open file of bbolt.
type file struct {
	db   *bolt.DB
	raw  *os.File // the same, for who reads its pages without bbolt
	held string   // who holds the store, if this is a copy of it
}

// openSound opens the file once its pages were walked. They are walked under
// the lock of a reader: a writer would load what the file calls free.
func openSound(path string, wait time.Duration, readOnly bool) (file, error) {
	f, err := openFile(path, wait, true)
	if readOnly && errors.Is(err, bolterrors.ErrTimeout) {
		f, err = openCopy(path)
	}
	if err != nil {
		return f, err
	}
	err = inspect(f.raw)
	if readOnly && errors.Is(err, errHead) { // what there is can be read
		err = nil
	}
	if err != nil || readOnly {
		return f, err
	}
	if err := f.db.Close(); err != nil {
		return f, err
	}
	return openSame(path, wait)
}

// openSame opens the file to write to it, unless another one has been put in its
// place while we waited for the lock.
func openSame(path string, wait time.Duration) (f file, err error) {
	before, err := os.Stat(path)
	if err != nil {
		return f, err
	}
	if f, err = openFile(path, wait, false); err != nil {
		return f, unwritable(err)
	}
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
		return f, fmt.Errorf("%w: it has just been replaced; try again", ErrHeld)
	}
	return f, nil
}

// ready makes the file of a new store, or looks at that of an old one.
func ready(path string, o Options, before *kept) error {
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist) && o.Key == nil && before != nil && before.err == nil:
		return fmt.Errorf("there is no store at %s: %w", path, &RolledBack{Had: before.Checkpoint})
	case errors.Is(err, os.ErrNotExist) && o.Key == nil:
		return fmt.Errorf("there is no store at %s yet: `evidenced collect now` makes it", path)
	case errors.Is(err, os.ErrNotExist):
		if err := before.withoutStore(o.Key); err != nil && o.AcceptRollback == nil {
			return fmt.Errorf("there is no store at %s: %w", path, err)
		}
		return create(path, o)
	case err != nil:
		return fmt.Errorf("open store: %w", err)
	case fi.IsDir():
		return fmt.Errorf("open store: %s is a folder", path)
	}
	return openError(path, wholePages(fi.Size()))
}

// wholePages refuses a file that bbolt would make a store of, or cannot map.
func wholePages(size int64) error {
	switch {
	case size == 0:
		return fmt.Errorf("%w: the file is empty", ErrNotAStore)
	case size < 4*minPage:
		return fmt.Errorf("%w: it has %d bytes only", ErrNotAStore, size)
	}
	return nil
}

// openFile opens the file with bbolt.
func openFile(path string, wait time.Duration, readOnly bool) (f file, err error) {
	if wait == 0 {
		wait = 200 * time.Millisecond
	}
	f.db, err = bolt.Open(path, 0o600, &bolt.Options{Timeout: wait, FreelistType: bolt.FreelistMapType, ReadOnly: readOnly, PageSize: pageSize,
		OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
			f.raw, err = os.OpenFile(name, flag, mode)
			return f.raw, err
		}})
	if err == nil {
		f.db.AllocSize = 256 << 10 // by how much the file grows
	}
	return f, err
}

// create makes an empty store beside path and moves it there whole: a store
// that is there is never a half one.
func create(path string, o Options) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make store: %w", err)
	}
	temp := beside(path, "new")
	defer os.Remove(temp)
	f, err := openFile(temp, o.Wait, false)
	if err != nil {
		return fmt.Errorf("make store %s: %w", path, err)
	}
	err = f.db.Update(func(tx *bolt.Tx) error { return layOut(tx, o.Key.Verifier, o.Seal) })
	if err = errors.Join(err, f.db.Close()); err == nil {
		err = os.Link(temp, path) // not Rename: it must not replace one that another process has just made
	}
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err == nil {
		err = syncFolder(path)
	}
	if err != nil {
		return fmt.Errorf("make store %s: %w", path, err)
	}
	return nil
}

// layOut makes the buckets of an empty store.
func layOut(tx *bolt.Tx, vkey string, seal Sealer) error {
	for _, b := range buckets {
		if _, err := tx.CreateBucket(b); err != nil {
			return err
		}
	}
	meta := tx.Bucket(bucketMeta)
	if seal != nil {
		ctx, cancel := context.WithTimeout(context.Background(), unwrapTime)
		defer cancel()
		_, header, err := sealed(ctx, seal)
		if err != nil {
			return err
		}
		if err := meta.Put([]byte("seal"), header); err != nil {
			return err
		}
	}
	if err := meta.Put([]byte("key"), []byte(vkey)); err != nil {
		return err
	}
	return meta.Put([]byte("format"), []byte(format))
}

// prepare checks that the file is a store that the keys belong to.
func (s *Store) prepare(seal Sealer) error {
	return s.db.View(func(tx *bolt.Tx) error {
		if err := s.checkMeta(tx, seal); err != nil {
			return err
		}
		s.size = logSize(tx)
		return s.checkKey()
	})
}

// admit lets the store be used, unless it was opened with a wrong key, or to
// append to a log that went back.
func (s *Store) admit(wrongKey error, rollback bool) error {
	var back *RolledBack
	went := errors.As(s.back, &back)
	switch {
	case wrongKey != nil && went:
		return fmt.Errorf("%w: %w", s.back, wrongKey)
	case wrongKey != nil:
		return wrongKey
	case s.reader:
		return nil
	case s.back != nil && !(went && rollback):
		return s.back
	}
	clearAway(s.path)
	if err := writeHolder(s.path); err != nil {
		return unwritable(err)
	}
	s.keepFirst()
	return nil
}

// checkKey checks that the log is signed with the key that it was opened with.
func (s *Store) checkKey() error {
	if s.key == nil || s.key.Verifier == s.vkey {
		return nil
	}
	return fmt.Errorf("%w: it is signed with %s, the key given is %s", ErrWrongKey, evidence.Printable(s.vkey), s.key.Verifier)
}

func (s *Store) checkMeta(tx *bolt.Tx, seal Sealer) error {
	meta := tx.Bucket(bucketMeta)
	if meta == nil {
		return fmt.Errorf("%w: a bbolt file of another program", ErrNotAStore)
	}
	if err := checkFormat(string(meta.Get([]byte("format")))); err != nil {
		return err
	}
	for _, b := range buckets {
		if tx.Bucket(b) == nil {
			return fmt.Errorf("%w: no bucket %q", ErrNotAStore, b)
		}
	}
	if err := s.openBox(meta.Get([]byte("seal")), seal); err != nil {
		return err
	}
	s.vkey = string(meta.Get([]byte("key")))
	return nil
}

func checkFormat(f string) error {
	var have, want int
	_, _ = fmt.Sscan(format, &want)
	_, err := fmt.Sscan(f, &have)
	switch {
	case f == format:
		return nil
	case err != nil:
		return fmt.Errorf("%w: its format is %.20q", ErrNotAStore, f)
	case have > want:
		return fmt.Errorf("%w (it is of format %d, this program knows %d)", ErrNewFormat, have, want)
	}
	return fmt.Errorf("%w (it is of format %d, this program writes %d)", ErrOldFormat, have, want)
}

func (s *Store) openBox(header []byte, seal Sealer) error {
	if header == nil {
		if seal != nil {
			return fmt.Errorf("%w, and the configuration names %s: `evidenced store compact --reseal` encrypts it", ErrPlain, seal.ID())
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), unwrapTime)
	defer cancel()
	key, err := unwrap(ctx, header, seal)
	if err == nil {
		s.box, err = newBox(key)
	}
	return err
}

func openError(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("open store %s: %w (%s)", path, ErrHeld, readHolder(path))
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return fmt.Errorf("open store %s: %w: %w", path, ErrNotAStore, err)
	}
	return fmt.Errorf("open store %s: %w", path, err)
}

// unwritable marks the errors of a file that may only be read as ErrReadOnly.
func unwritable(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	return err
}

// syncFolder makes a new name of a file durable.
func syncFolder(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
