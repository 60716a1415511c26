package export

import (
	"cmp"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/evidenced/evidenced/evidence"
)

// evidenceIndex writes one row per slot of the period: who asked what, when,
// and which files hold the answer. It is the IPE of everything in the bundle.
func (b *derived) evidenceIndex() error {
	header := []string{"entry", "stream", "due", "trigger", "outcome", "reason", "started", "ended", "complete", "rows", "pages", "requests",
		"principal", "endpoints", "window_from", "window_to", "filters", "redactions", "clock_offset_ms", "collector", "rules", "records", "exchanges"}
	gone, err := evidence.Tombstones(b.from.Entries(0))
	if err != nil {
		return err
	}
	if err := b.erased(gone); err != nil {
		return err
	}
	return b.file("evidence/index.csv", func(w io.Writer) error {
		return rows(w, header, func(row func(...string)) error {
			span := b.span()
			for e, err := range b.from.Entries(0) {
				if err != nil {
					return err
				}
				if e.Run != nil && span.Holds(*e.Run) && b.of(e.Run.Stream.Kind) {
					row(slotCells(strconv.FormatUint(e.Index, 10), e.Run, gone)...)
				}
			}
			for _, r := range b.Derived {
				row(slotCells("", &r, gone)...)
			}
			return nil
		})
	})
}

// slotCells returns the cells of one slot; the entry is empty where the log does
// not tell of it, and it follows from the schedule.
func slotCells(entry string, r *evidence.Run, gone map[evidence.Hash]evidence.Tombstone) []string {
	reason := ""
	if r.Reason != nil {
		reason = r.Reason.String()
	}
	cells := []string{entry, r.Stream.String(), stamp(&r.Due), string(r.Trigger), string(r.Outcome), reason}
	cells = append(cells, certificateCells(r.Certificate)...)
	return append(cells, refCell(r.Records, recordsPath, gone), refCell(r.Exchanges, exchangesPath, gone))
}

func certificateCells(c *evidence.Certificate) []string {
	if c == nil {
		return make([]string, 15)
	}
	from, to, offset := "", "", ""
	if c.Window != nil {
		from, to = stamp(&c.Window.From), stamp(&c.Window.To)
	}
	if c.ClockOffsetMS != nil {
		offset = strconv.FormatInt(*c.ClockOffsetMS, 10)
	}
	return []string{stamp(&c.Started), stamp(&c.Ended), strconv.FormatBool(c.Complete), strconv.Itoa(c.Rows), strconv.Itoa(c.Pages),
		strconv.Itoa(c.Requests), c.Principal, strings.Join(c.Endpoints, " "), from, to, pairs(c.Filters), strings.Join(c.Redactions, " "),
		offset, c.Collector, c.Rules}
}

func pairs(m map[string]string) string {
	generic := map[string]any{}
	for k, v := range m {
		generic[k] = v
	}
	if len(generic) == 0 {
		return ""
	}
	raw, err := evidence.Canonical(generic)
	if err != nil {
		return "" // a filter is our own text; it is UTF-8
	}
	return string(raw)
}

func refCell(ref *evidence.Ref, path func(evidence.Hash) string, gone map[evidence.Hash]evidence.Tombstone) string {
	if ref == nil {
		return ""
	}
	if t, ok := gone[ref.Hash]; ok {
		return "erased by entry " + strconv.FormatUint(t.Entry, 10)
	}
	return path(ref.Hash)
}

// erased writes one row for each blob of the period that retention took away,
// if there are any.
func (b *derived) erased(gone map[evidence.Hash]evidence.Tombstone) error {
	type row struct {
		entry evidence.Entry
		what  string
		stone evidence.Tombstone
	}
	var found []row
	span := b.span()
	for e, err := range b.from.Entries(0) {
		if err != nil {
			return err
		}
		if e.Run == nil || !span.Holds(*e.Run) || !b.of(e.Run.Stream.Kind) {
			continue
		}
		for what, ref := range map[string]*evidence.Ref{"records": e.Run.Records, "exchanges": e.Run.Exchanges} {
			if ref == nil {
				continue
			}
			if t, ok := gone[ref.Hash]; ok {
				found = append(found, row{e, what, t})
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	slices.SortFunc(found, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.entry.Index, b.entry.Index), cmp.Compare(a.what, b.what))
	})
	header := []string{"entry", "stream", "due", "what", "sha256", "bytes", "count", "policy", "erased", "erased_by_entry"}
	return b.file("evidence/erased.csv", func(w io.Writer) error {
		return rows(w, header, func(put func(...string)) error {
			for _, r := range found {
				put(strconv.FormatUint(r.entry.Index, 10), r.entry.Run.Stream.String(), stamp(&r.entry.Run.Due), r.what, r.stone.Hash.String(),
					strconv.FormatInt(r.stone.Size, 10), strconv.Itoa(r.stone.Count), r.stone.Policy, stamp(&r.stone.Erased), strconv.FormatUint(r.stone.Entry, 10))
			}
			return nil
		})
	})
}
