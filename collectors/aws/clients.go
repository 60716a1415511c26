package aws

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/backup"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/identitystore"
	"github.com/aws/aws-sdk-go-v2/service/inspector2"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// An endpoint override wins over what the environment says of a
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

func analyzerClient(cfg aws.Config) *accessanalyzer.Client {
	return accessanalyzer.NewFromConfig(cfg, func(o *accessanalyzer.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func acmClient(cfg aws.Config) *acm.Client {
	return acm.NewFromConfig(cfg, func(o *acm.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func backupClient(cfg aws.Config) *backup.Client {
	return backup.NewFromConfig(cfg, func(o *backup.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func alarmClient(cfg aws.Config) *cloudwatch.Client {
	return cloudwatch.NewFromConfig(cfg, func(o *cloudwatch.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func logsClient(cfg aws.Config) *cloudwatchlogs.Client {
	return cloudwatchlogs.NewFromConfig(cfg, func(o *cloudwatchlogs.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func recorderClient(cfg aws.Config) *configservice.Client {
	return configservice.NewFromConfig(cfg, func(o *configservice.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func dynamoClient(cfg aws.Config) *dynamodb.Client {
	return dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func ecrClient(cfg aws.Config) *ecr.Client {
	return ecr.NewFromConfig(cfg, func(o *ecr.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func balancerClient(cfg aws.Config) *elasticloadbalancingv2.Client {
	return elasticloadbalancingv2.NewFromConfig(cfg, func(o *elasticloadbalancingv2.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func guardClient(cfg aws.Config) *guardduty.Client {
	return guardduty.NewFromConfig(cfg, func(o *guardduty.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func identityStoreClient(cfg aws.Config) *identitystore.Client {
	return identitystore.NewFromConfig(cfg, func(o *identitystore.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func inspectorClient(cfg aws.Config) *inspector2.Client {
	return inspector2.NewFromConfig(cfg, func(o *inspector2.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func kmsClient(cfg aws.Config) *kms.Client {
	return kms.NewFromConfig(cfg, func(o *kms.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func lambdaClient(cfg aws.Config) *lambda.Client {
	return lambda.NewFromConfig(cfg, func(o *lambda.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func rdsClient(cfg aws.Config) *rds.Client {
	return rds.NewFromConfig(cfg, func(o *rds.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func secretsClient(cfg aws.Config) *secretsmanager.Client {
	return secretsmanager.NewFromConfig(cfg, func(o *secretsmanager.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func hubClient(cfg aws.Config) *securityhub.Client {
	return securityhub.NewFromConfig(cfg, func(o *securityhub.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func ssmClient(cfg aws.Config) *ssm.Client {
	return ssm.NewFromConfig(cfg, func(o *ssm.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func ssoClient(cfg aws.Config) *ssoadmin.Client {
	return ssoadmin.NewFromConfig(cfg, func(o *ssoadmin.Options) { o.BaseEndpoint = override(cfg, o.BaseEndpoint) })
}

func override(cfg aws.Config, otherwise *string) *string {
	if cfg.BaseEndpoint != nil {
		return cfg.BaseEndpoint
	}
	return otherwise
}
