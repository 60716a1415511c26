package aws

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

const kindBucket evidence.Kind = "aws.s3.bucket"

func bucketKinds() []kind {
	return []kind{{state(kindBucket, "A bucket, with the settings that protect it."), []call{
		{name: "s3:ListBuckets", permission: "s3:ListAllMyBuckets", why: "list of buckets"},
		{name: "s3:GetBucketLocation", why: "region of a bucket"},
		{name: "s3:GetBucketEncryption", permission: "s3:GetEncryptionConfiguration", why: "default encryption"},
		{name: "s3:GetPublicAccessBlock", permission: "s3:GetBucketPublicAccessBlock", why: "public access block of a bucket"},
		{name: "s3:GetBucketVersioning", why: "versioning"},
		{name: "s3:GetBucketPolicyStatus", why: "whether a bucket's policy is public"},
		{name: "s3:GetBucketPolicy", why: "whether a bucket's policy demands TLS"},
		{name: "s3:GetBucketLogging", why: "access logs of a bucket"},
		{name: "s3:GetBucketOwnershipControls", why: "whether access control lists count"},
		{name: "s3:GetBucketAcl", why: "whether an access control list is public"},
		{name: "s3control:GetPublicAccessBlock", permission: "s3:GetAccountPublicAccessBlock", why: "public access block of the account"},
	}, inAccount((*session).collectBuckets)}}
}

// collectBuckets lists the buckets and reads each one's settings. A setting
// that cannot be read is left out, and the bucket becomes an unread scope.
func (s *session) collectBuckets(ctx context.Context, out *collectors.Output) error {
	buckets, err := s.listBuckets(ctx, out)
	if err != nil {
		return err
	}
	out.Scope(evidence.Scope(s.account), nil)
	account, unread := s.accountBlock(ctx, out)
	if unread != nil {
		out.Scope(s.scope("s3control"), unread)
	}
	errs := collectors.Each(ctx, len(buckets), parallel, func(ctx context.Context, i int) error {
		return s.collectBucket(ctx, out, buckets[i], account)
	})
	for i, err := range errs {
		if err != nil {
			out.Scope(s.scope("s3/"+*buckets[i].Name), err)
		}
	}
	return first(append(errs, unread))
}

// first returns the first error, and of how many.
func first(errs []error) error {
	var one error
	n := 0
	for _, err := range errs {
		if err != nil {
			n++
			if one == nil {
				one = err
			}
		}
	}
	if n > 1 {
		return fmt.Errorf("%w (and %d more)", one, n-1)
	}
	return one
}

// listBuckets lists all buckets of the account. Without MaxBuckets the region
// of a bucket is not said.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html
func (s *session) listBuckets(ctx context.Context, out *collectors.Output) ([]types.Bucket, error) {
	client := s3Client(s.aws)
	var all []types.Bucket
	err := out.Pages(ctx, func(ctx context.Context, token string) (string, error) {
		page, err := client.ListBuckets(ctx, &s3.ListBucketsInput{MaxBuckets: aws.Int32(1000), ContinuationToken: optional(token)})
		if err != nil {
			return "", classify(err)
		}
		for _, b := range page.Buckets {
			if aws.ToString(b.Name) == "" {
				return "", collectors.Incomplete("s3:ListBuckets lists a bucket without a name")
			}
		}
		all = append(all, page.Buckets...)
		return aws.ToString(page.ContinuationToken), nil
	})
	return all, err
}

// collectBucket emits a bucket with what could be read of it.
func (s *session) collectBucket(ctx context.Context, out *collectors.Output, b types.Bucket, account collectors.Attributes) error {
	region, errRegion := s.bucketRegion(ctx, b)
	a := collectors.Attributes{}
	a.Time("created_at", b.CreationDate)
	if account != nil {
		a["account_public_access_block"] = map[string]any(account)
	}
	scope := evidence.Scope(s.account)
	errs := []error{errRegion}
	if errRegion == nil {
		a["region"], scope = region, s.scope(region)
		client := s3Client(in(s.aws, region))
		errs = append(errs, addEncryption(ctx, client, b.Name, a), addBlock(ctx, client, b.Name, a), addVersioning(ctx, client, b.Name, a),
			addPolicyStatus(ctx, client, b.Name, a), addBucketPolicy(ctx, client, b.Name, s.partition, a), addLogging(ctx, client, b.Name, a), addAccessList(ctx, client, b.Name, a))
	}
	errs = append(errs, out.Emit(evidence.Record{ID: "arn:" + s.partition + ":s3:::" + *b.Name, Name: *b.Name, Scope: scope, Attributes: a}))
	return first(errs)
}

