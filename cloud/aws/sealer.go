package aws

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go/logging"
)

// purpose is the encryption context: what was wrapped for it is unwrapped with
// it only, and CloudTrail and key policies see it.
// https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html
func purpose() map[string]string { return map[string]string{"evidenced:purpose": "store-data-key"} }

// maxWrapped bounds what Decrypt takes, in bytes.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html
const maxWrapped = 6144

// SealerOptions say which key, and where it is.
type SealerOptions struct {
	// Key is the ARN of a symmetric key; it names the region.
	Key string
	// Endpoint is another address to ask than AWS's; empty for AWS. Addresses
	// from the environment are not taken: the data key goes there.
	Endpoint string
}

// Sealer wraps with one key of AWS KMS. Its credential is that of the SDK's
// default chain.
type Sealer struct {
	key    string
	client *kms.Client
}

// NewSealer returns the sealer of a key. It asks nothing of the network yet.
func NewSealer(ctx context.Context, o SealerOptions) (*Sealer, error) {
	a, err := arn.Parse(o.Key)
	if err != nil || a.Service != "kms" || a.Region == "" {
		return nil, fmt.Errorf("AWS KMS key %q: want an ARN such as arn:aws:kms:eu-west-1:111122223333:key/…", o.Key)
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(a.Region), config.WithAppID("evidenced"), config.WithLogger(logging.Nop{}))
	if err != nil {
		return nil, fmt.Errorf("AWS KMS: read the AWS configuration: %w", err)
	}
	return sealerWith(o, cfg), nil
}

func sealerWith(o SealerOptions, cfg aws.Config) *Sealer {
	return &Sealer{o.Key, kms.NewFromConfig(cfg, func(k *kms.Options) {
		k.BaseEndpoint = nil
		if o.Endpoint != "" {
			k.BaseEndpoint = &o.Endpoint
		}
	})}
}

// ID returns the key's ARN.
func (s *Sealer) ID() string { return s.key }

// Wrap seals a data key. It needs kms:Encrypt.
func (s *Sealer) Wrap(ctx context.Context, key []byte) ([]byte, error) {
	out, err := s.client.Encrypt(ctx, &kms.EncryptInput{KeyId: &s.key, Plaintext: key, EncryptionContext: purpose()})
	if err != nil {
		return nil, s.explain("Encrypt", err)
	}
	if err := s.same(out.KeyId); err != nil {
		return nil, err
	}
	if n := len(out.CiphertextBlob); n == 0 || n > maxWrapped {
		return nil, fmt.Errorf("AWS KMS key %s: it gave a wrapped key of %d bytes", s.key, n)
	}
	return out.CiphertextBlob, nil
}

// Unwrap opens what Wrap sealed. It needs kms:Decrypt.
func (s *Sealer) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	if n := len(wrapped); n == 0 || n > maxWrapped {
		return nil, fmt.Errorf("AWS KMS key %s: a wrapped key of %d bytes is none of AWS KMS", s.key, n)
	}
	out, err := s.client.Decrypt(ctx, &kms.DecryptInput{KeyId: &s.key, CiphertextBlob: wrapped, EncryptionContext: purpose()})
	if err != nil {
		return nil, s.explain("Decrypt", err)
	}
	if err := s.same(out.KeyId); err != nil {
		return nil, err
	}
	if len(out.Plaintext) == 0 {
		return nil, fmt.Errorf("AWS KMS key %s: %w", s.key, errors.New("it gave an empty key"))
	}
	return out.Plaintext, nil
}

// same holds the answer to the key that was asked for.
func (s *Sealer) same(used *string) error {
	if aws.ToString(used) != s.key {
		return fmt.Errorf("AWS KMS key %s: the answer is of another key, %q", s.key, aws.ToString(used))
	}
	return nil
}
