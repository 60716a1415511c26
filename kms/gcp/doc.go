// Package gcp wraps the data key of an encrypted store with a key of Google
// Cloud KMS: the key itself never leaves Google.
//
// It may import Google's library for credentials, and no other room; what it
// makes satisfies store.Sealer. What never enters: evidence, files, and any
// call but encrypt and decrypt.
//
// It speaks the REST API, version 1, with the integrity fields that the API
// defines: CRC32C of everything sent and received.
//
// What was checked, and against what: the form of requests and answers, the
// checksums, the token of a service account and each error against a double in
// this room's tests, written from the API's reference; it seals with AES-GCM
// and refuses a wrong checksum, as Google documents of its own. There is no
// emulator of Cloud KMS by others that could be asked, and nothing was checked
// against Google itself.
package gcp
