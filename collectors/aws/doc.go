// Package aws reads AWS accounts: root user and password policy, users with
// their second factor and keys, trails, buckets, and which accounts and
// regions there are.
//
// It may import collectors, evidence, its own policy and the AWS SDK. What never
// enters: judgement of what was read, and any call that is not declared in Spec.
//
// Something that only adds to a record, such as the backups that another service
// makes of a database, is asked for where it makes a difference, and most of it
// once for all kinds (shared). Where it cannot be read the record counts without
// it (regionReader.note): what excuses a resource must be seen.
//
// The base credential comes from the SDK's default chain (environment, shared
// files, SSO, web identity, container and instance roles) with the SDK's own
// HTTP client: it asks the places that the user's AWS configuration names,
// metadata services on this machine among them, and its answers are secrets,
// not evidence. Everything that is done with the credential goes through the
// door, the change into another account's role (sts:AssumeRole) included. The
// SDK does not retry; the door does.
package aws
