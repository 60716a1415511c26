package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
)

// Secrets reads AWS Secrets Manager with the credential of the SDK's default chain: the role of the
// instance, of the task or of the pod, before anything that is written down.
type Secrets struct {
	config   aws.Config
	endpoint string
}

// NewSecrets returns a reader of secrets. It asks nothing of the network yet. Addresses from the
// environment are not taken: secrets come from there.
func NewSecrets(ctx context.Context) (*Secrets, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithAppID("evidenced"), config.WithLogger(logging.Nop{}))
	if err != nil {
		return nil, fmt.Errorf("AWS Secrets Manager: read the AWS configuration: %w", err)
	}
	return &Secrets{config: cfg}, nil
}

// Get returns the current version of a secret, by its name or ARN; behind a "#" may
// stand a member of the JSON object that it is. The region is that of the ARN, or
// of the AWS configuration. It needs secretsmanager:GetSecretValue.
func (m *Secrets) Get(ctx context.Context, ref string) (string, error) {
	id, member, _ := strings.Cut(ref, "#")
	client := secretsmanager.NewFromConfig(m.config, func(o *secretsmanager.Options) {
		o.BaseEndpoint = nil
		if m.endpoint != "" {
			o.BaseEndpoint = &m.endpoint
		}
		if a, err := arn.Parse(id); err == nil && a.Region != "" {
			o.Region = a.Region
		}
	})
	out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
	if err != nil {
		return "", fmt.Errorf("AWS secret %s: %s", id, secretMeaning(err))
	}
	text := aws.ToString(out.SecretString)
	if text == "" {
		text = string(out.SecretBinary)
	}
	if member == "" {
		return text, nil
	}
	var object map[string]any
	if json.Unmarshal([]byte(text), &object) != nil { // its error could quote the secret
		return "", fmt.Errorf("AWS secret %s: it is no JSON object that could have a member %q", id, member)
	}
	value, ok := object[member].(string)
	if !ok {
		return "", fmt.Errorf("AWS secret %s: it has no text %q", id, member)
	}
	return value, nil
}

// secretMeaning says what an answer means and what helps.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html#API_GetSecretValue_Errors
func secretMeaning(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) {
		var unsure interface{ ConnectionError() bool }
		if errors.As(err, &unsure) || errors.Is(err, context.DeadlineExceeded) {
			return "not reached; see the network, the proxy and the region"
		}
		return "not asked: " + err.Error()
	}
	switch api.ErrorCode() {
	case "ResourceNotFoundException":
		return "there is none of that name in that region"
	case "AccessDeniedException", "DecryptionFailure":
		return "denied; allow secretsmanager:GetSecretValue on it, and kms:Decrypt on its key, to the credential in use"
	case "UnrecognizedClientException", "InvalidClientTokenId", "ExpiredTokenException", "InvalidSignatureException":
		return "the AWS credential is wrong or has expired; renew it"
	}
	return "refused: " + api.ErrorCode()
}
