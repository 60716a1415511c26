package aws

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	"github.com/evidenced/evidenced/collectors"
)

// load gives the SDK's configuration with the base credential. Its HTTP client
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
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	if c.Common.Endpoint != "" {
		cfg.BaseEndpoint = &c.Common.Endpoint
	}
	return cfg, nil
}

// guarded conceals every credential that it hands out, and gives the want of
// one its class.
type guarded struct {
	aws.CredentialsProvider
	conceal func(string)
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
	g.conceal(c.SecretAccessKey)
	g.conceal(c.SessionToken)
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

// assume gives cfg with the credential of a role, which is fetched at its
// first use, and again before it expires.
func assume(cfg aws.Config, arn, externalID string, conceal func(string)) aws.Config {
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

// in gives cfg for another region.
func in(cfg aws.Config, region string) aws.Config {
	cfg = cfg.Copy()
	cfg.Region = region
	return cfg
}

// The clients. An endpoint override wins over what the environment says of a
// single service; an address of the environment alone is refused by the door.

func stsClient(cfg aws.Config) *sts.Client {
	return sts.NewFromConfig(cfg, func(o *sts.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func ec2Client(cfg aws.Config) *ec2.Client {
	return ec2.NewFromConfig(cfg, func(o *ec2.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func iamClient(cfg aws.Config) *iam.Client {
	return iam.NewFromConfig(cfg, func(o *iam.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func organizationsClient(cfg aws.Config) *organizations.Client {
	return organizations.NewFromConfig(cfg, func(o *organizations.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func trailClient(cfg aws.Config) *cloudtrail.Client {
	return cloudtrail.NewFromConfig(cfg, func(o *cloudtrail.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

// s3Client puts the bucket into the path, always: the door then tells a
// bucket's settings from an object by the path alone.
func s3Client(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.BaseEndpoint = override(cfg, o.BaseEndpoint)
		o.UsePathStyle = true
	})
}

func s3controlClient(cfg aws.Config) *s3control.Client {
	return s3control.NewFromConfig(cfg, func(o *s3control.Options) {
		if cfg.BaseEndpoint != nil {
			o.EndpointResolverV2 = asIs(*cfg.BaseEndpoint)
		}
	})
}

func override(cfg aws.Config, otherwise *string) *string {
	if cfg.BaseEndpoint != nil {
		return cfg.BaseEndpoint
	}
	return otherwise
}
