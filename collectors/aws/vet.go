package aws

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws/middleware"

	"github.com/evidenced/evidenced/collectors"
)

// vetted stands between the SDK and the door, and makes sure that an answer is
// the one that was asked for. The SDK decodes an empty body, or any other
// document, into an empty result without an error: no buckets, not public.
type vetted struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper. The SDK says in the context what it asks.
func (v vetted) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := v.next.RoundTrip(r)
	if err != nil || resp.StatusCode < 200 || resp.StatusCode > 299 {
		return resp, err
	}
	answer, err := peek(&resp.Body)
	if err == nil {
		err = vet(middleware.GetServiceID(r.Context()), middleware.GetOperationName(r.Context()), answer)
	}
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// peek reads a body and puts it back.
func peek(body *io.ReadCloser) ([]byte, error) {
	b, err := io.ReadAll(*body)
	_ = (*body).Close() // it was read; nothing is lost
	*body = io.NopCloser(bytes.NewReader(b))
	return b, err
}

// roots are the elements that hold the answers of the REST calls. Those of
// the Query protocol are named after the operation, "GetUserResponse"; some
// servers name the others like that too.
var roots = map[string]string{
	"GetBucketAcl":               "AccessControlPolicy",
	"GetBucketEncryption":        "ServerSideEncryptionConfiguration",
	"GetBucketLocation":          "LocationConstraint",
	"GetBucketLogging":           "BucketLoggingStatus",
	"GetBucketOwnershipControls": "OwnershipControls",
	"GetBucketPolicyStatus":      "PolicyStatus",
	"GetBucketVersioning":        "VersioningConfiguration",
	"GetPublicAccessBlock":       "PublicAccessBlockConfiguration", // of a bucket, and of an account
	"ListBuckets":                "ListAllMyBucketsResult",
}

// vet reports an answer that is not a whole document of the right type.
func vet(service, operation string, body []byte) error {
	p, known := protocolOf(service)
	if !known {
		return fmt.Errorf("the service %q is not one of this source", service)
	}
	if p == rpcJSON || p == restJSON || operation == "GetBucketPolicy" {
		if !json.Valid(body) || bytes.TrimLeft(body, " \t\r\n")[0] != '{' {
			return collectors.Incomplete("the answer to %s is not a JSON object", operation)
		}
		return nil
	}
	got, err := rootElement(body)
	if err != nil {
		return collectors.Incomplete("the answer to %s is not an XML document: %v", operation, err)
	}
	if got != operation+"Response" && got != roots[operation] {
		return collectors.Incomplete("the answer to %s is a %.40q", operation, got)
	}
	return nil
}

// rootElement reads the document to its end and gives the name of its root.
func rootElement(body []byte) (string, error) {
	d := xml.NewDecoder(bytes.NewReader(body))
	root := ""
	for {
		tok, err := d.Token() // checks that what is opened is closed
		switch {
		case err == io.EOF && root == "":
			return "", io.ErrUnexpectedEOF
		case err == io.EOF:
			return root, nil
		case err != nil:
			return "", err
		}
		if start, ok := tok.(xml.StartElement); ok && root == "" {
			root = start.Name.Local
		}
	}
}
