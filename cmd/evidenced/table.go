package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
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
			fmt.Fprint(tw, printable(fmt.Sprint(c)))
		}
		fmt.Fprintln(tw)
	})
	_ = tw.Flush() // a failed write shows in the exit code of the shell's pipe, not here
}

// printable removes what a hostile name could do to a terminal.
func printable(s string) string {
	out := []rune(s)
	for i, r := range out {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			out[i] = '\uFFFD'
		}
	}
	return string(out)
}

// when prints a time for a person; nil and zero as a dash.
func when(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}
