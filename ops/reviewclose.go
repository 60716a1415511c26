package ops

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/review"
)

// reviewDuty is what a review that was signed off does.
const reviewDuty = "uar.performed"

// CloseReview implements Service.
func (o *Operations) CloseReview(ctx context.Context, req api.CloseReviewRequest) (*api.ClosedReview, error) {
	by, err := reviewerAddress(req.By)
	if err != nil {
		return nil, err
	}
	now := o.now().UTC()
	var e evidence.Entry
	out := &api.ClosedReview{}
	s, err := o.stepReview(ctx, req.Name, req.Write, by, func(s *session, c *review.Campaign, actor api.Actor) (func(evidence.Writer) error, error) {
		closing, err := c.Close(by, now)
		if err != nil {
			return nil, fmt.Errorf("%w: `evidenced review show %s` lists the rows", err, c.ID)
		}
		cat, err := s.judge.Catalogue()
		if err != nil {
			return nil, err
		}
		u, err := sheetUpload(cat, s.config, c, by, req.Occurrence, now)
		if err != nil {
			return nil, err
		}
		out.Digest, out.ByStream = *closing.Step.Digest, streamCounts(c.Rows)
		return writeClosing(&e, c, closing, u, actor)
	})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	c, err := findCampaign(s, req.Name)
	if err != nil {
		return nil, err
	}
	cat, err := s.judge.Catalogue()
	if err != nil {
		return nil, err
	}
	out.ReviewSummary, out.Entry = reviewSummary(c), e.Index
	out.Counts, err = fulfilled(s, cat, s.config, e)
	return out, err
}

// sheetUpload is the sheet as evidence of the duty; an error where the
// catalogue has no such duty.
func sheetUpload(cat *catalogue.Catalogue, c *config.Config, r *review.Campaign, by, label string, now time.Time) (evidence.Upload, error) {
	u := evidence.Upload{Title: r.Title, Duties: []string{reviewDuty}, Occurrence: label, Effective: now, By: by}
	if _, err := findDuty(cat, reviewDuty); err != nil {
		return u, fmt.Errorf("the catalogue has no duty %s that a review would do: put it back, or choose its criteria in `period.criteria`", reviewDuty)
	}
	return u, checkOccurrence(cat, c, u, now)
}

// writeClosing returns what writes the sign-off, its records and its sheet at
// once, and sets sheet to the entry of that.
func writeClosing(sheet *evidence.Entry, r *review.Campaign, closing review.Closing, u evidence.Upload, actor api.Actor) (func(evidence.Writer) error, error) {
	var text bytes.Buffer
	if err := r.WriteSheet(&text); err != nil {
		return nil, err
	}
	step, err := entryOf(evidence.EntryReview, closing.Step, actor)
	if err != nil {
		return nil, err
	}
	file := api.File{Name: "review-" + r.ID + ".csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text.Bytes())), nil }}
	return func(w evidence.Writer) error {
		if _, err := w.Entry(step); err != nil {
			return fmt.Errorf("close review %s: %w", r.ID, err)
		}
		for _, snapshot := range closing.Runs {
			if err := writeSnapshot(w, snapshot); err != nil {
				return fmt.Errorf("close review %s: %w", r.ID, err)
			}
		}
		var err error
		*sheet, err = writeUpload(w, u, []api.File{file}, actor)
		return err
	}, nil
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

// streamCounts counts rows per stream, in order.
func streamCounts(rows []review.Decided) []string {
	n := map[string]int{}
	for _, r := range rows {
		n[r.Stream.String()]++
	}
	var out []string
	for _, s := range slices.Sorted(maps.Keys(n)) {
		out = append(out, fmt.Sprintf("%s: %d", s, n[s]))
	}
	return out
}
