//go:build unix

package aws

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/evidenced/evidenced/mototest"
)

func secretsAt(url string) *Secrets {
	return &Secrets{aws.Config{Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("AKIDTEST", "x", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} }}, url}
}

// TestSecretsMoto reads secrets of a server that others wrote.
func TestSecretsMoto(t *testing.T) {
	m := secretsAt(mototest.Start(t))
	for _, region := range []string{"eu-west-1", "us-east-2"} {
		cfg := m.config
		cfg.Region = region
		c := secretsmanager.NewFromConfig(cfg, func(o *secretsmanager.Options) { o.BaseEndpoint = &m.endpoint })
		for name, value := range map[string]string{"plain": "s3cret of " + region, "object": `{"token":"s3cret","n":1}`} {
			out, err := c.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := m.Get(t.Context(), *out.ARN); err != nil || got != value { // the ARN names the region
				t.Errorf("%s: %q %v", *out.ARN, got, err)
			}
		}
	}
	for ref, want := range map[string]string{"plain": "s3cret of eu-west-1", "object#token": "s3cret"} {
		if got, err := m.Get(t.Context(), ref); err != nil || got != want {
			t.Errorf("%s: %q %v", ref, got, err)
		}
	}
	for ref, want := range map[string]string{"none": "there is none of that name", "plain#x": "it is no JSON object", "object#n": `it has no text "n"`, "object#none": "it has no text"} {
		if _, err := m.Get(t.Context(), ref); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

func TestSecretsNobodyThere(t *testing.T) {
	if _, err := secretsAt("http://127.0.0.1:1").Get(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "not reached") {
		t.Fatal(err)
	}
}
