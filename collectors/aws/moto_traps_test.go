//go:build unix

package aws

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// instead asks for another thing, on the wire, than what the collector asked
// for by one call. What moto then answers is what it answers to operations
// that it does not know.
type instead struct {
	call, from, to string
	want           error             // the class of the failure
	next           http.RoundTripper // for all other calls
}

// RoundTrip implements http.RoundTripper.
func (i instead) RoundTrip(r *http.Request) (*http.Response, error) {
	if x, _ := transport.RequestFromContext(r.Context()); x.Call != i.call {
		return i.next.RoundTrip(r)
	}
	r = r.Clone(r.Context())
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		b = bytes.Replace(b, []byte(i.from), []byte(i.to), 1)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	}
	r.URL.Path, r.URL.RawQuery = strings.Replace(r.URL.Path, i.from, i.to, 1), strings.Replace(r.URL.RawQuery, i.from, i.to, 1)
	for _, target := range r.Header.Values("X-Amz-Target") {
		r.Header.Set("X-Amz-Target", strings.Replace(target, i.from, i.to, 1))
	}
	return http.DefaultTransport.RoundTrip(r)
}

// unknownOperations: an operation that the server does not have (500 or 404 in
// HTML, 200 with something else) is a failure of its kind, never "there is none".
func (m *moto) unknownOperations(t *testing.T) {
	s := m.seed(t)
	s.populate()
	s.passwordPolicy(8, 1) // so that it is asked whom it is for
	down, other := collectors.ErrUnreachable, collectors.ErrIncomplete
	for _, i := range []instead{
		{"sts:GetCallerIdentity", "GetCallerIdentity", "GetNothing", down, nil},
		{"ec2:DescribeRegions", "DescribeRegions", "DescribeNothing", down, nil},
		{"iam:GetAccountSummary", "GetAccountSummary", "GetOrganizationsAccessReport", down, nil},
		{"iam:GetAccountPasswordPolicy", "GetAccountPasswordPolicy", "GetNothing", down, nil},
		{"iam:GenerateCredentialReport", "GenerateCredentialReport", "GetNothing", down, nil},
		{"iam:GetCredentialReport", "GetCredentialReport", "GetNothing", down, nil},
		{"cloudtrail:DescribeTrails", "DescribeTrails", "LookupEvents", down, nil},
		{"cloudtrail:GetTrailStatus", "GetTrailStatus", "LookupEvents", down, nil},
		{"s3:ListBuckets", "/", "/open", other, nil}, // the objects of a bucket
		{"s3:GetBucketLocation", "location", "policyStatus", other, nil},
		{"s3:GetBucketEncryption", "encryption", "policyStatus", other, nil},
		{"s3:GetPublicAccessBlock", "publicAccessBlock", "policyStatus", other, nil},
		{"s3:GetBucketVersioning", "versioning", "policyStatus", other, nil},
		{"s3control:GetPublicAccessBlock", "publicAccessBlock", "nothing", other, nil},
	} {
		t.Run(i.call, func(t *testing.T) {
			i.next = completing{completion(t)}
			change := []func(*Config){only(core...)}
			if i.call == "ec2:DescribeRegions" {
				change = append(change, everywhere) // otherwise it is not asked
			}
			i.judge(t, collect(t, m.open(t, anyone, transport.Options{Base: i}, change...), motoAccount))
		})
	}
}

func (i instead) judge(t *testing.T, all snapshots) {
	t.Helper()
	n := slices.IndexFunc(calls(), func(c collectors.Call) bool { return c.Name == i.call })
	serves := calls()[n].Kinds
	if i.call == "ec2:DescribeRegions" {
		serves = []evidence.Kind{kindRegion, kindTrail} // what needs the regions
	}
	for st, s := range all {
		needs := len(serves) == 0 || slices.Contains(serves, st.Kind)
		switch {
		case needs && (!errors.Is(s.Err, i.want) || s.Certificate.Complete):
			t.Errorf("%s: complete %v, error %v; want class %v", st, s.Certificate.Complete, s.Err, i.want)
		case !needs && s.Err != nil && !onlyRootless(st, s):
			t.Errorf("%s: %v", st, s.Err)
		}
		if needs {
			isAbsent(t, s, i.call)
		}
	}
}

// saidBy returns the attribute that nothing but one call says.
var saidBy = map[string]string{
	"cloudtrail:GetTrailStatus":      "is_logging",
	"s3:GetBucketLocation":           "region",
	"s3:GetBucketEncryption":         "encryption_configured",
	"s3:GetPublicAccessBlock":        "public_access_block",
	"s3:GetBucketVersioning":         "versioning",
	"s3control:GetPublicAccessBlock": "account_public_access_block",
}
