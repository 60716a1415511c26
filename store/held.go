package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Who reads does not get the lock of the file while another process writes to
// it, and reads a copy instead, which is made without the lock. A commit of
// bbolt ends by writing one of the two heads, and the pages of the state that
// the heads speak of are not written to before that. So when the heads are the
// same after copying as before, the copy is that state, whole; whatever was
// being written meanwhile lies in pages that it does not use.

// copyTime is how long a copy is tried for. One that writes without a pause
// leaves no time for it.
const copyTime = 3 * time.Second

// openCopy opens a copy of a file that another process holds.
func openCopy(path string) (f file, err error) {
	from, err := os.Open(path)
	if err != nil {
		return f, err
	}
	defer from.Close()
	if f.raw, err = unnamed(path); err != nil {
		return f, err
	}
	if err := copySteady(f.raw, from); err != nil {
		return f, errors.Join(err, f.raw.Close())
	}
	f.held = readHolder(path)
	f.db, err = bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, FreelistType: bolt.FreelistMapType, Timeout: time.Second,
		OpenFile: func(string, int, os.FileMode) (*os.File, error) { return f.raw, nil }})
	return f, err
}

// unnamed makes a file that is gone as soon as it is closed, whatever ends the
// process: beside the store, or, where nothing may be written there, among the
// temporary ones.
func unnamed(path string) (*os.File, error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".read-*")
	if err != nil {
		f, err = os.CreateTemp("", filepath.Base(path)+".read-*")
	}
	if err != nil {
		return nil, fmt.Errorf("copy the store, to read it: %w", err)
	}
	return f, os.Remove(f.Name())
}

func copySteady(to *os.File, from io.ReaderAt) error {
	for end := time.Now().Add(copyTime); time.Now().Before(end); {
		if steady, err := copyOnce(to, from); err != nil || steady {
			return err
		}
	}
	return bolterrors.ErrTimeout
}

// copyOnce copies the pages, and reports whether they are of one state.
func copyOnce(to *os.File, from io.ReaderAt) (steady bool, err error) {
	meta, _ := readMeta(from)
	before, after := make([]byte, 2*meta.size), make([]byte, 2*meta.size)
	if _, err := from.ReadAt(before, 0); err != nil {
		return false, err
	}
	meta, both := readMeta(bytes.NewReader(before))
	if !both { // one is just being written
		return false, nil
	}
	if _, err := io.Copy(io.NewOffsetWriter(to, 0), io.NewSectionReader(from, 0, int64(meta.pages*meta.size))); err != nil {
		return false, fmt.Errorf("copy the store, to read it: %w", err)
	}
	if _, err := from.ReadAt(after, 0); err != nil || !bytes.Equal(before, after) {
		return false, err
	}
	_, err = to.WriteAt(before, 0)
	return true, err
}
