package aws

import (
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors/collectortest"
)

// wholeOrganization answers every call for two accounts, always alike.
func wholeOrganization(t testing.TB) *fake {
	replies := with(map[string][]reply{
		"sts:GetCallerIdentity ASIAROLE": {identityOf(other, "assumed-role/Reader/evidenced")},
		"sts:AssumeRole":                 {ok(assumed)},
		"organizations:ListAccounts":     {ok(`{"Accounts":[{"Id":"` + own + `","State":"ACTIVE"},{"Id":"` + other + `","Name":"` + secretKey + `","State":"ACTIVE"}]}`)},
		"iam:GetAccountSummary":          {ok(`<GetAccountSummaryResponse><GetAccountSummaryResult><SummaryMap><entry><key>Users</key><value>32</value></entry><entry><key>AccountMFAEnabled</key><value>1</value></entry></SummaryMap></GetAccountSummaryResult></GetAccountSummaryResponse>`)},
		"iam:GetAccountPasswordPolicy":   {queryError(404, "NoSuchEntity")},
		"iam:GenerateCredentialReport":   {generated("COMPLETE")},
		"iam:GetCredentialReport":        {reportOf(sampleReport(t))},
	})
	for _, more := range []map[string][]reply{everyService(), trails(), buckets()} {
		for key, rs := range more {
			replies[key] = rs
		}
	}
	return &fake{replies: replies, asked: map[string]int{}}
}

func TestSuite(t *testing.T) {
	environment(t)
	cfg := newConfig()
	inOrganization(cfg)
	ms := newModels(t)
	collectortest.Run(t, collectortest.Case{
		Spec: Spec(), Config: cfg, Server: wholeOrganization(t), Now: time.Date(2026, 7, 1, 6, 0, 0, 0, time.UTC),
		Secrets: []string{secretKey, sessionToken, roleKey, lambdaPassword},
		Window:  aDay,
		Loop:    ms.loops,
	})
	for _, c := range calls() {
		if m, operation := ms.of(c.Name); len(m.Pages[operation].OutputToken) > 0 && !ms.looped[c.Name] {
			t.Errorf("%s answers in pages, and was not tried with an endless one", c.Name)
		}
	}
}
