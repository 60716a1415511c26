package custody

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

// BackedUp is what `store backup --json` prints.
type BackedUp struct {
	File string `json:"file"`
	// Bytes is the size of the file.
	Bytes   int64  `json:"bytes"`
	Entries uint64 `json:"entries"`
}

// Backup writes a copy of the store to the new file to, and checks the copy
// completely before it gets that name.
func (k *Keeper) Backup(ctx context.Context, to string) (b BackedUp, err error) {
	if exists(to) {
		return b, api.Errorf(api.Usage, "%s is there already; a backup goes to a new file", to)
	}
	s, err := k.OpenReadOnly()
	if err != nil {
		return b, err
	}
	defer s.Close()
	temp := fmt.Sprintf("%s.part-%d", to, os.Getpid())
	defer os.Remove(temp)
	b.File = to
	if b.Bytes, err = k.copyStore(ctx, s, temp); err != nil {
		return b, err
	}
	if b.Entries, err = k.checkCopy(ctx, temp); err != nil {
		return b, err
	}
	if err := os.Link(temp, to); err != nil { // not Rename: it must not replace another file
		return b, fmt.Errorf("back up: %w", err)
	}
	if err := syncFolder(to); err != nil {
		return b, fmt.Errorf("back up: %w", err)
	}
	return b, nil
}

func (k *Keeper) copyStore(ctx context.Context, s *store.Store, to string) (n int64, err error) {
	fi, err := os.Stat(k.Config.Store.Path)
	if err != nil {
		return 0, fmt.Errorf("back up: %w", err)
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, fmt.Errorf("back up: %w", err)
	}
	n, err = s.Backup(ctx, &counted{f, 0, fi.Size(), k.Progress})
	if err == nil {
		err = f.Sync()
	}
	return n, errors.Join(err, f.Close())
}

// counted shows the progress of what is written through it.
type counted struct {
	io.Writer
	n, total int64
	progress api.ProgressFunc
}

// Write implements io.Writer.
func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.n += int64(n)
	c.progress.Set("copying", c.n, c.total)
	return n, err
}

// checkCopy proves a copy before anybody relies on it.
func (k *Keeper) checkCopy(ctx context.Context, path string) (entries uint64, err error) {
	seal, err := Sealer(k.Config.Store.Encryption)
	if err != nil {
		return 0, err
	}
	s, err := store.Open(path, store.Options{Seal: seal})
	if err != nil {
		return 0, fmt.Errorf("back up: the copy: %w", err)
	}
	defer s.Close()
	defer k.busy("checking the copy")()
	r, err := s.Check(ctx)
	if err == nil && !r.OK() {
		err = fmt.Errorf("back up: the copy is not sound, and so neither is the store; `evidenced store check` says where: %s", r.Problems[0])
	}
	return r.Entries, err
}

// Restored is what `store restore --json` prints.
type Restored struct {
	Store   string `json:"store"`
	Entries uint64 `json:"entries"`
	// Last is when the newest entry was recorded: what came later is lost.
	Last *time.Time `json:"last_recorded"`
	Key  string     `json:"key"`
	// Anchored is the size of the log that the newest anchor in the backup was shown.
	Anchored uint64 `json:"anchored"`
	// WentBack tells that the key has signed a log that this one does not begin with, or is shorter than.
	WentBack bool `json:"went_back"`
	// KeyProblem is what is wrong with the signing key; empty if nothing is.
	KeyProblem string `json:"-"`
}

// Restore checks the backup from completely, and makes a copy of it the store,
// which must not exist.
func (k *Keeper) Restore(ctx context.Context, from string) (r Restored, err error) {
	path := k.Config.Store.Path
	if exists(path) {
		return r, api.Errorf(api.Usage, "there is a store at %s: restore does not overwrite it; move it away first, and keep it", path)
	}
	if !exists(from) {
		return r, api.Errorf(api.Usage, "there is no file %s", from)
	}
	seal, err := Sealer(k.Config.Store.Encryption)
	if err != nil {
		return r, err
	}
	done := k.busy("copying and checking the backup")
	_, err = store.Restore(ctx, from, path, seal)
	done()
	if err != nil {
		return r, err
	}
	s, err := k.OpenReadOnly()
	if err != nil {
		return r, err
	}
	defer s.Close()
	return k.describeRestored(s)
}

func (k *Keeper) describeRestored(s *store.Store) (Restored, error) {
	r := Restored{Store: k.Config.Store.Path, Key: s.VerifierKey(), KeyProblem: k.KeyProblem(s), WentBack: s.RolledBack() != nil}
	for e, err := range s.Entries(0) {
		if err != nil {
			return r, err
		}
		r.Entries, r.Last = e.Index+1, &e.Recorded
		var shown evidence.Anchor
		if e.Type == evidence.EntryAnchor && e.DecodeBody(evidence.EntryAnchor, &shown) == nil && shown.Error == "" {
			r.Anchored = max(r.Anchored, shown.Size)
		}
	}
	return r, nil
}
