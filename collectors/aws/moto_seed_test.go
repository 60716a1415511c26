//go:build unix

package aws

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	trailtypes "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	orgtypes "github.com/aws/aws-sdk-go-v2/service/organizations/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	controltypes "github.com/aws/aws-sdk-go-v2/service/s3control/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// kmsKey is what the seeds encrypt with. moto does not look for it.
const kmsKey = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"

// seed writes into one account.
type seed struct {
	t   *testing.T
	aws aws.Config
}

// write makes one call of the SDK, and returns what it answers.
func write[In, Out, Options any](s seed, call func(context.Context, *In, ...func(*Options)) (*Out, error), in In) *Out {
	s.t.Helper()
	out, err := call(s.t.Context(), &in)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// populate makes an account in which the tests of the catalogue pass and fail.
func (s seed) populate() {
	s.t.Helper()
	s.console("alice")
	s.console("bob")
	s.mfa("bob")
	s.user("carol")
	s.accessKey("carol")
	s.passwordPolicy(14, 24)
	s.bucket("us-east-1", "logs")
	s.block("logs", true)
	s.encrypt("logs")
	s.versioning("logs", s3types.BucketVersioningStatusEnabled)
	s.bucket("eu-west-1", "half")
	s.block("half", false)
	s.versioning("half", s3types.BucketVersioningStatusSuspended)
	s.bucket("eu-west-1", "open")
	s.trail("us-east-1", "logs", cloudtrail.CreateTrailInput{Name: aws.String("main"), IsMultiRegionTrail: aws.Bool(true), EnableLogFileValidation: aws.Bool(true), KmsKeyId: aws.String(kmsKey)})
	s.trail("eu-west-1", "logs", cloudtrail.CreateTrailInput{Name: aws.String("stopped")})
	s.stopTrail("eu-west-1", "stopped")
}

func (s seed) user(name string) {
	s.t.Helper()
	write(s, iamClient(s.aws).CreateUser, iam.CreateUserInput{UserName: &name})
}

// console makes a user with a password.
func (s seed) console(name string) {
	s.t.Helper()
	s.user(name)
	write(s, iamClient(s.aws).CreateLoginProfile, iam.CreateLoginProfileInput{UserName: &name, Password: aws.String("correct-Horse-9-battery")})
}

// mfa returns a user a virtual device.
func (s seed) mfa(name string) {
	s.t.Helper()
	made := write(s, iamClient(s.aws).CreateVirtualMFADevice, iam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: &name})
	write(s, iamClient(s.aws).EnableMFADevice, iam.EnableMFADeviceInput{
		UserName: &name, SerialNumber: made.VirtualMFADevice.SerialNumber, AuthenticationCode1: aws.String("123456"), AuthenticationCode2: aws.String("654321"),
	})
}

func (s seed) accessKey(user string) credential {
	s.t.Helper()
	k := write(s, iamClient(s.aws).CreateAccessKey, iam.CreateAccessKeyInput{UserName: &user}).AccessKey
	return credential{id: *k.AccessKeyId, secret: *k.SecretAccessKey}
}

func (s seed) passwordPolicy(length, remembered int32) {
	s.t.Helper()
	write(s, iamClient(s.aws).UpdateAccountPasswordPolicy, iam.UpdateAccountPasswordPolicyInput{
		MinimumPasswordLength: &length, PasswordReusePrevention: &remembered, RequireNumbers: true, AllowUsersToChangePassword: true,
	})
}

// trail makes a trail that logs into a bucket.
func (s seed) trail(region, bucket string, trail cloudtrail.CreateTrailInput) {
	s.t.Helper()
	trail.S3BucketName = &bucket
	c := trailClient(in(s.aws, region))
	write(s, c.CreateTrail, trail)
	write(s, c.StartLogging, cloudtrail.StartLoggingInput{Name: trail.Name})
	// AWS has this by default; moto states none.
	write(s, c.PutEventSelectors, cloudtrail.PutEventSelectorsInput{TrailName: trail.Name, EventSelectors: []trailtypes.EventSelector{
		{ReadWriteType: trailtypes.ReadWriteTypeAll, IncludeManagementEvents: aws.Bool(true)},
	}})
}

