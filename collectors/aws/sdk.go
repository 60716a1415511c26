package aws

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"

	"github.com/evidenced/evidenced/collectors"
)

// load returns the SDK's configuration with the base credential. Its HTTP client
// is set after the chain is built, so that the chain keeps the SDK's own: the
// chain takes no other one where AWS_CA_BUNDLE is set.
func (c *Config) load(env collectors.Env) (aws.Config, error) {
	cfg := aws.Config{Region: c.Region, Credentials: credentials.NewStaticCredentialsProvider("RECORDING", "RECORDING", "")}
	if !env.Offline {
		options := []func(*config.LoadOptions) error{config.WithRegion(c.Region), config.WithAppID("evidenced"), config.WithLogger(quiet(env.Log))}
		if c.Profile != "" {
			options = append(options, config.WithSharedConfigProfile(c.Profile))
		}
		var err error
		if cfg, err = config.LoadDefaultConfig(context.Background(), options...); err != nil {
			return cfg, fmt.Errorf("reading the AWS configuration: %w", err)
		}
	}
	cfg.Credentials = guarded{cfg.Credentials, env.Conceal, noCredential}
	through := *env.HTTP
	through.Transport = vetted{env.HTTP.Transport}
	cfg.HTTPClient = &through
	cfg.APIOptions = append(cfg.APIOptions, hashBody)
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	if c.Common.Endpoint != "" {
		cfg.BaseEndpoint = &c.Common.Endpoint
	}
	return cfg, nil
}

// hashBody makes every request name the hash of its body, as S3 demands of its
// own: whoever verifies the signature then need not know what no body is hashed as.
func hashBody(stack *middleware.Stack) error {
	if _, has := stack.Finalize.Get((&v4.ContentSHA256Header{}).ID()); has {
		return nil
	}
	return v4.AddContentSHA256HeaderMiddleware(stack)
}

// guarded conceals every credential that it hands out, and returns the want of
// one its class.
type guarded struct {
	aws.CredentialsProvider
	conceal func(string, time.Time)
	failed  func(error) error
}

// noCredential is the failure of the SDK's chain, whatever each of its parts says.
func noCredential(err error) error {
	return fmt.Errorf("%w: no AWS credential was found, or the one found is no good: %w", collectors.ErrUnauthenticated, err)
}

// Retrieve implements aws.CredentialsProvider.
func (g guarded) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := g.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return c, g.failed(err)
	}
	var until time.Time
	if c.CanExpire {
		until = c.Expires
	}
	g.conceal(c.SecretAccessKey, until)
	g.conceal(c.SessionToken, until)
	return c, nil
}

// quiet makes what the SDK has to say part of our own log.
func quiet(log *slog.Logger) logging.Logger {
	return logging.LoggerFunc(func(_ logging.Classification, format string, v ...any) {
		log.Debug("AWS SDK", "says", fmt.Sprintf(format, v...))
	})
}

// sessionName is what CloudTrail shows of our sessions in other accounts.
const sessionName = "evidenced"

// assume returns cfg with the credential of a role, which is fetched at its
// first use, and again before it expires.
func assume(cfg aws.Config, arn, externalID string, conceal func(string, time.Time)) aws.Config {
	p := stscreds.NewAssumeRoleProvider(stsClient(cfg), arn, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = sessionName
		if externalID != "" {
			o.ExternalID = &externalID
		}
	})
	cfg = cfg.Copy()
	cfg.Credentials = aws.NewCredentialsCache(guarded{p, conceal, classify})
	return cfg
}

// in returns cfg for another region.
func in(cfg aws.Config, region string) aws.Config {
	cfg = cfg.Copy()
	cfg.Region = region
	return cfg
}
