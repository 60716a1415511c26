package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
)

func (a *app) anchorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "anchor",
		Short: "Show the newest checkpoint to every configured anchor",
		Long: `Shows the newest signed checkpoint of the log to each of the anchors in the
configuration that has not seen it, and writes down in the log what came of it.
` + "`collect now`" + ` does so at its end.`,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.storeAnchor(c.Context()) },
	}
}

func (a *app) storeAnchor(ctx context.Context) error {
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	out, err := s.Anchor(ctx, api.AnchorRequest{Write: a.actor()})
	if err != nil {
		return err
	}
	if err := a.print(out, func(w io.Writer) { anchorText(w, out.Anchors) }); err != nil {
		return err
	}
	for _, an := range out.Anchors {
		if an.Error != "" {
			return errIncomplete
		}
	}
	return nil
}

func anchorText(w io.Writer, shown []evidence.Anchor) {
	if len(shown) == 0 {
		fmt.Fprintln(w, "every anchor has seen the newest checkpoint already")
		return
	}
	table(w, "ANCHOR\tTYPE\tENTRIES\tRESULT", func(row func(cells ...any)) {
		for _, an := range shown {
			row(evidence.Printable(an.Name), an.Type, an.Size, evidence.Printable(anchorResult(an)))
		}
	})
}

func anchorResult(an evidence.Anchor) string {
	switch {
	case an.Error != "":
		return "FAILED: " + an.Error
	case an.At != nil:
		return "seen at " + an.At.Format(time.RFC3339)
	}
	return "seen"
}
