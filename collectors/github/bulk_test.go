package github

import (
	"testing"
	"time"

	"github.com/evidenced/evidenced/simulator/graphql"
)

// TestBulkUpdateHidesNothing: a pull request of page 3 is updated after page 2 was
// read and jumps to the head; then a bulk update, such as a renamed label, touches
// ten that were seen already, and it stands below them.
func TestBulkUpdateHidesNothing(t *testing.T) {
	g := product10(t, merges(160)...)
	r := g.repos["R_10"]
	moved := false
	g.change = func(q graphql.Request, _ *graphql.Answer) {
		if q.Operation == opOlder && !moved {
			moved = true
			x := r.pulls[150]
			x["updatedAt"] = start.Format(time.RFC3339)
			for _, p := range r.pulls[:10] {
				p["updatedAt"] = start.Add(time.Second).Format(time.RFC3339)
			}
			all := append([]object{}, r.pulls[:10]...)
			all = append(all, x)
			all = append(all, r.pulls[10:150]...)
			r.pulls = append(all, r.pulls[151:]...)
		}
	}
	s := captureFrom(t, inOne(), g, kindPullRequest)
	if s.Err != nil || len(s.Records) != 160 {
		t.Errorf("%d records of 160, %v", len(s.Records), s.Err)
	}
}
