package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// How many pull requests are read at once, and of how many of their parts. A
// query of 100 costs about 30 of the 5,000 points that GitHub allows in an hour.
const (
	pullsAtOnce = 100
	largeAtOnce = 25
	// pullsOfBatch are read by one worker: large ones among so many share a query.
	pullsOfBatch = 3 * pullsAtOnce
	// batchesOfSlot bounds what one slot holds in memory and spends of the hourly
	// limit: 7,800 pull requests, 2,400 points. The window then ends early.
	batchesOfSlot = 26
)

// sizes are how many of the parts of a pull request are read at once.
func sizes(few, reviews, commits, checks int) map[string]any {
	return map[string]any{"few": few, "reviews": reviews, "commits": commits, "checks": checks}
}

func usual() map[string]any { return sizes(20, 20, 10, 50) }
func large() map[string]any { return sizes(100, 100, 100, 100) }

// collectPullRequests reads what was merged in the window: first which pull
// requests these are, then each of them, 100 in one query, in the order of the merges.
// If there are more than a slot should hold, or GitHub stops answering on the
// way, the window ends where the reading did, and the next one begins there.
func (s *session) collectPullRequests(ctx context.Context, w evidence.Window, out *collectors.Output) error {
	repos, unseen := s.repositories(ctx, out)
	if err := once(repos); err != nil {
		return err
	}
	out.Filter("pull requests", "merged in the window")
	out.Filter("co-authors", "trailers of tools name no person: "+strings.Join(s.tools, ", "))
	all := s.mergedSince(ctx, out, repos, w.From)
	err := s.collectMerged(ctx, out, inOrder(all), w)
	return cmp.Or(unseen, settleRepositories(out, all), err)
}

// batch is a few pull requests, and what became of them. Which are in a batch
// depends on the listing alone and not on the end of the window, so that a
// recording answers for the window that was cut as well.
type batch struct {
	pulls   []listed
	records []evidence.Record
	failed  map[*listing]error // what was not read of a repository
	err     error              // GitHub stopped answering
}

func (b *batch) begins() time.Time { return *b.pulls[0].MergedAt }

func (s *session) collectMerged(ctx context.Context, out *collectors.Output, found []listed, w evidence.Window) error {
	var batches []*batch
	for pulls := range slices.Chunk(found, pullsOfBatch) {
		if b := (&batch{pulls: pulls, failed: map[*listing]error{}}); b.begins().Before(w.To) {
			batches = append(batches, b)
		}
	}
	end := w.To
	if len(batches) > batchesOfSlot && batches[batchesOfSlot].begins().After(w.From) {
		end = batches[batchesOfSlot].begins()
		batches = batches[:batchesOfSlot]
	}
	s.readBatches(ctx, out, batches)
	for i, b := range batches {
		if b.err != nil && i > 0 && b.begins().After(w.From) {
			end, batches = b.begins(), batches[:i]
			break
		}
	}
	if end.Before(w.To) {
		out.Until(end)
		out.Filter("pull requests", "merged in the window, which ends before the first one that was not read")
	}
	return emitBatches(out, batches, evidence.Window{From: w.From, To: end})
}

// readBatches reads several batches at once. Once GitHub has stopped answering, no more are begun.
func (s *session) readBatches(ctx context.Context, out *collectors.Output, batches []*batch) {
	var stopped atomic.Pointer[error]
	errs := collectors.Each(ctx, len(batches), s.parallel, func(ctx context.Context, i int) error {
		if err := stopped.Load(); err != nil {
			return *err
		}
		err := s.readBatch(ctx, out, batches[i])
		if err != nil {
			stopped.CompareAndSwap(nil, &err)
		}
		return err
	})
	for i, err := range errs {
		batches[i].err = err
	}
}

// emitBatches returns the records that lie in the window. It fails with the first
// batch that was not read; what was not read of a single pull request is a
// matter of its repository.
func emitBatches(out *collectors.Output, batches []*batch, w evidence.Window) error {
	var failed error
	for _, b := range batches {
		failed = cmp.Or(failed, b.err)
		for in, err := range b.failed {
			in.err = cmp.Or(in.err, err)
		}
		for _, r := range b.records {
			if !w.Holds(*r.Effective) {
				continue
			}
			if err := out.Emit(r); err != nil {
				return err
			}
		}
	}
	return failed
}

