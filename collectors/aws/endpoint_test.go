package aws

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
)

// admitted matches as the door does: "*" is one label.
func admitted(host string) bool {
	for _, p := range newConfig().Hosts() {
		want, got := strings.Split(p, "."), strings.Split(host, ".")
		same := len(want) == len(got)
		for i := 0; same && i < len(want); i++ {
			same = want[i] == got[i] || want[i] == "*"
		}
		if same {
			return true
		}
	}
	return false
}

func TestHosts(t *testing.T) {
	for host, ok := range map[string]bool{
		"sts.amazonaws.com": true, "sts.eu-west-1.amazonaws.com": true, "iam.amazonaws.com": true, "iam.us-gov.amazonaws.com": true,
		"iam.cn-north-1.amazonaws.com.cn": true, "ec2.eu-central-2.amazonaws.com": true, "ec2-fips.us-east-1.amazonaws.com": true, "ec2.us-east-1.api.aws": true,
		"organizations.us-east-1.amazonaws.com": true, "cloudtrail.us-gov-west-1.amazonaws.com": true,
		"s3.us-east-1.amazonaws.com": true, "s3.dualstack.eu-west-1.amazonaws.com": true, "s3-fips.dualstack.us-east-1.amazonaws.com": true,
		"111122223333.s3-control.us-east-1.amazonaws.com": true, "111122223333.s3-control.dualstack.us-east-1.amazonaws.com": true,
		"ec2-1-2-3-4.compute-1.amazonaws.com": false, "ec2-1-2-3-4.eu-west-1.compute.amazonaws.com": false,
		"bucket.s3.amazonaws.com": false, "bucket.s3.eu-west-1.amazonaws.com": false, "iam.s3.eu-west-1.amazonaws.com": false,
		"x-1.elb.amazonaws.com": false, "abc.execute-api.us-east-1.amazonaws.com": false, "sqs.us-east-1.amazonaws.com": false,
		"s3-website-us-east-1.amazonaws.com": false, "amazonaws.com": false, "iam.amazonaws.com.evil.org": false,
	} {
		if admitted(host) != ok {
			t.Errorf("%s: %t", host, !ok)
		}
	}
}

// TestSDKAsksServiceHosts: every client, in every partition, asks a host that is admitted.
func TestSDKAsksServiceHosts(t *testing.T) {
	environment(t)
	for _, region := range []string{"us-east-1", "eu-west-1", "us-gov-west-1", "cn-north-1"} {
		for _, variant := range []string{"", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"} {
			if region == "cn-north-1" && variant == "AWS_USE_FIPS_ENDPOINT" {
				continue // China has none
			}
			t.Run(region+variant, func(t *testing.T) {
				if variant != "" {
					t.Setenv(variant, "true")
				}
				hosts := hostsAsked(t, region)
				if len(hosts) != 7 {
					t.Errorf("asked only %v", hosts)
				}
				for _, host := range hosts {
					if !admitted(host) {
						t.Errorf("the SDK asks %s", host)
					}
				}
			})
		}
	}
}

// hostsAsked lets every client ask once, and returns the hosts.
func hostsAsked(t *testing.T, region string) (hosts []string) {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(region))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Credentials = credentials.NewStaticCredentialsProvider("AKID", "SECRET", "")
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		hosts = append(hosts, r.URL.Host)
		return nil, errors.New("enough")
	})}
	ctx, bucket, account := t.Context(), "data", own
	_, _ = stsClient(cfg).GetCallerIdentity(ctx, nil)
	_, _ = ec2Client(cfg).DescribeRegions(ctx, nil)
	_, _ = iamClient(cfg).GetAccountSummary(ctx, nil)
	_, _ = organizationsClient(cfg).ListAccounts(ctx, nil)
	_, _ = trailClient(cfg).DescribeTrails(ctx, nil)
	_, _ = s3Client(cfg).GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &bucket})
	_, _ = s3controlClient(cfg).GetPublicAccessBlock(ctx, &s3control.GetPublicAccessBlockInput{AccountId: &account})
	return hosts
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
