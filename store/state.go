package store

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/evidenced/evidenced/evidence"
)

// What follows from a log may be kept beside the store, so that it need not be
// read whole by each command. It is a cache and no evidence: it is believed only
// if the key of the log has signed it, and it speaks of a beginning of this very
// log; in all other cases there is none.
//
// The file is the length of a signed note (4 bytes, big endian), the note, and
// the state, sealed if the store is. The note:
//
//	evidenced derived state
//	entries SIZE
//	root BASE64
//	state SHA-256

// StateSuffix is appended to the name of the store for the file of its derived state.
const StateSuffix = ".state"

const (
	stateTitle   = "evidenced derived state"
	maxState     = 1 << 28 // bytes of the file
	maxStateNote = 4 << 10
)

var bucketState = []byte("state") // names the place that the state is sealed for; no bucket of the file

// SaveState keeps what write writes, which follows from the first size entries of
// the log, in place of what was kept before. It needs the signing key.
func (s *Store) SaveState(size uint64, write func(io.Writer) error) error {
	if s.reader {
		return errors.New("keep the derived state: the store was opened for reading only")
	}
	var state bytes.Buffer
	if err := write(&state); err != nil {
		return fmt.Errorf("keep the derived state: %w", err)
	}
	file, err := s.signedState(size, s.box.seal(bucketState, key64(size), state.Bytes()))
	if err == nil {
		err = replaceFile(s.path+StateSuffix, file)
	}
	if err != nil {
		return fmt.Errorf("keep the derived state: %w", err)
	}
	return nil
}

func (s *Store) signedState(size uint64, sealed []byte) ([]byte, error) {
	root, err := s.rootAt(size)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	key := s.key
	s.mu.Unlock()
	signed, err := key.Sign(stateText(size, root, sealed))
	if err != nil {
		return nil, err
	}
	file := binary.BigEndian.AppendUint32(nil, uint32(len(signed)))
	return append(append(file, signed...), sealed...), nil
}

func stateText(size uint64, root evidence.Hash, sealed []byte) string {
	return fmt.Sprintf("%s\nentries %d\nroot %s\nstate %s\n", stateTitle, size, base64.StdEncoding.EncodeToString(root[:]), evidence.HashOf(sealed))
}

func (s *Store) rootAt(size uint64) (root evidence.Hash, err error) {
	err = s.view(func(v view) error {
		if n := logSize(v.tx); size > n {
			return fmt.Errorf("the log has %d entries, not %d", n, size)
		}
		root, err = rootOf(v.tx, size)
		return err
	})
	return root, err
}

// LoadState returns what was kept of the first size entries of the log; nil if
// there is nothing that can be relied on.
func (s *Store) LoadState() (size uint64, state []byte) {
	file, err := readState(s.path + StateSuffix)
	if err != nil {
		return 0, nil
	}
	signed, sealed, ok := cutState(file)
	if !ok {
		return 0, nil
	}
	size, ok = s.signedSize(signed, sealed)
	if !ok {
		return 0, nil
	}
	state, err = s.box.open(bucketState, key64(size), sealed)
	if err != nil {
		return 0, nil
	}
	return size, state
}

func readState(path string) ([]byte, error) {
	fi, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !fi.Mode().IsRegular(), fi.Size() > maxState:
		return nil, errors.New("no derived state")
	}
	return os.ReadFile(path)
}

// cutState cuts the file into the signed note and the state.
func cutState(file []byte) (signed, sealed []byte, ok bool) {
	if len(file) < 4 {
		return nil, nil, false
	}
	n := uint64(binary.BigEndian.Uint32(file))
	if n > maxStateNote || n > uint64(len(file)-4) {
		return nil, nil, false
	}
	return file[4 : 4+n], file[4+n:], true
}

// signedSize returns how many entries the state speaks of, if the log's key has
// signed it, and these entries are those of this log.
func (s *Store) signedSize(signed, sealed []byte) (uint64, bool) {
	verifier, err := note.NewVerifier(s.VerifierKey())
	if err != nil {
		return 0, false
	}
	n, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return 0, false
	}
	size, err := strconv.ParseUint(strings.TrimPrefix(secondLine(n.Text), "entries "), 10, 63)
	if err != nil {
		return 0, false
	}
	root, err := s.rootAt(size)
	return size, err == nil && n.Text == stateText(size, root, sealed)
}

func secondLine(text string) string {
	_, rest, _ := strings.Cut(text, "\n")
	line, _, _ := strings.Cut(rest, "\n")
	return line
}

// dropState removes what was kept: it may hold what is erased, or in the clear
// what is to be sealed.
func dropState(path string) error {
	if err := os.Remove(path + StateSuffix); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the derived state: %w", err)
	}
	return nil
}
