package aws

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/evidenced/evidenced/collectors"
)

// The error codes of AWS by what they mean for us.
// https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
var (
	deniedCodes = []string{
		"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthFailure", "AllAccessDisabled", "OptInRequired",
		"UnauthorizedAccess", "NotAuthorized", "AWSOrganizationsNotInUseException", "SubscriptionRequiredException", "RegionDisabledException",
	}
	unauthenticatedCodes = []string{
		"ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "InvalidAccessKeyId", "InvalidToken",
		"SignatureDoesNotMatch", "InvalidSignatureException", "UnrecognizedClientException", "MissingAuthenticationToken",
		"MissingAuthenticationTokenException", "IncompleteSignature", "RequestTimeTooSkewed",
	}
	throttledCodes = []string{
		"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException", "RequestLimitExceeded",
		"TooManyRequestsException", "TooManyRequests", "ProvisionedThroughputExceededException", "TransactionInProgressException",
		"BandwidthLimitExceeded", "PriorRequestNotComplete", "EC2ThrottledException", "SlowDown",
	}
)

// classify returns an error of the SDK its class. Errors of the door have theirs.
func classify(err error) error {
	if err == nil || collectors.Classified(err) {
		return plain(err)
	}
	var class error
	switch c := code(err); {
	case slices.Contains(deniedCodes, c) && excludes(err):
		class = fmt.Errorf("%w: %w", collectors.ErrDenied, collectors.ErrExcluded)
	case slices.Contains(deniedCodes, c):
		class = collectors.ErrDenied
	case slices.Contains(unauthenticatedCodes, c):
		class = collectors.ErrUnauthenticated
	case slices.Contains(throttledCodes, c):
		class = collectors.ErrThrottled
	default:
		class = classOther(err)
	}
	if class == nil {
		return err
	}
	return fmt.Errorf("%w: %w", class, err)
}

// excludes reports a denial that AWS itself ascribes to a service control policy.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
func excludes(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && strings.Contains(api.ErrorMessage(), "explicit deny in a service control policy")
}

// plain returns an error of the door without what the SDK wraps around it, which
// speaks of an answer that there was not.
func plain(err error) error {
	var op *smithy.OperationError
	var sent *url.Error
	if errors.As(err, &op) && errors.As(err, &sent) {
		return fmt.Errorf("%s %s: %w", op.ServiceID, op.OperationName, sent.Err)
	}
	return err
}

// classOther sorts answers whose code is not known, or cannot be read: some
// servers refuse in XML what was asked in JSON.
func classOther(err error) error {
	var resp *smithyhttp.ResponseError
	var garbled *smithy.DeserializationError
	if !errors.As(err, &resp) || resp.Response == nil {
		if errors.As(err, &garbled) {
			return collectors.ErrIncomplete
		}
		return nil
	}
	switch status := resp.HTTPStatusCode(); status {
	case http.StatusUnauthorized:
		return collectors.ErrUnauthenticated
	case http.StatusForbidden:
		return collectors.ErrDenied
	}
	return collectors.ErrIncomplete
}

// code returns the error code of an answer, "" if it has none of its own.
func code(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() == "UnknownError" {
		return ""
	}
	return api.ErrorCode()
}

var (
	xmlCode  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`<Code>\s*([A-Za-z0-9.]+)\s*</Code>`) })
	jsonCode = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`"(?:__type|code|Code)"\s*:\s*"([^"]{1,200})"`) })
)

// throttled tells the answers that ask to slow down under another status than 429.
func throttled(_ int, h http.Header, body []byte) bool {
	c := h.Get("X-Amzn-Errortype")
	if c == "" {
		c = bodyCode(string(body[:min(len(body), 4096)]))
	}
	c = c[strings.LastIndexByte(c, '#')+1:]
	c, _, _ = strings.Cut(c, ":")
	return slices.Contains(throttledCodes, c)
}

func bodyCode(body string) string {
	for _, re := range []*regexp.Regexp{xmlCode(), jsonCode()} {
		if m := re.FindStringSubmatch(body); m != nil {
			return m[1]
		}
	}
	return ""
}
