package store

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/evidenced/evidenced/evidence"
)

// An older copy of a store, put back in its place, is sound by itself: every
// signature in it is genuine. What shows it is a memory outside of it. The last
// checkpoint that was signed is kept beside the signing key, where whoever can
// replace the store may not be able to write. It is written after the commit
// that it speaks of, so it is never ahead of the log; and it is read before the
// store is opened, so that a log that grows meanwhile is not taken for another.

// KeptSuffix is appended to the name of the key file for Options.Kept.
const KeptSuffix = ".checkpoint"

// ErrKept: the file of Options.Kept holds no checkpoint of this log, so whether
// the log has gone back cannot be told.
var ErrKept = errors.New("the checkpoint that is kept beside the key cannot be relied on")

// Acceptance says who goes on with a log that went back, and why.
type Acceptance struct {
	By     string
	Reason string
	Actor  *evidence.Actor
}

// RolledBack is the error of a log that does not begin with the log that its
// key has signed: an older copy of the store was put back, the log was cut, or
// another one was written in its place.
type RolledBack struct {
	// Had is the checkpoint that was kept, Has the newest one of the log as it is;
	// its size is 0 if there is none.
	Had, Has evidence.Checkpoint
}

// Forked reports a log that is not shorter than it was, and not the same.
func (r *RolledBack) Forked() bool { return r.Has.Size >= r.Had.Size }

// Error implements error.
func (r *RolledBack) Error() string {
	if r.Forked() {
		return fmt.Sprintf("the log is not the one that its key has signed: of its %d entries, the first %d are others", r.Has.Size, r.Had.Size)
	}
	return fmt.Sprintf("the log has gone back: its key has signed %d entries, and it has %d; an older copy was put in its place, or it was cut", r.Had.Size, r.Has.Size)
}

// kept is the checkpoint that is kept outside of the store.
type kept struct {
	path string
	evidence.Checkpoint
	origin string
	root   evidence.Hash
	err    error // why it cannot be read
}

// maxKept bounds the file: a checkpoint with the signatures of two keys.
const maxKept = 16 << 10

// readKept reads the file; nil if there is no name or no file. One that is empty,
// or nothing but zeros, is what a power cut may leave of a file that was just
// replaced.
func readKept(path string) *kept {
	if path == "" {
		return nil
	}
	b, err := readSmall(path)
	switch {
	case errors.Is(err, os.ErrNotExist), err == nil && len(bytes.Trim(b, "\x00")) == 0:
		return nil
	case err != nil:
		return &kept{path: path, err: err}
	}
	k := &kept{path: path}
	k.Signed = b
	k.err = k.parse()
	return k
}

func readSmall(path string) ([]byte, error) {
	fi, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !fi.Mode().IsRegular():
		return nil, errors.New("it is no regular file")
	case fi.Size() > maxKept:
		return nil, fmt.Errorf("it has %d bytes", fi.Size())
	}
	return os.ReadFile(path)
}

func (k *kept) parse() (err error) {
	text := strings.SplitN(string(k.Signed), "\n", 4)
	if len(text) != 4 || !strings.HasPrefix(text[3], "\n") {
		return errors.New("it is no checkpoint")
	}
	k.origin = text[0]
	if k.Size, err = strconv.ParseUint(text[1], 10, 63); err != nil {
		return errors.New("it states no size")
	}
	root, err := base64.StdEncoding.DecodeString(text[2])
	if err != nil || len(root) != len(k.root) {
		return errors.New("it states no root")
	}
	k.root = evidence.Hash(root)
	return nil
}

// signedBy reports whether one of the verifier keys has signed the checkpoint.
func (k *kept) signedBy(keys ...string) bool {
	for _, key := range keys {
		v, err := note.NewVerifier(key)
		if err != nil || v.Name() != k.origin {
			continue
		}
		if n, err := note.Open(k.Signed, note.VerifierList(v)); err == nil && n.Text == checkpointText(k.origin, k.Size, k.root) {
			return true
		}
	}
	return false
}