// stops tells an error after which there is no use in asking for more now.
func stops(err error) bool {
	return errors.Is(err, collectors.ErrThrottled) || errors.Is(err, collectors.ErrUnreachable) ||
		errors.Is(err, collectors.ErrUnauthenticated) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// readBatch reads the pull requests of a batch. An error means that GitHub
// stopped answering; what else went wrong with one is noted of its repository.
func (s *session) readBatch(ctx context.Context, out *collectors.Output, b *batch) error {
	pulls, errs := s.readPulls(ctx, out, b.pulls)
	s.readLanded(ctx, out, pulls, errs)
	for i, p := range pulls { // all of them, or up to one at which GitHub stopped
		in := b.pulls[i].in
		if errs[i] == nil {
			errs[i] = p.check(b.pulls[i])
		}
		switch {
		case errs[i] == nil:
			b.records = append(b.records, s.record(in.repository, p))
		case stops(errs[i]):
			return errs[i]
		default:
			b.failed[in] = cmp.Or(b.failed[in], fmt.Errorf("a pull request of %s: %w", in.FullName, errs[i]))
		}
	}
	return nil
}

// readPulls reads each pull request with all its parts: most of them with the
// others, those that have more of a part again, a few at a time and then page by page.
func (s *session) readPulls(ctx context.Context, out *collectors.Output, list []listed) ([]*pull, []error) {
	var pulls []*pull
	var errs []error
	for some := range slices.Chunk(list, pullsAtOnce) {
		more, failed := s.readTogether(ctx, out, some, usual())
		if pulls, errs = append(pulls, more...), append(errs, failed...); slices.ContainsFunc(failed, stops) {
			break // of those that are left nothing is known
		}
	}
	var rest []int
	for i, p := range pulls {
		if errs[i] == nil && p.unfinished() {
			rest = append(rest, i)
		}
	}
	for some := range slices.Chunk(rest, largeAtOnce) {
		var again []listed
		for _, i := range some {
			again = append(again, list[i])
		}
		more, failed := s.readTogether(ctx, out, again, large())
		for k, i := range some {
			if pulls[i], errs[i] = more[k], failed[k]; errs[i] == nil {
				errs[i] = s.readRest(ctx, out, pulls[i])
			}
		}
	}
	return pulls, errs
}

func (s *session) readTogether(ctx context.Context, out *collectors.Output, list []listed, variables map[string]any) ([]*pull, []error) {
	ids := make([]string, len(list))
	for i, v := range list {
		ids[i] = v.ID
	}
	pulls, errs := make([]*pull, len(list)), make([]error, len(list))
	for i, part := range s.api.nodes(ctx, out, opMerged, ids, variables) {
		pulls[i] = &pull{}
		errs[i] = part.decode(pulls[i])
	}
	return pulls, errs
}

// readRest reads the parts of which there are more than a page.
func (s *session) readRest(ctx context.Context, out *collectors.Output, p *pull) error {
	for pages := 0; p.unfinished(); pages++ {
		if pages == 100 {
			return collectors.Incomplete("pull request %s has parts that do not end", p.URL)
		}
		variables := large()
		for name, cursor := range p.cursors() {
			variables[name] = cursor
		}
		next, errs := s.readTogether(ctx, out, []listed{{ID: p.ID}}, variables)
		if errs[0] != nil {
			return errs[0]
		}
		if err := p.extend(next[0]); err != nil {
			return err
		}
	}
	return nil
}

func utc(t time.Time) *time.Time { t = t.UTC(); return &t }

// record returns a pull request as it is stored.
func (s *session) record(r repository, p *pull) evidence.Record {
	a := p.attributes(r, s)
	p.addAuthors(a)
	p.addContributors(a, s)
	p.addReviews(a)
	p.addChecks(a)
	p.addEvents(a)
	return evidence.Record{
		ID: p.DatabaseID, Name: r.FullName + "#" + strconv.Itoa(p.Number), Scope: r.scope(), Effective: utc(*p.MergedAt), Attributes: a,
	}
}

// attributes returns what the pull request itself says.
func (p *pull) attributes(r repository, s *session) collectors.Attributes {
	a := collectors.Attributes{"repository": r.FullName, "number": int64(p.Number)}
	a.Text("title", p.Title)
	a.Text("url", &p.URL)
	a.Text("author", p.Author.name())
	a.Bool("author_is_bot", p.Author.isBot())
	a.Text("base", p.Base)
	a.Text("base_ref", p.Base)
	a.Text("head_ref", p.HeadRef)
	a.Text("head_sha", p.HeadSHA)
	a.Text("merged_by", p.MergedBy.name())
	a.Time("created_at", p.CreatedAt)
	a.Time("merged_at", p.MergedAt)
	if m := p.MergeCommit; m != nil {
		a.Text("merge_sha", m.OID)
		a.Text("merge_commit_sha", m.OID)
		a.Text("merge_method", m.method())
	}
	if p.landed != nil {
		a.Set("landed", p.landed)
	}
	if p.Base != nil && r.DefaultBranch != nil {
		now := *p.Base // a branch that was renamed since has another name
		if p.BaseRef != nil && p.BaseRef.Name != "" {
			now = p.BaseRef.Name
		}
		a["base_is_default"] = now == *r.DefaultBranch || *p.Base == *r.DefaultBranch
		a["base_protected"] = s.protects(*p.Base)
		a.Text("default_branch", r.DefaultBranch)
	}
	a.Set("labels", p.Labels.texts(func(l label) string { return l.Name }))
	if !p.Issues.refused() {
		a.Set("linked_issues", p.Issues.texts(issue.name))
	}
	a.Set("tickets", s.ticketsIn(p.Title, p.HeadRef, p.Body))
	a["ticket_keys"] = a["tickets"]
	return a
}

func (s *session) ticketsIn(texts ...*string) (keys []string) {
	for _, t := range texts {
		if t != nil {
			keys = append(keys, s.tickets.FindAllString(*t, -1)...)
		}
	}
	keys = slices.DeleteFunc(keys, func(k string) bool { return !s.isTicket(k) })
	for i := range keys {
		keys[i] = strings.Clone(keys[i]) // and not the description with it
	}
	return keys
}

func pullRequestKind() kind {
	return kind{
		KindSpec: collectors.KindSpec{Kind: kindPullRequest, Mode: evidence.Event, Doc: "A merged pull request, with reviews, checks and tickets.", Late: time.Hour}, listing: true,
		calls: []collectors.Call{graphQLCall()},
		read:  (*session).collectPullRequests,
	}
}
