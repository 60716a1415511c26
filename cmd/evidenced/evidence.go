package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
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
				return a.uploadList(c.Context(), limit)
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
				return api.Errorf(api.Usage, "%q is not the number of a log entry", args[0])
			case file != "" || out != "":
				return a.uploadFile(c.Context(), index, file, out)
			}
			return a.evidenceShow(c.Context(), index, records, exchanges)
		},
	}
	show.Flags().BoolVar(&records, "records", false, "also print the records")
	show.Flags().BoolVar(&exchanges, "exchanges", false, "also print the raw exchanges")
	show.Flags().StringVar(&file, "file", "", "get the file of this `name` back, as it was brought")
	show.Flags().StringVar(&out, "out", "", "where to write it, a new `file`")
	return group("evidence", "Look at the evidence, and add to it by hand", a.evidenceAddCommand(), list, show, a.historyCommand(), a.receiptCommand())
}

func (a *app) evidenceList(ctx context.Context, stream string, limit int) error {
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	out, err := s.Collections(ctx, api.CollectionsRequest{Stream: stream, Limit: limit})
	if err != nil {
		return err
	}
	return a.print(out, func(w io.Writer) {
		table(w, "ID\tDUE\tOUTCOME\tROWS\tSTREAM\tREASON", func(row func(...any)) {
			for _, l := range out.Slots {
				row(l.ID, when(&l.Due), l.Outcome, l.Rows, l.Stream, l.Reason)
			}
		})
	})
}

func (a *app) evidenceShow(ctx context.Context, index uint64, records, exchanges bool) error {
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	d, err := s.Entry(ctx, api.EntryRequest{ID: index, Records: records, Exchanges: exchanges})
	if err != nil {
		return err
	}
	return a.print(d, func(w io.Writer) { entryText(w, d) })
}

func entryText(w io.Writer, d *api.EntryDetail) {
	fmt.Fprintf(w, "entry %d, %s, recorded %s\n", d.Index, d.Type, d.Recorded.Format(time.RFC3339))
	if d.Actor != nil {
		fmt.Fprintf(w, "  %-12s %s\n", "caused by", evidence.Printable(actorText(*d.Actor)))
	}
	if d.Run == nil {
		bodyText(w, d)
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
func bodyText(w io.Writer, d *api.EntryDetail) {
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

// actorText says who caused an entry, and how that is known.
func actorText(a evidence.Actor) string {
	text := a.User + " (" + strings.ReplaceAll(a.Established, "_", " ") + ")"
	switch {
	case a.Person == nil:
		return text
	case a.Person.Verified:
		return text + ", for " + a.Person.String() + " of the roster"
	}
	return text + ", for " + a.Person.String() + ", whom no roster verifies"
}
