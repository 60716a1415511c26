package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/ops/custody"
)

func (a *app) keyCommand() *cobra.Command {
	show := &cobra.Command{
		Use:   "show",
		Short: "Print the public key that the log is signed with, and every earlier one",
		Long: `Prints the public key (a C2SP verifier key) that signs the log, since which entry,
and every earlier one. This is what an auditor checks a bundle with: hand it over
by another way than the bundle.`,
		Args: usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error { return a.keyShow() },
	}
	var out string
	rotate := &cobra.Command{
		Use:   "rotate",
		Short: "Make a new signing key; the log says so, signed by the old one and the new one",
		Long: `Makes a new signing key and puts it into use. An entry of the log, signed by both
keys, says so; what the old key has signed stays valid. The new key takes the
place of the old one, which stays beside it as KEY.retired-TIME: keep it, to sign
nothing, and hand the new public key to your auditor.

If it is interrupted, run it again: it goes on where it was. A key that the
configuration takes from a secret (store.key: "${env:NAME}") cannot be replaced
from here: --out FILE takes the new one, to be put into the secret.`,
		Example: "  evidenced key rotate\n  evidenced key rotate --out new.key",
		Args:    usage(cobra.NoArgs),
		RunE:    func(c *cobra.Command, _ []string) error { return a.keyRotate(c.Context(), out) },
	}
	rotate.Flags().StringVar(&out, "out", "", "write the new key to this new `file`; only for a key that comes from a secret")
	return group("key", "Show and change the key that signs the log", show, rotate)
}

func (a *app) keyShow() error {
	k, err := a.keeper(nil)
	if err != nil {
		return err
	}
	out, err := k.Keys()
	if err != nil {
		return err
	}
	return a.print(out, func(w io.Writer) {
		fmt.Fprintln(w, evidence.Printable(out.Key))
		for i := len(out.Keys) - 1; i >= 0; i-- {
			k := out.Keys[i]
			what := "in use since"
			if !k.InUse {
				what = evidence.Printable(k.Key) + " earlier, from"
			}
			fmt.Fprintf(w, "  %s entry %d, %s\n", what, k.Entry, when(k.Since))
		}
	})
}

func (a *app) keyRotate(ctx context.Context, out string) error {
	k, err := a.keeper(nil)
	if err != nil {
		return err
	}
	done, err := k.Rotate(evidence.WithActor(ctx, a.actor().Actor), out)
	if err != nil {
		return err
	}
	return a.print(done, func(w io.Writer) { keyChangedText(w, done, out != "") })
}

func keyChangedText(w io.Writer, k custody.KeyChanged, given bool) {
	fmt.Fprintf(w, "the log is now signed by\n%s\n", evidence.Printable(k.New))
	if given {
		fmt.Fprintf(w, "The new key is in %s: put its text into the secret that store.key names, now, and delete the file; nothing can be collected before.\n", k.File)
	} else {
		fmt.Fprintf(w, "The new key is in %s, the old one in %s. Keep a copy of the new one apart from the store.\n", k.File, k.Retired)
	}
	fmt.Fprintln(w, "Tell your auditor the new public key; what the old one has signed stays valid.")
}
