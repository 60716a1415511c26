package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/anchor"
	"github.com/evidenced/evidenced/anchor/s3"
	"github.com/evidenced/evidenced/anchor/timestamp"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

func (a *app) anchorCommand() *cobra.Command {
	return a.served(&cobra.Command{
		Use:   "anchor",
		Short: "Show the newest checkpoint to every configured anchor",
		Long: `Shows the newest signed checkpoint of the log to each of the anchors in the
configuration that has not seen it, and writes down in the log what came of it.
` + "`collect now`" + ` does so at its end.`,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.storeAnchor(c.Context()) },
	})
}

func (a *app) storeAnchor(ctx context.Context) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	if len(c.Anchors) == 0 {
		return &config.Error{File: c.Path, Message: "it names no anchors: see docs/anchors.md"}
	}
	s, err := a.writing(c, store.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	shown, err := showAnchors(ctx, c, s)
	if err != nil {
		return err
	}
	if shown == nil {
		shown = []evidence.Anchor{}
	}
	if err := a.print(map[string]any{"anchors": shown}, func(w io.Writer) { anchorText(w, shown) }); err != nil {
		return err
	}
	for _, an := range shown {
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

// showAnchors shows the newest checkpoint to every configured anchor.
func showAnchors(ctx context.Context, c *config.Config, s *store.Store) ([]evidence.Anchor, error) {
	var places []anchor.Place
	for _, an := range c.Anchors {
		p, err := placeOf(ctx, an, s)
		if err != nil {
			return nil, err
		}
		places = append(places, p)
	}
	if len(places) == 0 {
		return nil, nil
	}
	return anchor.Run(ctx, s, places)
}

// anchorAfter is showAnchors at the end of a collection, which it cannot fail:
// what went wrong is in the log, and a warning.
func (a *app) anchorAfter(ctx context.Context, c *config.Config, s *store.Store) {
	shown, err := showAnchors(ctx, c, s)
	if err != nil {
		fmt.Fprintf(a.stderr, "evidenced: anchors: %s\n", mistakes(err))
	}
	for _, an := range shown {
		if an.Error != "" {
			fmt.Fprintf(a.stderr, "evidenced: the anchor %s has not seen the log: %s\n", evidence.Printable(an.Name), evidence.Printable(an.Error))
		}
	}
}

// placeOf gives the place that the configuration names.
func placeOf(ctx context.Context, an config.Anchor, s *store.Store) (anchor.Place, error) {
	switch {
	case an.Git != nil:
		return anchor.NewGit(an.Name, an.Git.Repository, an.Git.Branch)
	case an.S3 != nil:
		b := an.S3
		return s3.New(ctx, s3.Bucket{Name: an.Name, Bucket: b.Bucket, Prefix: b.Prefix, Region: b.Region, Endpoint: b.Endpoint, Mode: b.Mode, Retain: b.Retain})
	case an.Timestamp != nil:
		pem, err := os.ReadFile(an.Timestamp.CA)
		if err != nil {
			return nil, fmt.Errorf("anchor %s: %w", an.Name, err)
		}
		roots, err := timestamp.Roots(pem)
		if err != nil {
			return nil, fmt.Errorf("anchor %s: %s: %w", an.Name, an.Timestamp.CA, err)
		}
		return anchor.NewTimestamp(an.Name, an.Timestamp.URL, roots), nil
	case an.Witness != nil:
		return anchor.NewWitness(an.Name, an.Witness.URL, an.Witness.Key, s)
	}
	return anchor.NewFolder(an.Name, an.Folder), nil
}
