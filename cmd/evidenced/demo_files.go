package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

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
		path := filepath.Join(d.out, h.name)
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
	return nil
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
