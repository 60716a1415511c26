//go:build unix

package aws

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go"

	"github.com/evidenced/evidenced/mototest"
)

const testKey = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"

// sealerAt returns a sealer whose requests are made once, with a credential of no value.
func sealerAt(endpoint, key string) *Sealer {
	return sealerWith(SealerOptions{Key: key, Endpoint: endpoint}, aws.Config{Region: "eu-west-1", Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: credentials.NewStaticCredentialsProvider("AKIDTEST", "secret-access-key", "")})
}

// TestRefusals: each answer has its own words, with the key, the permission and
// the remedy. The form of the answers is that of the documented errors.
func TestSealerRefusals(t *testing.T) {
	for code, want := range map[string]string{
		"AccessDeniedException":       "kms:Decrypt: denied; allow kms:Decrypt on this key to the credential in use",
		"NotFoundException":           "kms:Decrypt: there is no such key; see the region, the account and the id",
		"DisabledException":           "kms:Decrypt: the key is disabled; enable it",
		"KMSInvalidStateException":    "in no state to be used, such as pending deletion",
		"InvalidCiphertextException":  "this key did not wrap it, or it was changed since",
		"IncorrectKeyException":       "this key did not wrap it, or it was changed since",
		"InvalidKeyUsageException":    "want a symmetric key of the usage ENCRYPT_DECRYPT",
		"UnrecognizedClientException": "the AWS credential is wrong or has expired",
		"ThrottlingException":         "AWS asks to slow down; try again later",
		"KMSInternalException":        "the service is in trouble; try again later",
		"SomethingNewException":       "kms:Decrypt: refused",
	} {
		t.Run(code, func(t *testing.T) {
			s := sealerAt(serve(t, http.StatusBadRequest, `{"__type":"`+code+`","message":"so it is"}`), testKey)
			_, err := s.Unwrap(t.Context(), []byte("wrapped"))
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), testKey) {
				t.Fatalf("got  %v\nwant %s", err, want)
			}
			if api := smithy.APIError(nil); !errors.As(err, &api) || api.ErrorCode() != code {
				t.Errorf("the cause is lost: %v", err)
			}
		})
	}
}

func serve(t *testing.T, status int, body string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // the test sees what is missing
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestStrangeAnswers: what is not the answer of this key is not taken for one.
func TestSealerStrangeAnswers(t *testing.T) {
	other := strings.Replace(testKey, "0000", "1111", 1)
	big := strings.Repeat("AAAA", maxWrapped)
	for body, want := range map[string]string{
		`{"KeyId":"` + other + `","Plaintext":"AAAA","CiphertextBlob":"AAAA"}`:      "the answer is of another key",
		`{"Plaintext":"AAAA","CiphertextBlob":"AAAA"}`:                              "the answer is of another key",
		`{"KeyId":"` + testKey + `"}`:                                               "key",
		`{"KeyId":"` + testKey + `","Plaintext":"","CiphertextBlob":"` + big + `"}`: "key",
		`<html>`: "what answers does not speak as AWS KMS; see the endpoint",
	} {
		s := sealerAt(serve(t, http.StatusOK, body), testKey)
		_, errWrap := s.Wrap(t.Context(), make([]byte, 32))
		_, errUnwrap := s.Unwrap(t.Context(), []byte("wrapped"))
		for _, err := range []error{errWrap, errUnwrap} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%.60s: %v, want %s", body, err, want)
			}
		}
	}
	for _, wrapped := range [][]byte{nil, make([]byte, maxWrapped+1)} {
		if _, err := sealerAt("http://127.0.0.1:1", testKey).Unwrap(t.Context(), wrapped); err == nil || !strings.Contains(err.Error(), "is none of AWS KMS") {
			t.Error(err)
		}
	}
}

