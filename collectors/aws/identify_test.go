package aws

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/collectors"
)

func TestIdentify(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	tests := []struct {
		name, service, method, url, body string
		header                           map[string]string
		want                             string
	}{
		{"query", "iam", "POST", "https://iam.amazonaws.com/", "Action=GetAccountSummary&Version=2010-05-08", map[string]string{"Content-Type": form + "; charset=utf-8"}, "iam:GetAccountSummary"},
		{"query write", "iam", "POST", "https://iam.amazonaws.com/", "Action=DeleteUser", map[string]string{"Content-Type": form}, "iam:DeleteUser"},
		{"two actions", "iam", "POST", "https://iam.amazonaws.com/", "Action=GetUser&Action=DeleteUser", map[string]string{"Content-Type": form}, ""},
		{"action in the address", "iam", "POST", "https://iam.amazonaws.com/?Action=DeleteUser", "Action=GetUser", map[string]string{"Content-Type": form}, ""},
		{"query by GET", "iam", "GET", "https://iam.amazonaws.com/?Action=GetUser", "", nil, ""},
		{"query in another form", "iam", "POST", "https://iam.amazonaws.com/", "Action=GetUser", map[string]string{"Content-Type": "text/plain"}, ""},
		{"json", "cloudtrail", "POST", "https://cloudtrail.eu-west-1.amazonaws.com/", "{}", map[string]string{"X-Amz-Target": "CloudTrail_20131101.DescribeTrails"}, "cloudtrail:DescribeTrails"},
		{"json with a long target", "cloudtrail", "POST", "https://cloudtrail.eu-west-1.amazonaws.com/", "{}", map[string]string{"X-Amz-Target": "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.GetTrailStatus"}, "cloudtrail:GetTrailStatus"},
		{"list", "s3", "GET", "https://s3.us-east-1.amazonaws.com/?max-buckets=1000&x-id=ListBuckets", "", nil, "s3:ListBuckets"},
		{"bucket setting", "s3", "GET", "https://s3.eu-west-1.amazonaws.com/data?encryption", "", nil, "s3:GetBucketEncryption"},
		{"account block", "s3", "GET", "https://111122223333.s3-control.us-east-1.amazonaws.com/v20180820/configuration/publicAccessBlock", "", map[string]string{"X-Amz-Account-Id": own}, "s3control:GetPublicAccessBlock"},
		{"objects of a bucket", "s3", "GET", "https://s3.eu-west-1.amazonaws.com/data?list-type=2", "", nil, ""},
		{"bucket without a setting", "s3", "GET", "https://s3.eu-west-1.amazonaws.com/data", "", nil, ""},
		{"object", "s3", "GET", "https://s3.eu-west-1.amazonaws.com/data/key", "", nil, ""},
		{"object with a setting", "s3", "GET", "https://s3.eu-west-1.amazonaws.com/data/key?versioning", "", nil, ""},
		{"bucket in the host", "s3", "GET", "https://data.s3.eu-west-1.amazonaws.com/key?versioning", "", nil, ""},
		{"list of objects by host", "s3", "GET", "https://data.s3.eu-west-1.amazonaws.com/?x-id=ListBuckets", "", nil, ""},
		{"setting with a value", "s3", "GET", "https://s3.eu-west-1.amazonaws.com/data?encryption=x", "", nil, ""},
		{"put", "s3", "PUT", "https://s3.eu-west-1.amazonaws.com/data?encryption", "", nil, ""},
		{"service of nobody", "sqs", "POST", "https://sqs.eu-west-1.amazonaws.com/", "{}", map[string]string{"X-Amz-Target": "AmazonSQS.SendMessage"}, ""},
		{"unsigned", "", "POST", "https://iam.amazonaws.com/", "Action=GetUser", map[string]string{"Content-Type": form}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := http.NewRequest(tt.method, tt.url, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range tt.header {
				r.Header.Set(k, v)
			}
			if tt.service != "" {
				r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20260701/us-east-1/"+tt.service+"/aws4_request, SignedHeaders=host, Signature=00")
			}
			if got := identify(r, []byte(tt.body)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestVet(t *testing.T) {
	for _, tt := range []struct {
		service, operation, body string
		ok                       bool
	}{
		{"IAM", "GetAccountSummary", `<?xml version="1.0"?><GetAccountSummaryResponse xmlns="x"><a/></GetAccountSummaryResponse>`, true},
		{"S3", "ListBuckets", `<ListAllMyBucketsResult/>`, true},
		{"S3", "GetBucketVersioning", `<ListBucketResult/>`, false},
		{"S3", "ListBuckets", ``, false},
		{"S3", "ListBuckets", `{"x":1}`, false},
		{"S3", "ListBuckets", `<ListAllMyBucketsResult><Buckets>`, false},
		{"CloudTrail", "DescribeTrails", ` {"trailList":[]}`, true},
		{"CloudTrail", "DescribeTrails", `[]`, false},
		{"CloudTrail", "DescribeTrails", `{"trailList":`, false},
		{"CloudTrail", "DescribeTrails", ``, false},
	} {
		if err := vet(tt.service, tt.operation, []byte(tt.body)); (err == nil) != tt.ok || err != nil && !errors.Is(err, collectors.ErrIncomplete) {
			t.Errorf("%s %s: %v", tt.operation, tt.body, err)
		}
	}
}

func TestConfig(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"accounts is":                 func(c *Config) { c.Accounts = Choice{Word: "all"} },
		"accounts holds \"123\"":      func(c *Config) { c.Accounts = Choice{List: []string{"123"}} },
		"accounts holds \"1111222233": func(c *Config) { c.Accounts = Choice{List: []string{own, own}} },
		"regions holds":               func(c *Config) { c.Regions = Choice{List: []string{"mars"}} },
		"region \"\"":                 func(c *Config) { c.Region = "" },
		"role_name has no effect":     func(c *Config) { c.RoleName = "Reader" },
		"external_id has no effect":   func(c *Config) { c.ExternalID = "x" },
		"is not the name of a role":   func(c *Config) { c.Accounts, c.RoleName = Choice{Word: organization}, "arn:aws:iam::1:role/x" },
		"only https leaves":           func(c *Config) { c.Common.Endpoint = "http://10.0.0.1/" },
	} {
		c := newConfig()
		change(c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
