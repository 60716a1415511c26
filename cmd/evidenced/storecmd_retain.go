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

func (a *app) retainCommand() *cobra.Command {
	var dry bool
	c := &cobra.Command{
		Use:   "retain",
		Short: "Erase evidence that is older than store.retention keeps it",
		Long: `Erases what store.retention no longer keeps: the records and exchanges, not the
entries of the log. Their hashes and proofs stay, with an entry that says what
was erased under which rule; a bundle says so, too. Then the store is compacted,
because only then are the bytes gone from its file. Backups are not touched.

Nothing is ever erased that was recorded since the configured period began: a
rule that would do so is refused, and then nothing at all is erased.`,
		Example: "  evidenced store retain --dry-run\n  evidenced store retain",
		Args:    usage(cobra.NoArgs),
		RunE:    func(c *cobra.Command, _ []string) error { return a.storeRetain(c.Context(), dry) },
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "list what would be erased, and erase nothing")
	return c
}

func (a *app) storeRetain(ctx context.Context, dry bool) error {
	k, err := a.keeper(nil)
	if err != nil {
		return err
	}
	out, err := k.Retain(evidence.WithActor(ctx, a.actor().Actor), dry)
	if err != nil {
		return err
	}
	return a.print(out, func(w io.Writer) { retainedText(w, out) })
}

func retainedText(w io.Writer, r custody.Retained) {
	verb := "erased"
	if r.DryRun {
		verb = "would erase"
	}
	for _, rule := range r.Rules {
		fmt.Fprintf(w, "%s: %s %d blobs of %d bytes, all recorded before %s\n", rule.Policy, verb, len(rule.Blobs), rule.Bytes, rule.Before.Format(time.RFC3339))
		if r.DryRun && len(rule.Blobs) > 0 {
			table(w, "  RECORDED\tENTRY\tBYTES\tSTREAM\tBLOB", func(row func(...any)) {
				for _, b := range rule.Blobs {
					row("  "+when(&b.Recorded), b.Entry, b.Size, orDash(b.Stream), b.Blob)
				}
			})
		}
	}
	if r.Before > 0 {
		fmt.Fprintf(w, "the file has %d bytes, had %d; backups still hold what was erased\n", r.After, r.Before)
	}
}
