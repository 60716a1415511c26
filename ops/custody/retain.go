package custody

import (
	"context"
	"fmt"
	"time"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

// Retained is what `store retain --json` prints.
type Retained struct {
	DryRun bool           `json:"dry_run"`
	Rules  []RetainedRule `json:"rules"`
	// Before and After are the sizes of the file; both 0 where nothing was erased.
	Before int64 `json:"before_bytes"`
	After  int64 `json:"after_bytes"`
}

// RetainedRule is what one rule erases.
type RetainedRule struct {
	Policy string    `json:"policy"`
	Before time.Time `json:"before"`
	// Blobs are what is erased, oldest first; Bytes is their size, unpacked.
	Blobs []ErasedBlob `json:"blobs"`
	Bytes int64        `json:"bytes"`

	rule store.Retention
}

// ErasedBlob is one blob, and the first entry that names it.
type ErasedBlob struct {
	Blob     evidence.Hash `json:"blob"`
	Size     int64         `json:"size"`
	Entry    uint64        `json:"entry"`
	Recorded time.Time     `json:"recorded"`
	Stream   string        `json:"stream"`
}

// Retain erases what the retention rules of the configuration no longer keep,
// and gives the bytes back; if dry, it only lists that.
func (k *Keeper) Retain(ctx context.Context, dry bool) (out Retained, err error) {
	if len(k.Config.Store.Retention) == 0 {
		return out, &config.Error{File: k.Config.Path, Message: "store.retention has no rule: everything is kept for ever, and there is nothing to do"}
	}
	open := k.OpenReadOnly
	if !dry {
		if !exists(k.Config.Store.Path) {
			return out, k.noStore(nil)
		}
		open = k.OpenExisting
	}
	s, err := open()
	if err != nil {
		return out, err
	}
	out, err = k.retain(ctx, s, dry)
	if err := s.Close(); err != nil {
		return out, err
	}
	if err == nil && !dry && out.blobs() > 0 {
		err = k.reclaim(ctx, &out)
	}
	return out, err
}

// retain erases, once every rule was found to let the period alone.
func (k *Keeper) retain(ctx context.Context, s *store.Store, dry bool) (Retained, error) {
	out := Retained{DryRun: dry}
	defer k.busy("looking for what may be erased")()
	for _, r := range k.Config.Store.Retention {
		rule := store.Retention{Policy: r.Policy(), Kinds: r.Kinds, Before: k.now().Add(-r.Keep)}
		got, err := expired(ctx, s, rule, k.Config.Period.From)
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
func expired(ctx context.Context, s *store.Store, rule store.Retention, period time.Time) (RetainedRule, error) {
	out := RetainedRule{Policy: rule.Policy, Before: rule.Before, Blobs: []ErasedBlob{}}
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
func (r *RetainedRule) name(ctx context.Context, s *store.Store, refs []evidence.Ref) error {
	if len(refs) == 0 {
		return nil
	}
	at := map[evidence.Hash]int{}
	for i, ref := range refs {
		at[ref.Hash] = i
		r.Blobs = append(r.Blobs, ErasedBlob{Blob: ref.Hash, Size: ref.Size, Recorded: time.Time{}})
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
func (k *Keeper) reclaim(ctx context.Context, out *Retained) error {
	seal, err := Sealer(k.Config.Store.Encryption)
	if err != nil {
		return err
	}
	defer k.busy("rewriting the store")()
	if out.Before, out.After, err = store.Compact(ctx, k.Config.Store.Path, store.CompactOptions{Seal: seal}); err != nil {
		return fmt.Errorf("%d blobs were erased, but their bytes are still in the file: run `evidenced store compact`: %w", out.blobs(), err)
	}
	return nil
}

func (r Retained) blobs() (n int) {
	for _, rule := range r.Rules {
		n += len(rule.Blobs)
	}
	return n
}
