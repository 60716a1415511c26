package catalogue

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// former names the controls of the time when one held many promises, and those
// that took their tests and duties over. Evidence may be filed under such an id
// for ever, so no other control may have one.
var former = map[string]string{
	"access":          "administrators-limited cloud-external-access cloud-root-user credential-rotation inactive-accounts least-privilege machine-credentials private-storage repository-access",
	"access-review":   "access-review-quarterly access-review-revocations least-privilege",
	"accounts":        "administrators-limited inactive-accounts leaver-sign-in machine-credentials password-policy service-accounts",
	"approvals":       "joiner-approval mover-access privileged-access repository-access third-party-applications",
	"assurance":       "alert-triage boundary-review penetration-test",
	"availability":    "backup-data backup-jobs",
	"change":          "change-approval change-deployment change-direct-push change-emergency change-history-protected change-review-required change-tests change-tickets machine-credentials",
	"confidentiality": "data-classification data-deletion",
	"continuity":      "backup-restore-test capacity-and-uptime continuity-plan",
	"encryption":      "device-compliance device-encryption encryption-at-rest encryption-in-transit encryption-keys",
	"gitlab":          "change-approval change-history-protected change-tests change-tickets",
	"governance":      "board-oversight control-monitoring customer-commitments organisation-structure policy-acknowledgement policy-approval risk-treatment system-description",
	"identity":        "mfa-code-host mfa-identity-provider mfa-sign-in-policy",
	"incidents":       "incident-plan incident-postmortem incident-register",
	"lifecycle":       "account-ownership joiner-approval leaver-access leaver-sign-in service-accounts",
	"logging":         "alert-triage alerting audit-log-cloud audit-log-protection cloud-external-access configuration-recording network-traffic-log threat-detection",
	"mfa":             "cloud-root-user mfa-business-applications mfa-cloud-console mfa-code-host mfa-identity-provider mfa-infrastructure password-policy",
	"network":         "encryption-in-transit network-admin-ports private-services private-storage server-hardening",
	"people":          "background-checks performance-assessment policy-acknowledgement security-training",
	"physical":        "media-disposal physical-access",
	"privacy":         "privacy-collection privacy-disclosure privacy-notice privacy-quality privacy-requests privacy-use",
	"processing":      "processing-checks processing-definitions processing-storage",
	"risk":            "risk-assessment risk-treatment",
	"traceability":    "change-deployment change-reconciliation change-tickets",
	"vendors":         "vendor-inventory vendor-reports",
	"vulnerability":   "credential-rotation patching secrets-in-code vulnerability-code vulnerability-infrastructure vulnerability-scanning",
}

// SplitInto returns the controls that a former one was split into, sorted; none
// where there never was one of that id.
func SplitInto(id string) []string { return strings.Fields(former[id]) }

// Former returns the former control that a control took something over from, sorted.
func Former(id string) []string {
	ids := slices.Sorted(maps.Keys(former))
	return slices.DeleteFunc(ids, func(old string) bool { return !slices.Contains(SplitInto(old), id) })
}

// refuseFormer fails where a file would take the place of a control that is no
// more: it would stand beside those that came after it, and replace none.
func refuseFormer(own fs.FS) error {
	names, err := fs.Glob(own, "*.yaml")
	if err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	l := loader{fsys: own}
	for _, name := range names {
		var ctl Control
		if name == criteriaFile || name == calendarFile || l.read(name, &ctl) != nil {
			continue // Load reports files that cannot be read
		}
		if into := SplitInto(ctl.ID); len(into) > 0 {
			return fmt.Errorf("%s:%d: control %s of ours was split into %s: name your files as those that yours are to replace, or give yours another id",
				name, max(l.last.line("id"), 1), ctl.ID, strings.Join(into, ", "))
		}
	}
	return nil
}
