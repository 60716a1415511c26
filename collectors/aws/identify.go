package aws

import (
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// identify names the operation of a request by its bytes: the service by the
// scope of its signature, the operation by the protocol of the service.
func identify(r *http.Request, body []byte) string {
	s, known := serviceNamed(signedFor(r.Header.Get("Authorization")))
	switch {
	case !known:
		return ""
	case s.protocol == queryXML:
		return queryCall(s.name, r, body)
	case s.protocol == rpcJSON:
		return jsonCall(s.name, r)
	case s.protocol == restJSON:
		return s.name + ":" + pathOperation(s.name, r)
	}
	return restCall(r, body)
}

// lane is what AWS throttles by itself: one service in one region of one
// account. The key id stands for the account, as each has a role of its own.
func lane(r *http.Request) string {
	if m := laneOf().FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
		return m[1] + " " + m[2]
	}
	return r.URL.Host
}

var laneOf = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/,\s]+)/[0-9]{8}/([a-z0-9-]+/[a-z0-9-]+)/aws4_request,`)
})

var signature = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=[^/,\s]+/[0-9]{8}/[a-z0-9-]+/([a-z0-9-]+)/aws4_request,`)
})

// signedFor returns the service in the scope of a signature (version 4).
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html
func signedFor(authorization string) string {
	if m := signature().FindStringSubmatch(authorization); m != nil {
		return m[1]
	}
	return ""
}

// queryCall reads the AWS Query protocol: a form with exactly one Action.
func queryCall(service string, r *http.Request, body []byte) string {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	form, errForm := url.ParseQuery(string(body))
	if err != nil || errForm != nil || media != "application/x-www-form-urlencoded" || !atRoot(r) || len(form["Action"]) != 1 {
		return ""
	}
	return service + ":" + form.Get("Action")
}

// jsonCall reads the AWS JSON protocol: the target is "Service.Operation".
func jsonCall(service string, r *http.Request) string {
	targets := r.Header.Values("X-Amz-Target")
	if len(targets) != 1 || !atRoot(r) {
		return ""
	}
	return service + ":" + targets[0][strings.LastIndexByte(targets[0], '.')+1:]
}

func atRoot(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.Trim(r.URL.Path, "/") == "" && r.URL.RawQuery == ""
}

// bucketCalls are the settings of a bucket by the query that asks for them.
var bucketCalls = map[string]string{
	"acl":               "s3:GetBucketAcl",
	"encryption":        "s3:GetBucketEncryption",
	"location":          "s3:GetBucketLocation",
	"logging":           "s3:GetBucketLogging",
	"ownershipControls": "s3:GetBucketOwnershipControls",
	"policy":            "s3:GetBucketPolicy",
	"policyStatus":      "s3:GetBucketPolicyStatus",
	"publicAccessBlock": "s3:GetPublicAccessBlock",
	"versioning":        "s3:GetBucketVersioning",
}

// restCall reads the REST calls of S3 and S3 Control. The bucket is the whole
// path: what has more segments is an object, and no object is ever read.
func restCall(r *http.Request, body []byte) string {
	query := r.URL.Query()
	bucket := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case r.Method != http.MethodGet || len(body) > 0 || virtualHost(r.URL.Hostname()):
		return ""
	case r.URL.Path == "/v20180820/configuration/publicAccessBlock" && r.Header.Get("X-Amz-Account-Id") != "" && len(query) == 0:
		return "s3control:GetPublicAccessBlock"
	case bucket == "":
		return rootCall(query)
	case strings.Contains(bucket, "/") || len(query) != 1:
		return ""
	}
	for name, vs := range query {
		if len(vs) == 1 && vs[0] == "" {
			return bucketCalls[name]
		}
	}
	return ""
}

var listQuery = []string{"continuation-token", "max-buckets", "x-id"}

func rootCall(query url.Values) string {
	for name := range query {
		if !slices.Contains(listQuery, name) {
			return ""
		}
	}
	if id := query.Get("x-id"); id != "" && id != "ListBuckets" {
		return ""
	}
	return "s3:ListBuckets"
}

var serviceHost = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([0-9]{12}\.)?s3(-control|-fips|-control-fips)?(\.dualstack)?\.([a-z0-9-]+\.)?amazonaws\.com(\.cn)?$`)
})

// virtualHost tells a host of AWS that names a bucket: there, the same path means another thing.
func virtualHost(host string) bool {
	vendors := strings.HasSuffix(host, ".amazonaws.com") || strings.HasSuffix(host, ".amazonaws.com.cn")
	return vendors && !serviceHost().MatchString(host)
}
