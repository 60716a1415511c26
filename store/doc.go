// Package store keeps the evidence: one bbolt file, one writer, append and
// read. There is no update and no delete.
//
// It may import evidence. What never enters: judgement, collection, clocks
// other than the one it is given.
//
// # Format 1
//
// All integers in keys are big-endian, so that keys sort as numbers.
//
//	meta         "format" -> "1", "key" -> the verifier key of the log (C2SP signed note)
//	entries      index (8 bytes) -> the leaf: canonical JSON of an evidence.Entry
//	hashes       position (8) -> 32 bytes: the stored hashes of the RFC 6962 tree,
//	             in the order of golang.org/x/mod/sumdb/tlog
//	checkpoints  tree size (8) -> C2SP checkpoint, a signed note
//	blobs        SHA-256 (32) -> id (8) size (8) count (8)
//	chunks       blob id (8) chunk number (4) -> at most 32 KiB of the blob's zstd frame
//
// One Append is one bbolt transaction: blobs, leaves, tree hashes and the
// signed checkpoint over them become durable together, or not at all.
package store
