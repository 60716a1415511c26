package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/review"
	"github.com/evidenced/evidenced/store"
)

// reviewDuty is what a review that was signed off does.
const reviewDuty = "uar.performed"

func (a *app) reviewCloseCommand() *cobra.Command {
	var by, label string
	c := a.served(&cobra.Command{
		Use:   "close NAME",
		Short: "Sign a review off; from then on it is seen whether what was revoked goes",
		Long: `Signs the decisions off by their digest, leaves them in the log as records that
tests read, and brings the sheet as evidence that access was reviewed. Every row
must be decided. Nothing can be changed after that.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			by, err := reviewer(by)
			if err != nil {
				return err
			}
			return a.change(c.Context(), args[0], func(conf *config.Config, s *store.Store, r *review.Campaign) error {
				return a.reviewClose(c.Context(), conf, s, r, by, label)
			})
		},
	})
	c.Flags().StringVar(&by, "by", "", "who signs it off, an `address`")
	c.Flags().StringVar(&label, "for", "", "the quarter that it is for, a `label` such as 2026-Q1, where the day does not tell")
	return c
}

// closedReview is what `review close --json` prints.
type closedReview struct {
	campaignSum
	Digest evidence.Hash       `json:"digest"`
	Entry  uint64              `json:"entry"` // of the sheet
	Counts []result.Occurrence `json:"counts"`

	streams []string
}

func (a *app) reviewClose(ctx context.Context, conf *config.Config, s *store.Store, r *review.Campaign, by, label string) error {
	cat, err := loadCatalogue(conf)
	if err != nil {
		return err
	}
	now := a.now().UTC()
	closing, err := r.Close(by, now)
	if err != nil {
		return fmt.Errorf("%w: `evidenced review show %s` lists the rows", err, r.ID)
	}
	u, err := sheetUpload(cat, conf, r, by, label, now)
	if err != nil {
		return err
	}
	e, err := appendClosing(ctx, s, r, closing, u)
	if err != nil {
		return fmt.Errorf("close review %s: %w", r.ID, err)
	}
	_, r, err = campaigns(s, r.ID)
	if err != nil {
		return err
	}
	out := closedReview{campaignSum: newCampaignSum(r), Digest: *closing.Step.Digest, Entry: e.Index, streams: streamCounts(r.Rows)}
	if out.Counts, err = counts(cat, conf, s, e); err != nil {
		return err
	}
	return a.print(out, out.text)
}

// sheetUpload is the sheet as evidence: of the duty, or where the catalogue has
// no such duty of the control.
func sheetUpload(cat *catalogue.Catalogue, c *config.Config, r *review.Campaign, by, label string, now time.Time) (evidence.Upload, error) {
	u := evidence.Upload{Title: r.Title, Duties: []string{reviewDuty}, Occurrence: label, Effective: now, By: by}
	if _, err := duty(cat, reviewDuty); err != nil {
		return u, fmt.Errorf("the catalogue has no duty %s that a review would do: put it back, or choose its criteria in `period.criteria`", reviewDuty)
	}
	return u, labelled(cat, c, u, now)
}

// appendClosing writes the sign-off, its records and its sheet at once: all of them are there, or none.
func appendClosing(ctx context.Context, log evidence.Log, r *review.Campaign, closing review.Closing, u evidence.Upload) (e evidence.Entry, err error) {
	var sheet bytes.Buffer
	if err := r.WriteSheet(&sheet); err != nil {
		return e, err
	}
	err = log.Append(ctx, func(w evidence.Writer) error {
		step, err := evidence.WithBody(evidence.EntryReview, closing.Step)
		if err != nil {
			return err
		}
		if _, err := w.Entry(step); err != nil {
			return err
		}
		for _, snapshot := range closing.Runs {
			if err := writeSnapshot(w, snapshot); err != nil {
				return err
			}
		}
		e, err = writeUpload(w, u, []attachment{{"review-" + r.ID + ".csv", func() (io.ReadCloser, error) { return io.NopCloser(&sheet), nil }}})
		return err
	})
	return e, err
}

// writeSnapshot writes a run with its records.
func writeSnapshot(w evidence.Writer, s review.Snapshot) error {
	lines, err := evidence.Lines(s.Records)
	if err != nil {
		return err
	}
	ref, err := w.Blob(evidence.Series{Stream: s.Run.Stream, Content: evidence.ContentRecords}, bytes.NewReader(lines), len(s.Records))
	if err != nil {
		return err
	}
	run := s.Run
	run.Records = &ref
	_, err = w.Entry(evidence.Entry{Type: evidence.EntryRun, Run: &run})
	return err
}

func (c closedReview) text(w io.Writer) {
	c.head(w)
	fmt.Fprintf(w, "rows by stream: %s\n", evidence.Printable(strings.Join(c.streams, ", ")))
	fmt.Fprintf(w, "signed off %s\nthe sheet is entry %d of the log\n", c.Digest, c.Entry)
	for _, o := range c.Counts {
		fmt.Fprintf(w, "It counts for %s, %s: %s.\n", o.Duty, o.Label, o.State)
	}
	if len(c.Counts) == 0 {
		fmt.Fprintf(w, "It counts for no quarter of this period. `evidenced status` shows what is due.\n")
	}
	if c.Revoke > 0 {
		fmt.Fprintf(w, "Now take away the %d that were revoked: a later snapshot that still has one, seven days from its decision, is a gap of uar.revocations-executed.\n", c.Revoke)
	}
}
