package verify

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Seen is a signed checkpoint that the reader has from elsewhere: a folder, a
// branch or a bucket that the log was shown to.
type Seen struct {
	Name   string // where it was found, for messages
	Signed string
}

// maxSeen bounds a file with a checkpoint.
const maxSeen = 64 << 10

// SeenIn reads every file NAME.checkpoint in a folder and those below it. No
// folder holds none.
func SeenIn(folder string) (out []Seen, err error) {
	if folder == "" {
		return nil, nil
	}
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Ext(path) != ".checkpoint" {
			return err
		}
		text, err := readSmall(path)
		out = append(out, Seen{path, text})
		return err
	})
	if err == nil && len(out) == 0 {
		err = errors.New("there is no file NAME.checkpoint in it")
	}
	if err != nil {
		return nil, fmt.Errorf("read the checkpoints in %s: %w", folder, err)
	}
	return out, nil
}

func readSmall(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSeen+1))
	if err == nil && len(b) > maxSeen {
		err = fmt.Errorf("%s is too large for a checkpoint", path)
	}
	return string(b), err
}

// seen compares the log with the checkpoints that the reader has from elsewhere:
// each is one of its own, or newer than the bundle.
func (c *check) seen() {
	for _, s := range c.opt.Seen {
		lines := strings.SplitN(s.Signed, "\n", 3)
		if len(lines) < 3 || lines[0] != c.signer.name {
			continue // of another log
		}
		size, err := strconv.ParseUint(lines[1], 10, 63)
		if err != nil {
			c.fail("checkpoint", "", "%s is no checkpoint", s.Name)
			continue
		}
		text, _, _ := strings.Cut(s.Signed, "\n\n")
		mine, _, _ := strings.Cut(c.custody.points[size].signed, "\n\n")
		switch {
		case size > uint64(c.tree.size) && c.b.Manifest.Complete:
			c.res.Checked.Newer++
			c.fail("checkpoint", checkpointsName, "%s covers %d entries, the log of this bundle, which calls itself complete, has %d: entries were cut from its end, or it has grown since: ask for a bundle made after that checkpoint", s.Name, size, c.tree.size)
		case size > uint64(c.tree.size):
			c.res.Checked.Newer++
		case text != mine:
			c.fail("checkpoint", checkpointsName, "%s, of %d entries, is not a checkpoint of this log: it was rewritten since, or that file was", s.Name, size)
		default:
			c.res.Checked.Seen++
		}
	}
	if n := len(c.opt.Seen); n > 0 && c.res.Checked.Seen+c.res.Checked.Newer == 0 {
		c.res.Unknown = append(c.res.Unknown, fmt.Sprintf("of the %d checkpoints from elsewhere none is of this log, %s: nobody else's word was compared", n, c.signer.name))
	}
}
