package s3

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/evidenced/evidenced/anchor"
	"github.com/evidenced/evidenced/mototest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func place(t testing.TB, url, bucket string) *Place {
	t.Helper()
	p, err := New(context.Background(), Bucket{Name: "locked", Bucket: bucket, Prefix: "acme", Region: "us-east-1", Endpoint: url, Mode: "COMPLIANCE",
		Retain: 400 * 24 * time.Hour, Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "secret", "")})
	must(t, err)
	return p
}

func TestLockedBucket(t *testing.T) {
	url, ctx := mototest.Start(t), context.Background()
	p := place(t, url, "locked")
	cp := anchor.Checkpoint{Origin: "evidenced/acme", Size: 7, Signed: []byte("evidenced/acme\n7\nroot\n\n— sig\n")}
	if _, err := p.Show(ctx, cp); err == nil || !strings.Contains(err.Error(), "locks objects") {
		t.Fatalf("no bucket: %v", err)
	}
	_, err := p.client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("plain")})
	must(t, err)
	if _, err := place(t, url, "plain").Show(ctx, cp); err == nil || !strings.Contains(err.Error(), "has no Object Lock") {
		t.Fatalf("a bucket that does not lock: %v", err)
	}
	_, err = p.client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("locked"), ObjectLockEnabledForBucket: aws.Bool(true)})
	must(t, err)
	first, err := p.Show(ctx, cp)
	must(t, err)
	again, err := p.Show(ctx, cp)
	must(t, err)
	if string(first.Bytes) != string(again.Bytes) || len(first.Bytes) == 0 {
		t.Fatalf("versions %q and %q", first.Bytes, again.Bytes)
	}
	key, version := aws.String("acme/evidenced-acme/000000000007.checkpoint"), aws.String(string(first.Bytes))
	out, err := p.client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("locked"), Key: key, VersionId: version})
	must(t, err)
	b, err := io.ReadAll(out.Body)
	if err != nil || string(b) != string(cp.Signed) || out.ObjectLockMode != "COMPLIANCE" || time.Until(*out.ObjectLockRetainUntilDate) < 399*24*time.Hour {
		t.Fatalf("%q %s %v %v", b, out.ObjectLockMode, out.ObjectLockRetainUntilDate, err)
	}
	if _, err := p.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String("locked"), Key: key, VersionId: version}); err == nil {
		t.Error("the object could be deleted")
	}
	cp.Signed = []byte("evidenced/acme\n7\nother\n\n— sig\n")
	if _, err := p.Show(ctx, cp); err == nil || !strings.Contains(err.Error(), "was rewritten") {
		t.Errorf("a fork: %v", err)
	}
}

func TestMode(t *testing.T) {
	if _, err := New(context.Background(), Bucket{Name: "x", Mode: "NONE"}); err == nil {
		t.Error("took a mode that does not lock")
	}
}
