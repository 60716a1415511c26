package custody

import (
	"context"
	"errors"
	"fmt"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/store"
)

// Checked is what `store check --json` prints.
type Checked struct {
	OK          bool     `json:"ok"`
	Entries     uint64   `json:"entries"`
	Blobs       int      `json:"blobs"`
	Erased      int      `json:"erased"`
	Bytes       int64    `json:"bytes"`
	Checkpoints int      `json:"checkpoints"`
	Problems    []string `json:"problems"`
}

// Check reads the whole store and proves it: pages, hashes, log, signatures,
// references. A store that is damaged is no error: Checked says so.
func (k *Keeper) Check(ctx context.Context) (*Checked, error) {
	s, err := k.OpenReadOnly()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	defer k.busy("checking the store")()
	r, err := s.Check(ctx)
	if err != nil {
		return nil, err
	}
	out := &Checked{r.OK(), r.Entries, r.Blobs, r.Erased, r.Bytes, r.Checkpoints, r.Problems}
	if back := s.RolledBack(); back != nil {
		out.OK, out.Problems = false, append(out.Problems, advised(back).Error())
	}
	return out, nil
}

// Compacted is what `store compact --json` prints.
type Compacted struct {
	Store    string `json:"store"`
	Before   int64  `json:"before_bytes"`
	After    int64  `json:"after_bytes"`
	Resealed bool   `json:"resealed"`
	SealedBy string `json:"sealed_by"` // empty for a plain store
}

// Compact writes the store anew without the room that is free in it; with
// reseal, sealed as the configuration says, from the key that old names or
// else the configured one.
func (k *Keeper) Compact(ctx context.Context, reseal bool, old *OldKey) (done Compacted, err error) {
	c := k.Config
	seal, err := Sealer(c.Store.Encryption)
	if err != nil {
		return done, err
	}
	o := store.CompactOptions{Seal: seal, Anew: reseal, Next: seal}
	if !reseal && *old != (OldKey{}) {
		return done, api.Errorf(api.Usage, "an old key is of use with --reseal only")
	}
	from, named, err := old.sealer()
	switch {
	case err != nil:
		return done, err
	case named:
		o.Seal = from
	case reseal && plain(c):
		o.Seal = nil
	}
	done = Compacted{Store: c.Store.Path, Resealed: reseal}
	if seal != nil {
		done.SealedBy = seal.ID()
	}
	end := k.busy("rewriting the store")
	done.Before, done.After, err = store.Compact(ctx, c.Store.Path, o)
	end()
	if err != nil {
		return done, k.noStore(err)
	}
	return done, nil
}

// plain reports a store that opens without any key.
func plain(c *config.Config) bool {
	s, err := store.Open(c.Store.Path, store.Options{})
	return err == nil && s.Close() == nil
}

// Migrated is what `store migrate --json` prints.
type Migrated struct {
	Store string `json:"store"`
	// Migrated is false where the store is of the current format already.
	Migrated bool `json:"migrated"`
	// Old is the file of the older format.
	Old string `json:"old"`
	// Encrypted tells that the new store is, where the old one is not.
	Encrypted bool `json:"-"`
}

// Migrate brings a store of an older format to the format of this program.
func (k *Keeper) Migrate(ctx context.Context) (done Migrated, err error) {
	done.Store = k.Config.Store.Path
	s, err := k.OpenReadOnly()
	if err == nil {
		return done, s.Close()
	}
	if !errors.Is(err, store.ErrOldFormat) {
		return done, err
	}
	seal, err := Sealer(k.Config.Store.Encryption)
	if err != nil {
		return done, err
	}
	defer k.busy("migrating the store")()
	done.Old, err = store.Migrate(ctx, k.Config.Store.Path, seal)
	done.Migrated, done.Encrypted = err == nil, seal != nil
	return done, err
}

// Rewrapped is what `store rewrap --json` prints.
type Rewrapped struct {
	Store string `json:"store"`
	From  string `json:"from"`
	To    string `json:"to"`
}

// Rewrap seals the data key of the store with the configured key, which the key old sealed so far.
func (k *Keeper) Rewrap(ctx context.Context, old *OldKey) (done Rewrapped, err error) {
	from, named, err := old.sealer()
	if err != nil {
		return done, err
	}
	if !named {
		return done, api.Errorf(api.Usage, "rewrap needs the key that wraps the data key so far: one of --from-key-file, --from-key-env, --from-aws-kms and --from-gcp-kms")
	}
	next, err := Sealer(k.Config.Store.Encryption)
	switch {
	case err != nil:
		return done, err
	case next == nil:
		return done, &config.Error{File: k.Config.Path, Message: "store.encryption names no key: write the new one there; to decrypt the store, `evidenced store compact --reseal`"}
	case next.ID() == from.ID():
		return done, api.Errorf(api.Usage, "the old key is the one that store.encryption names, %s: there is nothing to change", next.ID())
	}
	return Rewrapped{k.Config.Store.Path, from.ID(), next.ID()}, k.rewrap(ctx, from, next)
}

// rewrap ends by opening the store with the new key: that it can be is proved,
// while the old key is still at hand.
func (k *Keeper) rewrap(ctx context.Context, from, next store.Sealer) error {
	if !exists(k.Config.Store.Path) {
		return k.noStore(nil)
	}
	s, _, err := k.OpenWithKey(store.Options{Seal: from})
	if err != nil {
		return err
	}
	if err := errors.Join(s.Rewrap(ctx, next), s.Close()); err != nil {
		return err
	}
	if s, err = k.OpenReadOnly(); err != nil {
		return fmt.Errorf("the new key does not open the store; keep the old one: %w", err)
	}
	return s.Close()
}
