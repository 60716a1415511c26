package population

import (
	"cmp"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/result"
)

// Population is the population of one kind in a period.
type Population struct {
	Kind evidence.Kind
	// Streams are those that a slot of the period was of, in the order of their names.
	Streams []Stream
	// Items are in the order of stream, scope and id, each once.
	Items []Item
}

// Stream tells what of one stream a population rests on.
type Stream struct {
	// Stream is the text form source/kind/scope.
	Stream string `json:"stream"`
	// Slots counts the slots of the period, Complete those that were read whole.
	Slots    int `json:"slots"`
	Complete int `json:"complete"`
	// Rows counts the items.
	Rows int `json:"rows"`
	// Whole: nothing is missing. Of state, every slot was read whole; of events, the
	// windows leave no hole.
	Whole bool `json:"whole"`
}

// Whole reports whether the population is known to be all there is. Without a
// stream it is not.
func (p *Population) Whole() bool { return whole(p.Streams) }

func whole(streams []Stream) bool {
	return len(streams) > 0 && !slices.ContainsFunc(streams, func(s Stream) bool { return !s.Whole })
}

// WriteLines writes the items in the order that they have now, one canonical
// JSON text a line: in the order of a draw, what its digest is the hash of.
func (p *Population) WriteLines(w io.Writer) error {
	for _, it := range p.Items {
		line, err := evidence.Canonical(it)
		if err != nil {
			return err
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// Read reads the population of a kind. Slots count that were due in the period
// and observed by asOf: a bundle of that period as of that time holds no more,
// and gives the same. Attributes are not decoded: a million items take some
// 200 MB.
func Read(ev gap.Evidence, kind evidence.Kind, period result.Period, asOf time.Time) (*Population, error) {
	sel := selection{ev, kind, period, asOf}
	builders := map[evidence.Stream]*builder{}
	for run, err := range sel.runs() { // first only counted, so that room is made once
		if err != nil {
			return nil, err
		}
		b := builders[run.Stream]
		if b == nil {
			b = &builder{coverage: newCoverage(run.Stream, sel)}
			builders[run.Stream] = b
		}
		b.expect(run)
	}
	for run, err := range sel.runs() {
		if err == nil {
			err = builders[run.Stream].add(sel, run)
		}
		if err != nil {
			return nil, err
		}
	}
	return collect(sel, builders), nil
}

func collect(sel selection, builders map[evidence.Stream]*builder) *Population {
	out := &Population{Kind: sel.kind}
	for _, b := range sorted(builders, func(b *builder) string { return b.name }) {
		items := b.finish()
		out.Streams = append(out.Streams, b.stream(sel.period, len(items)))
		if b.items = nil; out.Items == nil {
			out.Items = items
		} else {
			out.Items = append(out.Items, items...)
		}
	}
	return out
}

// sorted returns what is built of each stream in the order of the streams' names.
func sorted[T any](builders map[evidence.Stream]T, name func(T) string) []T {
	return slices.SortedFunc(maps.Values(builders), func(a, b T) int { return cmp.Compare(name(a), name(b)) })
}
