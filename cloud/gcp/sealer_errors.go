package gcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// permission that a method needs.
// https://cloud.google.com/kms/docs/reference/permissions-and-roles
func permission(method string) string {
	if method == "encrypt" {
		return "cloudkms.cryptoKeyVersions.useToEncrypt"
	}
	return "cloudkms.cryptoKeyVersions.useToDecrypt"
}

// explain says what an answer means and what helps, naming the key and the permission.
func (s *Sealer) explain(method string, status int, answer []byte, err error) error {
	what := fmt.Sprintf("key %s of Cloud KMS: %s", s.key, method)
	switch {
	case errors.Is(err, errToken):
		return fmt.Errorf("%s: not asked: `gcloud auth application-default login`, or a service account, gives the credential: %w", what, err)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: stopped: %w", what, err)
	case err != nil:
		return fmt.Errorf("%s: not reached; see the network, the proxy and the endpoint: %w", what, err)
	}
	e := errorIn(answer)
	return fmt.Errorf("%s: %s (HTTP %d %s: %.500s)", what, sealerMeaning(method, status, e.Status), status, e.Status, e.Message)
}

// apiError is the error of a Google API.
// https://cloud.google.com/apis/design/errors#http_mapping
type apiError struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func errorIn(answer []byte) apiError {
	var body struct {
		Error apiError `json:"error"`
	}
	if json.Unmarshal(answer, &body) != nil {
		return apiError{Message: "an answer that is no error of a Google API"}
	}
	return body.Error
}

func sealerMeaning(method string, code int, status string) string {
	switch {
	case code == 401:
		return "the credential is wrong or has expired; renew it"
	case code == 403:
		return "denied; grant " + permission(method) + " on this key (the role roles/cloudkms.cryptoKeyEncrypterDecrypter has it) to the credential in use, and see that the Cloud KMS API is enabled"
	case code == 404:
		return "there is no such key; see the project, location, key ring and name"
	case code == 429:
		return "Google asks to slow down; try again later"
	case code >= 500:
		return "the service is in trouble; try again later"
	case status == "FAILED_PRECONDITION":
		return "the key's version is disabled or destroyed; enable it"
	case status == "INVALID_ARGUMENT" && method == "decrypt":
		return "this key did not wrap it, or it was changed since; name the key that did in store.encryption"
	}
	return "refused"
}
