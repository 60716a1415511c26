package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/store"
)

func (a *app) compactCommand() *cobra.Command {
	var reseal bool
	var old oldKey
	c := &cobra.Command{
		Use:   "compact",
		Short: "Rewrite the store without waste, and check it; with --reseal, encrypt or decrypt it",
		Long: `Writes the store anew without the room that is free in it, checks the new file
whole, and puts it in the old one's place. Nobody may hold the store meanwhile;
it needs as much free room as the store has.

With --reseal the new file is sealed as store.encryption says: encrypted if it
was plain, plain if nothing is configured, and in any case under a new data key.
A store that is encrypted with another key than the configured one needs that,
too: see the --from flags. Backups stay as they are.`,
		Example: "  evidenced store compact\n  evidenced store compact --reseal",
		Args:    usage(cobra.NoArgs),
		RunE:    func(c *cobra.Command, _ []string) error { return a.storeCompact(c.Context(), reseal, &old) },
	}
	c.Flags().BoolVar(&reseal, "reseal", false, "seal it anew, as store.encryption says")
	old.flags(c)
	return c
}

// compacted is what `store compact --json` prints.
type compacted struct {
	Store    string `json:"store"`
	Before   int64  `json:"before_bytes"`
	After    int64  `json:"after_bytes"`
	Resealed bool   `json:"resealed"`
	SealedBy string `json:"sealed_by"` // empty for a plain store
}

func (a *app) storeCompact(ctx context.Context, reseal bool, old *oldKey) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	seal, err := sealer(c.Store.Encryption)
	if err != nil {
		return err
	}
	o := store.CompactOptions{Seal: seal, Anew: reseal, Next: seal}
	if !reseal && *old != (oldKey{}) {
		return usageError{errors.New("an old key is of use with --reseal only")}
	}
	from, named, err := old.sealer()
	switch {
	case err != nil:
		return err
	case named:
		o.Seal = from
	case reseal && plain(c):
		o.Seal = nil
	}
	done := compacted{Store: c.Store.Path, Resealed: reseal}
	if seal != nil {
		done.SealedBy = seal.ID()
	}
	end := a.busy("rewriting the store")
	done.Before, done.After, err = store.Compact(ctx, c.Store.Path, o)
	end()
	if err != nil {
		return a.notThere(c, err)
	}
	return a.print(done, func(w io.Writer) {
		fmt.Fprintf(w, "compacted %s: %d bytes, were %d; checked whole\n", done.Store, done.After, done.Before)
		if reseal {
			fmt.Fprintf(w, "It is sealed anew, by %s. The old file's bytes stay on the disk until that uses their place again.\n", sealedBy(seal))
		}
	})
}

// plain reports a store that opens without any key.
func plain(c *config.Config) bool {
	s, err := store.Open(c.Store.Path, store.Options{})
	return err == nil && s.Close() == nil
}

// notThere gives the plain words for a store that does not exist.
func (a *app) notThere(c *config.Config, err error) error {
	if exists(c.Store.Path) {
		return err
	}
	return fmt.Errorf("there is no store at %s yet: `evidenced collect now` makes it", c.Store.Path)
}

func (a *app) migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring a store of an older format to the format of this program",
		Long: `Writes a store of an older format anew in the format of this program, checks it
whole, and puts it in the old one's place. The log is the same, entry by entry;
the old file stays beside it. With store.encryption the new one is encrypted.`,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.storeMigrate(c.Context()) },
	}
}

func (a *app) storeMigrate(ctx context.Context) error {
	c, s, err := a.opened()
	if err == nil {
		done := map[string]any{"store": c.Store.Path, "migrated": false, "old": ""}
		return errors.Join(s.Close(), a.print(done, func(w io.Writer) {
			fmt.Fprintf(w, "%s is of the format of this program already\n", c.Store.Path)
		}))
	}
	if !errors.Is(err, store.ErrOldFormat) {
		return err
	}
	seal, err := sealer(c.Store.Encryption)
	if err != nil {
		return err
	}
	end := a.busy("migrating the store")
	old, err := store.Migrate(ctx, c.Store.Path, seal)
	end()
	if err != nil {
		return err
	}
	return a.print(map[string]any{"store": c.Store.Path, "migrated": true, "old": old}, func(w io.Writer) {
		fmt.Fprintf(w, "%s is of the format of this program now, and checked whole.\nThe old file is %s: back up the new one, then delete it.\n", c.Store.Path, old)
		if seal != nil {
			fmt.Fprintln(w, "The new one is encrypted, the old file is not.")
		}
	})
}

func (a *app) rewrapCommand() *cobra.Command {
	var old oldKey
	c := &cobra.Command{
		Use:   "rewrap",
		Short: "Put the encryption of the store under another key, without rewriting it",
		Long: `Seals the data key of an encrypted store with the key that store.encryption names
now; a --from flag gives the one that did so far. Nothing else is rewritten, and
an entry of the log says so. Older backups still need the old key, and whoever
has the old key and an older copy has the data key: if the old key was
disclosed, use ` + "`evidenced store compact --reseal`" + `.`,
		Example: "  evidenced store rewrap --from-key-file old.key\n  evidenced store rewrap --from-aws-kms arn:aws:kms:eu-west-1:111122223333:key/…",
		Args:    usage(cobra.NoArgs),
		RunE:    func(c *cobra.Command, _ []string) error { return a.storeRewrap(c.Context(), &old) },
	}
	old.flags(c)
	return c
}

func (a *app) storeRewrap(ctx context.Context, old *oldKey) error {
	from, named, err := old.sealer()
	if err != nil {
		return err
	}
	if !named {
		return usageError{errors.New("rewrap needs the key that wraps the data key so far: one of --from-key-file, --from-key-env, --from-aws-kms and --from-gcp-kms")}
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	next, err := sealer(c.Store.Encryption)
	switch {
	case err != nil:
		return err
	case next == nil:
		return &config.Error{File: c.Path, Message: "store.encryption names no key: write the new one there; to decrypt the store, `evidenced store compact --reseal`"}
	case next.ID() == from.ID():
		return usageError{fmt.Errorf("the old key is the one that store.encryption names, %s: there is nothing to change", next.ID())}
	}
	if err := a.rewrap(ctx, c, from, next); err != nil {
		return err
	}
	return a.print(map[string]any{"store": c.Store.Path, "from": from.ID(), "to": next.ID()}, func(w io.Writer) {
		fmt.Fprintf(w, "the data key of %s is sealed by %s now, was by %s\nKeep the old key for as long as you keep older backups.\n", c.Store.Path, next.ID(), from.ID())
	})
}

// rewrap ends by opening the store with the new key: that it can be is proved,
// while the old key is still at hand.
func (a *app) rewrap(ctx context.Context, c *config.Config, from, next store.Sealer) error {
	if !exists(c.Store.Path) {
		return a.notThere(c, nil)
	}
	s, err := a.writing(c, store.Options{Seal: from})
	if err != nil {
		return err
	}
	if err := errors.Join(s.Rewrap(ctx, next), s.Close()); err != nil {
		return err
	}
	s, err = reading(c)
	if err != nil {
		return fmt.Errorf("the new key does not open the store; keep the old one: %w", err)
	}
	return s.Close()
}
