package simulator

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// stored gives an object as git hashes and stores it.
func stored(kind string, content []byte) []byte {
	return append(fmt.Appendf(nil, "%s %d\x00", kind, len(content)), content...)
}

// Fetch brings the bare clone in dir to what it is now, and makes it where there is
// none. A fault may take the folder away, or make it one whose history is cut.
func (c *Company) Fetch(dir string) error {
	e, _ := c.fault(call{vendor: "file", op: "clone"}, c.Now())
	away := dir + ".away"
	if e == missing {
		return moveIfThere(dir, away)
	}
	if err := errors.Join(moveIfThere(away, dir), c.clone.update(dir, c.now.Load())); err != nil {
		return err
	}
	cut := filepath.Join(dir, "shallow")
	if e == shallow {
		return replace(cut, []byte(c.clone.commits[0].sha+"\n"))
	}
	if err := os.Remove(cut); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func moveIfThere(from, to string) error {
	if err := os.Rename(from, to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// update writes what is new since the last time, objects first.
func (k *clone) update(dir string, now int64) error {
	if err := k.found(dir); err != nil {
		return err
	}
	tip := ""
	for _, x := range k.commits {
		if x.at.UnixNano() <= now && !k.written[x.sha] {
			if err := writeObject(dir, x.sha, stored("commit", x.text)); err != nil {
				return err
			}
			k.written[x.sha] = true
		}
	}
	for _, s := range k.tips.steps {
		if s.at.UnixNano() <= now {
			tip = s.value
		}
	}
	if tip == k.named {
		return nil
	}
	k.named = tip
	return replace(filepath.Join(dir, "refs", "heads", k.repo.branch), []byte(tip+"\n"))
}

// found makes an empty repository, once.
func (k *clone) found(dir string) error {
	if k.written != nil {
		return nil
	}
	k.written = map[string]bool{}
	for _, sub := range []string{"objects", filepath.Join("refs", "heads")} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return err
		}
	}
	config := fmt.Sprintf("[core]\n\trepositoryformatversion = 0\n\tbare = true\n[remote \"origin\"]\n\turl = https://github.com/%s.git\n", k.repo.full)
	return errors.Join(
		replace(filepath.Join(dir, "config"), []byte(config)),
		replace(filepath.Join(dir, "HEAD"), []byte("ref: refs/heads/"+k.repo.branch+"\n")),
		writeObject(dir, emptyTree, stored("tree", nil)))
}

func writeObject(dir, sha string, text []byte) error {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	folder := filepath.Join(dir, "objects", sha[:2])
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	return replace(filepath.Join(folder, sha[2:]), b.Bytes())
}

// replace puts a whole file in place of another.
func replace(path string, text []byte) error {
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
