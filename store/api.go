package store

import (
	"context"
	"errors"
	"io"

)

var errNotYet = errors.New("not built yet")

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
