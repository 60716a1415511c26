package github

import (
	"context"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

func secretKind() kind {
	return kind{
		KindSpec: state(kindSecret, "A credential that was found in a repository: when, and when that was resolved. The credential itself is not kept."),
		calls:    []collectors.Call{reads("GET /orgs/{org}/secret-scanning/alerts", "secret_scanning_alerts: read", "credentials found in repositories, without their text")},
		read:     (*session).collectSecrets,
	}
}

// https://docs.github.com/en/rest/secret-scanning/secret-scanning#list-secret-scanning-alerts-for-an-organization
type secretAlert struct {
	alert
	Type       *string    `json:"secret_type"`
	Validity   *string    `json:"validity"`
	Bypassed   *bool      `json:"push_protection_bypassed"`
	BypassedBy *account   `json:"push_protection_bypassed_by"`
	ResolvedAt *time.Time `json:"resolved_at"`
	ResolvedBy *account   `json:"resolved_by"`
	Resolution *string    `json:"resolution"`
}

// collectSecrets asks for alerts without the credentials. A server that sends
// them nevertheless has them removed at the door.
func (s *session) collectSecrets(ctx context.Context, _ evidence.Window, out *collectors.Output) error {
	return alerts(ctx, s, out, "secret-scanning/alerts?hide_secret=true", func(v secretAlert) error {
		a := collectors.Attributes{}
		a.Text("secret_type", v.Type)
		a.Text("validity", v.Validity)
		a.Bool("push_protection_bypassed", v.Bypassed)
		a.Text("push_protection_bypassed_by", v.BypassedBy.login())
		a.Time("resolved_at", v.ResolvedAt)
		a.Text("resolved_by", v.ResolvedBy.login())
		a.Text("resolution", v.Resolution)
		return v.emit(out, a)
	})
}