// against compares the log with the checkpoint: nil, *RolledBack or ErrKept.
func (k *kept) against(s *Store) error {
	if k == nil {
		return nil
	}
	err := k.err
	if err == nil {
		err = k.compare(s)
	}
	var back *RolledBack
	if err == nil || errors.As(err, &back) || errors.Is(err, ErrDamaged) {
		return err
	}
	return fmt.Errorf("%w: %s: %w; if the key or the log was replaced on purpose, move that file away", ErrKept, k.path, err)
}

func (k *kept) compare(s *Store) error {
	if ok, err := k.signed(s); err != nil || !ok {
		return errors.Join(err, errors.New("it is not signed with a key of this log"))
	}
	if k.Size <= s.size {
		var root evidence.Hash
		if err := s.view(func(v view) (err error) { root, err = rootOf(v.tx, k.Size); return err }); err != nil {
			return err
		}
		if root == k.root {
			return nil
		}
	}
	signed, size, err := s.Checkpoint()
	if err != nil {
		return err
	}
	return &RolledBack{Had: k.Checkpoint, Has: evidence.Checkpoint{Size: size, Signed: signed}}
}

// signed reports whether a key has signed the checkpoint that the log is or was
// signed with, or that the store was opened with.
func (k *kept) signed(s *Store) (bool, error) {
	if s.key != nil && k.signedBy(s.key.Verifier) || k.signedBy(s.vkey) {
		return true, nil
	}
	for leaf, err := range s.Scan(0) { // it is from before a change of the key
		if err != nil {
			return false, err
		}
		if leaf.Type() != evidence.EntryKey {
			continue
		}
		var change evidence.KeyChange
		e, err := leaf.Entry()
		if err == nil {
			err = e.DecodeBody(evidence.EntryKey, &change)
		}
		if err != nil {
			return false, err
		}
		if k.signedBy(change.Old, change.New) {
			return true, nil
		}
	}
	return false, nil
}

// withoutStore is what a checkpoint says of a store that is not there.
func (k *kept) withoutStore(key *Key) error {
	switch {
	case k == nil:
		return nil
	case k.err != nil || !k.signedBy(key.Verifier):
		return fmt.Errorf("%w: %s; there is no store, and it is not of its key; if both are new, move that file away", ErrKept, k.path)
	}
	return &RolledBack{Had: k.Checkpoint}
}

// RolledBack returns how the log differs from the checkpoint that Options.Kept
// named when the store was opened: nil, a *RolledBack, or ErrKept if that file
// could not be relied on.
func (s *Store) RolledBack() error { return s.back }

// KeptError returns why the newest checkpoint could not be kept outside of the
// store, nil if it was. What was appended is safe all the same.
func (s *Store) KeptError() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keptErr
}

// keep keeps the newest checkpoint outside of the store. It is not synced: after
// a power cut an older one may be there, which the log begins with as well.
func (s *Store) keep(signed []byte) {
	if s.kept == "" || signed == nil {
		return
	}
	s.keptErr = nil
	if err := replaceFile(s.kept, signed); err != nil {
		s.keptErr = fmt.Errorf("keep the checkpoint beside the key: %w", err)
	}
}

// keepFirst keeps the checkpoint of a store that was made before one was kept.
func (s *Store) keepFirst() {
	if s.kept == "" || readKept(s.kept) != nil {
		return
	}
	if signed, size, err := s.Checkpoint(); err == nil && size > 0 {
		s.keep(signed)
	}
}

func replaceFile(path string, b []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".part-*")
	if err != nil {
		return err
	}
	_, err = temp.Write(b)
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

// entryOfRollback says in the log that it went back, with the checkpoint that it
// had: signed, that is the proof of what is missing.
func (w *writer) entryOfRollback() error {
	var back *RolledBack
	if w.s.recorded || !errors.As(w.s.back, &back) {
		return nil
	}
	body := evidence.Rollback{Event: evidence.LogWentBack, Had: back.Had.Size, Has: back.Has.Size, Checkpoint: string(back.Had.Signed)}
	var actor *evidence.Actor
	if a := w.s.accepted; a != nil {
		body.By, body.Reason, actor = a.By, a.Reason, a.Actor
	}
	e, err := evidence.WithBody(evidence.EntryAgent, body)
	if err == nil {
		e.Actor = actor
		_, err = w.Entry(e)
	}
	return err
}
