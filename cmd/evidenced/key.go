package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

// logName gives the name that checkpoints are signed under: the organisation, fit for a note.
func logName(organization string) string {
	slug := strings.Trim(notSlug.ReplaceAllString(strings.ToLower(organization), "-"), "-")
	if slug == "" {
		slug = "organization"
	}
	return "evidenced/" + slug
}

// signingKey reads the key of the store. If neither store nor key exist, it makes one.
func signingKey(c *config.Config) (*store.Key, error) {
	if c.Store.KeyText != "" {
		return givenKey(c)
	}
	_, keyErr := os.Stat(c.Store.Key)
	_, storeErr := os.Stat(c.Store.Path)
	if !errors.Is(keyErr, os.ErrNotExist) || !errors.Is(storeErr, os.ErrNotExist) {
		return store.ReadKey(c.Store.Key)
	}
	k, err := store.NewKey(logName(c.Organization), nil)
	if err != nil {
		return nil, err
	}
	if err := k.WriteFile(c.Store.Key); err != nil {
		return nil, fmt.Errorf("make a signing key for a new store: %w", err)
	}
	return k, nil
}

// givenKey reads the key that the configuration takes from the environment or
// from a file of secrets.
func givenKey(c *config.Config) (*store.Key, error) {
	if err := c.Store.Signing(); err != nil {
		return nil, err
	}
	k, err := store.ParseKey(c.Store.KeyText.Reveal())
	if err != nil {
		return nil, &config.Error{File: c.Path, Message: fmt.Sprintf("store.key: what it gives is no signing key: %v", err)}
	}
	return k, nil
}

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

// usedKey is one key in `key show --json`.
type usedKey struct {
	Key string `json:"key"`
	// Entry is the first that it signed for, Since when that was recorded.
	Entry uint64     `json:"entry"`
	Since *time.Time `json:"since"`
	InUse bool       `json:"in_use"`
}

func (a *app) keyShow() error {
	_, s, err := a.opened()
	if err != nil {
		return err
	}
	defer s.Close()
	keys, err := usedKeys(s)
	if err != nil {
		return err
	}
	return a.print(map[string]any{"key": s.VerifierKey(), "keys": keys}, func(w io.Writer) {
		fmt.Fprintln(w, evidence.Printable(s.VerifierKey()))
		for i := len(keys) - 1; i >= 0; i-- {
			k := keys[i]
			what := "in use since"
			if !k.InUse {
				what = evidence.Printable(k.Key) + " earlier, from"
			}
			fmt.Fprintf(w, "  %s entry %d, %s\n", what, k.Entry, when(k.Since))
		}
	})
}

// usedKeys gives every key of the log, the first one first.
func usedKeys(s *store.Store) (keys []usedKey, err error) {
	keys = []usedKey{{Key: s.VerifierKey()}}
	for e, err := range s.Entries(0) {
		if err != nil {
			return nil, err
		}
		if e.Index == 0 {
			keys[0].Since = &e.Recorded
		}
		if e.Type != evidence.EntryKey {
			continue
		}
		var k evidence.KeyChange
		if err := e.DecodeBody(evidence.EntryKey, &k); err != nil {
			return nil, err
		}
		keys[len(keys)-1].Key = k.Old
		keys = append(keys, usedKey{Key: k.New, Entry: e.Index, Since: &e.Recorded})
	}
	keys[len(keys)-1].InUse = true
	return keys, nil
}
