package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

// storeState is what doctor found out about the store.
type storeState struct {
	Path string `json:"path"`
	// State is absent, held (by another process), current (of this program's
	// format) or unusable.
	State string `json:"state"`
	// Encryption names what seals it, as configured; empty for a plain store.
	Encryption string        `json:"encryption"`
	Key        string        `json:"key"` // where the signing key is
	Retention  []string      `json:"retention"`
	Anchors    []anchorState `json:"anchors"`
	Warnings   []string      `json:"warnings"`
	Problems   []string      `json:"problems"`
}

// anchorState tells of one configured anchor what the log knows.
type anchorState struct {
	Name string `json:"name"`
	Type string `json:"type"`
	// Last is when a checkpoint was last shown to it, Size how many entries that covers.
	Last *time.Time `json:"last"`
	Size uint64     `json:"size"`
	// Error is why the newest attempt failed, if it did.
	Error string `json:"error"`
}

func examineStore(c *config.Config) storeState {
	st := storeState{Path: c.Store.Path, Key: c.Store.Key, Retention: []string{}, Anchors: []anchorState{}, Warnings: []string{}, Problems: []string{}}
	if st.Key == "" {
		st.Key = "a secret (store.key)"
	}
	for _, r := range c.Store.Retention {
		st.Retention = append(st.Retention, r.Policy())
	}
	for _, a := range c.Anchors {
		st.Anchors = append(st.Anchors, anchorState{Name: a.Name, Type: string(anchorType(a))})
	}
	seal, err := sealer(c.Store.Encryption)
	if err != nil {
		st.Problems = append(st.Problems, err.Error())
	} else if seal != nil {
		st.Encryption = seal.ID()
	}
	st.permissions(c)
	st.look(c)
	return st
}

func anchorType(a config.Anchor) evidence.AnchorType {
	switch {
	case a.Git != nil:
		return evidence.AnchorGit
	case a.S3 != nil:
		return evidence.AnchorS3
	case a.Timestamp != nil:
		return evidence.AnchorTimestamp
	case a.Witness != nil:
		return evidence.AnchorWitness
	}
	return evidence.AnchorFolder
}

// permissions warns of files that others than their owner may read.
func (st *storeState) permissions(c *config.Config) {
	for what, path := range map[string]string{"the signing key": c.Store.Key, "the store": c.Store.Path} {
		if fi, err := os.Stat(path); err == nil && fi.Mode().Perm()&0o044 != 0 {
			st.Warnings = append(st.Warnings, fmt.Sprintf("%s, %s, may be read by others (mode %04o): chmod 600 it", what, path, fi.Mode().Perm()))
		}
	}
	if c.Store.KeyText == "" && exists(nextKey(c)) {
		st.Warnings = append(st.Warnings, "a change of the signing key was interrupted: `evidenced key rotate` finishes it")
	}
}

// look opens the store, if there is one.
func (st *storeState) look(c *config.Config) {
	if !exists(c.Store.Path) {
		st.State = "absent"
		return
	}
	s, err := reading(c)
	switch {
	case errors.Is(err, store.ErrHeld):
		st.State = "held"
		st.Warnings = append(st.Warnings, err.Error())
		return
	case err != nil:
		st.State = "unusable"
		st.Problems = append(st.Problems, err.Error())
		return
	}
	defer s.Close()
	st.State = "current"
	if s.Held() != "" {
		st.State = "held"
		st.Warnings = append(st.Warnings, "nothing else can write to it now: "+s.Held())
	}
	if why := keyProblem(c, s); why != "" {
		st.Problems = append(st.Problems, why)
	}
	if err := st.shown(s); err != nil {
		st.Problems = append(st.Problems, err.Error())
	}
}

// shown finds in the log when each anchor saw it last.
func (st *storeState) shown(s *store.Store) error {
	for e, err := range s.Entries(0) {
		if err != nil {
			return err
		}
		if e.Type != evidence.EntryAnchor {
			continue
		}
		var b evidence.Anchor
		if err := e.DecodeBody(evidence.EntryAnchor, &b); err != nil {
			return err
		}
		for i := range st.Anchors {
			a := &st.Anchors[i]
			if a.Name != b.Name || a.Type != string(b.Type) {
				continue
			}
			if a.Error = b.Error; b.Error == "" {
				a.Last, a.Size = &e.Recorded, b.Size
			}
		}
	}
	return nil
}

func (st storeState) text(w io.Writer) {
	line := func(name, value string) { fmt.Fprintf(w, "  %-12s %s\n", name, evidence.Printable(value)) }
	fmt.Fprintf(w, "store %s: %s\n", evidence.Printable(st.Path), map[string]string{"absent": "not there yet; `evidenced collect now` makes it",
		"held": "held by another process", "current": "opens, of the format of this program", "unusable": "does not open"}[st.State])
	if st.Encryption == "" {
		st.Encryption = "none"
	}
	line("encryption", st.Encryption)
	line("signing key", st.Key)
	if len(st.Retention) == 0 {
		st.Retention = []string{"everything is kept for ever"}
	}
	line("retention", strings.Join(st.Retention, "; "))
	for _, a := range st.Anchors {
		text := fmt.Sprintf("%s (%s), never yet", a.Name, a.Type)
		if a.Last != nil {
			text = fmt.Sprintf("%s (%s), last at %s, over %d entries", a.Name, a.Type, when(a.Last), a.Size)
		}
		if a.Error != "" {
			text += "; the newest attempt failed: " + a.Error
		}
		line("anchor", text)
	}
	if len(st.Anchors) == 0 {
		line("anchors", "none: nobody else sees the log grow")
	}
	for _, text := range st.Warnings {
		line("warning", text)
	}
	for _, text := range st.Problems {
		line("problem", text)
	}
	fmt.Fprintln(w)
}
