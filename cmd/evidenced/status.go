package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/schedule"
	"github.com/evidenced/evidenced/store"
)

func (a *app) statusCommand() *cobra.Command {
	var controls bool
	c := a.asOfFlag(a.served(&cobra.Command{
		Use:   "status",
		Short: "Show the period, the coverage per control family, what is due, and the next slots",
		Args:  usage(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return a.status(c.Context(), controls) },
	}))
	c.Flags().BoolVar(&controls, "controls", false, "show a line for each control in place of one for each family")
	return c
}

// status is what `status --json` prints.
type status struct {
	AsOf     time.Time            `json:"as_of"`
	Period   result.Period        `json:"period"`
	Slots    result.SlotCounts    `json:"slots"`
	Families []family             `json:"families"`
	Open     map[string]int       `json:"open_gaps"` // by severity
	Next     map[string]time.Time `json:"next"`      // by source
	Duties   dutyCounts           `json:"duties"`
	// Expiring counts the acceptances in force that end within 30 days.
	Expiring int `json:"expiring_acceptances"`

	summary  []result.FamilyResult
	controls bool
}

// soon is what is told ahead.
const soon = 30 * 24 * time.Hour

// dutyCounts tells what people owe.
type dutyCounts struct {
	Missed int `json:"missed"`
	Due    int `json:"due"`
	Soon   int `json:"next_30_days"`
	// List are those of the three sorts, by the day they are or were due.
	List []result.Occurrence `json:"list"`
}

func newDutyCounts(res *result.Result) dutyCounts {
	d := dutyCounts{List: []result.Occurrence{}}
	for _, o := range res.Duties {
		switch {
		case o.State == result.MissedDuty:
			d.Missed++
		case o.State == result.DueNow:
			d.Due++
		case o.State == result.Upcoming && o.Due.Before(res.AsOf.Add(soon)):
			d.Soon++
		default:
			continue
		}
		d.List = append(d.List, o)
	}
	return d
}

// expiring counts the acceptances of gaps that end soon.
func expiring(s *store.Store, res *result.Result) (n int, err error) {
	acts, err := evidence.Acts(s.Entries(0))
	if err != nil {
		return 0, err
	}
	last := map[string]time.Time{}
	for _, a := range acts {
		if d := a.Decision; d != nil && d.Verb == evidence.Accept && !a.At.After(res.AsOf) {
			last[d.Gap] = *d.Until
		}
	}
	for _, g := range res.Gaps {
		if g.State == result.Accepted && last[g.ID].Before(res.AsOf.Add(soon)) {
			n++
		}
	}
	return n, nil
}

// family sums up one control of a family.
type family struct {
	Control    string         `json:"control"`
	Family     string         `json:"family"`
	Status     result.Verdict `json:"status"`
	Coverage   float64        `json:"coverage"`
	Population int            `json:"population"`
	Deviations int            `json:"deviations"`
	Open       int            `json:"open"`
}

func (a *app) status(ctx context.Context, controls bool) error {
	c, s, err := a.opened()
	if err != nil {
		return err
	}
	defer s.Close()
	res, err := a.evaluate(ctx, c, s)
	if err != nil {
		return err
	}
	st := status{AsOf: res.AsOf, Period: res.Period, Slots: res.Slots, Families: families(res), Open: openGaps(res), Duties: newDutyCounts(res),
		summary: res.Families(), controls: controls}
	if st.Expiring, err = expiring(s, res); err != nil {
		return err
	}
	if st.Next, err = next(c, res.AsOf); err != nil {
		return err
	}
	a.troubles()
	return a.print(st, st.text)
}

// troubles says what stands in the way of the daemon in which the command is run.
// It is not in the document, which is told over HTTP as well.
func (a *app) troubles() {
	if a.host == nil {
		return
	}
	for _, t := range a.host.troubles() {
		fmt.Fprintln(a.stderr, "evidenced: the daemon has trouble:", evidence.Printable(t))
	}
}

