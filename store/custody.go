package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	bolt "go.etcd.io/bbolt"

	"github.com/evidenced/evidenced/evidence"
)

// Backup writes a copy of the store as it stands, a bbolt file, while others
// append to it, and returns how many bytes it wrote.
func (s *Store) Backup(ctx context.Context, w io.Writer) (n int64, err error) {
	c := &caller{}
	err = guard(c, func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			n, err = tx.WriteTo(until{ctx, lentTarget{c, w}})
			return err
		})
	})
	if err != nil {
		return n, fmt.Errorf("back up: %w", err)
	}
	return n, nil
}

// until is a writer that ends with its context.
type until struct {
	ctx context.Context
	w   io.Writer
}

// Write implements io.Writer.
func (u until) Write(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.w.Write(p)
}

// Restore proves the backup at from and makes a copy of it the store at to,
// where there must be none. The report is that of Check.
func Restore(ctx context.Context, from, to string, seal Sealer) (Report, error) {
	if _, err := os.Lstat(to); !errors.Is(err, os.ErrNotExist) {
		return Report{}, fmt.Errorf("restore: there is something at %s already; move it away first", to)
	}
	temp := beside(to, "restore")
	defer os.Remove(temp)
	if err := copyFile(ctx, from, temp); err != nil {
		return Report{}, fmt.Errorf("restore: %w", err)
	}
	report, err := checkFile(ctx, temp, seal)
	if err == nil {
		err = os.Link(temp, to) // it must not replace one that has just been made
	}
	if err == nil {
		err = syncFolder(to)
	}
	if err != nil {
		return report, fmt.Errorf("restore %s: %w", from, err)
	}
	return report, nil
}

// beside names a file in the folder of path that is written before it takes
// its place.
func beside(path, why string) string { return fmt.Sprintf("%s.%s-%d", path, why, os.Getpid()) }

// clearAway removes what an interrupted rewriting has left. Who holds the store
// is the only one that may rewrite it, so nobody is at work on them.
func clearAway(path string) {
	for _, why := range []string{"compact", "migrate", "state.part"} {
		left, _ := filepath.Glob(globEscape.Replace(path) + "." + why + "-*")
		for _, f := range left {
			_ = os.Remove(f)
		}
	}
}

var globEscape = strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`)

func copyFile(ctx context.Context, from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(until{ctx, out}, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// checkFile proves a store; one with problems is ErrDamaged.
func checkFile(ctx context.Context, path string, seal Sealer) (Report, error) {
	s, err := Open(path, Options{Seal: seal})
	if err != nil {
		return Report{}, err
	}
	report, err := s.Check(ctx)
	if err = errors.Join(err, s.Close()); err == nil && !report.OK() {
		err = fmt.Errorf("%w: %s", ErrDamaged, report.Problems[0])
	}
	return report, err
}

// CompactOptions configure Compact.
type CompactOptions struct {
	// Seal opens the store, if it is encrypted.
	Seal Sealer
	// Anew writes everything again, encrypted with a new data key that Next wraps,
	// or plain if Next is nil. Otherwise the store stays sealed as it is.
	Anew bool
	Next Sealer
}

// Compact rewrites the store at path into a file without waste, checks it whole,
// and puts it in the old one's place; it returns the bytes of both files. No other
// process may hold the store: ErrHeld.
func Compact(ctx context.Context, path string, o CompactOptions) (before, after int64, err error) {
	err = replace(ctx, path, "compact", func(db *bolt.DB, temp string) error {
		if !o.Anew {
			return compactInto(db, temp)
		}
		return rebuild(ctx, temp, o.Next, func() (source, error) { return opened(db, path, o.Seal) })
	}, func(temp string) (err error) {
		if before, after, err = sizes(path, temp); err != nil {
			return err
		}
		seal := o.Seal
		if o.Anew {
			seal = o.Next
		}
		_, err = checkFile(ctx, temp, seal)
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("compact %s: %w", path, err)
	}
	return before, after, nil
}

func sizes(a, b string) (int64, int64, error) {
	fa, err := os.Stat(a)
	if err != nil {
		return 0, 0, err
	}
	fb, err := os.Stat(b)
	if err != nil {
		return 0, 0, err
	}
	return fa.Size(), fb.Size(), nil
}

// replace holds the store at path, has another file made from it, proved, and
// puts that in its place.
func replace(ctx context.Context, path, why string, make func(db *bolt.DB, temp string) error, prove func(temp string) error) error {
	fi, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := wholePages(fi.Size()); err != nil {
		return err
	}
	f, err := openSound(path, 0, false)
	if err != nil {
		if f.db != nil {
			_ = f.db.Close()
		}
		return openError(path, err)
	}
	defer f.db.Close()
	if err := writeHolder(path); err != nil {
		return unwritable(err)
	}
	defer removeHolder(path)
	temp := beside(path, why)
	defer os.Remove(temp)
	for _, step := range []func() error{
		func() error { return guard(nil, func() error { return make(f.db, temp) }) },
		func() error { return prove(temp) },
		ctx.Err,
		func() error { return dropState(path) },
		func() error { return os.Rename(temp, path) },
		func() error { return syncFolder(path) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// compactInto copies every page that is in use, in the order of the keys.
func compactInto(db *bolt.DB, temp string) error {
	to, err := openFile(temp, 0, false)
	if err != nil {
		return err
	}
	to.db.NoSync = true
	err = bolt.Compact(to.db, db, 4<<20)
	return errors.Join(err, to.db.Sync(), to.db.Close())
}

// opened is the store that is in an open file.
func opened(db *bolt.DB, path string, seal Sealer) (*Store, error) {
	s := &Store{file: file{db: db}, path: path, reader: true}
	return s, s.prepare(seal)
}

// Rewrap seals the data key of an encrypted store with another wrapping key,
// and says so in the log.
func (s *Store) Rewrap(ctx context.Context, next Sealer) error {
	if s.box.aead == nil {
		return errors.New("change the wrapping key: the store is not encrypted: `evidenced store compact --reseal` encrypts it")
	}
	// A key management service is asked before the transaction: appends do not wait for it.
	_, header, err := wrap(ctx, next, s.box.key)
	if err != nil {
		return fmt.Errorf("change the wrapping key: %w", err)
	}
	e, err := evidence.WithBody(evidence.EntryAgent, map[string]any{"event": "wrapping_key_changed", "to": next.ID()})
	if err != nil {
		return fmt.Errorf("change the wrapping key: %w", err)
	}
	e.Actor = evidence.ActorFrom(ctx)
	err = s.append(ctx, func(w *writer) error {
		if _, err := w.Entry(e); err != nil {
			return err
		}
		return w.tx.Bucket(bucketMeta).Put([]byte("seal"), header)
	})
	if err != nil {
		return fmt.Errorf("change the wrapping key: %w", err)
	}
	return nil
}
