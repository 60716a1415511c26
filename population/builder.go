package population

import (
	"cmp"
	"errors"
	"slices"

	"github.com/evidenced/evidenced/evidence"
)

// builder makes the items of one stream.
type builder struct {
	coverage
	items []Item // of state: sorted by scope and id, each once
	last  evidence.Hash
	// expected is how many rows the log says that there are at most.
	expected int
}

// expect counts the rows ahead.
func (b *builder) expect(run evidence.Run) {
	switch {
	case run.Records == nil:
	case run.Certificate != nil && run.Certificate.Window != nil:
		b.expected += run.Records.Count
	default:
		b.expected = max(b.expected, run.Records.Count)
	}
}

// add adds one run.
func (b *builder) add(sel selection, run evidence.Run) error {
	b.count(sel, run)
	if run.Records == nil || run.Records.Hash == b.last && !b.events {
		return nil // nothing was read, or the same list again
	}
	b.last = run.Records.Hash
	err := b.read(sel, run)
	if errors.Is(err, evidence.ErrErased) {
		b.erased = true
		return nil
	}
	return err
}

// maxAhead bounds the room that is made because a log says how many rows come.
const maxAhead = 1 << 20

func (b *builder) read(sel selection, run evidence.Run) error {
	before := len(b.items)
	if before == 0 {
		b.items = make([]Item, 0, min(max(b.expected, 0), maxAhead))
	}
	for line, err := range sel.ev.Lines(*run.Records) {
		var rec evidence.Record
		if err == nil {
			rec, err = line.Head()
		}
		if err != nil {
			return err
		}
		if !b.member(rec.Effective, sel.period) {
			continue
		}
		it := b.item(run, rec)
		if !b.events {
			if _, there := slices.BinarySearchFunc(b.items[:before], it, compareIDs); there {
				continue
			}
		}
		b.items = append(b.items, it)
	}
	if !b.events && len(b.items) > before {
		slices.SortFunc(b.items, compareIDs)
	}
	return nil
}

// item returns the item that a record speaks of. Its time is the source's of an
// event, and that of the first slot to see it of a resource.
func (b *builder) item(run evidence.Run, rec evidence.Record) Item {
	it := Item{Stream: b.name, Scope: rec.Scope, ID: rec.ID, Name: rec.Name, At: run.Observed().UTC()}
	if it.Name == it.ID {
		it.Name = it.ID // one text in memory, not two
	}
	if b.events && rec.Effective != nil {
		it.At = rec.Effective.UTC()
	}
	return it
}

func compareIDs(a, b Item) int {
	return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.ID, b.ID))
}

// finish returns each item once: of an event that was read again, the earliest.
func (b *builder) finish() []Item {
	if b.events {
		slices.SortFunc(b.items, func(x, y Item) int {
			return cmp.Or(compareIDs(x, y), x.At.Compare(y.At), cmp.Compare(x.Name, y.Name))
		})
		b.items = slices.CompactFunc(b.items, func(x, y Item) bool { return compareIDs(x, y) == 0 })
	}
	return b.items
}
