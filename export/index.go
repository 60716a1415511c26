package export

import (
	"io"
	"strconv"
	"strings"

	"github.com/evidenced/evidenced/evidence"
)

// evidenceIndex writes one row per slot of the period: who asked what, when,
// and which files hold the answer. It is the IPE of everything in the bundle.
func (b *derived) evidenceIndex() error {
	header := []string{"entry", "stream", "due", "trigger", "outcome", "reason", "started", "ended", "complete", "rows", "pages", "requests",
		"principal", "endpoints", "window_from", "window_to", "filters", "redactions", "clock_offset_ms", "collector", "rules", "records", "exchanges"}
	return b.file("evidence/index.csv", func(w io.Writer) error {
		return rows(w, header, func(row func(...string)) error {
			for e, err := range b.from.Entries(0) {
				if err != nil {
					return err
				}
				if e.Run != nil && b.Result.Period.Holds(e.Run.Due) {
					row(slotCells(e)...)
				}
			}
			return nil
		})
	})
}

func slotCells(e evidence.Entry) []string {
	r := e.Run
	reason := ""
	if r.Reason != nil {
		reason = r.Reason.String()
	}
	cells := []string{strconv.FormatUint(e.Index, 10), r.Stream.String(), stamp(&r.Due), string(r.Trigger), string(r.Outcome), reason}
	cells = append(cells, certificateCells(r.Certificate)...)
	return append(cells, refCell(r.Records, recordsPath), refCell(r.Exchanges, exchangesPath))
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

func refCell(ref *evidence.Ref, path func(evidence.Hash) string) string {
	if ref == nil {
		return ""
	}
	return path(ref.Hash)
}
