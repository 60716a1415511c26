package git

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/evidenced/evidenced/collectors"
)

// A repository belongs to those who are audited, and git believes it: a file in it
// that is a link leads git to any file that the agent may read, and what git then
// says of that file goes into the evidence. So before git is run, what lies there is
// looked at: nothing but regular files and folders, of an owner that is trusted,
// and nothing that leads elsewhere.

const gitDir = "--git-dir="

// vetter looks at repositories before git does.
type vetter struct {
	owners func(fs.FileInfo) bool
}

// prepare replaces the configured path of a repository by that of its git folder, if
// git may read it.
func (v vetter) prepare(args []string) ([]string, error) {
	out := append([]string(nil), args...)
	for i, a := range out {
		path, ok := strings.CutPrefix(a, gitDir)
		if !ok {
			continue
		}
		folder, err := v.folder(path)
		if err != nil {
			return nil, err
		}
		out[i] = gitDir + folder
	}
	return out, nil
}

// folder returns the git folder of a bare repository, of a work tree, or of a .git
// folder, once it was looked at.
func (v vetter) folder(path string) (string, error) {
	info, err := os.Stat(path) // the configuration names it: its own path may hold links
	if err != nil {
		return "", classifyFileError(err)
	}
	if !info.IsDir() {
		return "", collectors.Incomplete("it is no folder")
	}
	inner, err := os.Lstat(filepath.Join(path, ".git"))
	switch {
	case err == nil && inner.IsDir():
		path = filepath.Join(path, ".git")
	case err == nil:
		return "", collectors.Incomplete("it is a work tree whose .git is no folder: name the repository that it belongs to")
	case !errors.Is(err, fs.ErrNotExist):
		return "", classifyFileError(err)
	}
	return path, v.vet(path)
}

// vet refuses a git folder that leads elsewhere.
func (v vetter) vet(folder string) error {
	info, err := os.Stat(folder)
	if err != nil {
		return classifyFileError(err)
	}
	if !v.owners(info) {
		return fmt.Errorf("%w: it belongs to another user: name that user in owners, if the files may be trusted", collectors.ErrDenied)
	}
	if _, err := os.Lstat(filepath.Join(folder, "HEAD")); errors.Is(err, fs.ErrNotExist) {
		return collectors.Incomplete("it is not a git repository: there is no HEAD")
	}
	for _, name := range []string{"commondir", "objects/info/alternates", "objects/info/http-alternates"} {
		if _, err := os.Lstat(filepath.Join(folder, name)); !errors.Is(err, fs.ErrNotExist) {
			return refused(name, "leads to another repository")
		}
	}
	if err := v.vetFiles(folder); err != nil {
		return err
	}
	for _, name := range []string{"config", "config.worktree"} {
		if err := includesNothing(folder, name); err != nil {
			return err
		}
	}
	return nil
}

func refused(name, why string) error {
	return collectors.Incomplete("it is not read: %.100q in it %s", filepath.ToSlash(name), why)
}

// maxEntries bounds how many files of a repository are looked at, but for its loose objects.
const maxEntries = 1_000_000

// vetFiles walks the folder. Loose objects are left out: git holds each to its name,
// and so says nothing of a file that is none.
func (v vetter) vetFiles(folder string) error {
	seen := 0
	return filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(folder, path)
		if err != nil {
			return classifyFileError(err)
		}
		if seen++; seen > maxEntries {
			return collectors.Incomplete("it has over %d files beside its objects", maxEntries)
		}
		switch {
		case path == folder:
			return nil
		case d.IsDir():
			if looseObjects().MatchString(filepath.ToSlash(name)) {
				return fs.SkipDir
			}
			return nil
		case !d.Type().IsRegular():
			return refused(name, "is a link or no regular file")
		}
		return nil
	})
}

var looseObjects = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(objects/[0-9a-f]{2}|hooks|lfs|modules|worktrees)$`)
})

// maxConfig bounds the settings of a repository, in bytes.
const maxConfig = 1 << 20

var include = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)\[\s*include`) })

// includesNothing refuses settings that are continued in another file.
func includesNothing(folder, name string) error {
	f, err := os.Open(filepath.Join(folder, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return classifyFileError(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	switch {
	case err != nil:
		return classifyFileError(err)
	case len(text) > maxConfig:
		return refused(name, fmt.Sprintf("has over %d bytes", maxConfig))
	case include().Match(text):
		return refused(name, "includes another file")
	}
	return nil
}

// classifyFileError tells why a file could not be looked at, without its name, which
// those choose who are audited.
func classifyFileError(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: this user may not read all of it", collectors.ErrDenied)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: there is no such folder", collectors.ErrIncomplete)
	}
	return fmt.Errorf("%w: its files cannot be read", collectors.ErrIncomplete)
}

// complaints are the words in which git says why it refuses. What else it writes is
// not kept: it may quote what it has read.
func complaints() []string {
	return []string{
		"not a git repository", "Permission denied", "dubious ownership", "unknown revision", "bad revision", "ambiguous argument", "bad object",
		"shallow file has changed", "object file is empty", "is corrupt", "is corrupted", "invalid object", "Not a valid object name", "Not a valid commit name",
		"missing object", "missing commit", "could not parse commit", "unexpected line in packed-refs", "unterminated line in packed-refs", "bad packed-refs",
		"bad shallow line", "bad config line", "bad numeric config value", "bad boolean config value", "expected git repo version", "unknown repository extension",
		"repository version is 0, but v1-only extension", "No such file or directory", "Not a directory", "Is a directory", "File name too long", "Too many levels of symbolic links",
		"not something we can merge", "needed a single revision", "invalid reference", "ignoring broken ref", "ignoring dangling symref", "out of memory", "mmap failed",
		"unable to read tree", "unable to find all commit-graph files", "packfile", "index file", "fatal: bad tree object", "unhandled extension", "unknown option", "usage:",
	}
}
