package simulator

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const iamNamespace = "https://iam.amazonaws.com/doc/2010-05-08/"

func (c *Company) getAccountSummary(q *awsRequest) reply {
	a, users, devices := q.account, 0, 0
	for _, u := range a.users {
		if u.life.holds(q.now) {
			users++
			devices += count(u.mfa.at(q.now))
		}
	}
	root := count(a.rootMFA.at(q.now))
	var entries []node
	for _, e := range []struct {
		key string
		n   int
	}{
		{"AccountAccessKeysPresent", count(a.rootKey.state.at(q.now).active)}, {"AccountMFAEnabled", root},
		{"AccountPasswordPresent", 1}, {"AccountSigningCertificatesPresent", 0}, {"AccessKeysPerUserQuota", 2},
		{"Groups", 4}, {"GroupsQuota", 300}, {"MFADevices", devices + root}, {"MFADevicesInUse", devices + root},
		{"Policies", 12}, {"Roles", 21}, {"RolesQuota", 1000}, {"Users", users}, {"UsersQuota", 5000},
	} {
		entries = append(entries, el("entry", leaf("key", e.key), leaf("value", e.n)))
	}
	return q.query(iamNamespace, el("SummaryMap", entries...))
}

// listVirtualDevices gives the virtual devices of users; the root user's is a piece of hardware.
func (c *Company) listVirtualDevices(q *awsRequest) reply {
	var list []node
	for _, u := range q.account.users {
		if u.life.holds(q.now) && u.mfa.at(q.now) {
			list = append(list, el("member", leaf("SerialNumber", strings.Replace(u.arn, ":user/", ":mfa/", 1)), leaf("EnableDate", u.life.from),
				el("User", leaf("Path", "/"), leaf("UserName", u.name), leaf("UserId", "AIDASIM"+u.name), leaf("Arn", u.arn), leaf("CreateDate", u.life.from))))
		}
	}
	return q.query(iamNamespace, leaf("IsTruncated", false), el("VirtualMFADevices", list...))
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (c *Company) getPasswordPolicy(q *awsRequest) reply {
	p := q.account.policy.at(q.now)
	if p == nil {
		return q.fail(http.StatusNotFound, "NoSuchEntity", "The Password Policy with domain name "+q.account.id+" cannot be found.")
	}
	kids := []node{
		leaf("MinimumPasswordLength", p.length), leaf("RequireSymbols", p.symbols), leaf("RequireNumbers", p.numbers),
		leaf("RequireUppercaseCharacters", p.upper), leaf("RequireLowercaseCharacters", p.lower),
		leaf("AllowUsersToChangePassword", p.allow), leaf("ExpirePasswords", p.maxAge > 0),
		leaf("MaxPasswordAge", p.maxAge), leaf("HardExpiry", false),
	}
	if p.reuse > 0 {
		kids = append(kids, leaf("PasswordReusePrevention", p.reuse))
	}
	return q.query(iamNamespace, el("PasswordPolicy", kids...))
}

// report is the credential report of one account. The first of an account
// takes two requests to become complete.
type report struct {
	generated time.Time
	asked     bool
}

// reportLife is how long IAM hands out the same report.
const reportLife = 4 * time.Hour

// generateReport makes a report, unless the last one is younger than four
// hours. The management account's first one is not ready at once.
func (c *Company) generateReport(q *awsRequest) reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.reports[q.account.id]
	age := q.now.Sub(r.generated)
	if q.account == c.management() && !r.asked {
		c.reports[q.account.id] = report{asked: true}
		return q.query(iamNamespace, leaf("State", "STARTED"), leaf("Description", "No report exists. Starting a new report generation task"))
	}
	if age < 0 || age >= reportLife {
		r.generated, r.asked = q.now, true
		c.reports[q.account.id] = r
	}
	return q.query(iamNamespace, leaf("State", "COMPLETE"))
}

func (c *Company) getReport(q *awsRequest) reply {
	c.mu.Lock()
	r := c.reports[q.account.id]
	c.mu.Unlock()
	switch age := q.now.Sub(r.generated); {
	case r.generated.IsZero() && r.asked:
		return q.fail(http.StatusNotFound, "ReportInProgress", "Report is being generated")
	case r.generated.IsZero() || age < 0:
		return q.fail(http.StatusGone, "ReportNotPresent", "No report exists")
	case age >= reportLife:
		return q.fail(http.StatusGone, "ReportExpired", "The report has expired")
	}
	content := base64.StdEncoding.EncodeToString([]byte(q.account.report(r.generated)))
	return q.query(iamNamespace, leaf("Content", content), leaf("ReportFormat", "text/csv"), leaf("GeneratedTime", r.generated))
}

const reportHeader = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active," +
	"access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service," +
	"access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service," +
	"cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated\n"

const certificates = ",false,N/A,false,N/A\n"

// report gives the CSV text as of t.
func (a *account) report(t time.Time) string {
	var b strings.Builder
	b.WriteString(reportHeader)
	fmt.Fprintf(&b, "<root_account>,%s,%s,not_supported,%s,not_supported,not_supported,%t", a.rootARN(), stamp(a.created),
		orElse(a.rootLogin.last(t), "no_information"), a.rootMFA.at(t))
	a.rootKey.columns(&b, t)
	(&key{}).columns(&b, t)
	b.WriteString(certificates)
	for _, u := range a.users {
		if u.life.holds(t) {
			u.row(&b, t)
		}
	}
	return b.String()
}

func (u *iamUser) row(b *strings.Builder, t time.Time) {
	fmt.Fprintf(b, "%s,%s,%s,", u.name, u.arn, stamp(u.life.from))
	if u.password.at(t) {
		next := "N/A"
		if p := u.account.policy.at(t); p != nil && p.maxAge > 0 {
			next = stamp(u.changed(t).Add(time.Duration(p.maxAge) * day))
		}
		fmt.Fprintf(b, "true,%s,%s,%s", orElse(u.logins.last(t), "no_information"), stamp(u.changed(t)), next)
	} else {
		b.WriteString("false,N/A,N/A,N/A")
	}
	fmt.Fprintf(b, ",%t", u.mfa.at(t))
	u.keys[0].columns(b, t)
	u.keys[1].columns(b, t)
	b.WriteString(certificates)
}

// columns writes the five columns of one access key.
func (k *key) columns(b *strings.Builder, t time.Time) {
	s, used := k.state.at(t), k.lastUsed(t)
	region, service := "N/A", "N/A"
	if !used.IsZero() {
		region, service = regions[0], "s3"
	}
	fmt.Fprintf(b, ",%t,%s,%s,%s,%s", s.active, orElse(s.rotated, "N/A"), orElse(used, "N/A"), region, service)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05+00:00") }

func orElse(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return stamp(t)
}
