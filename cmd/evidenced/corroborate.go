package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
)

func (a *app) corroborateCommand() *cobra.Command {
	var from, to timeFlag
	c := &cobra.Command{
		Use:   "corroborate",
		Short: "Compare our own recorded requests with what the source's own log says of them",
		Long: `Takes the source's own account of our requests (for AWS: CloudTrail) and looks up
each recorded request in it, by the vendor's request id. A request that is found
happened, and when it is said to have: that is the source's word, not ours. A request in
the source's log that is not in ours was made by somebody else with our credential,
or was never recorded. Without --from and --to the newest account of each scope is
taken. Exit code 3: something is found that is not ours, or at another time, or nothing is found.`,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.corroborate(c.Context(), api.CorroborateRequest{From: from.Time, To: to.Time})
		},
	}
	c.Flags().Var(&from, "from", "accounts of requests since this `time`")
	c.Flags().Var(&to, "to", "and before this `time`")
	return c
}

func (a *app) corroborate(ctx context.Context, req api.CorroborateRequest) error {
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	out, err := s.Corroborate(ctx, req)
	if err != nil {
		return err
	}
	err = a.print(out, func(w io.Writer) {
		for _, c := range out.Corroborations {
			corroborationText(w, c)
		}
	})
	if slices.ContainsFunc(out.Corroborations, func(c api.Corroboration) bool { return !c.Agrees() }) {
		return errors.Join(err, errIncomplete)
	}
	return err
}

func corroborationText(w io.Writer, c api.Corroboration) {
	fmt.Fprintf(w, "%s, %s to %s: %d requests, %d of them told of", c.Stream, when(&c.Window.From), when(&c.Window.To), c.Asked, c.Told)
	if len(c.Silent) > 0 {
		var calls []string
		for _, name := range slices.Sorted(maps.Keys(c.Silent)) {
			calls = append(calls, fmt.Sprintf("%s %d", name, c.Silent[name]))
		}
		fmt.Fprintf(w, "; nothing of %s", strings.Join(calls, ", "))
	}
	fmt.Fprintln(w)
	for _, x := range c.Apart {
		fmt.Fprintf(w, "  at another time: %s %s, ours %s, theirs %s\n", x.Call, evidence.Printable(x.RequestID), when(&x.Ours), when(&x.Theirs))
	}
	for _, f := range c.Foreign {
		fmt.Fprintf(w, "  not ours: %s %s, %s, from %s\n", evidence.Printable(f.Event), evidence.Printable(f.RequestID), when(&f.Time), orDash(evidence.Printable(f.SourceIP)))
	}
}
