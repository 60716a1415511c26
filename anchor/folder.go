package anchor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
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
	root, err := os.OpenRoot(f.path) // what links in it lead out of it is refused
	if err != nil {
		return Receipt{}, fmt.Errorf("the folder %s is not there: mount or make it", f.path)
	}
	defer root.Close()
	if err := keepIn(root, cp); err != nil {
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

// shelf holds the checkpoints of one log that a place has seen, each a file whose
// name says of how many entries it is.
type shelf interface {
	// names returns the names of its files; none where there is no such shelf yet.
	names() ([]string, error)
	// read returns a file of at most maxFile bytes.
	read(name string) ([]byte, error)
}

// maxFile bounds a checkpoint, in bytes.
const maxFile = 64 << 10

// admit reports whether a checkpoint is on a shelf already. It is an error if the log
// is not the one that the shelf knows, or is shorter.
func admit(s shelf, cp Checkpoint) (there bool, err error) {
	names, err := s.names()
	if err != nil {
		return false, err
	}
	name := path.Base(FileName(cp))
	before, newest := newestOf(names, name)
	if before != "" {
		if there, err = follows(s, before, name, cp); err != nil {
			return false, fmt.Errorf("%s: %w", evidence.Printable(before), err)
		}
	}
	if newest > name {
		return false, fmt.Errorf("%s: %w", evidence.Printable(newest), ErrCut)
	}
	return there, nil
}

// newestOf finds the newest checkpoint that is not beyond name, and the newest of
// all. Their names have one length, and so sort by size.
func newestOf(names []string, name string) (before, newest string) {
	for _, n := range names {
		if !strings.HasSuffix(n, ".checkpoint") {
			continue
		}
		newest = max(newest, n)
		if n <= name {
			before = max(before, n)
		}
	}
	return before, newest
}

// follows reports whether the file is the checkpoint, and why the checkpoint is not of
// the log that the one in the file is of.
func follows(s shelf, file, name string, cp Checkpoint) (same bool, err error) {
	b, err := s.read(file)
	if err != nil {
		return false, err
	}
	if file == name && bytes.Equal(b, cp.Signed) {
		return true, nil
	}
	seen, err := ParseCheckpoint(b)
	if err == nil && file == name {
		err = ErrFork
	}
	if err == nil {
		err = cp.continues(seen)
	}
	return false, err
}

// folderShelf is a folder in a folder.
type folderShelf struct {
	*os.Root
	dir string
}

func (f folderShelf) names() (names []string, err error) {
	d, err := f.Open(f.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

func (f folderShelf) read(name string) ([]byte, error) {
	at := path.Join(f.dir, name)
	info, err := f.Lstat(at)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no regular file")
	case info.Size() > maxFile:
		return nil, fmt.Errorf("it has over %d bytes", maxFile)
	}
	return f.ReadFile(at)
}

// keepIn keeps a checkpoint in a folder beside those that came before it, if
// the log continues them.
func keepIn(root *os.Root, cp Checkpoint) error {
	file := FileName(cp)
	s := folderShelf{root, path.Dir(file)}
	there, err := admit(s, cp)
	if err != nil || there {
		return err
	}
	if err := root.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	return writeOnce(root, file, cp.Signed)
}

// writeOnce writes a new file durably. It replaces none.
func writeOnce(root *os.Root, file string, b []byte) error {
	temp := path.Join(path.Dir(file), fmt.Sprintf(".checkpoint-%d-%s", os.Getpid(), path.Base(file)))
	_ = root.Remove(temp) // of a process that was killed
	f, err := root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer root.Remove(temp)
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := root.Link(temp, file); err != nil { // not Rename: it must not replace another's
		return err
	}
	d, err := root.Open(path.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
