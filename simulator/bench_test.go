package simulator

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// BenchmarkNew grows a company of half a year with everything planted.
func BenchmarkNew(b *testing.B) {
	for i := 0; b.Loop(); i++ {
		grow(int64(i), 180)
	}
}

// signed makes a request as the SDK would sign it.
func signed(method, service, target, url, body string) func() *http.Request {
	return func() *http.Request {
		r := httptest.NewRequest(method, url, strings.NewReader(body))
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIABASE/20260101/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
		if target != "" {
			r.Header.Set("X-Amz-Target", target)
		}
		return r
	}
}

// BenchmarkHandler times the answers that a collection asks for most.
func BenchmarkHandler(b *testing.B) {
	c := grow(1, 180)
	c.SetNow(c.start.Add(150*day + 6*time.Hour))
	repo := "/github/repos/" + c.repos[0].full
	hub := func(path string) func() *http.Request {
		return func() *http.Request {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.Header.Set("Authorization", "token "+c.Token())
			return r
		}
	}
	for name, request := range map[string]func() *http.Request{
		"members": hub("/github/orgs/" + c.Organization() + "/members"), "repos": hub("/github/orgs/" + c.Organization() + "/repos"),
		"pulls":      hub(repo + "/pulls?state=closed&sort=updated&direction=desc"),
		"reviews":    hub(repo + "/pulls/41/reviews"),
		"checks":     hub(repo + "/commits/" + c.repos[0].pulls[0].final() + "/check-runs"),
		"protection": hub(repo + "/branches/" + c.repos[0].branch + "/protection"),
		"summary":    signed("POST", "iam", "", "/", "Action=GetAccountSummary&Version=2010-05-08"),
		"generate":   signed("POST", "iam", "", "/", "Action=GenerateCredentialReport&Version=2010-05-08"),
		"report":     signed("POST", "iam", "", "/", "Action=GetCredentialReport&Version=2010-05-08"),
		"trails":     signed("POST", "cloudtrail", "CloudTrail_20131101.DescribeTrails", "/", "{}"),
		"buckets":    signed("GET", "s3", "", "/?x-id=ListBuckets", ""),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				c.Handler().ServeHTTP(httptest.NewRecorder(), request())
			}
		})
	}
}
