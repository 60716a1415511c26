// Package gcp gets secrets out of Google Secret Manager, for references such as
// ${gcp-secret:projects/P/secrets/S} in the configuration.
//
// It may import Google's library for credentials, and no other room. What never
// enters: any call but access, a secret in an error, files.
//
// It speaks the REST API, version 1, and checks the CRC32C of what it gets. It was
// checked against a double in this room's tests, written from the API's reference,
// and not against Google itself.
package gcp
