package github

import (
	"context"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

func dependabotKind() kind {
	return kind{
		KindSpec: state(kindDependabot, "A vulnerable dependency: when it was found, and when fixed."),
		calls:    []collectors.Call{reads("GET /orgs/{org}/dependabot/alerts", "vulnerability_alerts: read", "vulnerable dependencies")},
		read:     (*session).collectDependabot,
	}
}

// https://docs.github.com/en/rest/dependabot/alerts#list-dependabot-alerts-for-an-organization
type dependabotAlert struct {
	alert
	AutoDismissedAt string `json:"auto_dismissed_at"`
	Dependency      struct {
		Package struct {
			Ecosystem *string `json:"ecosystem"`
			Name      *string `json:"name"`
		} `json:"package"`
		Manifest *string `json:"manifest_path"`
		Scope    *string `json:"scope"`
	} `json:"dependency"`
	Advisory struct {
		ID       *string `json:"ghsa_id"`
		CVE      *string `json:"cve_id"`
		Severity *string `json:"severity"`
	} `json:"security_advisory"`
}

func (s *session) collectDependabot(ctx context.Context, _ evidence.Window, out *collectors.Output) error {
	return alerts(ctx, s, out, "dependabot/alerts", func(v dependabotAlert) error {
		a := collectors.Attributes{}
		a.Text("ecosystem", v.Dependency.Package.Ecosystem)
		a.Text("package", v.Dependency.Package.Name)
		a.Text("manifest", v.Dependency.Manifest)
		a.Text("dependency_scope", v.Dependency.Scope)
		a.Text("advisory", v.Advisory.ID)
		a.Text("cve", v.Advisory.CVE)
		a.Text("severity", v.Advisory.Severity)
		a.Text("auto_dismissed_at", &v.AutoDismissedAt)
		return v.emit(out, a)
	})
}
