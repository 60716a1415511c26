package store

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

var errNotYet = errors.New("not built yet")

var (
	// ErrErased: the blob was there; retention took it away. Its tombstone is in the log.
	ErrErased = errors.New("erased under the retention policy")
	// ErrSealed: the store is encrypted, and no key, or not the right one, was given.
	ErrSealed = errors.New("the store is encrypted with another key")
	// ErrOldFormat: the file is a store of an older format; Migrate makes it a new one.
	ErrOldFormat = errors.New("a store of an older format: run `evidenced store migrate`")
)

// Sealer wraps the key that an encrypted store is sealed with: a key of 32
// bytes of one's own (NewSealer), or a key management service.
type Sealer interface {
	// ID names the wrapping key in the store's header and in messages. It is no secret.
	ID() string
	// Wrap and Unwrap seal and open a data key of 32 bytes.
	Wrap(ctx context.Context, key []byte) ([]byte, error)
	Unwrap(ctx context.Context, wrapped []byte) ([]byte, error)
}

// NewSealer gives the sealer of a wrapping key of 32 bytes.
func NewSealer(key []byte) (Sealer, error) { return nil, errNotYet }

// State is one state of a resource.
type State struct {
	// Entry is the index of the log entry whose snapshot first showed it, Run that entry's run.
	Entry uint64
	Run   evidence.Run
	// Record is nil when a complete snapshot no longer held the resource.
	Record *evidence.Record
}

// History yields the states of one record of a stream over the whole log,
// oldest first: when it appeared, each change of what is not volatile, when it
// was gone.
func (s *Store) History(stream evidence.Stream, scope evidence.Scope, id string) iter.Seq2[State, error] {
	return func(yield func(State, error) bool) { yield(State{}, errNotYet) }
}

// Backup writes a copy of the store as it stands, while others append to it.
func (s *Store) Backup(ctx context.Context, w io.Writer) (int64, error) { return 0, errNotYet }

// Restore checks the backup at from whole and then makes it the store at to,
// where there must be none.
func Restore(ctx context.Context, from, to string, seal Sealer) (Report, error) {
	return Report{}, errNotYet
}

// Compact rewrites the store at path into a file without waste, checks it whole,
// and puts it in the old one's place. A change of o.Reseal encrypts, or decrypts
// (nil), or re-encrypts the store under a new data key. Nobody may hold it.
func Compact(ctx context.Context, path string, o CompactOptions) (before, after int64, err error) {
	return 0, 0, errNotYet
}

// CompactOptions configure Compact.
type CompactOptions struct {
	// Seal opens the store, if it is encrypted; Reseal seals the new one, nil for none.
	Seal, Reseal Sealer
}

// Migrate makes a store of an older format one of this format. The old file
// stays beside it, under the name it returns.
func Migrate(ctx context.Context, path string, seal Sealer) (old string, err error) {
	return "", errNotYet
}

// Retention says what may be erased.
type Retention struct {
	// Policy is the rule in words, for the tombstone.
	Policy string
	// Kinds it applies to; empty means every kind.
	Kinds []evidence.Kind
	// Before: only blobs are erased that no entry recorded at or after it names.
	Before time.Time
}

// Erase takes away the blobs that a policy lets go of, and writes their
// tombstones. It gives them back. Until Compact, remains of them are in the
// free pages of the file.
func (s *Store) Erase(ctx context.Context, r Retention) ([]evidence.Ref, error) {
	return nil, errNotYet
}

// Rotate makes next the signing key of the log: an entry that both keys sign.
func (s *Store) Rotate(ctx context.Context, next *Key) error { return errNotYet }

// Rewrap seals the data key of an encrypted store with another wrapping key.
func (s *Store) Rewrap(ctx context.Context, next Sealer) error { return errNotYet }

// Consistency gives the RFC 6962 proof that the tree of newer leaves begins with that of older.
func (s *Store) Consistency(older, newer uint64) ([]evidence.Hash, error) { return nil, errNotYet }

// ParseKey reads the text of a key file: the private and the public key.
func ParseKey(text string) (*Key, error) { return nil, errNotYet }
