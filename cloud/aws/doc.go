// Package aws uses two services of Amazon Web Services on behalf of the agent
// itself: AWS KMS wraps the data key of an encrypted store (Sealer; the key
// itself never leaves AWS), and AWS Secrets Manager resolves references such as
// ${aws-secret:NAME} in the configuration (Secrets).
//
// It may import the AWS SDK, and no other room; a Sealer satisfies store.Sealer.
// What never enters: evidence, files, a secret in an error, and any call but
// kms:Encrypt, kms:Decrypt and secretsmanager:GetSecretValue.
//
// What was checked, and against what: Encrypt and Decrypt, the binding to the
// encryption context, another and an unknown key, a changed text, and secrets by
// name and ARN against moto, an AWS that others wrote; denied, disabled and
// throttled, which moto does not answer for a key, against the documented form of
// those answers. Nothing was checked against AWS itself.
package aws
