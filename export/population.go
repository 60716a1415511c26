package export

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/population"
)

// shared is where the populations stand that views are made of: a dozen controls
// read the accounts of every source, and each is written once for all of them.
const shared = ""

// populations writes, for every control, one CSV file per kind that its tests read,
// and one per kind that its views are made of. The kinds are taken one by one,
// so that only one population is in memory.
func (b *derived) populations() error {
	users := map[evidence.Kind][]string{}
	for _, c := range b.Judged().Controls {
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

// population reads a kind. For one that is not collected, of which there are
// many, the log is not read.
func (b *derived) population(k evidence.Kind) ([]*population.Row, error) {
	if !b.collected(k) {
		return nil, nil
	}
	t, err := population.ReadTable(b.from, k, b.Result.Period, b.Result.AsOf)
	if err != nil {
		return nil, err
	}
	return t.Rows, nil
}

func (b *derived) populationRows(w io.Writer, control string, items []*population.Row) error {
	columns := columnsOf(items)
	deviations := b.deviations(control)
	header := append([]string{"stream", "scope", "id", "name", "effective", "first_observed", "last_observed", "observations", "deviations"}, columns...)
	return rows(w, header, func(row func(...string)) error {
		for _, it := range items {
			cells := []string{it.Stream, string(it.Scope), it.ID, it.Name, stamp(it.Effective), stamp(&it.First), stamp(&it.Last),
				strconv.Itoa(it.Observations), strconv.Itoa(deviations[it.Stream+"\x00"+it.ID])}
			for _, c := range columns {
				cell, err := cellOf(it.Attributes[c])
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
func columnsOf(items []*population.Row) []string {
	seen := map[string]bool{}
	var columns []string
	for _, it := range items {
		for k := range it.Attributes {
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
