package main

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/result"
)

// populated is the population of one kind: every event that happened in the
// period, or every resource that a slot of it saw.
type populated struct {
	Kind    evidence.Kind
	Streams []streamPopulation
	items   []gap.Item
}

// streamPopulation tells what of one stream a population rests on.
type streamPopulation struct {
	Stream   string `json:"stream"`
	Slots    int    `json:"slots"`
	Complete int    `json:"complete"`
	Rows     int    `json:"rows"`
	// Whole: nothing is missing, of state every slot was read whole, of events the
	// windows leave no hole.
	Whole bool `json:"whole"`
}

// Whole reports whether the population is known to be all there is.
func (p *populated) Whole() bool {
	return len(p.Streams) > 0 && !slices.ContainsFunc(p.Streams, func(s streamPopulation) bool { return !s.Whole })
}

// gathering is one stream while its runs are read.
type gathering struct {
	streamPopulation
	events  bool
	items   []gap.Item // of state: sorted by scope and id, each once
	last    evidence.Hash
	windows []evidence.Window
	erased  bool
	// expected is how many rows the log says that there are at most.
	expected int
}

// expect counts the rows ahead, so that room is made for them once.
func (g *gathering) expect(run evidence.Run) {
	switch {
	case run.Records == nil:
	case run.Certificate != nil && run.Certificate.Window != nil:
		g.expected += run.Records.Count
	default:
		g.expected = max(g.expected, run.Records.Count)
	}
}

// populate reads the population of a kind. Only what slots of the period saw by
// asOf counts: a bundle holds no more, and gives the same.
func populate(ev gap.Evidence, kind evidence.Kind, p result.Period, asOf time.Time) (*populated, error) {
	streams := map[evidence.Stream]*gathering{}
	for _, read := range []bool{false, true} {
		for run, err := range ev.Runs() {
			if err != nil {
				return nil, err
			}
			if run.Stream.Kind != kind || !p.Holds(run.Due) || run.Observed().After(asOf) {
				continue
			}
			g := streams[run.Stream]
			if g == nil {
				g = &gathering{streamPopulation: streamPopulation{Stream: run.Stream.String()}}
				streams[run.Stream] = g
			}
			if !read {
				g.expect(run)
			} else if err := g.take(ev, run, p); err != nil {
				return nil, err
			}
		}
	}
	out := &populated{Kind: kind}
	all := make([]*gathering, 0, len(streams))
	for _, g := range streams {
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b *gathering) int { return cmp.Compare(a.Stream, b.Stream) })
	for _, g := range all {
		items := g.finish(p)
		out.Streams = append(out.Streams, g.streamPopulation)
		if g.items = nil; out.items == nil {
			out.items = items
		} else {
			out.items = append(out.items, items...)
		}
	}
	return out, nil
}

// take adds one run.
func (g *gathering) take(ev gap.Evidence, run evidence.Run, p result.Period) error {
	g.Slots++
	if run.Outcome.Complete() && run.Certificate != nil && run.Certificate.Complete {
		g.Complete++
		if run.Certificate.Window != nil {
			g.windows = append(g.windows, *run.Certificate.Window)
		}
	}
	if run.Certificate != nil && run.Certificate.Window != nil {
		g.events = true
	}
	if run.Records == nil || run.Records.Hash == g.last && !g.events {
		return nil // nothing was read, or the same list again
	}
	g.last = run.Records.Hash
	err := g.read(ev, run, p)
	if errors.Is(err, evidence.ErrErased) {
		g.erased = true
		return nil
	}
	return err
}

// maxAhead bounds the room that is made because a log says how many rows come.
const maxAhead = 1 << 20

func (g *gathering) read(ev gap.Evidence, run evidence.Run, p result.Period) error {
	known := len(g.items)
	if known == 0 {
		g.items = make([]gap.Item, 0, min(max(g.expected, 0), maxAhead))
	}
	for line, err := range ev.Lines(*run.Records) {
		var rec evidence.Record
		if err == nil {
			rec, err = line.Head()
		}
		if err != nil {
			return err
		}
		it := gap.Item{Stream: g.Stream, Scope: rec.Scope, ID: rec.ID, Name: rec.Name, At: run.Observed().UTC()}
		if it.Name == it.ID {
			it.Name = it.ID // one text in memory, not two
		}
		if g.events && rec.Effective != nil {
			it.At = rec.Effective.UTC()
		}
		switch {
		case g.events && !p.Holds(it.At):
		case g.events:
			g.items = append(g.items, it)
		default:
			if _, there := slices.BinarySearchFunc(g.items[:known], it, compareIDs); !there {
				g.items = append(g.items, it)
			}
		}
	}
	if !g.events && len(g.items) > known {
		slices.SortFunc(g.items, compareIDs)
	}
	return nil
}

func compareIDs(a, b gap.Item) int {
	return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.ID, b.ID))
}

// finish gives each item once: of an event that was read again, the earliest.
func (g *gathering) finish(p result.Period) []gap.Item {
	if g.events {
		slices.SortFunc(g.items, func(a, b gap.Item) int {
			return cmp.Or(compareIDs(a, b), a.At.Compare(b.At), cmp.Compare(a.Name, b.Name))
		})
		g.items = slices.CompactFunc(g.items, func(a, b gap.Item) bool { return compareIDs(a, b) == 0 })
	}
	g.Rows = len(g.items)
	g.Whole = !g.erased && g.Complete > 0 && (g.events && tile(g.windows, p) || !g.events && g.Complete == g.Slots)
	return g.items
}

// tile reports whether windows leave no hole from the start of the period to
// the end of the last one.
func tile(windows []evidence.Window, p result.Period) bool {
	slices.SortFunc(windows, func(a, b evidence.Window) int { return a.From.Compare(b.From) })
	reach := p.From
	for _, w := range windows {
		if w.From.After(reach) {
			return false
		}
		if w.To.After(reach) {
			reach = w.To
		}
	}
	return reach.After(p.From)
}
