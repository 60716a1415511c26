package aws

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3control"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
)

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
