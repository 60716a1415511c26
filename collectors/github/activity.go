package github

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

func activityKind() kind {
	return kind{
		KindSpec: events(kindActivity, "Something that moved a default branch: a merge, a push, a forced push.", time.Hour), listing: true,
		calls: []collectors.Call{reads("GET /repos/{owner}/{repo}/activity", "contents: read", "pushes and merges, who made them")},
		read:  (*session).collectActivity,
	}
}

// activity is one move of a branch.
// https://docs.github.com/en/rest/repos/repos#list-repository-activities
type activity struct {
	ID     int64      `json:"id"`
	Before *string    `json:"before"`
	After  *string    `json:"after"`
	Ref    *string    `json:"ref"`
	At     *time.Time `json:"timestamp"`
	Type   *string    `json:"activity_type"`
	Actor  *account   `json:"actor"`
}

func (v activity) when() (string, *time.Time) { return numbered(v.ID), v.At }

// numbered returns "" for the id 0, which none has.
func numbered(id int64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatInt(id, 10)
}

func (s *session) collectActivity(ctx context.Context, w evidence.Window, out *collectors.Output) error {
	out.Filter("activities", "of the default branch of each repository")
	return s.eachDefaultBranch(ctx, out, func(ctx context.Context, r repository, branch string) error {
		path := r.path("activity") + "?direction=desc&ref=" + url.QueryEscape("refs/heads/"+branch)
		return newestFirst(ctx, s, out, path, w, func(_ context.Context, v activity) error {
			a := collectors.Attributes{"repository": r.FullName, "branch": branch}
			a.Text("activity_type", v.Type)
			a.Text("actor", v.Actor.login())
			a.Text("before", v.Before)
			a.Text("after", v.After)
			id, at := v.when()
			return out.Emit(evidence.Record{ID: id, Name: r.FullName + " " + id, Scope: r.scope(), Effective: utc(*at), Attributes: a})
		})
	})
}
