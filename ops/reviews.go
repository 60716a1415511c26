package ops

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/review"
)

// campaignName is what a review may be called: it is the scope of streams, and part of file names.
var campaignName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`) })

// reviewerAddress returns the address of who takes a step, as the roster writes addresses.
func reviewerAddress(by string) (string, error) {
	by = strings.ToLower(strings.TrimSpace(by))
	if name, domain, ok := strings.Cut(by, "@"); !ok || name == "" || domain == "" || strings.ContainsAny(by, " <>,;") {
		return "", api.Errorf(api.Usage, "--by wants the address of the person, such as ann@acme.example: by that it is seen who decides on their own access")
	}
	return by, nil
}

// campaigns reads the reviews of the log, and finds the one of a name.
func campaigns(s Store, name string) ([]*review.Campaign, *review.Campaign, error) {
	all, err := review.Campaigns(s.Entries(0), s)
	if err != nil {
		return nil, nil, err
	}
	return all, review.Find(all, name), nil
}

// findCampaign returns the review of a name, or the error that there is none.
func findCampaign(s Store, name string) (*review.Campaign, error) {
	all, c, err := campaigns(s, name)
	if err != nil || c != nil {
		return c, err
	}
	var names []string
	for _, c := range all {
		names = append(names, c.ID)
	}
	return nil, api.Errorf(api.Usage, "there is no review %q%s; `evidenced review list` shows them all", name, Suggest(name, names))
}

func reviewSummary(c *review.Campaign) api.ReviewSummary {
	s := api.ReviewSummary{ID: c.ID, Title: c.Title, Status: string(c.Status), Opened: c.Opened, By: c.By, AsOf: c.AsOf, Due: c.Due,
		Closed: c.Closed, Signed: c.Signed, Sources: c.Sources, Rows: c.Count, Undecided: c.Undecided}
	for _, r := range c.Rows {
		switch r.Decision {
		case review.Keep:
			s.Keep++
		case review.Revoke:
			s.Revoke++
		case review.Modify:
			s.Modify++
		}
		for n, is := range map[*int]bool{&s.Privileged: isTrue(r.Privileged), &s.Machines: isTrue(r.Machine), &s.Unowned: len(r.Owners) == 0} {
			if is {
				*n++
			}
		}
	}
	return s
}

func isTrue(b *bool) bool { return b != nil && *b }

func reviewRow(r review.Decided) api.ReviewRow {
	return api.ReviewRow{Key: r.Key, Stream: r.Stream, ID: r.ID, Account: r.Account, Email: r.Email, Grant: r.Grant, GrantKey: r.GrantKey,
		Privileged: r.Privileged, Machine: r.Machine, LastUsed: r.LastUsed, Owners: r.Owners, Decision: r.Decision, Reason: r.Reason, By: r.By, At: r.At}
}

// Reviews implements Service.
func (o *Operations) Reviews(context.Context, api.ReviewsRequest) (*api.Reviews, error) {
	s, err := o.openForRead()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	all, _, err := campaigns(s, "")
	if err != nil {
		return nil, err
	}
	out := &api.Reviews{Reviews: []api.ReviewSummary{}}
	for _, c := range slices.Backward(all) {
		out.Reviews = append(out.Reviews, reviewSummary(c))
	}
	return out, nil
}

// Review implements Service.
func (o *Operations) Review(_ context.Context, req api.ReviewRequest) (*api.ReviewDetail, error) {
	s, err := o.openForRead()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	c, err := findCampaign(s, req.Name)
	if err != nil {
		return nil, err
	}
	d := &api.ReviewDetail{ReviewSummary: reviewSummary(c), List: make([]api.ReviewRow, 0, len(c.Rows))}
	for _, r := range c.Rows {
		d.List = append(d.List, reviewRow(r))
	}
	if req.Sheet {
		var sheet bytes.Buffer
		err = c.WriteSheet(&sheet)
		d.CSV = sheet.Bytes()
	}
	return d, err
}

// OpenReview implements Service.
func (o *Operations) OpenReview(ctx context.Context, req api.OpenReviewRequest) (*api.ReviewSummary, error) {
	now := o.now().UTC()
	step := evidence.ReviewStep{Campaign: req.Name, Step: evidence.ReviewOpen, Title: cmp.Or(req.Title, "access review "+req.Name), Due: req.Due}
	switch {
	case !campaignName().MatchString(step.Campaign):
		return nil, api.Errorf(api.Usage, "review %q: a name has letters, digits, dots, dashes and underscores, 64 at most", step.Campaign)
	case step.Due != nil && !step.Due.After(now):
		return nil, api.Errorf(api.Usage, "--due %s does not lie in the future", step.Due.Format(time.DateOnly))
	}
	var err error
	if step.By, err = reviewerAddress(req.By); err != nil {
		return nil, err
	}
	s, err := o.openExistingForWrite()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := CheckSources(s.config, req.Sources); err != nil {
		return nil, err
	}
	actor, err := s.acting(ctx, req.Actor, "--by", step.By, evidence.Person{})
	if err != nil {
		return nil, err
	}
	err = appendDecided(ctx, s, func() (func(evidence.Writer) error, error) { return freeze(ctx, s, step, req.Sources, now, actor) })
	if err != nil {
		return nil, err
	}
	c, err := findCampaign(s, step.Campaign)
	if err != nil {
		return nil, err
	}
	sum := reviewSummary(c)
	return &sum, nil
}

// freeze returns what writes the first step of a review, with its rows.
func freeze(ctx context.Context, s *session, step evidence.ReviewStep, sources []string, now time.Time, actor api.Actor) (func(evidence.Writer) error, error) {
	_, before, err := campaigns(s, step.Campaign)
	if err != nil {
		return nil, err
	}
	if before != nil {
		return nil, api.Errorf(api.Usage, "review %s was opened on %s and is %s: choose another name", step.Campaign, before.Opened.Format(time.DateOnly), before.Status)
	}
	all, from, err := s.judge.Rows(ctx, review.Access)
	if err != nil {
		return nil, err
	}
	rows, read, err := review.Freeze(all, from, sources, now)
	if err != nil {
		return nil, fmt.Errorf("open review %s: %w", step.Campaign, err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("open review %s: no source has an active account: there is nothing to decide on", step.Campaign)
	}
	lines, err := review.Lines(rows)
	if err != nil {
		return nil, err
	}
	step.AsOf, step.Count, step.Sources = &now, len(rows), read
	e, err := entryOf(evidence.EntryReview, step, actor)
	return writeEntry(&e, string(lines)), err
}

// stepReview runs one step of an open review: step looks at the review as it
// stands, and returns what to append.
func (o *Operations) stepReview(ctx context.Context, name string, w api.Write, by string,
	step func(*session, *review.Campaign, api.Actor) (func(evidence.Writer) error, error)) (*session, error) {
	s, err := o.openExistingForWrite()
	if err != nil {
		return nil, err
	}
	err = appendDecided(ctx, s, func() (func(evidence.Writer) error, error) {
		c, err := findCampaign(s, name)
		if err != nil {
			return nil, err
		}
		if c.Status != review.Open {
			return nil, api.Errorf(api.Usage, "review %s is %s: nothing is changed any more; open another one", name, c.Status)
		}
		actor, err := s.acting(ctx, w.Actor, "--by", by, evidence.Person{})
		if err != nil {
			return nil, err
		}
		return step(s, c, actor)
	})
	if err != nil {
		_ = s.Close() // nothing was written
		return nil, err
	}
	return s, nil
}

// DecideReview implements Service.
func (o *Operations) DecideReview(ctx context.Context, req api.DecideReviewRequest) (*api.ReviewDecided, error) {
	by, err := reviewerAddress(req.By)
	if err != nil {
		return nil, err
	}
	if (req.CSV == nil) == (len(req.Decisions) == 0) {
		return nil, api.Errorf(api.Usage, "name one row with --row and --decision, or a sheet with --csv, and not both")
	}
	out := &api.ReviewDecided{}
	s, err := o.stepReview(ctx, req.Name, req.Write, by, func(_ *session, c *review.Campaign, actor api.Actor) (func(evidence.Writer) error, error) {
		ds, err := decisionsOf(c, req)
		out.Decided = len(ds)
		if err != nil || len(ds) == 0 {
			return nil, err
		}
		if err := c.Check(ds, by); err != nil {
			return nil, api.AsUsage(err)
		}
		e, err := entryOf(evidence.EntryReview, evidence.ReviewStep{Campaign: req.Name, Step: evidence.ReviewDecide, By: by, Decisions: ds}, actor)
		return writeEntry(&e), err
	})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	c, err := findCampaign(s, req.Name)
	if err != nil {
		return nil, err
	}
	out.ReviewSummary = reviewSummary(c)
	return out, nil
}

// decisionsOf returns the decisions that a request makes and that change something.
func decisionsOf(c *review.Campaign, req api.DecideReviewRequest) ([]evidence.RowDecision, error) {
	ds := slices.Clone(req.Decisions)
	for i := range ds {
		ds[i].Reason = strings.TrimSpace(ds[i].Reason)
	}
	if req.CSV != nil {
		var err error
		if ds, err = c.ReadSheet(bytes.NewReader(req.CSV)); err != nil {
			return nil, api.Errorf(api.Usage, "%s: %w", req.SheetName, err)
		}
	}
	return changedDecisions(c, ds), nil
}

// changedDecisions leaves out what was decided just so before: whoever fills a
// sheet to its end takes nobody's earlier decisions over.
func changedDecisions(c *review.Campaign, ds []evidence.RowDecision) []evidence.RowDecision {
	have := map[string]review.Decided{}
	for _, r := range c.Rows {
		have[r.Key] = r
	}
	return slices.DeleteFunc(ds, func(d evidence.RowDecision) bool {
		r, there := have[d.Row]
		return there && r.Decision == d.Decision && r.Reason == d.Reason
	})
}

// CancelReview implements Service.
func (o *Operations) CancelReview(ctx context.Context, req api.CancelReviewRequest) (*api.CanceledReview, error) {
	by, err := reviewerAddress(req.By)
	if err != nil {
		return nil, err
	}
	reason := strings.TrimSpace(req.Reason)
	if reason == "" {
		return nil, api.Errorf(api.Usage, "--reason is missing")
	}
	var e evidence.Entry
	s, err := o.stepReview(ctx, req.Name, req.Write, by, func(_ *session, _ *review.Campaign, actor api.Actor) (func(evidence.Writer) error, error) {
		var err error
		e, err = entryOf(evidence.EntryReview, evidence.ReviewStep{Campaign: req.Name, Step: evidence.ReviewCancel, By: by, Reason: reason}, actor)
		return writeEntry(&e), err
	})
	if err != nil {
		return nil, err
	}
	return &api.CanceledReview{ID: req.Name, Status: string(review.Canceled), Entry: e.Index}, s.Close()
}
