//go:build unix

package aws

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/mototest"
)

// moto is an AWS that others wrote, as a server of its own.
type moto struct {
	url string
	// completed, if not nil, answers in moto's place what moto has no answer to.
	completed http.Handler
}

// startMoto runs a server until the end of t.
func startMoto(t *testing.T) *moto {
	t.Helper()
	return &moto{url: mototest.Start(t)}
}

// misanswered are calls that moto answers with 200 and something else: the
// objects of a bucket, and a duration where AWS has a text.
var misanswered = []string{"s3:GetBucketPolicyStatus", "sso:DescribePermissionSet"}

// completion answers what moto has no answer to, of buckets of any name.
func completion(t *testing.T) http.Handler {
	other := wholeOrganization(t)
	other.replies["s3:GetBucketPolicyStatus"] = other.replies["s3:GetBucketPolicyStatus data"]
	return other
}

// completing asks moto, and takes the other's answer where moto's is an error
// page, or a wrong one. What moto refuses stays refused.
type completing struct{ other http.Handler }

// RoundTrip implements http.RoundTripper.
func (c completing) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	x, _ := transport.RequestFromContext(r.Context())
	body, err := peek(&resp.Body)
	if err != nil {
		return nil, err
	}
	wrong := slices.Contains(misanswered, x.Call) && resp.StatusCode == http.StatusOK
	page := resp.StatusCode >= http.StatusNotFound && bytes.HasPrefix(bytes.ToLower(body), []byte("<!doctype html"))
	if !wrong && !page {
		return resp, nil
	}
	again := r.Clone(r.Context())
	if r.GetBody != nil {
		if again.Body, err = r.GetBody(); err != nil {
			return nil, err
		}
	} else {
		again.Body = http.NoBody
	}
	rec := httptest.NewRecorder()
	c.other.ServeHTTP(rec, again)
	resp = rec.Result()
	resp.Header.Set("X-Amzn-Requestid", "completed")
	resp.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	return resp, nil
}

// control posts to moto's own API.
func (m *moto) control(t *testing.T, path, body string) {
	t.Helper()
	resp, err := http.Post(m.url+"/moto-api/"+path, "application/octet-stream", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	if text, err := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || err != nil {
		t.Fatalf("moto answers %s with %d %s, %v", path, resp.StatusCode, text, err)
	}
}

// enforce makes moto check signatures and policies, or let everyone do everything.
func (m *moto) enforce(t *testing.T, on bool) {
	t.Helper()
	unchecked := "inf" // how many requests are let through first
	if on {
		unchecked = "0"
	}
	m.control(t, "reset-auth", unchecked)
}

// run runs one subtest on an empty AWS.
func (m *moto) run(t *testing.T, name string, test func(*moto, *testing.T)) {
	t.Run(name, func(t *testing.T) {
		m.control(t, "reset", "")
		m.enforce(t, false)
		test(m, t)
	})
}

// credential is an access key, with the token of a session if it is one.
type credential struct{ id, secret, token string }

func (c credential) provider() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(c.id, c.secret, c.token)
}

// anyone is a credential that moto did not give out: one of motoAccount, which
// may do everything while nothing is enforced.
var anyone = credential{id: "AKIDPLANTED", secret: secretKey}

const motoAccount = "123456789012"

// seed returns the SDK for writing, past the door.
func (m *moto) seed(t *testing.T) seed {
	return seed{t, aws.Config{Region: "us-east-1", BaseEndpoint: &m.url, Credentials: anyone.provider()}}
}
