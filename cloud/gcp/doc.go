// Package gcp uses two services of Google Cloud on behalf of the agent itself:
// Cloud KMS wraps the data key of an encrypted store (Sealer; the key itself
// never leaves Google), and Secret Manager resolves references such as
// ${gcp-secret:projects/P/secrets/S} in the configuration (Secrets).
//
// It may import Google's library for credentials, and no other room; a Sealer
// satisfies store.Sealer. What never enters: evidence, files, a secret in an
// error, and any call but encrypt, decrypt and access.
//
// It speaks the REST API of both, version 1, with the integrity fields that the
// API defines: CRC32C of everything sent and received.
//
// What was checked, and against what: the form of requests and answers, the
// checksums, the token of a service account and each error against doubles in
// this room's tests, written from the API's reference; the double of Cloud KMS
// seals with AES-GCM and refuses a wrong checksum, as Google documents of its
// own. There is no emulator of either by others that could be asked, and nothing
// was checked against Google itself.
package gcp
