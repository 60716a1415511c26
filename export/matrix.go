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
)

// matrix writes one row per control, by family: what is promised, for which
// criteria, and how it went.
func (b *derived) matrix(w io.Writer) error {
	header := []string{"family", "control", "title", "criteria", "tests", "duties", "status", "status_now", "population", "deviations", "deviating", "open", "nature", "coverage_percent", "activity_coverage_percent"}
	return rows(w, header, func(row func(...string)) error {
		for _, f := range b.Judged().Families() {
			for _, c := range f.Controls {
				r := b.controlResult(c.ID)
				row(c.Family, c.ID, c.Title, strings.Join(r.Criteria, " "), strconv.Itoa(len(c.Tests)), strconv.Itoa(len(c.Duties)), string(r.Status), string(r.Now),
					b.ofPeriod(strconv.Itoa(r.Population)), strconv.Itoa(r.Deviations), b.ofPeriod(strconv.Itoa(r.Deviating)), strconv.Itoa(r.Open), string(r.Nature), figure(r.Coverage), figure(r.Activities))
			}
		}
		return nil
	})
}

// ofPeriod returns a figure of a period; a bundle as of a date has none.
func (b *derived) ofPeriod(figure string) string {
	if b.Type == TypeI {
		return ""
	}
	return figure
}

// uploads gives what people brought for controls, and not for one duty.
func (b *derived) uploads() ([]evidence.Act, error) {
	acts, err := evidence.Acts(b.from.Entries(0))
	return slices.DeleteFunc(acts, func(a evidence.Act) bool { return a.Upload == nil || len(a.Upload.Controls) == 0 }), err
}

// broughtText tells what of it was brought for a control.
func broughtText(s *strings.Builder, c catalogue.Control, uploads []evidence.Act) {
	title := "\nBrought for this control\n"
	for _, a := range uploads {
		if under, ok := filed(c, a.Upload.Controls); ok {
			fmt.Fprintf(s, "%s  %s: %s, entry %d, by %s%s\n", title, a.Upload.Effective.UTC().Format(time.DateOnly), a.Upload.Title, a.Entry, a.Upload.By, under)
			title = ""
		}
	}
}

// filed reports whether one of ids is the control's, or that of one which it was split from.
func filed(c catalogue.Control, ids []string) (under string, ok bool) {
	if slices.Contains(ids, c.ID) {
		return "", true
	}
	for _, old := range catalogue.Former(c.ID) {
		if slices.Contains(ids, old) {
			return ", filed under " + old, true
		}
	}
	return "", false
}
