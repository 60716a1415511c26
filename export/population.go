package export

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
)

// itemID tells the resources or events of one kind apart.
type itemID struct {
	stream evidence.Stream
	scope  evidence.Scope
	id     string
}

// item is one resource or event over the period.
type item struct {
	itemID
	name        string
	effective   *time.Time
	first, last time.Time
	snapshots   int
	attributes  map[string]any // as last seen
	sum         uint64         // of the line that said so
}

// shared is where the populations stand that views are made of: a dozen controls
// read the accounts of every source, and each is written once for all of them.
const shared = ""

// populations writes, for every control, one CSV file per kind that its tests read,
// and one per kind that its views are made of. The kinds are taken one by one,
// so that only one population is in memory.
func (b *derived) populations() error {
	users := map[evidence.Kind][]string{}
	for _, c := range b.Catalogue.Controls {
		for _, k := range b.Catalogue.Reads(c) {
			if slices.ContainsFunc(c.Tests, func(t catalogue.Test) bool { return t.Kind == k }) {
				users[k] = append(users[k], c.ID)
			} else if b.collected(k) && !slices.Contains(users[k], shared) {
				users[k] = append(users[k], shared)
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(users)) {
		p, err := b.population(k)
		if err != nil {
			return fmt.Errorf("export population of %s: %w", k, err)
		}
		for _, control := range users[k] {
			path := "controls/" + control + "/population-" + string(k) + ".csv"
			if control == shared {
				path = "populations/" + string(k) + ".csv"
			}
			if err := b.file(path, func(w io.Writer) error { return b.populationRows(w, control, p) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// collected reports whether any stream is of the kind.
func (b *derived) collected(k evidence.Kind) bool {
	return slices.ContainsFunc(b.Result.Streams, func(s result.StreamCoverage) bool { return s.Stream.Kind == k })
}

// population reads every item of a kind that a slot of the period saw. For a
// kind that is not collected, of which there are many, the log is not read.
func (b *derived) population(k evidence.Kind) ([]*item, error) {
	if !b.collected(k) {
		return nil, nil
	}
	items := map[itemID]*item{}
	last := map[evidence.Stream]*snapshot{}
	for run, err := range b.from.Runs() {
		if err != nil {
			return nil, err
		}
		if run.Stream.Kind != k || run.Records == nil || !b.counts(run) {
			continue
		}
		if s := last[run.Stream]; s != nil && s.hash == run.Records.Hash { // the same list again
			for _, it := range s.items {
				it.last = run.Observed()
				it.snapshots++
			}
			continue
		}
		if last[run.Stream], err = b.note(items, last[run.Stream], run); err != nil {
			return nil, err
		}
	}
	out := slices.SortedFunc(maps.Values(items), func(x, y *item) int {
		return cmp.Or(cmp.Compare(x.stream.String(), y.stream.String()), cmp.Compare(x.scope, y.scope), cmp.Compare(x.id, y.id))
	})
	return out, nil
}

// snapshot is the last list of a stream that was read.
type snapshot struct {
	hash  evidence.Hash
	items []*item
}

func (b *derived) counts(run evidence.Run) bool {
	return b.Result.Period.Holds(run.Due) && !run.Observed().After(b.Result.AsOf)
}

// note takes the records of one run.
func (b *derived) note(items map[itemID]*item, before *snapshot, run evidence.Run) (*snapshot, error) {
	s := &snapshot{hash: run.Records.Hash}
	event := run.Certificate != nil && run.Certificate.Window != nil
	at := 0
	for line, err := range b.from.Lines(*run.Records) {
		var it *item
		if err == nil {
			if it = before.unchanged(line, &at); it == nil {
				it, err = b.item(items, run, line)
				before.pass(it, &at)
			}
		}
		if errors.Is(err, evidence.ErrErased) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if event && it.effective != nil && !b.Result.Period.Holds(*it.effective) {
			continue // an event belongs to the period it happened in
		}
		items[it.itemID] = it
		it.last = run.Observed()
		it.snapshots++
		s.items = append(s.items, it)
	}
	return s, nil
}

// unchanged gives the item whose line is the one that the snapshot had at that
// place, or after it if that one is gone.
func (s *snapshot) unchanged(line evidence.Line, at *int) *item {
	sum := line.Sum()
	for i := *at; s != nil && sum != 0 && i < len(s.items) && i <= *at+1; i++ {
		if s.items[i].sum == sum {
			*at = i + 1
			return s.items[i]
		}
	}
	return nil
}

// pass goes on behind an item that the snapshot had otherwise.
func (s *snapshot) pass(it *item, at *int) {
	if s != nil && *at < len(s.items) && s.items[*at] == it {
		*at++
	}
}

// item gives the item that a line speaks of, as the line says it is.
func (b *derived) item(items map[itemID]*item, run evidence.Run, line evidence.Line) (*item, error) {
	rec, err := line.Record()
	if err != nil {
		return nil, err
	}
	id := itemID{run.Stream, rec.Scope, rec.ID}
	it := items[id]
	if it == nil {
		it = &item{itemID: id, first: run.Observed()}
	}
	it.sum, it.name, it.effective, it.attributes = line.Sum(), rec.Name, rec.Effective, rec.Attributes
	return it, nil
}

func (b *derived) populationRows(w io.Writer, control string, items []*item) error {
	columns := columnsOf(items)
	deviations := b.deviations(control)
	header := append([]string{"stream", "scope", "id", "name", "effective", "first_observed", "last_observed", "observations", "deviations"}, columns...)
	return rows(w, header, func(row func(...string)) error {
		for _, it := range items {
			cells := []string{it.stream.String(), string(it.scope), it.id, it.name, stamp(it.effective), stamp(&it.first), stamp(&it.last),
				strconv.Itoa(it.snapshots), strconv.Itoa(deviations[it.stream.String()+"\x00"+it.id])}
			for _, c := range columns {
				cell, err := cellOf(it.attributes[c])
				if err != nil {
					return err
				}
				cells = append(cells, cell)
			}
			row(cells...)
		}
		return nil
	})
}

// deviations counts the gaps of a control, or of all, per stream and resource.
func (b *derived) deviations(control string) map[string]int {
	n := map[string]int{}
	for _, g := range b.Result.Gaps {
		if (g.Control == control || control == shared) && g.Kind.Finding() {
			n[g.Stream+"\x00"+g.Resource]++
		}
	}
	return n
}

// columnsOf lists every attribute that some item states.
func columnsOf(items []*item) []string {
	seen := map[string]bool{}
	var columns []string
	for _, it := range items {
		for k := range it.attributes {
			if !seen[k] {
				seen[k] = true
				columns = append(columns, k)
			}
		}
	}
	slices.Sort(columns)
	return columns
}

// cellOf writes an attribute; what the source did not say is empty.
func cellOf(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	raw, err := evidence.Canonical(v)
	return string(raw), err
}
