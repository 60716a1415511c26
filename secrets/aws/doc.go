// Package aws gets secrets out of AWS Secrets Manager, for references such as
// ${aws-secret:NAME} in the configuration.
//
// It may import the AWS SDK, and no other room. What never enters: any call but
// GetSecretValue, a secret in an error, files.
package aws
