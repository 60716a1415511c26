package github

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// How much is asked for at once. GitHub allows a query 100 of each connection,
// 500,000 nodes in all, and ten seconds.
const (
	repositoriesAtOnce = 100 // of which the head of the listing is asked for
	headSize           = 10  // pull requests of such a head
	slots              = 25  // repositories of which the next page is asked for
	pageSize           = 100
)

// slot names a variable of one of the parts of opOlder.
func slot(name string, i int) string { return name + strconv.Itoa(i) }

// listed is a pull request as the listing has it.
type listed struct {
	ID        string     `json:"id"`
	MergedAt  *time.Time `json:"mergedAt"`
	UpdatedAt *time.Time `json:"updatedAt"`
	in        *listing
}

// listing is what is known of the merged pull requests of one repository.
type listing struct {
	repository
	seen   map[string]bool
	found  []listed
	cursor string
	last   *time.Time // update of the last one of the page before
	pages  int        // of this round
	fresh  int        // of this round, seen for the first time
	// top is the update of the first one of this round, goal that of the round
	// before: what was updated since stands above it.
	top, goal *time.Time
	more      bool
	err       error
}

// listPage is a page of a listing.
type listPage struct {
	Typename     string `json:"__typename"`
	DatabaseID   int64  `json:"databaseId"`
	PullRequests *struct {
		Total *int     `json:"totalCount"`
		Page  pageInfo `json:"pageInfo"`
		Nodes []listed `json:"nodes"`
	} `json:"pullRequests"`
}

type pageInfo struct {
	HasNext     bool   `json:"hasNextPage"`
	HasPrevious bool   `json:"hasPreviousPage"`
	End         string `json:"endCursor"`
}

// mergedSince lists what was merged since from in all repositories. Every
// repository is asked, 100 in one query, for those that were updated last; what
// was merged since then was updated since then. A listing is read on until it
// has come to what was last updated before, for 25 repositories in one query.
//
// An update while a listing of several pages is read moves a pull request ahead
// of the page being read, and later updates of others move it on from the head.
// Such listings are begun again, and read down to where the reading before began,
// until a round finds nothing new.
//
// A search would find what was merged in a window at once. But it ends at 1,000
// results, lags behind, and leaves out without a word what the credential may
// not see; nor does the time of the last push prove that nothing was merged.
func (s *session) mergedSince(ctx context.Context, out *collectors.Output, repos []repository, from time.Time) []*listing {
	all := make([]*listing, len(repos))
	for i, r := range repos {
		all[i] = &listing{repository: r, seen: map[string]bool{}}
		if r.NodeID == "" {
			all[i].err = collectors.Incomplete("the repository %s has no node id", r.FullName)
		}
	}
	left := readable(all)
	for round := 0; len(left) > 0; round++ {
		if round == 5 {
			for _, l := range left {
				l.err = collectors.Incomplete("the pull requests of %s change faster than they can be listed", l.FullName)
			}
			break
		}
		s.listRound(ctx, out, left, from, round)
		left = slices.DeleteFunc(readable(left), func(l *listing) bool { return round == 0 && l.pages <= 1 || round > 0 && l.fresh == 0 })
	}
	return all
}

func readable(all []*listing) []*listing {
	return slices.DeleteFunc(slices.Clone(all), func(l *listing) bool { return l.err != nil })
}

// listRound reads the heads of listings, and as much more of each as is wanted.
func (s *session) listRound(ctx context.Context, out *collectors.Output, left []*listing, from time.Time, round int) {
	for _, l := range left {
		l.pages, l.fresh, l.last, l.more = 0, 0, nil, false
		l.goal, l.top = l.top, nil
	}
	again := round > 0
	s.eachBatch(ctx, left, repositoriesAtOnce, func(ctx context.Context, batch []*listing) {
		ids := make([]string, len(batch))
		for i, l := range batch {
			ids[i] = l.NodeID
		}
		for i, p := range s.api.nodes(ctx, out, opChanged, ids, map[string]any{"first": headSize}) {
			batch[i].addPage(p, from, headSize, again)
		}
	})
	for {
		next := slices.DeleteFunc(readable(left), func(l *listing) bool { return !l.more })
		if len(next) == 0 {
			return
		}
		s.eachBatch(ctx, next, slots, func(ctx context.Context, batch []*listing) {
			for i, p := range s.api.older(ctx, out, batch) {
				batch[i].addPage(p, from, pageSize, again)
			}
		})
	}
}