// openGaps counts the open gaps by severity.
func openGaps(res *result.Result) map[string]int {
	n := map[string]int{}
	for _, g := range res.Gaps {
		if g.State == result.Open {
			n[g.Severity]++
		}
	}
	return n
}

func families(res *result.Result) (out []family) {
	for _, c := range res.Controls {
		out = append(out, family{c.Control, c.Family, c.Status, c.Coverage, c.Population, c.Deviations, c.Open})
	}
	slices.SortStableFunc(out, func(x, y family) int { return result.CompareFamilies(x.Family, y.Family) })
	return out
}

func next(c *config.Config, t time.Time) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	for _, s := range c.Sources {
		due, err := schedule.Next(s.Config.Base(), t)
		if err != nil {
			return nil, err
		}
		out[s.Spec.Name] = due
	}
	return out, nil
}

func (s status) text(w io.Writer) {
	elapsed := min(max(s.AsOf.Sub(s.Period.From), 0), s.Period.To.Sub(s.Period.From))
	fmt.Fprintf(w, "period %s to %s, %.0f %% elapsed as of %s\n", s.Period.From.Format(time.DateOnly), s.Period.To.AddDate(0, 0, -1).Format(time.DateOnly),
		100*elapsed.Seconds()/s.Period.To.Sub(s.Period.From).Seconds(), s.AsOf.Format(time.RFC3339))
	n := s.Slots
	fmt.Fprintf(w, "slots  %d expected: %d collected, %d late, %d partial, %d failed, %d missed\n\n", n.Expected, n.Collected, n.Late, n.Partial, n.Failed, n.Missed)
	s.verdicts(w)
	fmt.Fprint(w, "\nopen gaps:")
	for _, sev := range []string{"critical", "high", "medium", "low"} {
		fmt.Fprintf(w, " %d %s", s.Open[sev], sev)
	}
	fmt.Fprintf(w, "\nduties: %d missed, %d due, %d more in the next 30 days; %d acceptances end within 30 days\n", s.Duties.Missed, s.Duties.Due, s.Duties.Soon, s.Expiring)
	if len(s.Duties.List) > 0 {
		table(w, "DUE\tSTATE\tDUTY\tFOR\tTITLE", func(row func(...any)) {
			for _, o := range s.Duties.List {
				row(o.Due.Format(time.DateOnly), o.State, o.Duty, o.Label, o.Title)
			}
		})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Next)) {
		t := s.Next[name]
		fmt.Fprintf(w, "next slot of %s: %s\n", name, when(&t))
	}
}

// verdicts prints how the controls stand: a line for each family or, if that is
// asked for, for each of them.
func (s status) verdicts(w io.Writer) {
	if s.controls {
		table(w, "FAMILY\tCONTROL\tSTATUS\tCOVERAGE\tPOPULATION\tDEVIATIONS\tOPEN", func(row func(...any)) {
			for _, f := range s.Families {
				row(f.Family, f.Control, f.Status, fmt.Sprintf("%.1f %%", f.Coverage), f.Population, f.Deviations, f.Open)
			}
		})
		return
	}
	table(w, "FAMILY\tCONTROLS\tPASS\tFAIL\tUNKNOWN\tPROVIDED\tNO EVIDENCE\tOTHER\tCOVERAGE\tDEVIATIONS\tOPEN", func(row func(...any)) {
		for _, f := range s.summary {
			n := f.Statuses
			row(f.Family, f.Controls, n[result.Pass], n[result.Fail], n[result.Unknown], n[result.Provided], n[result.ManualEvidence], n[result.NotApplicable]+n[result.DidNotOccur],
				fmt.Sprintf("%.1f %%", f.Coverage), f.Deviations, f.Open)
		}
	})
	fmt.Fprintln(w, "each control: evidenced status --controls")
}
