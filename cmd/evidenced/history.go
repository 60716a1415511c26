package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
)

func (a *app) historyCommand() *cobra.Command {
	var scope string
	c := &cobra.Command{
		Use:   "history STREAM ID",
		Short: "Show every state of one resource: when it appeared, what changed, when it was gone",
		Long: `Shows every state of one resource over the whole log: when it was first seen, each
change of an attribute, and when a complete list no longer had it. STREAM is
source/kind/scope as ` + "`evidenced evidence list`" + ` prints it, ID the record's id.
Attributes that change of themselves, such as a last login, make no state of their
own; what retention has erased is not shown.`,
		Example: "  evidenced evidence history aws/aws.iam.user/123456789012 arn:aws:iam::123456789012:user/alice",
		Args:    usage(cobra.ExactArgs(2)),
		RunE: func(c *cobra.Command, args []string) error {
			return a.evidenceHistory(c.Context(), api.HistoryRequest{Stream: args[0], ID: args[1], Scope: evidence.Scope(scope)})
		},
	}
	c.Flags().StringVar(&scope, "scope", "", "the record's own `scope`, such as 123456789012/eu-west-1, if it has one")
	return c
}

func (a *app) evidenceHistory(ctx context.Context, req api.HistoryRequest) error {
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	out, err := s.History(ctx, req)
	if err != nil {
		return err
	}
	return a.print(out, func(w io.Writer) {
		table(w, "TIME\tENTRY\tWHAT CHANGED", func(row func(...any)) {
			for _, st := range out.States {
				stateRows(st, row)
			}
		})
	})
}

// maxShown cuts a value to what fits a line, in bytes.
const maxShown = 200

func cutShown(v any) string {
	text := canonicalText(v)
	if v == nil {
		return "(not said)"
	}
	if len(text) > maxShown {
		return strings.ToValidUTF8(text[:maxShown], "") + "…"
	}
	return text
}

func stateRows(l api.ResourceState, row func(...any)) {
	what := []string{}
	switch {
	case l.Gone:
		what = append(what, "gone")
	case len(l.Changes) == 0:
		what = append(what, "there: "+cutShown(l.Record.Attributes))
	}
	for _, c := range l.Changes {
		what = append(what, fmt.Sprintf("%s: %s -> %s", c.Attribute, cutShown(c.Old), cutShown(c.New)))
	}
	row(when(&l.Time), l.Entry, what[0])
	for _, w := range what[1:] {
		row("", "", w)
	}
}

func canonicalText(v any) string {
	b, err := evidence.Canonical(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}
