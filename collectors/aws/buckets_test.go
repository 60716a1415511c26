package aws

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

const (
	owner    = `<Owner><ID>x</ID></Owner>`
	blockAll = `<PublicAccessBlockConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>false</RestrictPublicBuckets></PublicAccessBlockConfiguration>`
	keyed    = `<ServerSideEncryptionConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>arn:aws:kms:k</KMSMasterKeyID></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>`
	blocked  = `"public_access_block":{"block_public_acls":true,"block_public_policy":true,"configured":true,"ignore_public_acls":true,"restrict_public_buckets":false}`
)

// buckets serves two buckets on two pages.
func buckets() map[string][]reply {
	return map[string][]reply{
		"s3:ListBuckets":                     {ok(`<ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` + owner + `<Buckets><Bucket><Name>data</Name><CreationDate>2020-01-02T03:04:05.000Z</CreationDate><BucketRegion>eu-west-1</BucketRegion></Bucket></Buckets><ContinuationToken>t2</ContinuationToken></ListAllMyBucketsResult>`)},
		"s3:ListBuckets t2":                  {ok(`<ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` + owner + `<Buckets><Bucket><Name>old</Name></Bucket></Buckets></ListAllMyBucketsResult>`)},
		"s3:GetBucketLocation old":           {ok(`<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>`)},
		"s3:GetBucketEncryption data":        {ok(keyed)},
		"s3:GetBucketEncryption old":         {s3Error(404, "ServerSideEncryptionConfigurationNotFoundError")},
		"s3:GetPublicAccessBlock data":       {ok(blockAll)},
		"s3:GetPublicAccessBlock old":        {s3Error(404, noBlock)},
		"s3:GetBucketVersioning data":        {ok(`<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status><MfaDelete>Disabled</MfaDelete></VersioningConfiguration>`)},
		"s3:GetBucketVersioning old":         {ok(`<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>`)},
		"s3:GetBucketPolicyStatus data":      {ok(`<PolicyStatus xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsPublic>false</IsPublic></PolicyStatus>`)},
		"s3:GetBucketPolicyStatus old":       {s3Error(404, noBucketPolicy)},
		"s3:GetBucketPolicy data":            {ok(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::data","arn:aws:s3:::data/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}}`)},
		"s3:GetBucketPolicy old":             {s3Error(404, noBucketPolicy)},
		"s3:GetBucketLogging data":           {ok(`<BucketLoggingStatus xmlns="http://doc.s3.amazonaws.com/2006-03-01"><LoggingEnabled><TargetBucket>logs</TargetBucket><TargetPrefix>data/</TargetPrefix></LoggingEnabled></BucketLoggingStatus>`)},
		"s3:GetBucketLogging old":            {ok(`<BucketLoggingStatus xmlns="http://doc.s3.amazonaws.com/2006-03-01"/>`)},
		"s3:GetBucketOwnershipControls data": {ok(`<OwnershipControls xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>`)},
		"s3:GetBucketOwnershipControls old":  {s3Error(404, "OwnershipControlsNotFoundError")},
		"s3:GetBucketAcl old":                {ok(`<AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` + owner + `<AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>`)},
		"s3control:GetPublicAccessBlock":     {{status: 404, body: `<?xml version="1.0" encoding="UTF-8"?><ErrorResponse xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/"><Error><Code>` + noBlock + `</Code><Message>no</Message></Error><RequestId>r</RequestId></ErrorResponse>`}},
	}
}

func TestBuckets(t *testing.T) {
	expect(t, capture(t, buckets(), kindBucket), true, `
arn:aws:s3:::data data [111122223333/eu-west-1] {"access_logging":true,"account_public_access_block":{"configured":false},"acl_public":false,"created_at":"2020-01-02T03:04:05Z","encryption":"aws:kms","encryption_configured":true,"encryption_key_id":"arn:aws:kms:k","log_bucket":"logs","mfa_delete":"Disabled","object_ownership":"BucketOwnerEnforced","policy_public":false,`+blocked+`,"region":"eu-west-1","tls_only":true,"versioning":"Enabled"}
arn:aws:s3:::old old [111122223333/us-east-1] {"access_logging":false,"account_public_access_block":{"configured":false},"acl_public":true,"encryption_configured":false,"object_ownership":"ObjectWriter","policy_public":false,"public_access_block":{"configured":false},"region":"us-east-1","tls_only":false,"versioning":"Unversioned"}
111122223333 read`)
}

