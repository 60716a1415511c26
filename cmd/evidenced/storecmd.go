package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/ops/custody"
)

func (a *app) storeCommand() *cobra.Command {
	check := &cobra.Command{
		Use:   "check",
		Short: "Read the whole store and prove it: pages, hashes, log, signatures, references",
		Args:  usage(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return a.storeCheck(c.Context()) },
	}
	backup := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a checked copy of the store to a new file",
		Long: `Writes a copy of the store as it stands to FILE, which must not be there yet,
and checks the copy whole before it gets that name. An encrypted store stays
encrypted. The signing key is not in it: keep a copy of that elsewhere.`,
		Example: "  evidenced store backup /mnt/backup/evidence-$(date +%F).db",
		Args:    usage(cobra.ExactArgs(1)),
		RunE:    func(c *cobra.Command, args []string) error { return a.storeBackup(c.Context(), args[0]) },
	}
	restore := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make a backup the store; there must be none in its place",
		Long: `Checks the backup FILE whole and makes a copy of it the store, at the configured
path, where there must be none: move a damaged one away first, and keep it.
What was recorded after the backup is not in it.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return a.storeRestore(c.Context(), args[0]) },
	}
	return group("store", "Care for the store", check, backup, restore, a.anchorCommand(), a.compactCommand(), a.migrateCommand(), a.retainCommand(), a.rewrapCommand(), a.acceptRollbackCommand())
}

func (a *app) storeCheck(ctx context.Context) error {
	k, err := a.keeper(nil)
	if err != nil {
		return err
	}
	r, err := k.Check(ctx)
	if err != nil {
		return err
	}
	err = a.print(r, func(w io.Writer) {
		for _, p := range r.Problems {
			fmt.Fprintln(w, "PROBLEM", evidence.Printable(p))
		}
		fmt.Fprintf(w, "%d entries, %d checkpoints, %d blobs of %d bytes, %d erased: %d problems\n", r.Entries, r.Checkpoints,
			r.Blobs, r.Bytes, r.Erased, len(r.Problems))
	})
	if err == nil && !r.OK {
		err = fmt.Errorf("the store %s is damaged: restore a backup; do not append to it", k.Config.Store.Path)
	}
	return err
}

func (a *app) storeBackup(ctx context.Context, to string) error {
	p := a.progress()
	defer p.end()
	k, err := a.keeper(p.set)
	if err != nil {
		return err
	}
	b, err := k.Backup(ctx, to)
	p.end()
	if err != nil {
		return err
	}
	return a.print(b, func(w io.Writer) {
		fmt.Fprintf(w, "wrote %s: %d entries, %d bytes, checked whole\n", b.File, b.Entries, b.Bytes)
	})
}

func (a *app) storeRestore(ctx context.Context, from string) error {
	k, err := a.keeper(nil)
	if err != nil {
		return err
	}
	r, err := k.Restore(ctx, from)
	if err != nil {
		return err
	}
	return a.print(r, func(w io.Writer) { restoredText(w, r) })
}

func restoredText(w io.Writer, r custody.Restored) {
	fmt.Fprintf(w, "restored %s: %d entries, checked whole", r.Store, r.Entries)
	if r.Last != nil {
		fmt.Fprintf(w, ", the newest recorded at %s", r.Last.Format(time.RFC3339))
	}
	fmt.Fprintln(w, "\nWhat was recorded after that is lost. Slots that were collected since then will be written down as missed,")
	fmt.Fprintln(w, "by the next `evidenced collect now`; `evidenced status` counts them already.")
	if r.Anchored > 0 {
		fmt.Fprintf(w, "The newest anchor that it knows was shown %d entries; an anchor that holds a larger checkpoint tells how many are lost.\n", r.Anchored)
	}
	if r.WentBack {
		fmt.Fprintln(w, "The key has signed a longer log than this one. Before anything is added, somebody must accept that:")
		fmt.Fprintln(w, "`evidenced store accept-rollback --by YOU --reason WHY`.")
	}
	if r.KeyProblem != "" {
		fmt.Fprintln(w, "PROBLEM", evidence.Printable(r.KeyProblem))
	}
}
