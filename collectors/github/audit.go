package github

import (
	"context"
	"net/url"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

const callAudit = "GET /orgs/{org}/audit-log"

func auditKind() kind {
	return kind{
		KindSpec: events(kindAuditEvent, "An entry of the audit log; only GitHub Enterprise has one, and without it what it would say is not known.", time.Hour),
		calls:    []collectors.Call{reads(callAudit, "organization_administration: read", "who changed settings, rules and rights; GitHub Enterprise only")},
		read:     (*session).collectAudit,
	}
}

// auditEvent is one entry. Which members it has besides depends on the action.
// https://docs.github.com/en/enterprise-cloud@latest/rest/orgs/orgs#get-the-audit-log-for-an-organization
type auditEvent struct {
	ID      string  `json:"_document_id"`
	Action  *string `json:"action"`
	Actor   *string `json:"actor"`
	User    *string `json:"user"`
	Repo    *string `json:"repo"`
	Team    *string `json:"team"`
	Created int64   `json:"@timestamp"` // milliseconds
}

func (v auditEvent) when() (string, *time.Time) {
	if v.Created <= 0 {
		return v.ID, nil
	}
	return v.ID, utc(time.UnixMilli(v.Created))
}

func (s *session) collectAudit(ctx context.Context, w evidence.Window, out *collectors.Output) error {
	// The search knows days only; the window is cut here.
	days := "created:" + w.From.UTC().Format(time.DateOnly) + ".." + w.To.UTC().Format(time.DateOnly)
	path := "orgs/" + s.org + "/audit-log?include=web&order=desc&phrase=" + url.QueryEscape(days)
	out.Filter("audit log", "entries of the web (include=web)")
	err := newestFirst(ctx, s, out, path, w, func(_ context.Context, v auditEvent) error {
		a := collectors.Attributes{}
		a.Text("action", v.Action)
		a.Text("actor", v.Actor)
		a.Text("user", v.User)
		a.Text("repository", v.Repo)
		a.Text("team", v.Team)
		id, at := v.when()
		return out.Emit(evidence.Record{ID: id, Name: id, Effective: at, Attributes: a})
	})
	out.Scope(s.RootScope(), err)
	return err
}
