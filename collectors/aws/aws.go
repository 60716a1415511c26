package aws

import (
	_ "embed"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// The kinds of this source.
const (
	kindAccount        evidence.Kind = "aws.account"
	kindRegion         evidence.Kind = "aws.region"
	kindIAMAccount     evidence.Kind = "aws.iam.account"
	kindPasswordPolicy evidence.Kind = "aws.iam.password_policy"
	kindUser           evidence.Kind = "aws.iam.user"
	kindTrail          evidence.Kind = "aws.cloudtrail.trail"
	kindBucket         evidence.Kind = "aws.s3.bucket"
)

//go:embed sample.yaml
var sample []byte

// Spec declares the source "aws".
func Spec() collectors.Spec {
	return collectors.Spec{
		Name:      "aws",
		Version:   1,
		Doc:       "AWS accounts: root user, users and their second factor, password policy, trails, buckets.",
		Root:      kindAccount,
		Kinds:     kinds(),
		Calls:     calls(),
		Identify:  identify,
		Throttled: throttled,
		Redact:    []string{"SecretAccessKey", "SessionToken", "Password", "PrivateKey", "ClientSecret", "accessToken", "refreshToken"},
		NewConfig: func() collectors.Config { return newConfig() },
		Sample:    sample,
		Policy:    policy,
	}
}

func kinds() []collectors.KindSpec {
	return []collectors.KindSpec{
		{Kind: kindAccount, Mode: evidence.State, Doc: "An account, as the organisation or the configuration names it."},
		{Kind: kindRegion, Mode: evidence.State, Doc: "A region that the account has enabled."},
		{Kind: kindIAMAccount, Mode: evidence.State, Doc: "The account's root user and counts of its users and MFA devices."},
		{Kind: kindPasswordPolicy, Mode: evidence.State, Doc: "The account's password policy, or that there is none."},
		{Kind: kindUser, Mode: evidence.State, Doc: "A user, or the root user, as of the credential report.", Volatile: []string{
			"password_last_used_at", "access_key_1_last_used_at", "access_key_2_last_used_at"}},
		{Kind: kindTrail, Mode: evidence.State, Doc: "A CloudTrail trail and whether it delivers.", Volatile: []string{"latest_delivery_at"}},
		{Kind: kindBucket, Mode: evidence.State, Doc: "An S3 bucket: encryption, public access, versioning."},
	}
}

// only makes a call serve one kind.
func only(k evidence.Kind) []evidence.Kind { return []evidence.Kind{k} }

func calls() []collectors.Call {
	one := func(name, permission string, k evidence.Kind, why string) collectors.Call {
		return collectors.Call{Name: name, Permissions: []string{permission}, Kinds: only(k), Why: why}
	}
	return []collectors.Call{
		{Name: "sts:GetCallerIdentity", Why: "who asks; needs no permission"},
		{Name: "sts:AssumeRole", Permissions: []string{"sts:AssumeRole"}, Why: "the read-only role in other accounts"},
		{Name: "ec2:DescribeRegions", Permissions: []string{"ec2:DescribeRegions"}, Why: "which regions are enabled"},
		one("organizations:ListAccounts", "organizations:ListAccounts", kindAccount, "accounts of the organisation"),
		one("iam:GetAccountSummary", "iam:GetAccountSummary", kindIAMAccount, "root user and counts"),
		one("iam:GetAccountPasswordPolicy", "iam:GetAccountPasswordPolicy", kindPasswordPolicy, "password policy"),
		one("iam:GenerateCredentialReport", "iam:GenerateCredentialReport", kindUser, "makes AWS prepare the credential report; changes nothing"),
		one("iam:GetCredentialReport", "iam:GetCredentialReport", kindUser, "users, passwords, keys, MFA"),
		one("cloudtrail:DescribeTrails", "cloudtrail:DescribeTrails", kindTrail, "trails and their settings"),
		one("cloudtrail:GetTrailStatus", "cloudtrail:GetTrailStatus", kindTrail, "whether a trail logs and delivers"),
		one("s3:ListBuckets", "s3:ListAllMyBuckets", kindBucket, "list of buckets"),
		one("s3:GetBucketLocation", "s3:GetBucketLocation", kindBucket, "region of a bucket"),
		one("s3:GetBucketEncryption", "s3:GetEncryptionConfiguration", kindBucket, "default encryption"),
		one("s3:GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock", kindBucket, "public access block of a bucket"),
		one("s3:GetBucketVersioning", "s3:GetBucketVersioning", kindBucket, "versioning"),
		one("s3control:GetPublicAccessBlock", "s3:GetAccountPublicAccessBlock", kindBucket, "public access block of the account"),
	}
}
