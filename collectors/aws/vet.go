package aws

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"strings"

	"github.com/evidenced/evidenced/collectors"
)

// vetted stands between the SDK and the door, and makes sure that an answer is
// the one that was asked for. The SDK decodes an empty body, or any other
// document, into an empty result without an error: no buckets, not public.
type vetted struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (v vetted) RoundTrip(r *http.Request) (*http.Response, error) {
	asked, err := peek(&r.Body)
	if err != nil {
		return nil, err
	}
	resp, err := v.next.RoundTrip(r)
	if err != nil || resp.StatusCode < 200 || resp.StatusCode > 299 {
		return resp, err
	}
	answer, err := peek(&resp.Body)
	if err == nil {
		err = vet(identify(r, asked), answer)
	}
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// peek reads a body and puts it back.
func peek(body *io.ReadCloser) ([]byte, error) {
	if *body == nil {
		return nil, nil
	}
	b, err := io.ReadAll(*body)
	_ = (*body).Close() // it was read; nothing is lost
	*body = io.NopCloser(bytes.NewReader(b))
	return b, err
}

// roots are the elements that hold the answers of the REST calls; those of
// the Query protocol are named after the operation.
var roots = map[string]string{
	"s3:GetBucketEncryption":         "ServerSideEncryptionConfiguration",
	"s3:GetBucketLocation":           "LocationConstraint",
	"s3:GetBucketVersioning":         "VersioningConfiguration",
	"s3:GetPublicAccessBlock":        "PublicAccessBlockConfiguration",
	"s3:ListBuckets":                 "ListAllMyBucketsResult",
	"s3control:GetPublicAccessBlock": "PublicAccessBlockConfiguration",
}

// vet reports an answer that is not a whole document of the right type.
func vet(call string, body []byte) error {
	service, operation, _ := strings.Cut(call, ":")
	if service == "cloudtrail" || service == "organizations" {
		if !json.Valid(body) || bytes.TrimLeft(body, " \t\r\n")[0] != '{' {
			return collectors.Incomplete("the answer to %s is not a JSON object", call)
		}
		return nil
	}
	want, named := roots[call]
	if !named {
		want = operation + "Response"
	}
	got, err := rootElement(body)
	if err != nil {
		return collectors.Incomplete("the answer to %s is not an XML document: %v", call, err)
	}
	if got != want {
		return collectors.Incomplete("the answer to %s is a %.40q, not a %q", call, got, want)
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