func TestBucketPartDenied(t *testing.T) {
	replies := buckets()
	replies["s3:GetBucketEncryption data"] = []reply{s3Error(403, "AccessDenied")}
	replies["s3control:GetPublicAccessBlock"] = []reply{ok(blockAll)}
	expect(t, capture(t, replies, kindBucket), false, `
arn:aws:s3:::data data [111122223333/eu-west-1] {"access_logging":true,"account_`+blocked[1:]+`,"acl_public":false,"created_at":"2020-01-02T03:04:05Z","log_bucket":"logs","mfa_delete":"Disabled","object_ownership":"BucketOwnerEnforced","policy_public":false,`+blocked+`,"region":"eu-west-1","tls_only":true,"versioning":"Enabled"}
arn:aws:s3:::old old [111122223333/us-east-1] {"access_logging":false,"account_`+blocked[1:]+`,"acl_public":true,"encryption_configured":false,"object_ownership":"ObjectWriter","policy_public":false,"public_access_block":{"configured":false},"region":"us-east-1","tls_only":false,"versioning":"Unversioned"}
111122223333 read
111122223333/s3/data denied denied`)
}

// TestBucketAnswersThatAreNot: an answer that is not understood is never "absent".
func TestBucketAnswersThatAreNot(t *testing.T) {
	for name, tt := range map[string]struct {
		key   string
		reply reply
		want  error
	}{
		"404 in HTML":            {"s3:GetBucketEncryption data", reply{status: 404, body: "<html>"}, collectors.ErrIncomplete},
		"404 of no words":        {"s3:GetPublicAccessBlock data", reply{status: 404}, collectors.ErrIncomplete},
		"405":                    {"s3:GetBucketVersioning data", s3Error(405, "MethodNotAllowed"), collectors.ErrIncomplete},
		"500 in HTML":            {"s3:GetPublicAccessBlock data", reply{status: 500, body: "<html>"}, collectors.ErrUnreachable},
		"slow down":              {"s3:GetBucketVersioning data", s3Error(503, "SlowDown"), collectors.ErrThrottled},
		"bucket gone":            {"s3:GetBucketVersioning data", s3Error(404, "NoSuchBucket"), collectors.ErrIncomplete},
		"account block, 404":     {"s3control:GetPublicAccessBlock", reply{status: 404, body: "<html>"}, collectors.ErrIncomplete},
		"account block, denied":  {"s3control:GetPublicAccessBlock", s3Error(403, "AccessDenied"), collectors.ErrDenied},
		"location denied":        {"s3:GetBucketLocation old", s3Error(403, "AccessDenied"), collectors.ErrDenied},
		"list loops":             {"s3:ListBuckets t2", ok(`<ListAllMyBucketsResult><ContinuationToken>t2</ContinuationToken></ListAllMyBucketsResult>`), collectors.ErrIncomplete},
		"list without a name":    {"s3:ListBuckets", ok(`<ListAllMyBucketsResult><Buckets><Bucket/></Buckets></ListAllMyBucketsResult>`), collectors.ErrIncomplete},
		"list in another format": {"s3:ListBuckets", ok(`{"buckets":[]}`), collectors.ErrIncomplete},
	} {
		t.Run(name, func(t *testing.T) {
			replies := buckets()
			replies[tt.key] = []reply{tt.reply}
			if s := capture(t, replies, kindBucket); !errors.Is(s.Err, tt.want) || s.Certificate.Complete {
				t.Errorf("error %v, want %v", s.Err, tt.want)
			}
		})
	}
}

func TestEndpointWithPath(t *testing.T) {
	environment(t)
	srv := httptest.NewServer(http.StripPrefix("/aws", &fake{replies: with(buckets()), asked: map[string]int{}}))
	defer srv.Close()
	cfg := newConfig()
	cfg.Common.Endpoint = srv.URL + "/aws/"
	src, err := transport.Open(Spec(), cfg, transport.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s := src.Visit(t.Context(), own).Capture(t.Context(), kindBucket, evidence.Window{}); s.Err != nil || len(s.Records) != 2 {
		t.Errorf("error %v, %d records", s.Err, len(s.Records))
	}
}
