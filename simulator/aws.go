package simulator

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// awsRequest is a request to AWS after its signature was read.
type awsRequest struct {
	call
	account *account
	// base tells that the agent's own credential signed, not one of an assumed role.
	base            bool
	region, service string
	action          string
	form            url.Values
	http            *http.Request
	body            []byte
	now             time.Time
	id              string
	effect          effect
}

// keyPrefix begins the access key ids of assumed roles; the account id follows.
const keyPrefix = "ASIASIM0"

var credential = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request`)
})

// serveAWS answers one signed request. Signatures are not verified: who signs
// is read from the access key id.
func (c *Company) serveAWS(w http.ResponseWriter, r *http.Request) {
	q, err := c.readAWS(r)
	if err != nil {
		send(w, plainAWSError(http.StatusForbidden, "MissingAuthenticationToken", err.Error()), "", c.Now())
		return
	}
	e, attempt := c.fault(q.call, q.now)
	q.effect = e
	n := c.requestID(q.call, q.now, attempt)
	q.id = fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", uint32(n>>32), uint16(n>>16), uint16(n)&0xfff, uint16(n>>40)&0xfff, n&0xffffffffffff)
	a, failed := q.failure()
	if !failed {
		a = c.awsAnswer(q)
	}
	send(w, q.sign(a), e, q.now)
}

// sign adds the request id, in the header that the service uses.
func (q *awsRequest) sign(a reply) reply {
	if q.service == "s3" {
		return a.with("x-amz-request-id", strings.ToUpper(q.id[:8]+q.id[9:13]+q.id[24:28])).with("x-amz-id-2", q.id)
	}
	return a.with("x-amzn-RequestId", q.id)
}

// AWS's own words, so not written as Go errors are.
var (
	errNoToken  = errors.New("Request is missing Authentication Token")               //lint:ignore ST1005 as AWS says it
	errBadToken = errors.New("The security token included in the request is invalid") //lint:ignore ST1005 as AWS says it
)

func (c *Company) readAWS(r *http.Request) (*awsRequest, error) {
	m := credential().FindStringSubmatch(r.Header.Get("Authorization"))
	if m == nil {
		return nil, errNoToken
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("the body cannot be read: %w", err)
	}
	q := &awsRequest{account: c.management(), base: true, region: m[2], service: m[3], http: r, body: body, now: c.Now()}
	if id, ok := strings.CutPrefix(m[1], keyPrefix); ok {
		a := c.account(id)
		if a == nil {
			return nil, errBadToken
		}
		q.account, q.base = a, false
	}
	q.name()
	return q, nil
}

func (c *Company) account(id string) *account {
	for _, a := range c.accounts {
		if a.id == id {
			return a
		}
	}
	return nil
}

// name finds the operation, and the places by which faults know the request.
func (q *awsRequest) name() {
	places := []string{q.account.id, q.account.id + "/" + q.region}
	named, byPath := pathAction(q.service, q.http)
	switch target := q.http.Header.Get("X-Amz-Target"); {
	case target != "":
		q.action = target[strings.LastIndexByte(target, '.')+1:]
	case byPath:
		q.action = named
	case q.service == "s3":
		var name string
		q.action, name = s3Action(q.http)
		places = append(places, q.account.id+"/"+name)
	default:
		q.form, _ = url.ParseQuery(string(q.body)) // what cannot be read has no action
		q.action = q.form.Get("Action")
		if arn := strings.Split(q.form.Get("RoleArn"), ":"); len(arn) == 6 {
			places = append(places, "role in "+arn[4])
		}
	}
	q.call = call{vendor: "aws", op: q.service + ":" + q.action, places: places}
	q.key = fmt.Sprintf("%s %s %s?%s %s", q.op, places[1], q.http.URL.Path, q.http.URL.RawQuery, bytes.TrimSpace(q.body))
}

// awsHandlers are the operations that are served.
var awsHandlers = map[string]func(*Company, *awsRequest) reply{
	"sts:GetCallerIdentity":          (*Company).getCallerIdentity,
	"sts:AssumeRole":                 (*Company).assumeRole,
	"ec2:DescribeRegions":            (*Company).describeRegions,
	"iam:GetAccountSummary":          (*Company).getAccountSummary,
	"iam:GetAccountPasswordPolicy":   (*Company).getPasswordPolicy,
	"iam:GenerateCredentialReport":   (*Company).generateReport,
	"iam:GetCredentialReport":        (*Company).getReport,
	"cloudtrail:DescribeTrails":      (*Company).describeTrails,
	"cloudtrail:GetTrailStatus":      (*Company).getTrailStatus,
	"organizations:ListAccounts":     (*Company).listAccounts,
	"s3:ListBuckets":                 (*Company).listBuckets,
	"s3:GetBucketEncryption":         (*Company).getBucketEncryption,
	"s3:GetBucketVersioning":         (*Company).getBucketVersioning,
	"s3:GetPublicAccessBlock":        (*Company).getBucketBlock,
	"s3:GetAccountPublicAccessBlock": (*Company).getAccountBlock,
	"s3:GetBucketPolicyStatus":       (*Company).getBucketPolicyStatus,
	"s3:GetBucketPolicy":             (*Company).getBucketPolicy,
	"s3:GetBucketLogging":            (*Company).getBucketLogging,
	"s3:GetBucketOwnershipControls":  (*Company).getBucketOwnership,

	"iam:ListVirtualMFADevices":     (*Company).listVirtualDevices,
	"cloudtrail:GetEventSelectors":  (*Company).getSelectors,
	"guardduty:ListDetectors":       (*Company).listDetectors,
	"guardduty:GetDetector":         (*Company).getDetector,
	"ec2:DescribeSecurityGroups":    (*Company).describeGroups,
	"ec2:DescribeNetworkInterfaces": (*Company).describeInterfaces,
	"rds:DescribeDBInstances":       (*Company).describeDatabases,
	"kms:ListKeys":                  (*Company).listKeys,
	"kms:DescribeKey":               (*Company).describeKey,
	"kms:GetKeyRotationStatus":      (*Company).rotationStatus,
	"kms:GetKeyPolicy":              (*Company).keyPolicy,

	"config:DescribeConfigurationRecorders":      (*Company).describeRecorders,
	"config:DescribeConfigurationRecorderStatus": (*Company).recorderStatus,
	"config:DescribeDeliveryChannelStatus":       (*Company).deliveryStatus,
}

// awsAnswer finds the handler of the operation.
func (c *Company) awsAnswer(q *awsRequest) reply {
	h := awsHandlers[q.op]
	if h == nil {
		h = calm[q.op]
	}
	if h == nil {
		return q.fail(http.StatusBadRequest, "InvalidAction", fmt.Sprintf("Could not find operation %s for service %s", q.action, q.service))
	}
	return h(c, q)
}

// query wraps the result of a Query call into its response.
func (q *awsRequest) query(namespace string, result ...node) reply {
	doc := el(fmt.Sprintf("%sResponse xmlns=%q", q.action, namespace),
		el(q.action+"Result", result...), el("ResponseMetadata", leaf("RequestId", q.id)))
	return reply{status: http.StatusOK, mime: "text/xml", body: doc.document()}
}