// TestNoAnswer tells a network that fails from a credential that is not there.
func TestSealerNoAnswer(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close() // nobody listens there now
	_, err := sealerAt(server.URL, testKey).Wrap(t.Context(), make([]byte, 32))
	if err == nil || !strings.Contains(err.Error(), "kms:Encrypt: not reached; see the network") {
		t.Error(err)
	}
	s := sealerWith(SealerOptions{Key: testKey, Endpoint: server.URL}, aws.Config{Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("", "", "")})
	if _, err := s.Wrap(t.Context(), make([]byte, 32)); err == nil || !strings.Contains(err.Error(), "is there an AWS credential?") {
		t.Error(err)
	}
}

// TestNew: an ARN of a key is wanted, and the environment does not say where
// the data key goes.
func TestNewSealer(t *testing.T) {
	for _, key := range []string{"", "alias/x", "arn:aws:s3:::bucket", "arn:aws:kms::1:key/x"} {
		if _, err := NewSealer(t.Context(), SealerOptions{Key: key}); err == nil || !strings.Contains(err.Error(), "want an ARN such as") {
			t.Errorf("%q: %v", key, err)
		}
	}
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	t.Setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1")
	for _, want := range []string{"", "http://127.0.0.1:2"} {
		s, err := NewSealer(t.Context(), SealerOptions{Key: testKey, Endpoint: want})
		if err != nil {
			t.Fatal(err)
		}
		if o := s.client.Options(); aws.ToString(o.BaseEndpoint) != want || o.Region != "eu-west-1" {
			t.Errorf("%q in %s, want %q", aws.ToString(o.BaseEndpoint), o.Region, want)
		}
	}
}

// TestMoto: a key of an AWS that others wrote.
func TestSealerMoto(t *testing.T) {
	url := mototest.Start(t)
	owner := kms.New(kms.Options{Region: "eu-west-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("AKIDTEST", "secret-access-key", "")})
	made := make([]string, 2)
	for i := range made {
		k, err := owner.CreateKey(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		made[i] = *k.KeyMetadata.Arn
	}
	s, other := sealerAt(url, made[0]), sealerAt(url, made[1])
	key := []byte("0123456789abcdefghijklmnopqrstuv")
	wrapped, err := s.Wrap(t.Context(), key)
	if err != nil || bytes.Contains(wrapped, key) {
		t.Fatalf("%q, %v", wrapped, err)
	}
	if got, err := s.Unwrap(t.Context(), wrapped); err != nil || !bytes.Equal(got, key) {
		t.Fatalf("%q, %v", got, err)
	}
	t.Run("bound to its purpose", func(t *testing.T) {
		_, err := owner.Decrypt(t.Context(), &kms.DecryptInput{KeyId: &made[0], CiphertextBlob: wrapped})
		if api := smithy.APIError(nil); !errors.As(err, &api) || api.ErrorCode() != "InvalidCiphertextException" {
			t.Errorf("without the encryption context: %v", err)
		}
	})
	t.Run("another key", func(t *testing.T) {
		if _, err := other.Unwrap(t.Context(), wrapped); err == nil || !strings.Contains(err.Error(), made[1]) {
			t.Error(err)
		}
	})
	t.Run("changed", func(t *testing.T) {
		bad := bytes.Clone(wrapped)
		bad[len(bad)-1] ^= 1
		if _, err := s.Unwrap(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "this key did not wrap it, or it was changed since") {
			t.Error(err)
		}
	})
	t.Run("unknown", func(t *testing.T) {
		_, err := sealerAt(url, testKey).Wrap(t.Context(), key)
		if err == nil || !strings.Contains(err.Error(), "there is no such key") {
			t.Error(err)
		}
	})
}

// TestPolicyShape: what is asked names the purpose, as a key policy demands it.
func TestPolicyShape(t *testing.T) {
	var asked struct {
		KeyId             string //nolint:revive // AWS's own spelling
		EncryptionContext map[string]string
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		_, _ = w.Write([]byte(`{"KeyId":"` + testKey + `","CiphertextBlob":"AAAA"}`))
	}))
	defer server.Close()
	if _, err := sealerAt(server.URL, testKey).Wrap(t.Context(), make([]byte, 32)); err != nil {
		t.Fatal(err)
	}
	if asked.KeyId != testKey || asked.EncryptionContext["evidenced:purpose"] != "store-data-key" {
		t.Errorf("asked %+v", asked)
	}
}
