package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
)

func (a *app) gapAcceptCommand() *cobra.Command {
	d := evidence.Decision{Verb: evidence.Accept}
	var until timeFlag
	c := &cobra.Command{
		Use:   "accept ID",
		Short: "Accept an open gap until a day, with a reason",
		Long: `Writes down that a named person knows of an open gap and accepts it until a day, a
year away at most. From that day on it is open again, if it was not fixed. Nobody
accepts a gap of their own account. An acceptance hides nothing: the gap stays in
the record and in the bundle, with who, when and why; the last acceptance counts.`,
		Example: `  evidenced gaps accept G-0123456789 --reason "replaced by the new VPN in May" --approver cto@acme.example --until 2026-06-01`,
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			d.Gap, d.Until = args[0], &until.Time
			if err := requireFlags("reason", d.Reason, "approver", d.Approver, "until", until.String()); err != nil {
				return err
			}
			return a.decide(c.Context(), d)
		},
	}
	c.Flags().StringVar(&d.Reason, "reason", "", "why it can be accepted")
	c.Flags().StringVar(&d.Approver, "approver", "", "who accepts it, a `person` by name or address")
	c.Flags().Var(&until, "until", "the day from which on it is open again, a year away at most")
	c.Flags().StringVar(&d.By, "by", "", "who writes it down, if that is another `person`")
	return c
}

func (a *app) gapRespondCommand() *cobra.Command {
	d := evidence.Decision{Verb: evidence.Respond}
	c := &cobra.Command{
		Use:   "respond ID",
		Short: "Write down what management says of a gap; it changes no state",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			d.Gap = args[0]
			if err := requireFlags("text", d.Reason, "approver", d.Approver); err != nil {
				return err
			}
			return a.decide(c.Context(), d)
		},
	}
	c.Flags().StringVar(&d.Reason, "text", "", "the response, for the auditor to read")
	c.Flags().StringVar(&d.Approver, "approver", "", "who answers for it, a `person` by name or address")
	c.Flags().StringVar(&d.By, "by", "", "who writes it down, if that is another `person`")
	return c
}

func (a *app) decide(ctx context.Context, d evidence.Decision) error {
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	out, err := s.DecideGap(ctx, api.DecideRequest{Write: a.actor(), Decision: d})
	if err != nil {
		return err
	}
	return a.print(out, func(w io.Writer) {
		line := api.DecisionLine{Entry: out.Entry, At: out.Recorded, Decision: out.Decision, InForce: true}
		fmt.Fprintf(w, "entry %d of the log: %s\n", out.Entry, evidence.Printable(decisionText(line)))
		fmt.Fprintf(w, "of gap %s, %s\n", out.Decision.Gap, evidence.Printable(out.Name))
	})
}

func decisionText(l api.DecisionLine) string {
	by := ""
	if l.By != "" && !strings.EqualFold(l.By, l.Approver) {
		by = ", written down by " + l.By
	}
	if l.Verb == evidence.Respond {
		return fmt.Sprintf("%s answered on %s%s: %s", l.Approver, when(&l.At), by, l.Reason)
	}
	over := ""
	if !l.InForce {
		over = " (no longer in force)"
	}
	return fmt.Sprintf("accepted by %s on %s until %s%s%s: %s", l.Approver, when(&l.At), l.Until.Format(time.DateOnly), over, by, l.Reason)
}
