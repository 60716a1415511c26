package github

import (
	"context"
	"slices"

	"github.com/evidenced/evidenced/collectors"
)

// ids are things of which only the id was asked for.
type ids struct {
	Nodes []struct {
		ID string `json:"id"`
	} `json:"nodes"`
}

func (l *ids) have(id string) bool {
	return l != nil && slices.ContainsFunc(l.Nodes, func(n struct {
		ID string `json:"id"`
	}) bool {
		return n.ID == id
	})
}

// landing is the part of a pull request that opLanded asks for.
type landing struct {
	ID          string `json:"id"`
	MergeCommit *struct {
		History struct {
			Nodes []struct {
				OID   string `json:"oid"`
				Pulls *ids   `json:"associatedPullRequests"`
			} `json:"nodes"`
		} `json:"history"`
	} `json:"mergeCommit"`
}

// rebased reports whether the commit before the merge commit is one of the same
// pull request, by GitHub's own association: then each of its commits was made anew.
func (p *pull) rebased() bool {
	m := p.MergeCommit
	return m != nil && m.Parents.Total != nil && *m.Parents.Total == 1 && len(m.Parents.Nodes) == 1 && m.Parents.Nodes[0].Pulls.have(p.ID)
}

// land sets what commits of the base a pull request became, where one commit says it all.
func (p *pull) land() {
	m := p.MergeCommit
	if m == nil || m.OID == nil || p.rebased() {
		return
	}
	switch parents := m.Parents.Nodes; {
	case p.HeadSHA != nil && *m.OID == *p.HeadSHA: // the base was moved to the head as it is
		for _, k := range p.Commits.Nodes {
			p.landed = append(p.landed, k.Commit.OID)
		}
		if !slices.Contains(p.landed, *m.OID) {
			p.landed = append(p.landed, *m.OID)
		}
	case m.Parents.Total != nil && *m.Parents.Total > 1, len(parents) == 1 && parents[0].Pulls != nil, p.Commits.Total != nil && *p.Commits.Total == 1:
		p.landed = []string{*m.OID}
	}
}

// readLanded reads which commits of the base those pull requests became that were
// rebased: the merge commit, and those before it of the same pull request.
func (s *session) readLanded(ctx context.Context, out *collectors.Output, pulls []*pull, errs []error) {
	var rest []int
	for i, p := range pulls {
		if errs[i] != nil {
			continue
		}
		if p.land(); p.rebased() {
			rest = append(rest, i)
		}
	}
	for some := range slices.Chunk(rest, pullsAtOnce) {
		var ids []string
		most := 1
		for _, i := range some {
			ids = append(ids, pulls[i].ID)
			if n := pulls[i].Commits.Total; n != nil {
				most = max(most, *n)
			}
		}
		for k, part := range s.api.nodes(ctx, out, opLanded, ids, map[string]any{"commits": min(most+1, 100)}) {
			p, l := pulls[some[k]], landing{}
			if errs[some[k]] = part.decode(&l); errs[some[k]] == nil {
				errs[some[k]] = p.landRebased(l)
			}
		}
	}
}

func (p *pull) landRebased(l landing) error {
	if l.ID != p.ID || l.MergeCommit == nil {
		return collectors.Incomplete("%s: the answer does not say which commits it became", p.URL)
	}
	for _, k := range l.MergeCommit.History.Nodes {
		if !k.Pulls.have(p.ID) {
			break
		}
		p.landed = append(p.landed, k.OID)
	}
	if len(p.landed) == 0 {
		return collectors.Incomplete("%s: GitHub does not associate its own merge commit with it", p.URL)
	}
	return nil
}
