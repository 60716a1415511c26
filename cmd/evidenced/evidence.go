package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

func (a *app) evidenceCommand() *cobra.Command {
	var stream string
	var limit int
	var manual bool
	list := &cobra.Command{
		Use:   "list",
		Short: "List the slots and how they ended, newest first",
		Args:  usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if manual {
				return a.manualList(limit)
			}
			return a.evidenceList(c.Context(), stream, limit)
		},
	}
	list.Flags().BoolVar(&manual, "manual", false, "list what people brought instead")
	list.Flags().StringVar(&stream, "stream", "", "only streams that begin with `text`, such as aws/aws.iam.user")
	list.Flags().IntVar(&limit, "limit", 50, "at most `n` slots; 0 for all")
	var records, exchanges bool
	var file, out string
	show := &cobra.Command{
		Use:   "show ID",
		Short: "Show one slot with its certificate, or what a person brought; ID is its number in the log",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			index, err := strconv.ParseUint(args[0], 10, 64)
			switch {
			case err != nil:
				return usageError{fmt.Errorf("%q is not the number of a log entry", args[0])}
			case file != "" || out != "":
				return a.uploadFile(index, file, out)
			}
			return a.evidenceShow(index, records, exchanges)
		},
	}
	show.Flags().BoolVar(&records, "records", false, "also print the records")
	show.Flags().BoolVar(&exchanges, "exchanges", false, "also print the raw exchanges")
	show.Flags().StringVar(&file, "file", "", "get the file of this `name` back, as it was brought")
	show.Flags().StringVar(&out, "out", "", "where to write it, a new `file`")
	return group("evidence", "Look at the evidence, and add to it by hand", a.evidenceAddCommand(), a.served(list), a.served(show), a.served(a.historyCommand()))
}

// slotLine is one slot in `evidence list --json`.
type slotLine struct {
	ID       uint64           `json:"id"`
	Stream   string           `json:"stream"`
	Due      time.Time        `json:"due"`
	Trigger  evidence.Trigger `json:"trigger"`
	Outcome  evidence.Outcome `json:"outcome"`
	Reason   string           `json:"reason"`
	Recorded time.Time        `json:"recorded"`
	Rows     int              `json:"rows"`
}

func newSlotLine(e evidence.Entry) slotLine {
	l := slotLine{ID: e.Index, Stream: e.Run.Stream.String(), Due: e.Run.Due, Trigger: e.Run.Trigger, Outcome: e.Run.Outcome, Recorded: e.Recorded}
	if e.Run.Reason != nil {
		l.Reason = e.Run.Reason.String()
	}
	if e.Run.Certificate != nil {
		l.Rows = e.Run.Certificate.Rows
	}
	return l
}

func (a *app) evidenceList(ctx context.Context, stream string, limit int) error {
	_, s, err := a.opened()
	if err != nil {
		return err
	}
	defer s.Close()
	slots := []slotLine{}
	for e, err := range s.Entries(0) {
		if err != nil {
			return err
		}
		if e.Run != nil && strings.HasPrefix(e.Run.Stream.String(), stream) {
			slots = append(slots, newSlotLine(e))
		}
	}
	for i, j := 0, len(slots)-1; i < j; i, j = i+1, j-1 {
		slots[i], slots[j] = slots[j], slots[i]
	}
	if limit > 0 && len(slots) > limit {
		slots = slots[:limit]
	}
	return a.print(map[string]any{"slots": slots}, func(w io.Writer) {
		table(w, "ID\tDUE\tOUTCOME\tROWS\tSTREAM\tREASON", func(row func(...any)) {
			for _, l := range slots {
				row(l.ID, when(&l.Due), l.Outcome, l.Rows, l.Stream, l.Reason)
			}
		})
	})
}

// slotDetail is what `evidence show --json` prints.
type slotDetail struct {
	evidence.Entry
	Records   []evidence.Record   `json:"records,omitempty"`
	Exchanges []evidence.Exchange `json:"exchanges,omitempty"`
}

func (a *app) evidenceShow(index uint64, records, exchanges bool) error {
	_, s, err := a.opened()
	if err != nil {
		return err
	}
	defer s.Close()
	d, err := detail(s, index, records, exchanges)
	if err != nil {
		return err
	}
	return a.print(d, d.text)
}

func detail(s *store.Store, index uint64, records, exchanges bool) (d slotDetail, err error) {
	if n, err := s.Size(); err != nil || index >= n {
		return d, fmt.Errorf("there is no entry %d: the log has %d", index, n)
	}
	for e, err := range s.Entries(index) {
		if err != nil {
			return d, err
		}
		d.Entry = e
		break
	}
	if d.Run == nil {
		return d, nil
	}
	if ref := d.Run.Records; records && ref != nil {
		for r, err := range s.Records(*ref) {
			if err != nil {
				return d, err
			}
			d.Records = append(d.Records, r)
		}
	}
	if ref := d.Run.Exchanges; exchanges && ref != nil {
		for x, err := range s.Exchanges(*ref) {
			if err != nil {
				return d, err
			}
			d.Exchanges = append(d.Exchanges, x)
		}
	}
	return d, nil
}

func (d slotDetail) text(w io.Writer) {
	fmt.Fprintf(w, "entry %d, %s, recorded %s\n", d.Index, d.Type, d.Recorded.Format(time.RFC3339))
	if d.Run == nil {
		d.bodyText(w)
		return
	}
	line := func(name string, value any) {
		fmt.Fprintf(w, "  %-12s %s\n", name, evidence.Printable(fmt.Sprint(value)))
	}
	line("stream", d.Run.Stream)
	line("due", d.Run.Due.Format(time.RFC3339)+" ("+string(d.Run.Trigger)+")")
	line("outcome", d.Run.Outcome)
	if d.Run.Reason != nil {
		line("reason", d.Run.Reason)
	}
	if c := d.Run.Certificate; c != nil {
		certificateText(line, *c)
	}
	for _, r := range d.Records {
		printJSON(w, r)
	}
	for _, x := range d.Exchanges {
		printJSON(w, x)
	}
}

// bodyText prints what an entry without a run says.
func (d slotDetail) bodyText(w io.Writer) {
	if act, ok, err := evidence.ActOf(d.Entry); ok && err == nil && act.Upload != nil {
		uploadText(w, *act.Upload)
		return
	}
	fmt.Fprintln(w, evidence.Printable(string(d.Body)))
}

// certificateText prints the IPE of a snapshot.
func certificateText(line func(string, any), c evidence.Certificate) {
	line("complete", c.Complete)
	line("principal", c.Principal)
	line("endpoints", strings.Join(c.Endpoints, ", "))
	line("read", c.Started.Format(time.RFC3339)+" to "+c.Ended.Format(time.RFC3339))
	line("rows", fmt.Sprintf("%d in %d pages, %d requests", c.Rows, c.Pages, c.Requests))
	if c.Window != nil {
		line("window", c.Window.From.Format(time.RFC3339)+" to "+c.Window.To.Format(time.RFC3339))
	}
	for k, v := range c.Filters {
		line("filter", k+"="+v)
	}
	for _, s := range c.Scopes {
		text := string(s.Scope) + " " + string(s.Status)
		if s.Reason != nil {
			text += " (" + s.Reason.String() + ")"
		}
		line("scope", text)
	}
	line("collector", c.Collector+", rules "+c.Rules)
}

func printJSON(w io.Writer, v any) {
	b, err := evidence.Canonical(v)
	if err != nil {
		b = []byte(err.Error())
	}
	fmt.Fprintln(w, evidence.Printable(string(b)))
}
