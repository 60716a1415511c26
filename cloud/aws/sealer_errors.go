package aws

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/aws/smithy-go"
)

// explain says what an answer means and what helps, naming the key and the
// permission. Encrypt and Decrypt need one each, of the operation's name.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html#API_Decrypt_Errors
func (s *Sealer) explain(operation string, err error) error {
	return fmt.Errorf("AWS KMS key %s: kms:%s: %s: %w", s.key, operation, sealerMeaning(operation, err), err)
}

func sealerMeaning(operation string, err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return noAnswer(err)
	}
	switch api.ErrorCode() {
	case "AccessDeniedException", "AccessDenied":
		return "denied; allow kms:" + operation + " on this key to the credential in use, in the key's policy or by IAM"
	case "NotFoundException":
		return "there is no such key; see the region, the account and the id in its ARN"
	case "DisabledException":
		return "the key is disabled; enable it"
	case "KMSInvalidStateException":
		return "the key is in no state to be used, such as pending deletion; cancel the deletion and enable it"
	case "InvalidCiphertextException", "IncorrectKeyException":
		return "this key did not wrap it, or it was changed since; name the key that did in store.encryption"
	case "InvalidKeyUsageException", "UnsupportedOperationException":
		return "the key does not encrypt and decrypt; want a symmetric key of the usage ENCRYPT_DECRYPT"
	case "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch", "ExpiredTokenException",
		"ExpiredToken", "IncompleteSignature", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "RequestExpired":
		return "the AWS credential is wrong or has expired; renew it"
	case "ThrottlingException", "Throttling", "LimitExceededException", "TooManyRequestsException", "RequestLimitExceeded":
		return "AWS asks to slow down; try again later"
	case "DependencyTimeoutException", "KeyUnavailableException", "KMSInternalException", "InternalFailure", "ServiceUnavailable", "InternalError":
		return "the service is in trouble; try again later"
	}
	return "refused"
}

// noAnswer tells a network that fails from a credential that is not there.
func noAnswer(err error) string {
	var network net.Error
	var sent interface{ ConnectionError() bool } // the SDK's own failure to send
	var garbled *smithy.DeserializationError
	switch {
	case errors.Is(err, context.Canceled):
		return "stopped"
	case errors.As(err, &garbled):
		return "what answers does not speak as AWS KMS; see the endpoint"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network), errors.As(err, &sent):
		return "not reached; see the network, the proxy and the endpoint"
	}
	return "not asked; is there an AWS credential?"
}
