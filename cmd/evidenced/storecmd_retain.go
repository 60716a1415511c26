package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
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

// retained is what `store retain --json` prints.
type retained struct {
	DryRun bool           `json:"dry_run"`
	Rules  []retainedRule `json:"rules"`
	// Before and After are the sizes of the file; both 0 where nothing was erased.
	Before int64 `json:"before_bytes"`
	After  int64 `json:"after_bytes"`
}

type retainedRule struct {
	Policy string    `json:"policy"`
	Before time.Time `json:"before"`
	// Blobs are what is erased, oldest first; Bytes is their size, unpacked.
	Blobs []erasedBlob `json:"blobs"`
	Bytes int64        `json:"bytes"`

	rule store.Retention
}

// erasedBlob is one blob, and the first entry that names it.
type erasedBlob struct {
	Blob     evidence.Hash `json:"blob"`
	Size     int64         `json:"size"`
	Entry    uint64        `json:"entry"`
	Recorded time.Time     `json:"recorded"`
	Stream   string        `json:"stream"`
}

func (a *app) storeRetain(ctx context.Context, dry bool) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	if len(c.Store.Retention) == 0 {
		return &config.Error{File: c.Path, Message: "store.retention has no rule: everything is kept for ever, and there is nothing to do"}
	}
	open := reading
	if !dry {
		if !exists(c.Store.Path) {
			return a.notThere(c, nil)
		}
		open = func(c *config.Config) (*store.Store, error) { return a.writing(c, store.Options{}) }
	}
	s, err := open(c)
	if err != nil {
		return err
	}
	out, err := a.retain(ctx, c, s, dry)
	if err := s.Close(); err != nil {
		return err
	}
	if err == nil && !dry && out.blobs() > 0 {
		err = a.reclaim(ctx, c, &out)
	}
	if err != nil {
		return err
	}
	return a.print(out, out.text)
}

// retain erases, once every rule was found to let the period alone.
func (a *app) retain(ctx context.Context, c *config.Config, s *store.Store, dry bool) (retained, error) {
	out := retained{DryRun: dry}
	defer a.busy("looking for what may be erased")()
	for _, r := range c.Store.Retention {
		rule := store.Retention{Policy: r.Policy(), Kinds: r.Kinds, Before: a.now().UTC().Add(-r.Keep)}
		got, err := expired(ctx, s, rule, c.Period.From)
		if err != nil {
			return out, err
		}
		out.Rules = append(out.Rules, got)
	}
	if dry {
		return out, nil
	}
	for i := range out.Rules {
		if _, err := s.Erase(ctx, out.Rules[i].rule); err != nil {
			return out, err
		}
	}
	return out, nil
}

// expired lists what a rule lets go of. One that reaches into the period is
// refused; the rule that it gives back never does, whatever is added meanwhile.
func expired(ctx context.Context, s *store.Store, rule store.Retention, period time.Time) (retainedRule, error) {
	out := retainedRule{Policy: rule.Policy, Before: rule.Before, Blobs: []erasedBlob{}}
	all, err := s.Expired(ctx, rule)
	if err != nil {
		return out, err
	}
	if rule.Before.After(period) {
		rule.Before = period
		outside, err := s.Expired(ctx, rule)
		if err != nil {
			return out, err
		}
		if n := len(all) - len(outside); n > 0 {
			return out, fmt.Errorf("the rule %q would erase %d blobs that were recorded since the period began, on %s: nothing was erased; the evidence of a period is kept until it has been audited, so keep it longer",
				rule.Policy, n, period.Format(time.DateOnly))
		}
		out.Before = period
	}
	out.rule = rule
	return out, out.name(ctx, s, all)
}

// name finds the entries of what is erased.
func (r *retainedRule) name(ctx context.Context, s *store.Store, refs []evidence.Ref) error {
	if len(refs) == 0 {
		return nil
	}
	at := map[evidence.Hash]int{}
	for i, ref := range refs {
		at[ref.Hash] = i
		r.Blobs = append(r.Blobs, erasedBlob{Blob: ref.Hash, Size: ref.Size, Recorded: time.Time{}})
		r.Bytes += ref.Size
	}
	for e, err := range s.Entries(0) {
		if err != nil {
			return err
		}
		for _, ref := range e.Refs() {
			i, ok := at[ref.Hash]
			if b := &r.Blobs[i]; ok && b.Recorded.IsZero() {
				b.Entry, b.Recorded = e.Index, e.Recorded
				if e.Run != nil {
					b.Stream = e.Run.Stream.String()
				}
			}
		}
	}
	return ctx.Err()
}

// reclaim gives the bytes back that the erased blobs still have in the file.
func (a *app) reclaim(ctx context.Context, c *config.Config, out *retained) error {
	seal, err := sealer(c.Store.Encryption)
	if err != nil {
		return err
	}
	defer a.busy("rewriting the store")()
	if out.Before, out.After, err = store.Compact(ctx, c.Store.Path, store.CompactOptions{Seal: seal}); err != nil {
		return fmt.Errorf("%d blobs were erased, but their bytes are still in the file: run `evidenced store compact`: %w", out.blobs(), err)
	}
	return nil
}

func (r retained) blobs() (n int) {
	for _, rule := range r.Rules {
		n += len(rule.Blobs)
	}
	return n
}

func (r retained) text(w io.Writer) {
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
