package aws

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3control"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
)

// services are the first labels of the hosts that are asked. S3 is asked with
// the bucket in the path, so the name of no bucket stands before them; S3
// Control puts the account there.
var services = []string{
	"sts", "sts-fips", "iam", "iam-fips", "ec2", "ec2-fips", "cloudtrail", "cloudtrail-fips",
	"organizations", "organizations-fips", "s3", "s3-fips", "*.s3-control", "*.s3-control-fips",
}

// domains are what follows: alone, with a region, for both versions of IP, in
// China. Customers get names here too, such as those of their machines and
// buckets, but none that begins like the name of a service.
// https://docs.aws.amazon.com/general/latest/gr/rande.html
var domains = []string{
	"amazonaws.com", "*.amazonaws.com", "dualstack.*.amazonaws.com", "*.api.aws",
	"*.amazonaws.com.cn", "dualstack.*.amazonaws.com.cn", "*.api.amazonwebservices.com.cn",
}

// serviceHosts gives the pattern of every host of a service.
func serviceHosts() (hosts []string) {
	for _, s := range services {
		for _, d := range domains {
			hosts = append(hosts, s+"."+d)
		}
	}
	return hosts
}

// asIs resolves every endpoint of s3control to the override. The SDK itself
// would put the account id before the host, where no test server is.
type asIs string

// ResolveEndpoint implements s3control.EndpointResolverV2.
func (a asIs) ResolveEndpoint(context.Context, s3control.EndpointParameters) (smithyendpoints.Endpoint, error) {
	u, err := url.Parse(strings.TrimRight(string(a), "/"))
	if err != nil {
		return smithyendpoints.Endpoint{}, fmt.Errorf("endpoint: %w", err)
	}
	return smithyendpoints.Endpoint{URI: *u}, nil
}
