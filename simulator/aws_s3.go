package simulator

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

const (
	s3Namespace      = "http://s3.amazonaws.com/doc/2006-03-01/"
	s3controlPath    = "/v20180820/configuration/publicAccessBlock"
	s3controlVersion = "http://awss3control.amazonaws.com/doc/2018-08-20/"
	// bucketPage is the most buckets on a page, however many are asked for.
	bucketPage = 3
)

// s3Action reads operation and bucket from path-style requests and from names
// in the host.
func s3Action(r *http.Request) (action, name string) {
	if r.URL.Path == s3controlPath {
		return "GetAccountPublicAccessBlock", ""
	}
	name = strings.Trim(r.URL.Path, "/")
	if host, _, dotted := strings.Cut(r.Host, ".localhost"); name == "" && dotted {
		name = host
	}
	q := r.URL.Query()
	switch {
	case r.Method != http.MethodGet:
		return r.Method, name
	case name == "":
		return "ListBuckets", ""
	case q.Has("encryption"):
		return "GetBucketEncryption", name
	case q.Has("versioning"):
		return "GetBucketVersioning", name
	case q.Has("publicAccessBlock"):
		return "GetPublicAccessBlock", name
	case q.Has("policyStatus"):
		return "GetBucketPolicyStatus", name
	case q.Has("policy"):
		return "GetBucketPolicy", name
	case q.Has("logging"):
		return "GetBucketLogging", name
	case q.Has("ownershipControls"):
		return "GetBucketOwnershipControls", name
	}
	return "Unknown", name
}

// listBuckets pages by the name of the last bucket given.
func (c *Company) listBuckets(q *awsRequest) reply {
	query := q.http.URL.Query()
	after, region, limit := query.Get("continuation-token"), query.Get("bucket-region"), bucketPage
	if n, err := strconv.Atoi(query.Get("max-buckets")); err == nil && n > 0 {
		limit = min(n, limit)
	}
	var list []node
	last, more := "", ""
	for _, b := range q.account.sortedBuckets() {
		if !b.life.holds(q.now) || b.name <= after && q.effect != loops || region != "" && region != b.region {
			continue
		}
		if len(list) == limit {
			more = last
			break
		}
		list = append(list, el("Bucket", leaf("Name", b.name), leaf("CreationDate", b.life.from), leaf("BucketRegion", b.region), leaf("BucketArn", b.arn())))
		last = b.name
	}
	if q.effect == loops {
		more = last
	}
	kids := []node{el("Owner", leaf("ID", q.account.id)), el("Buckets", list...)}
	if more != "" {
		kids = append(kids, leaf("ContinuationToken", more))
	}
	return s3Reply(el(fmt.Sprintf("ListAllMyBucketsResult xmlns=%q", s3Namespace), kids...))
}

func s3Reply(doc node) reply {
	return reply{status: http.StatusOK, mime: "application/xml", body: doc.document()}
}

// onBucket answers for one bucket, if it exists, belongs to the account, and
// is asked in its own region.
func (c *Company) onBucket(q *awsRequest, answer func(*bucket) reply) reply {
	_, name := s3Action(q.http)
	for _, b := range q.account.buckets {
		if b.name != name || !b.life.holds(q.now) {
			continue
		}
		if b.region != q.region {
			return q.fail(http.StatusMovedPermanently, "PermanentRedirect",
				"The bucket you are attempting to access must be addressed using the specified endpoint.").with("x-amz-bucket-region", b.region)
		}
		return answer(b).with("x-amz-bucket-region", b.region)
	}
	return q.fail(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
}

func (c *Company) getBucketEncryption(q *awsRequest) reply {
	return c.onBucket(q, func(b *bucket) reply {
		byDefault := el("ApplyServerSideEncryptionByDefault", leaf("SSEAlgorithm", "aws:kms"), leaf("KMSMasterKeyID", b.kms))
		return s3Reply(el(fmt.Sprintf("ServerSideEncryptionConfiguration xmlns=%q", s3Namespace), el("Rule", byDefault, leaf("BucketKeyEnabled", true))))
	})
}

func (c *Company) getBucketVersioning(q *awsRequest) reply {
	return c.onBucket(q, func(b *bucket) reply {
		return s3Reply(el(fmt.Sprintf("VersioningConfiguration xmlns=%q", s3Namespace), leaf("Status", b.version.at(q.now))))
	})
}

// noPolicy is what S3 says of a bucket without a policy.
func (q *awsRequest) noPolicy() reply {
	return q.fail(http.StatusNotFound, "NoSuchBucketPolicy", "The bucket policy does not exist")
}

func (c *Company) getBucketPolicyStatus(q *awsRequest) reply {
	return c.onBucket(q, func(b *bucket) reply {
		if !b.tlsOnly.at(q.now) {
			return q.noPolicy()
		}
		return s3Reply(el(fmt.Sprintf("PolicyStatus xmlns=%q", s3Namespace), leaf("IsPublic", false)))
	})
}

func (c *Company) getBucketPolicy(q *awsRequest) reply {
	return c.onBucket(q, func(b *bucket) reply {
		if !b.tlsOnly.at(q.now) {
			return q.noPolicy()
		}
		return reply{status: http.StatusOK, mime: "application/json", body: fmt.Appendf(nil, `{"Version":"2012-10-17","Statement":[{"Sid":"TLSOnly","Effect":"Deny",`+
			`"Principal":"*","Action":"s3:*","Resource":["%[1]s","%[1]s/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`, b.arn())}
	})
}

func (c *Company) getBucketLogging(q *awsRequest) reply {
	return c.onBucket(q, func(b *bucket) reply {
		return s3Reply(el(fmt.Sprintf("BucketLoggingStatus xmlns=%q", s3Namespace), el("LoggingEnabled", leaf("TargetBucket", "logs-"+b.owner.id), leaf("TargetPrefix", b.name+"/"))))
	})
}

func (c *Company) getBucketOwnership(q *awsRequest) reply {
	return c.onBucket(q, func(*bucket) reply {
		return s3Reply(el(fmt.Sprintf("OwnershipControls xmlns=%q", s3Namespace), el("Rule", leaf("ObjectOwnership", "BucketOwnerEnforced"))))
	})
}

func (c *Company) getBucketBlock(q *awsRequest) reply {
	return c.onBucket(q, func(b *bucket) reply { return q.block(b.block.at(q.now), s3Namespace) })
}

func (c *Company) getAccountBlock(q *awsRequest) reply {
	if id := q.http.Header.Get("x-amz-account-id"); id != q.account.id {
		return q.deny()
	}
	return q.block(q.account.block.at(q.now), s3controlVersion)
}

func (q *awsRequest) block(b *accessBlock, namespace string) reply {
	if b == nil {
		return q.fail(http.StatusNotFound, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")
	}
	return s3Reply(el(fmt.Sprintf("PublicAccessBlockConfiguration xmlns=%q", namespace), leaf("BlockPublicAcls", b.acls),
		leaf("IgnorePublicAcls", b.ignore), leaf("BlockPublicPolicy", b.policy), leaf("RestrictPublicBuckets", b.restrict)))
}