func (s seed) stopTrail(region, name string) {
	s.t.Helper()
	write(s, trailClient(in(s.aws, region)).StopLogging, cloudtrail.StopLoggingInput{Name: &name})
}

func (s seed) bucket(region, name string) {
	s.t.Helper()
	made := s3.CreateBucketInput{Bucket: &name}
	if region != "us-east-1" {
		made.CreateBucketConfiguration = &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(region)}
	}
	write(s, s3Client(in(s.aws, region)).CreateBucket, made)
}

// block blocks public access to a bucket in three ways, and in the fourth if restrict.
func (s seed) block(name string, restrict bool) {
	s.t.Helper()
	on := aws.Bool(true)
	write(s, s3Client(s.aws).PutPublicAccessBlock, s3.PutPublicAccessBlockInput{Bucket: &name, PublicAccessBlockConfiguration: &s3types.PublicAccessBlockConfiguration{
		BlockPublicAcls: on, IgnorePublicAcls: on, BlockPublicPolicy: on, RestrictPublicBuckets: &restrict,
	}})
}

// blockAccount blocks public access to all buckets.
func (s seed) blockAccount(account string) {
	s.t.Helper()
	on := aws.Bool(true)
	write(s, s3controlClient(s.aws).PutPublicAccessBlock, s3control.PutPublicAccessBlockInput{AccountId: &account, PublicAccessBlockConfiguration: &controltypes.PublicAccessBlockConfiguration{
		BlockPublicAcls: on, IgnorePublicAcls: on, BlockPublicPolicy: on, RestrictPublicBuckets: on,
	}})
}

func (s seed) encrypt(name string) {
	s.t.Helper()
	byDefault := &s3types.ServerSideEncryptionByDefault{SSEAlgorithm: s3types.ServerSideEncryptionAwsKms, KMSMasterKeyID: aws.String(kmsKey)}
	write(s, s3Client(s.aws).PutBucketEncryption, s3.PutBucketEncryptionInput{Bucket: &name, ServerSideEncryptionConfiguration: &s3types.ServerSideEncryptionConfiguration{
		Rules: []s3types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: byDefault}},
	}})
}

func (s seed) versioning(name string, status s3types.BucketVersioningStatus) {
	s.t.Helper()
	write(s, s3Client(s.aws).PutBucketVersioning, s3.PutBucketVersioningInput{Bucket: &name, VersioningConfiguration: &s3types.VersioningConfiguration{Status: status}})
}

func (s seed) organization() {
	s.t.Helper()
	write(s, organizationsClient(s.aws).CreateOrganization, organizations.CreateOrganizationInput{FeatureSet: orgtypes.OrganizationFeatureSetAll})
}

// member adds an account to the organisation, and returns its id and the seed of it.
func (s seed) member(name string) (string, seed) {
	s.t.Helper()
	made := write(s, organizationsClient(s.aws).CreateAccount, organizations.CreateAccountInput{AccountName: &name, Email: aws.String(name + "@example.com")})
	id := *made.CreateAccountStatus.AccountId
	c := write(s, stsClient(s.aws).AssumeRole, sts.AssumeRoleInput{RoleArn: aws.String(roleARN("aws", id, "Seed")), RoleSessionName: aws.String("seed")}).Credentials
	inside := s.aws.Copy()
	inside.Credentials = credential{*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken}.provider()
	return id, seed{s.t, inside}
}

func (s seed) closeMember(id string) {
	s.t.Helper()
	write(s, organizationsClient(s.aws).CloseAccount, organizations.CloseAccountInput{AccountId: &id})
}

func (s seed) role(name, trust string) {
	s.t.Helper()
	write(s, iamClient(s.aws).CreateRole, iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust})
}

// grantUser returns a user exactly this policy, and grantRole a role.
func (s seed) grantUser(user, policy string) {
	s.t.Helper()
	write(s, iamClient(s.aws).PutUserPolicy, iam.PutUserPolicyInput{UserName: &user, PolicyName: aws.String("evidenced"), PolicyDocument: &policy})
}

func (s seed) grantRole(role, policy string) {
	s.t.Helper()
	write(s, iamClient(s.aws).PutRolePolicy, iam.PutRolePolicyInput{RoleName: &role, PolicyName: aws.String("evidenced"), PolicyDocument: &policy})
}
