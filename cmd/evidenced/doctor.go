package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/ops/setup"
)

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Look at the store, and ask each source: reachable, who am I, which permission is granted or denied",
		Long: `Looks at the store, its keys and its anchors. Reads every kind once from the root and from each scope of each source, such as the
accounts of an organisation, stores nothing, and tells for each declared call whether it was granted, and where it was denied.`,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.doctor(c.Context()) },
	}
}

func (a *app) doctor(ctx context.Context) error {
	p := a.progress()
	defer p.end()
	out, err := setup.Doctor(ctx, a.config, a.logger(), a.now, p.set)
	p.end()
	if err != nil {
		return err
	}
	err = a.print(out, func(w io.Writer) {
		storeText(w, out.Store)
		for _, e := range out.Sources {
			sourceText(w, e)
		}
	})
	if !out.OK() {
		err = errors.Join(err, errIncomplete)
	}
	return err
}

func sourceText(w io.Writer, e setup.SourceReport) {
	state := "unreachable"
	if e.Reachable {
		state = "reachable"
	}
	fmt.Fprintf(w, "%s: %s, as %s, %d scopes", e.Source, state, evidence.Printable(orDash(e.Principal)), len(e.Scopes))
	if e.ClockOffsetMS != nil {
		fmt.Fprintf(w, ", clock offset %s", time.Duration(*e.ClockOffsetMS)*time.Millisecond)
	}
	fmt.Fprintln(w)
	if e.Reachable { // otherwise nothing is known of any call
		table(w, "  ANSWER\tCALL\tPERMISSIONS\tDENIED IN", func(row func(...any)) {
			for _, c := range e.Calls {
				row("  "+c.Answer, c.Call, orDash(strings.Join(c.Permissions, ", ")), deniedWhere(c, len(e.Scopes)))
			}
		})
	}
	for _, p := range e.Problems {
		fmt.Fprintln(w, "  problem:", evidence.Printable(p))
	}
}

// deniedWhere names the scopes in which a call was denied, the first few of many.
func deniedWhere(c setup.CallAnswer, of int) string {
	const few = 3
	var names []string
	for _, s := range c.DeniedIn {
		names = append(names, string(s))
	}
	if len(names) > few {
		return fmt.Sprintf("%s and %d more of %d", strings.Join(names[:few], ", "), len(names)-few, of)
	}
	return orDash(strings.Join(names, ", "))
}

func storeText(w io.Writer, st setup.StoreState) {
	line := func(name, value string) { fmt.Fprintf(w, "  %-12s %s\n", name, evidence.Printable(value)) }
	fmt.Fprintf(w, "store %s: %s\n", evidence.Printable(st.Path), map[string]string{"absent": "not there yet; `evidenced collect now` makes it",
		"held": "held by another process", "current": "opens, of the format of this program", "unusable": "does not open"}[st.State])
	if st.Encryption == "" {
		st.Encryption = "none"
	}
	line("encryption", st.Encryption)
	line("signing key", st.Key)
	if len(st.Retention) == 0 {
		st.Retention = []string{"everything is kept for ever"}
	}
	line("retention", strings.Join(st.Retention, "; "))
	for _, a := range st.Anchors {
		text := fmt.Sprintf("%s (%s), never yet", a.Name, a.Type)
		if a.Last != nil {
			text = fmt.Sprintf("%s (%s), last at %s, over %d entries", a.Name, a.Type, when(a.Last), a.Size)
		}
		if a.Error != "" {
			text += "; the newest attempt failed: " + a.Error
		}
		line("anchor", text)
	}
	if len(st.Anchors) == 0 {
		line("anchors", "none: nobody else sees the log grow")
	}
	for _, text := range st.Warnings {
		line("warning", text)
	}
	for _, text := range st.Problems {
		line("problem", text)
	}
	fmt.Fprintln(w)
}
