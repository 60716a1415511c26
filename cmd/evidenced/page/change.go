package page

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
)

// Changes writes a table of changes.
func Changes(w io.Writer, l *api.ChangeList) {
	if len(l.Changes) == 0 {
		fmt.Fprintf(w, "No such changes as of %s.\n", l.AsOf.Format(time.RFC3339))
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CHANGE\tMERGED\tVERDICT\tINTO\tAUTHOR\tTITLE")
	for _, c := range l.Changes {
		cells := []string{c.Name, when(&c.MergedAt), string(c.Verdict), orDash(c.Base), orDash(c.Author), orDash(c.Title)}
		for i := range cells {
			cells[i] = evidence.Printable(cells[i])
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	_ = t.Flush() // into a buffer, or a terminal that the caller checks
	fmt.Fprintf(w, "\n%d changes as of %s. `evidenced changes show NAME` says more.\n", len(l.Changes), l.AsOf.Format(time.RFC3339))
}

// Change writes one change: a line for each part, with where and when it was read.
func Change(w io.Writer, d *api.ChangeDetail) {
	line := func(name string, values ...string) {
		fmt.Fprintf(w, "%-12s %s\n", name, evidence.Printable(strings.Join(values, "  ")))
	}
	fmt.Fprintf(w, "%s  %s\n", evidence.Printable(d.Name), d.Verdict)
	line("title", orDash(d.Title))
	line("merged", when(&d.MergedAt), "into "+orDash(d.Base), "by "+orDash(d.MergedBy))
	line("became", orDash(strings.Join(d.Landed, ", ")))
	line("read", when(&d.Record.ReadAt), d.Record.Stream+" "+d.Record.ID)
	for _, p := range d.Contributors {
		line("wrote", p.Account, p.Role, "person: "+orDash(p.Person), map[bool]string{true: "named by an unsigned commit"}[p.Unsigned])
	}
	for _, p := range d.Approvals {
		line("approved", p.Account, "person: "+orDash(p.Person), when(p.At), "commit "+orDash(p.Commit), said(p.CoversHead, "of what was merged", "of an earlier commit"), said(p.CanPush, "", "may not write"))
	}
	for _, c := range d.Checks {
		line("check", c.Name, orDash(c.Conclusion), when(c.At), map[bool]string{true: "of the merge commit"}[c.On == "merge"])
	}
	for _, t := range d.Tickets {
		read := "not read"
		if t.Source != nil {
			read = "read " + when(&t.Source.ReadAt) + " " + t.Source.Stream
		}
		line("ticket", t.Key, orDash(t.Status), "created "+when(t.CreatedAt), read)
	}
	for _, x := range d.Deployments {
		line("deployed", x.Environment, when(&x.At), x.SHA, "read "+when(&x.Source.ReadAt)+" "+x.Source.Stream)
	}
	for _, v := range d.Verdicts {
		line("test", string(v.Verdict), v.Test, orDash(v.Gap), v.Reason)
	}
}

// said returns one of two texts, "" where it is not known.
func said(v *bool, yes, no string) string {
	switch {
	case v == nil:
		return ""
	case *v:
		return yes
	}
	return no
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// when prints a time; nil as a dash.
func when(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}
