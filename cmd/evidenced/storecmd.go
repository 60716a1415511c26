package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

func (a *app) storeCommand() *cobra.Command {
	check := &cobra.Command{
		Use:   "check",
		Short: "Read the whole store and prove it: pages, hashes, log, signatures, references",
		Args:  usage(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return a.storeCheck(c) },
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
	return group("store", "Care for the store", check, backup, restore, a.anchorCommand(), a.compactCommand(), a.migrateCommand(), a.retainCommand(), a.rewrapCommand())
}

func (a *app) storeCheck(cmd *cobra.Command) error {
	c, s, err := a.opened()
	if err != nil {
		return err
	}
	defer s.Close()
	done := a.busy("checking the store")
	report, err := s.Check(cmd.Context())
	done()
	if err != nil {
		return err
	}
	err = a.print(map[string]any{"ok": report.OK(), "entries": report.Entries, "blobs": report.Blobs, "erased": report.Erased, "bytes": report.Bytes,
		"checkpoints": report.Checkpoints, "problems": report.Problems}, func(w io.Writer) {
		for _, p := range report.Problems {
			fmt.Fprintln(w, "PROBLEM", evidence.Printable(p))
		}
		fmt.Fprintf(w, "%d entries, %d checkpoints, %d blobs of %d bytes, %d erased: %d problems\n", report.Entries, report.Checkpoints,
			report.Blobs, report.Bytes, report.Erased, len(report.Problems))
	})
	if err == nil && !report.OK() {
		err = fmt.Errorf("the store %s is damaged: restore a backup; do not append to it", c.Store.Path)
	}
	return err
}

// backedUp is what `store backup --json` prints.
type backedUp struct {
	File string `json:"file"`
	// Bytes is the size of the file.
	Bytes   int64  `json:"bytes"`
	Entries uint64 `json:"entries"`
}

func (a *app) storeBackup(ctx context.Context, to string) error {
	if exists(to) {
		return usageError{fmt.Errorf("%s is there already; a backup goes to a new file", to)}
	}
	c, s, err := a.opened()
	if err != nil {
		return err
	}
	defer s.Close()
	temp := fmt.Sprintf("%s.part-%d", to, os.Getpid())
	defer os.Remove(temp)
	b := backedUp{File: to}
	if b.Bytes, err = a.copyStore(ctx, c, s, temp); err != nil {
		return err
	}
	if b.Entries, err = a.checkCopy(ctx, c, temp); err != nil {
		return err
	}
	if err := os.Link(temp, to); err != nil { // not Rename: it must not replace another file
		return fmt.Errorf("back up: %w", err)
	}
	if err := syncFolder(to); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	return a.print(b, func(w io.Writer) {
		fmt.Fprintf(w, "wrote %s: %d entries, %d bytes, checked whole\n", b.File, b.Entries, b.Bytes)
	})
}

func (a *app) copyStore(ctx context.Context, c *config.Config, s *store.Store, to string) (n int64, err error) {
	fi, err := os.Stat(c.Store.Path)
	if err != nil {
		return 0, fmt.Errorf("back up: %w", err)
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, fmt.Errorf("back up: %w", err)
	}
	p := a.progress("copying")
	n, err = s.Backup(ctx, &counted{f, 0, fi.Size(), p})
	p.end()
	if err == nil {
		err = f.Sync()
	}
	return n, errors.Join(err, f.Close())
}

// counted shows the progress of what is written through it.
type counted struct {
	io.Writer
	n, total int64
	p        *progress
}

// Write implements io.Writer.
func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.n += int64(n)
	c.p.set(c.n, c.total)
	return n, err
}

// checkCopy proves a copy before anybody relies on it.
func (a *app) checkCopy(ctx context.Context, c *config.Config, path string) (entries uint64, err error) {
	seal, err := sealer(c.Store.Encryption)
	if err != nil {
		return 0, err
	}
	s, err := store.Open(path, store.Options{Seal: seal})
	if err != nil {
		return 0, fmt.Errorf("back up: the copy: %w", err)
	}
	defer s.Close()
	defer a.busy("checking the copy")()
	r, err := s.Check(ctx)
	if err == nil && !r.OK() {
		err = fmt.Errorf("back up: the copy is not sound, and so neither is the store; `evidenced store check` says where: %s", r.Problems[0])
	}
	return r.Entries, err
}

// restored is what `store restore --json` prints.
type restored struct {
	Store   string `json:"store"`
	Entries uint64 `json:"entries"`
	// Last is when the newest entry was recorded: what came later is lost.
	Last *time.Time `json:"last_recorded"`
	Key  string     `json:"key"`
	// Anchored is the size of the log that the newest anchor in the backup was shown.
	Anchored uint64 `json:"anchored"`

	keyProblem string
}

func (a *app) storeRestore(ctx context.Context, from string) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	if exists(c.Store.Path) {
		return usageError{fmt.Errorf("there is a store at %s: restore does not overwrite it; move it away first, and keep it", c.Store.Path)}
	}
	if !exists(from) {
		return usageError{fmt.Errorf("there is no file %s", from)}
	}
	seal, err := sealer(c.Store.Encryption)
	if err != nil {
		return err
	}
	done := a.busy("copying and checking the backup")
	_, err = store.Restore(ctx, from, c.Store.Path, seal)
	done()
	if err != nil {
		return err
	}
	s, err := reading(c)
	if err != nil {
		return err
	}
	defer s.Close()
	r, err := describeRestored(c, s)
	if err != nil {
		return err
	}
	return a.print(r, r.text)
}

func describeRestored(c *config.Config, s *store.Store) (restored, error) {
	r := restored{Store: c.Store.Path, Key: s.VerifierKey()}
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
	r.keyProblem = keyProblem(c, s)
	return r, nil
}

// keyProblem says what is wrong with the signing key of a store, "" if nothing is.
func keyProblem(c *config.Config, s *store.Store) string {
	var k *store.Key
	var err error
	if c.Store.KeyText != "" {
		k, err = givenKey(c)
	} else {
		k, err = store.ReadKey(c.Store.Key)
	}
	switch {
	case err != nil:
		return err.Error()
	case k.Verifier != s.VerifierKey():
		return fmt.Sprintf("the log is signed by %s, the signing key is %s: put the key into place that belongs to it; an earlier one is KEY.retired-TIME", s.VerifierKey(), k.Verifier)
	}
	return ""
}

func (r restored) text(w io.Writer) {
	fmt.Fprintf(w, "restored %s: %d entries, checked whole", r.Store, r.Entries)
	if r.Last != nil {
		fmt.Fprintf(w, ", the newest recorded at %s", r.Last.Format(time.RFC3339))
	}
	fmt.Fprintln(w, "\nWhat was recorded after that is lost. Slots that were collected since then will be written down as missed,")
	fmt.Fprintln(w, "by the next `evidenced collect now`; `evidenced status` counts them already.")
	if r.Anchored > 0 {
		fmt.Fprintf(w, "The newest anchor that it knows was shown %d entries; an anchor that holds a larger checkpoint tells how many are lost.\n", r.Anchored)
	}
	if r.keyProblem != "" {
		fmt.Fprintln(w, "PROBLEM", evidence.Printable(r.keyProblem))
	}
}