// eachBatch reads a few listings at a time, several times at once.
func (s *session) eachBatch(ctx context.Context, left []*listing, size int, read func(context.Context, []*listing)) {
	batches := slices.Collect(slices.Chunk(left, size))
	errs := collectors.Each(ctx, len(batches), s.parallel, func(ctx context.Context, i int) error {
		read(ctx, batches[i])
		return nil
	})
	for i, err := range errs { // the end of the context, or a panic
		for _, l := range batches[i] {
			l.err = cmp.Or(l.err, err)
		}
	}
}

// older asks for the next page of each of a few listings. The query has a fixed
// number of slots; those that are not needed are left out by @include.
func (c *client) older(ctx context.Context, out *collectors.Output, batch []*listing) []part {
	return halving(ctx, batch, func(ctx context.Context, batch []*listing) ([]part, error) {
		variables := map[string]any{"first": pageSize}
		for i := range slots {
			l := batch[min(i, len(batch)-1)]
			variables[slot("id", i)], variables[slot("after", i)] = l.NodeID, l.cursor
			if i > 0 {
				variables[slot("ask", i)] = i < len(batch)
			}
		}
		data, errs, err := c.query(ctx, opOlder, variables)
		if err != nil {
			return nil, err
		}
		out.Page()
		parts := make([]part, len(batch))
		for i := range batch {
			alias := slot("r", i)
			parts[i] = partOf(data[alias], errs, func(path []any) bool { return path[0] == alias })
		}
		return parts, nil
	})
}

// addPage adds a page of at most size pull requests to the listing, and decides
// whether more is wanted.
func (l *listing) addPage(p part, from time.Time, size int, again bool) {
	var page listPage
	if l.err = p.decode(&page); l.err == nil {
		l.err = l.check(page, size)
	}
	if l.err != nil {
		l.err = fmt.Errorf("the pull requests of %s: %w", l.FullName, l.err)
		return
	}
	for _, v := range page.PullRequests.Nodes {
		if l.top == nil {
			l.top = v.UpdatedAt
		}
		if !l.seen[v.ID] {
			l.fresh++
			if !v.MergedAt.Before(from) {
				v.in = l
				l.found = append(l.found, v)
			}
		}
		l.seen[v.ID], l.last = true, v.UpdatedAt
	}
	l.pages++
	info := page.PullRequests.Page
	looping := info.HasNext && info.End == l.cursor
	l.cursor = info.End
	l.more = info.HasNext && l.reaches(from) && (!again || l.goal == nil || l.reaches(*l.goal))
	if l.more && (looping || info.End == "" || l.pages > collectors.MaxPages) {
		l.err = collectors.Incomplete("the pull requests of %s: the listing does not end", l.FullName)
	}
}

// reaches reports whether what comes next may have been updated at t or later.
func (l *listing) reaches(t time.Time) bool { return l.last == nil || !l.last.Before(t) }

// check holds a page to what the listing promises: of this repository, as many
// as it states, last updated first.
func (l *listing) check(page listPage, size int) error {
	list := page.PullRequests
	switch {
	case page.DatabaseID != l.ID || page.Typename != "Repository":
		return collectors.Incomplete("the answer is about another one: %s %d", page.Typename, page.DatabaseID)
	case list == nil || list.Total == nil:
		return collectors.Incomplete("they are not counted")
	case l.pages == 0 && len(list.Nodes) != min(size, *list.Total), list.Page.HasNext && len(list.Nodes) < size:
		return collectors.Incomplete("there are %d, listed %d", *list.Total, len(list.Nodes))
	}
	last := l.last
	for _, v := range list.Nodes {
		if v.ID == "" || v.MergedAt == nil || v.UpdatedAt == nil {
			return collectors.Incomplete("one has no id or no time")
		}
		if last != nil && v.UpdatedAt.After(*last) {
			return collectors.Incomplete("they are not in the order that was asked for")
		}
		last = v.UpdatedAt
	}
	return nil
}

// inOrder returns what was found in all repositories, by the time of the merge.
func inOrder(all []*listing) (found []listed) {
	for _, l := range all {
		if l.err == nil {
			found = append(found, l.found...)
		}
	}
	slices.SortFunc(found, func(a, b listed) int { return cmp.Or(a.MergedAt.Compare(*b.MergedAt), cmp.Compare(a.ID, b.ID)) })
	return found
}

// settleRepositories notes of each repository whether it was read.
func settleRepositories(out *collectors.Output, all []*listing) (first error) {
	failed := 0
	for _, l := range all {
		out.Scope(evidence.Scope(l.FullName), l.err)
		if l.err != nil {
			failed++
			first = cmp.Or(first, l.err)
		}
	}
	if first == nil {
		return nil
	}
	return fmt.Errorf("%d of %d repositories not read, the first because: %w", failed, len(all), first)
}
