package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/evidenced/evidenced/anchor"
	"github.com/evidenced/evidenced/evidence"
)

// Bucket says where, and for how long.
type Bucket struct {
	Name, Bucket, Prefix, Region string
	// Endpoint is another address than AWS's; may be empty.
	Endpoint string
	// Mode is COMPLIANCE (nobody can delete) or GOVERNANCE (some may).
	Mode string
	// Retain is how long an object is locked.
	Retain time.Duration
	// Credentials are those to use; nil for the default chain of the SDK.
	Credentials aws.CredentialsProvider
	// Now is the clock that Retain counts from; nil for time.Now.
	Now func() time.Time
}

// Place is a bucket that checkpoints are put into. It needs s3:PutObject,
// s3:PutObjectRetention, s3:GetObject and s3:GetBucketObjectLockConfiguration.
type Place struct {
	Bucket
	client *s3.Client
}

// New gives the place. It asks nobody yet.
func New(ctx context.Context, b Bucket) (*Place, error) {
	if b.Mode != "COMPLIANCE" && b.Mode != "GOVERNANCE" {
		return nil, fmt.Errorf("anchor %s: the mode is %q: want COMPLIANCE or GOVERNANCE", b.Name, b.Mode)
	}
	if b.Now == nil {
		b.Now = time.Now
	}
	opts := []func(*awsconfig.LoadOptions) error{awsconfig.WithRegion(b.Region)}
	if b.Credentials != nil {
		opts = append(opts, awsconfig.WithCredentialsProvider(b.Credentials))
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("anchor %s: %w", b.Name, err)
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		if b.Endpoint != "" {
			o.BaseEndpoint, o.UsePathStyle = aws.String(b.Endpoint), true
		}
	})
	return &Place{b, client}, nil
}

// Type implements anchor.Place.
func (p *Place) Type() evidence.AnchorType { return evidence.AnchorS3 }

// Name implements anchor.Place.
func (p *Place) Name() string { return p.Bucket.Name }

// To implements anchor.Place.
func (p *Place) To() string { return "s3://" + path.Join(p.Bucket.Bucket, p.Prefix) }

// Show puts the checkpoint into a new object, locked. Its receipt is the id of
// the object's version.
func (p *Place) Show(ctx context.Context, cp anchor.Checkpoint) (anchor.Receipt, error) {
	if err := p.locks(ctx); err != nil {
		return anchor.Receipt{}, err
	}
	key := path.Join(p.Prefix, anchor.FileName(cp))
	out, err := p.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(p.Bucket.Bucket), Key: aws.String(key), Body: bytes.NewReader(cp.Signed), IfNoneMatch: aws.String("*"),
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256, ContentType: aws.String("text/plain; charset=utf-8"),
		ObjectLockMode: types.ObjectLockMode(p.Mode), ObjectLockRetainUntilDate: aws.Time(p.Now().Add(p.Retain).UTC()),
	})
	if status(err) == http.StatusPreconditionFailed {
		return p.there(ctx, key, cp)
	}
	if err != nil {
		return anchor.Receipt{}, fmt.Errorf("put %s into %s: %w", key, p.To(), err)
	}
	return receipt(out.VersionId)
}

func receipt(version *string) (anchor.Receipt, error) {
	if aws.ToString(version) == "" {
		return anchor.Receipt{}, errors.New("the bucket gives its objects no versions, so that it cannot lock them")
	}
	return anchor.Receipt{Bytes: []byte(*version)}, nil
}

// locks refuses a bucket without Object Lock: what it keeps can be deleted.
func (p *Place) locks(ctx context.Context) error {
	out, err := p.client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: aws.String(p.Bucket.Bucket)})
	var api smithy.APIError
	switch {
	case errors.As(err, &api) && api.ErrorCode() == "ObjectLockConfigurationNotFoundError":
	case err != nil:
		return fmt.Errorf("ask whether %s locks objects: %w", p.To(), err)
	case out.ObjectLockConfiguration != nil && out.ObjectLockConfiguration.ObjectLockEnabled == types.ObjectLockEnabledEnabled:
		return nil
	}
	return fmt.Errorf("the bucket %s has no Object Lock: make one with it (aws s3api create-bucket --object-lock-enabled-for-bucket)", p.Bucket.Bucket)
}

// there compares an object that is there already.
func (p *Place) there(ctx context.Context, key string, cp anchor.Checkpoint) (anchor.Receipt, error) {
	out, err := p.client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(p.Bucket.Bucket), Key: aws.String(key)})
	if err != nil {
		return anchor.Receipt{}, fmt.Errorf("read %s in %s: %w", key, p.To(), err)
	}
	defer out.Body.Close()
	old, err := io.ReadAll(io.LimitReader(out.Body, int64(len(cp.Signed))+1))
	if err != nil {
		return anchor.Receipt{}, fmt.Errorf("read %s in %s: %w", key, p.To(), err)
	}
	if !bytes.Equal(old, cp.Signed) {
		return anchor.Receipt{}, fmt.Errorf("%s in %s: %w", key, p.To(), anchor.ErrFork)
	}
	return receipt(out.VersionId)
}

// status is the HTTP status of an error, 0 if it has none.
func status(err error) int {
	var r *smithyhttp.ResponseError
	if errors.As(err, &r) {
		return r.HTTPStatusCode()
	}
	return 0
}