// bucketRegion takes the region from the list, or asks for it.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html
func (s *session) bucketRegion(ctx context.Context, b types.Bucket) (string, error) {
	if r := aws.ToString(b.BucketRegion); r != "" {
		return r, nil
	}
	resp, err := s3Client(s.aws).GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: b.Name})
	if err != nil {
		return "", classify(err)
	}
	switch resp.LocationConstraint {
	case "":
		return "us-east-1", nil
	case "EU":
		return "eu-west-1", nil
	}
	return string(resp.LocationConstraint), nil
}

// addEncryption reads the default encryption.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketEncryption.html
func addEncryption(ctx context.Context, client *s3.Client, bucket *string, a collectors.Attributes) error {
	resp, err := client.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: bucket})
	switch {
	case code(err) == "ServerSideEncryptionConfigurationNotFoundError":
		a["encryption_configured"] = false
		return nil
	case err != nil:
		return classify(err)
	case resp.ServerSideEncryptionConfiguration == nil:
		return collectors.Incomplete("s3:GetBucketEncryption says nothing of %s", *bucket)
	}
	a["encryption_configured"] = false
	for _, r := range resp.ServerSideEncryptionConfiguration.Rules {
		if d := r.ApplyServerSideEncryptionByDefault; d != nil && d.SSEAlgorithm != "" {
			a["encryption_configured"], a["encryption"] = true, string(d.SSEAlgorithm)
			a.Text("encryption_key_id", d.KMSMasterKeyID)
		}
	}
	return nil
}

const noBlock = "NoSuchPublicAccessBlockConfiguration"

// addBlock reads the public access block of a bucket.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetPublicAccessBlock.html
func addBlock(ctx context.Context, client *s3.Client, bucket *string, a collectors.Attributes) error {
	resp, err := client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: bucket})
	switch {
	case code(err) == noBlock:
		a["public_access_block"] = map[string]any{"configured": false}
		return nil
	case err != nil:
		return classify(err)
	case resp.PublicAccessBlockConfiguration == nil:
		return collectors.Incomplete("s3:GetPublicAccessBlock says nothing of %s", *bucket)
	}
	c := resp.PublicAccessBlockConfiguration
	a["public_access_block"] = map[string]any(block(c.BlockPublicAcls, c.IgnorePublicAcls, c.BlockPublicPolicy, c.RestrictPublicBuckets))
	return nil
}

func block(blockACLs, ignoreACLs, blockPolicy, restrict *bool) collectors.Attributes {
	a := collectors.Attributes{"configured": true}
	a.Bool("block_public_acls", blockACLs)
	a.Bool("ignore_public_acls", ignoreACLs)
	a.Bool("block_public_policy", blockPolicy)
	a.Bool("restrict_public_buckets", restrict)
	return a
}

// addVersioning reads the versioning. That no status is said means that
// versioning was never switched on.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html
func addVersioning(ctx context.Context, client *s3.Client, bucket *string, a collectors.Attributes) error {
	resp, err := client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: bucket})
	if err != nil {
		return classify(err)
	}
	a["versioning"] = "Unversioned"
	if resp.Status != "" {
		a["versioning"] = string(resp.Status)
	}
	if resp.MFADelete != "" {
		a["mfa_delete"] = string(resp.MFADelete)
	}
	return nil
}

// accountBlock reads the public access block of the account, which goes before those of its buckets.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_GetPublicAccessBlock.html
func (s *session) accountBlock(ctx context.Context, out *collectors.Output) (collectors.Attributes, error) {
	resp, err := s3controlClient(s.aws).GetPublicAccessBlock(ctx, &s3control.GetPublicAccessBlockInput{AccountId: &s.account})
	switch {
	case code(err) == noBlock:
		return collectors.Attributes{"configured": false}, nil
	case err != nil:
		return nil, classify(err)
	case resp.PublicAccessBlockConfiguration == nil:
		return nil, collectors.Incomplete("s3control:GetPublicAccessBlock says nothing")
	}
	out.Page()
	c := resp.PublicAccessBlockConfiguration
	return block(c.BlockPublicAcls, c.IgnorePublicAcls, c.BlockPublicPolicy, c.RestrictPublicBuckets), nil
}
