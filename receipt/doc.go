// Package receipt writes COSE receipts (RFC 9942) of entries of the log: the
// signed statement of a SCITT transparency service (RFC 9943) that an entry is in
// its log. The log's tree is RFC9162_SHA256, so whoever reads such receipts can
// check one without a line of ours.
//
// It may import evidence. What never enters: the signing key, files, the store.
package receipt
