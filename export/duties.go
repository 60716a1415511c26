package export

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
)

// occurrences gives those of a control's duties, by the time they were due.
func (b *derived) occurrences(c catalogue.Control) []result.Occurrence {
	return slices.DeleteFunc(slices.Clone(b.Result.Duties), func(o result.Occurrence) bool { return o.Control != c.ID })
}

// dutyText tells what people owe, and what became of it.
func (b *derived) dutyText(s *strings.Builder, c catalogue.Control) {
	all := b.occurrences(c)
	for _, d := range c.Duties {
		fmt.Fprintf(s, "\nDuty %s\n  %s, %s\n  Evidence: %s\n  %s\n  Mapping rests on: %s\n", d.ID, d.Title, often(d), strings.TrimSpace(d.Evidence), strings.TrimSpace(d.Procedure), d.Basis)
		for _, o := range all {
			if o.Duty == d.ID {
				fmt.Fprintf(s, "    %s: %s%s\n", o.Label, o.State, proof(o))
			}
		}
	}
}

// often says how often a duty falls due.
func often(d catalogue.Duty) string {
	how := "once a " + d.Per
	if d.Per != "" && !d.Early {
		how += ", when that has ended"
	}
	if d.Per == "" {
		how = fmt.Sprintf("never older than %d days", d.WithinDays)
	}
	return fmt.Sprintf("%s, %d days of grace", how, d.GraceDays)
}

func proof(o result.Occurrence) string {
	if o.Performed == nil {
		return ", due " + o.Due.Format(time.DateOnly)
	}
	return fmt.Sprintf(" on %s, entry %d, by %s", o.Performed.Format(time.DateOnly), *o.Entry, o.By)
}

func (b *derived) dutyRows(w io.Writer, c catalogue.Control) error {
	return rows(w, []string{"duty", "title", "occurrence", "from", "due", "late_from", "state", "performed", "entry", "by"}, func(row func(...string)) error {
		for _, o := range b.occurrences(c) {
			entry := ""
			if o.Entry != nil {
				entry = strconv.FormatUint(*o.Entry, 10)
			}
			row(o.Duty, o.Title, o.Label, stamp(&o.From), stamp(&o.Due), stamp(&o.Late), string(o.State), stamp(o.Performed), entry, o.By)
		}
		return nil
	})
}

// acts writes what people brought and decided.
func (b *derived) acts() error {
	acts, err := evidence.Acts(b.from.Entries(0))
	if err != nil {
		return err
	}
	if err := b.file("evidence/manual.csv", func(w io.Writer) error { return uploadRows(w, acts) }); err != nil {
		return err
	}
	return b.file("decisions.csv", func(w io.Writer) error { return decisionRows(w, acts) })
}

func uploadRows(w io.Writer, acts []evidence.Act) error {
	header := []string{"entry", "recorded", "title", "controls", "duties", "occurrence", "effective", "expires", "by", "note", "file", "path", "bytes"}
	return rows(w, header, func(row func(...string)) error {
		for _, a := range acts {
			u := a.Upload
			if u == nil {
				continue
			}
			cells := []string{strconv.FormatUint(a.Entry, 10), stamp(&a.At), u.Title, strings.Join(u.Controls, " "), strings.Join(u.Duties, " "),
				u.Occurrence, stamp(&u.Effective), stamp(u.Expires), u.By, u.Note}
			for _, f := range u.Files {
				row(append(slices.Clone(cells), f.Name, filesPath(f.Hash), strconv.FormatInt(f.Size, 10))...)
			}
			if len(u.Files) == 0 {
				row(append(cells, "", "", "")...)
			}
		}
		return nil
	})
}

func decisionRows(w io.Writer, acts []evidence.Act) error {
	return rows(w, []string{"entry", "recorded", "decision", "gap", "reason", "approver", "until", "by"}, func(row func(...string)) error {
		for _, a := range acts {
			if d := a.Decision; d != nil {
				row(strconv.FormatUint(a.Entry, 10), stamp(&a.At), string(d.Verb), d.Gap, d.Reason, d.Approver, stamp(d.Until), d.By)
			}
		}
		return nil
	})
}
