package anchor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/evidenced/evidenced/evidence"
)

// Folder is a folder on another disk or host.
type Folder struct{ name, path string }

// NewFolder gives the folder at path. It must be there: one that is made anew
// where a disk is not mounted would be no anchor.
func NewFolder(name, path string) Folder { return Folder{name, path} }

// Type implements Place.
func (f Folder) Type() evidence.AnchorType { return evidence.AnchorFolder }

// Name implements Place.
func (f Folder) Name() string { return f.name }

// To implements Place.
func (f Folder) To() string { return f.path }

// Show writes the checkpoint to a file of its own, which is never overwritten.
func (f Folder) Show(_ context.Context, cp Checkpoint) (Receipt, error) {
	if fi, err := os.Stat(f.path); err != nil || !fi.IsDir() {
		return Receipt{}, fmt.Errorf("the folder %s is not there: mount or make it", f.path)
	}
	if err := keepIn(f.path, cp); err != nil {
		return Receipt{}, err
	}
	return Receipt{Bytes: []byte(FileName(cp))}, nil
}

// FileName is the name of a checkpoint's file, below a folder of its log.
func FileName(cp Checkpoint) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '-'
	}, cp.Origin)
	return fmt.Sprintf("%s/%012d.checkpoint", safe, cp.Size)
}

var (
	// ErrFork: somebody showed another log of the same name.
	ErrFork = errors.New("a checkpoint that is there is none of this log: this log, or that one, was rewritten")
	// ErrCut: the log was longer once.
	ErrCut = errors.New("a checkpoint of more entries is there: the log was longer, and it was cut")
)

// keepIn keeps a checkpoint in a folder beside those that came before it, if
// the log continues them.
func keepIn(folder string, cp Checkpoint) error {
	path := filepath.Join(folder, filepath.FromSlash(FileName(cp)))
	dir, name := filepath.Split(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	before, newest, err := kept(dir, name)
	if err == nil && before != "" {
		err = follows(dir+before, cp)
	}
	if err == nil && newest > name {
		err = fmt.Errorf("%s: %w", newest, ErrCut)
	}
	if err != nil {
		return err
	}
	return writeOnce(path, cp.Signed)
}

// kept finds the newest checkpoint in a folder that is not beyond name, and the
// newest of all. Their names have one length, and so sort by size.
func kept(dir, name string) (before, newest string, err error) {
	files, err := os.ReadDir(dir)
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".checkpoint") {
			continue
		}
		if newest = f.Name(); newest <= name {
			before = newest
		}
	}
	return before, newest, err
}

// follows says why a checkpoint is not one of the log that the one in a file is of.
func follows(file string, cp Checkpoint) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	seen, err := ParseCheckpoint(b)
	if err == nil {
		err = cp.continues(seen)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	return nil
}

// writeOnce writes a new file durably. One that is there with the same bytes is
// fine, one with others is a fork.
func writeOnce(path string, b []byte) error {
	old, err := os.ReadFile(path)
	switch {
	case err == nil && bytes.Equal(old, b):
		return nil
	case err == nil:
		return fmt.Errorf("%s: %w", path, ErrFork)
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".checkpoint-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(b)
	if err = errors.Join(err, temp.Chmod(0o644), temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Link(temp.Name(), path); err != nil { // not Rename: it must not replace another's
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
