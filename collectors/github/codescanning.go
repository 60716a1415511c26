package github

import (
	"context"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

func codeScanningKind() kind {
	return kind{
		KindSpec: state(kindCodeScanning, "What code scanning found: when, and when it was fixed."),
		calls:    []collectors.Call{reads("GET /orgs/{org}/code-scanning/alerts", "security_events: read", "findings of code scanning")},
		read:     (*session).collectCodeScanning,
	}
}

// https://docs.github.com/en/rest/code-scanning/code-scanning#list-code-scanning-alerts-for-an-organization
type codeScanningAlert struct {
	alert
	Rule struct {
		ID       *string `json:"id"`
		Severity *string `json:"security_severity_level"`
	} `json:"rule"`
	Tool struct {
		Name *string `json:"name"`
	} `json:"tool"`
	Instance struct {
		Ref *string `json:"ref"`
	} `json:"most_recent_instance"`
}

func (s *session) collectCodeScanning(ctx context.Context, _ evidence.Window, out *collectors.Output) error {
	return alerts(ctx, s, out, "code-scanning/alerts", func(v codeScanningAlert) error {
		a := collectors.Attributes{}
		a.Text("rule", v.Rule.ID)
		a.Text("severity", v.Rule.Severity)
		a.Text("tool", v.Tool.Name)
		a.Text("ref", v.Instance.Ref)
		return v.emit(out, a)
	})
}
