package demo

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/simulator"
)

// handout is a file that somebody at the simulated company puts beside the configuration.
type handout struct {
	name  string
	state func(*simulator.Company) (text []byte, ok bool)
	last  []byte // nil if there is none
}

// handouts are the lists that people keep.
func handouts() []*handout {
	return []*handout{
		{name: "people.csv", state: (*simulator.Company).Roster},
		{name: "privileged.csv", state: (*simulator.Company).Register},
	}
}

// deliver brings the files to what they are now. Whoever reads one meanwhile
// gets it whole, as it was or as it is.
func (d *demo) deliver() error {
	for _, h := range d.handouts {
		text, ok := h.state(d.company)
		path := filepath.Join(d.Out, h.name)
		switch {
		case !ok && h.last != nil:
			h.last = nil
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		case ok && !bytes.Equal(text, h.last):
			if err := replaceFile(path, text, d.company.Now()); err != nil {
				return err
			}
			h.last = text
		}
	}
	if d.company.ClonePath() == "" {
		return nil
	}
	return d.company.Fetch(filepath.Join(d.Out, "clone.git"))
}

// runThere runs a program as on the company's machine: the evidence names the
// clone by where it lies there, so that the same seed gives the same bundle.
func (d *demo) runThere(ctx context.Context, p transport.Process) (collectors.Reply, error) {
	here, err := filepath.Abs(filepath.Join(d.Out, "clone.git"))
	if err != nil {
		return collectors.Reply{}, err
	}
	p.Args = slices.Clone(p.Args)
	for i, arg := range p.Args {
		if arg == "--git-dir="+d.company.ClonePath() {
			p.Args[i] = "--git-dir=" + here
		}
	}
	reply, err := transport.RunProgram(ctx, p)
	reply.Out, reply.Err = strings.ReplaceAll(reply.Out, here, d.company.ClonePath()), strings.ReplaceAll(reply.Err, here, d.company.ClonePath())
	return reply, err
}

// replaceFile puts a whole file in place of another, dated at.
func replaceFile(path string, text []byte, at time.Time) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, text, 0o600); err != nil {
		return err
	}
	if err := os.Chtimes(temporary, at, at); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
