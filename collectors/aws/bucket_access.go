package aws

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/evidenced/evidenced/collectors"
)

const noBucketPolicy = "NoSuchBucketPolicy"

// addPolicyStatus: an answer that does not say whether the policy is public is
// not one that says it is not.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicyStatus.html
func addPolicyStatus(ctx context.Context, client *s3.Client, bucket *string, a collectors.Attributes) error {
	resp, err := client.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: bucket})
	switch {
	case notThere(err, noBucketPolicy):
		a["policy_public"] = false
		return nil
	case err != nil:
		return classify(err)
	case resp.PolicyStatus == nil || resp.PolicyStatus.IsPublic == nil:
		return collectors.Incomplete("s3:GetBucketPolicyStatus does not say whether %s is public", *bucket)
	}
	a["policy_public"] = *resp.PolicyStatus.IsPublic
	return nil
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html
func addBucketPolicy(ctx context.Context, client *s3.Client, bucket *string, partition string, a collectors.Attributes) error {
	resp, err := client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucket})
	switch {
	case notThere(err, noBucketPolicy):
		a["tls_only"] = false
		return nil
	case err != nil:
		return classify(err)
	}
	doc, err := parsePolicy(aws.ToString(resp.Policy))
	if err != nil {
		return err
	}
	a["tls_only"] = doc.TLSOnly("arn:" + partition + ":s3:::" + *bucket)
	return nil
}

// addLogging: that no target is said means that nothing is logged.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLogging.html
func addLogging(ctx context.Context, client *s3.Client, bucket *string, a collectors.Attributes) error {
	resp, err := client.GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: bucket})
	if err != nil {
		return classify(err)
	}
	a["access_logging"] = resp.LoggingEnabled != nil
	if resp.LoggingEnabled != nil {
		a.Text("log_bucket", resp.LoggingEnabled.TargetBucket)
	}
	return nil
}

// addAccessList says whether the bucket's access control list lets in everyone.
// Where the owner of the bucket owns all objects, lists do not count, and none is asked for.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketOwnershipControls.html
func addAccessList(ctx context.Context, client *s3.Client, bucket *string, a collectors.Attributes) error {
	owned, err := client.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: bucket})
	switch {
	case notThere(err, "OwnershipControlsNotFoundError"):
		a["object_ownership"] = string(types.ObjectOwnershipObjectWriter)
	case err != nil:
		return classify(err)
	case owned.OwnershipControls == nil || len(owned.OwnershipControls.Rules) != 1:
		return collectors.Incomplete("s3:GetBucketOwnershipControls says nothing of %s", *bucket)
	default:
		a["object_ownership"] = string(owned.OwnershipControls.Rules[0].ObjectOwnership)
	}
	if a["object_ownership"] == string(types.ObjectOwnershipBucketOwnerEnforced) {
		a["acl_public"] = false
		return nil
	}
	acl, err := client.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: bucket})
	if err != nil {
		return classify(err)
	}
	public := false
	for _, g := range acl.Grants {
		public = public || g.Grantee != nil && everyone(aws.ToString(g.Grantee.URI))
	}
	a["acl_public"] = public
	return nil
}

// everyone tells the groups of S3 that anyone is in, with or without an account.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
func everyone(group string) bool {
	return strings.HasSuffix(group, "/groups/global/AllUsers") || strings.HasSuffix(group, "/groups/global/AuthenticatedUsers")
}
