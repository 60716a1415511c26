package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/ops/custody"
)

func (a *app) compactCommand() *cobra.Command {
	var reseal bool
	var old custody.OldKey
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
	oldKeyFlags(c, &old)
	return c
}

func (a *app) storeCompact(ctx context.Context, reseal bool, old *custody.OldKey) error {
	k, err := a.keeper(nil)
	if err != nil {
		return err
	}
	done, err := k.Compact(ctx, reseal, old)
	if err != nil {
		return err
	}
	return a.print(done, func(w io.Writer) {
		fmt.Fprintf(w, "compacted %s: %d bytes, were %d; checked whole\n", done.Store, done.After, done.Before)
		if reseal {
			by := done.SealedBy
			if by == "" {
				by = "nothing: the store is not encrypted"
			}
			fmt.Fprintf(w, "It is sealed anew, by %s. The old file's bytes stay on the disk until that uses their place again.\n", by)
		}
	})
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
	k, err := a.keeper(nil)
	if err != nil {
		return err
	}
	done, err := k.Migrate(ctx)
	if err != nil {
		return err
	}
	return a.print(done, func(w io.Writer) {
		if !done.Migrated {
			fmt.Fprintf(w, "%s is of the format of this program already\n", done.Store)
			return
		}
		fmt.Fprintf(w, "%s is of the format of this program now, and checked whole.\nThe old file is %s: back up the new one, then delete it.\n", done.Store, done.Old)
		if done.Encrypted {
			fmt.Fprintln(w, "The new one is encrypted, the old file is not.")
		}
	})
}

func (a *app) rewrapCommand() *cobra.Command {
	var old custody.OldKey
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
	oldKeyFlags(c, &old)
	return c
}

func (a *app) storeRewrap(ctx context.Context, old *custody.OldKey) error {
	k, err := a.keeper(nil)
	if err != nil {
		return err
	}
	done, err := k.Rewrap(evidence.WithActor(ctx, a.actor().Actor), old)
	if err != nil {
		return err
	}
	return a.print(done, func(w io.Writer) {
		fmt.Fprintf(w, "the data key of %s is sealed by %s now, was by %s\nKeep the old key for as long as you keep older backups.\n", done.Store, done.To, done.From)
	})
}

// oldKeyFlags are the flags that name the key which wrapped the data key before the configured one.
func oldKeyFlags(c *cobra.Command, o *custody.OldKey) {
	f := c.Flags()
	f.StringVar(&o.File, "from-key-file", "", "the store's old encryption key is in this `file`")
	f.StringVar(&o.Env, "from-key-env", "", "the store's old encryption key is in the environment variable `name`")
	f.StringVar(&o.AWSKMS, "from-aws-kms", "", "the store's old encryption key is this key of AWS KMS, an `ARN`")
	f.StringVar(&o.AWSEndpoint, "from-aws-endpoint", "", "`address` to ask for it, if not AWS's own")
	f.StringVar(&o.GCPKMS, "from-gcp-kms", "", "the store's old encryption key is this key of Google Cloud KMS, a resource `name`")
	f.StringVar(&o.GCPEndpoint, "from-gcp-endpoint", "", "`address` to ask for it, if not Google's own")
}
