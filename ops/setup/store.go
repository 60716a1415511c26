package setup

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/ops"
	"github.com/evidenced/evidenced/ops/custody"
	"github.com/evidenced/evidenced/store"
)

// StoreState is what doctor found out about the store.
type StoreState struct {
	Path string `json:"path"`
	// State is absent, held (by another process), current (of this program's
	// format) or unusable.
	State string `json:"state"`
	// Encryption names what seals it, as configured; empty for a plain store.
	Encryption string        `json:"encryption"`
	Key        string        `json:"key"` // where the signing key is
	Retention  []string      `json:"retention"`
	Anchors    []AnchorState `json:"anchors"`
	Warnings   []string      `json:"warnings"`
	Problems   []string      `json:"problems"`
}

// AnchorState tells of one configured anchor what the log knows.
type AnchorState struct {
	Name string `json:"name"`
	Type string `json:"type"`
	// Last is when a checkpoint was last shown to it, Size how many entries that covers.
	Last *time.Time `json:"last"`
	Size uint64     `json:"size"`
	// Error is why the newest attempt failed, if it did.
	Error string `json:"error"`
}

func examineStore(c *config.Config) StoreState {
	st := StoreState{Path: c.Store.Path, Key: c.Store.Key, Retention: []string{}, Anchors: []AnchorState{}, Warnings: []string{}, Problems: []string{}}
	if st.Key == "" {
		st.Key = "a secret (store.key)"
	}
	for _, r := range c.Store.Retention {
		st.Retention = append(st.Retention, r.Policy())
	}
	for _, a := range c.Anchors {
		st.Anchors = append(st.Anchors, AnchorState{Name: a.Name, Type: string(ops.AnchorType(a))})
	}
	seal, err := custody.Sealer(c.Store.Encryption)
	if err != nil {
		st.Problems = append(st.Problems, err.Error())
	} else if seal != nil {
		st.Encryption = seal.ID()
	}
	st.permissions(c)
	st.look(c)
	return st
}

// permissions warns of files that others than their owner may read.
func (st *StoreState) permissions(c *config.Config) {
	for what, path := range map[string]string{"the signing key": c.Store.Key, "the store": c.Store.Path} {
		if fi, err := os.Stat(path); err == nil && fi.Mode().Perm()&0o044 != 0 {
			st.Warnings = append(st.Warnings, fmt.Sprintf("%s, %s, may be read by others (mode %04o): chmod 600 it", what, path, fi.Mode().Perm()))
		}
	}
	if (&custody.Keeper{Config: c}).RotationPending() {
		st.Warnings = append(st.Warnings, "a change of the signing key was interrupted: `evidenced key rotate` finishes it")
	}
}

// look opens the store, if there is one.
func (st *StoreState) look(c *config.Config) {
	if !exists(c.Store.Path) {
		st.State = "absent"
		return
	}
	s, err := (&custody.Keeper{Config: c}).OpenReadOnly()
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
	if why := (&custody.Keeper{Config: c}).KeyProblem(s); why != "" {
		st.Problems = append(st.Problems, why)
	}
	if why := custody.RollbackProblem(s); why != "" {
		st.Problems = append(st.Problems, why)
	}
	if err := st.shown(s); err != nil {
		st.Problems = append(st.Problems, err.Error())
	}
}

// shown finds in the log when each anchor saw it last.
func (st *StoreState) shown(s *store.Store) error {
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
