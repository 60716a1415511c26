package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// table prints rows under a header, in columns.
func table(w io.Writer, header string, rows func(row func(cells ...any))) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, header)
	rows(func(cells ...any) {
		for i, c := range cells {
			if i > 0 {
				fmt.Fprint(tw, "\t")
			}
			fmt.Fprint(tw, evidence.Printable(fmt.Sprint(c)))
		}
		fmt.Fprintln(tw)
	})
	_ = tw.Flush() // a failed write shows in the exit code of the shell's pipe, not here
}

// when prints a time for a person; nil and zero as a dash.
func when(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}
