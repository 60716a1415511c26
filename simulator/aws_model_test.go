package simulator

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/mototest"
)

// TestAWSAnswersAreAsDescribed holds the answer of every operation that is
// served to AWS's own description of it: known members, the right types, and
// none missing that is always there.
func TestAWSAnswersAreAsDescribed(t *testing.T) {
	c := grow(3, 60)
	c.accounts[1].block = constant(blockAll()) // the test asks for the one of the account
	c.SetNow(start.Add(30*day + 6*time.Hour))
	models := map[string]*mototest.Model{}
	served := maps.Clone(awsHandlers)
	maps.Copy(served, calm)
	for _, op := range slices.Sorted(maps.Keys(served)) { // a report is generated before it is got
		service, operation, _ := strings.Cut(op, ":")
		if operation == "GetAccountPublicAccessBlock" {
			service, operation = "s3control", "GetPublicAccessBlock"
		}
		if models[service] == nil {
			models[service] = mototest.ReadModel(t, cmp.Or(described[service], service))
		}
		rec := httptest.NewRecorder()
		c.Handler().ServeHTTP(rec, c.question(op))
		if rec.Code != http.StatusOK {
			t.Errorf("%s: %d %s", op, rec.Code, rec.Body)
			continue
		}
		if err := models[service].Check(operation, rec.Body.Bytes(), true); err != nil {
			t.Errorf("%s: %v", op, err)
		}
	}
}

// described are the names that AWS's descriptions have for services, where they have others.
var described = map[string]string{"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch", "access-analyzer": "accessanalyzer", "sso": "sso-admin"}

// question is a request for an operation in the home region of production.
func (c *Company) question(op string) *http.Request {
	service, operation, _ := strings.Cut(op, ":")
	a := c.accounts[1]
	key := keyPrefix + a.id
	method, path, body, target := http.MethodPost, "/", "", ""
	switch {
	case service == "s3":
		method, path = http.MethodGet, s3Paths(a)[operation]
	case service == "guardduty":
		method, path = http.MethodGet, map[string]string{"ListDetectors": "/detector", "GetDetector": "/detector/d", "ListFindings": "/detector/d/findings"}[operation]
		if operation == "ListFindings" {
			method = http.MethodPost
		}
	case operation == "ListAccounts" || operation == "AssumeRole":
		key = "AKIABASE"
	}
	switch service {
	case "iam", "sts", "ec2", "rds", "elasticloadbalancing", "monitoring":
		body = url.Values{"Action": {operation}, "RoleArn": {"arn:aws:iam::" + a.id + ":role/" + roleName}, "RoleSessionName": {"s"}}.Encode()
	case "cloudtrail", "organizations", "config", "kms", "acm", "dynamodb", "ecr", "logs", "secretsmanager", "ssm", "sso":
		target = "Any." + operation
		body = fmt.Sprintf(`{"Name":%q,"TrailName":%[1]q,"KeyId":%q}`, a.trails[0].arn, a.estates[0].keyID())
	}
	for known, op := range calmPaths {
		if name, rest, _ := strings.Cut(known, " "); name == service && op == operation {
			method, path, _ = strings.Cut(rest, " ")
		}
	}
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key+"/20260101/"+regions[0]+"/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	r.Header.Set("X-Amz-Account-Id", a.id)
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
	}
	return r
}

// s3Paths are the paths by which the first bucket of the home region is asked.
func s3Paths(a *account) map[string]string {
	name := ""
	for _, b := range a.sortedBuckets() {
		if b.region == regions[0] && b.life.to.IsZero() && name == "" {
			name = b.name
		}
	}
	return map[string]string{
		"ListBuckets": "/", "GetBucketEncryption": "/" + name + "?encryption", "GetBucketVersioning": "/" + name + "?versioning",
		"GetPublicAccessBlock": "/" + name + "?publicAccessBlock", "GetBucketPolicyStatus": "/" + name + "?policyStatus", "GetBucketPolicy": "/" + name + "?policy",
		"GetBucketLogging": "/" + name + "?logging", "GetBucketOwnershipControls": "/" + name + "?ownershipControls", "GetAccountPublicAccessBlock": s3controlPath,
	}
}
