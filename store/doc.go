// Package store keeps the evidence: one bbolt file, one writer, append and
// read. There is no update and no delete; what retention erases leaves its
// leaf, its proof and a tombstone.
//
// It may import evidence. What never enters: judgement, collection, clocks
// other than that of its options.
//
// # Format 2
//
// All integers in keys are big-endian, so that keys sort as numbers; the
// varints are those of encoding/binary.
//
//	meta         "format" -> "2", "key" -> the verifier key in force (C2SP signed note),
//	             "seal" -> of an encrypted store: which key wraps its data key, and that
//	entries      index (8 bytes) -> the leaf: zstd of the canonical JSON of an evidence.Entry
//	hashes       position (8) -> 32 bytes: the stored hashes of the RFC 6962 tree,
//	             in the order of golang.org/x/mod/sumdb/tlog
//	checkpoints  tree size (8) -> C2SP checkpoint, a signed note
//	blobs        SHA-256 (32) -> of which frames its text is (type blob)
//	frames       frame (8) part (4) -> 1 if it is the last part, else 0, and at most 32 KiB
//	             of a shard: its text, or a patch to that of another frame (types frame, patch)
//	cuts         id (8) -> the keys at which the blobs of a series are cut into shards
//
// Behind a value of cuts or series are the first 8 bytes of its SHA-256.
//
// What follows is derived from these; Check derives it again:
//
//	series       SHA-256 of stream and content -> its newest blob (type series)
//	history      series (8), a name of the record (16) -> the entries that show it in a new state
//	erased       SHA-256 of a blob (32) -> the entry (8) that is its tombstone
//
// The identity of a blob is the hash of its bytes, never of a frame.
//
// One Append is one bbolt transaction: blobs, leaves, tree hashes, what is
// derived from them and the signed checkpoint become durable together, with one
// commit, or not at all.
//
// # Patches
//
// Records and exchanges are lines in the order of their keys. A blob is cut
// into shards of about 128 KiB, at the same keys as the one before it in its
// series; a shard that is the same is the same frame, another one is a patch to
// it, line by line, whose new bytes are zstd with those that they replace
// as dictionary. At most 64 patches lie between a shard and a full text.
//
// # Rollback
//
// An older copy of a store is sound by itself. So the newest signed checkpoint
// can be kept outside of it, beside the signing key (Options.Kept): a log that
// does not begin with the one that it speaks of is RolledBack.
//
// # Encryption
//
// The values of every bucket but meta, hashes, checkpoints and erased are sealed
// with AES-256-GCM under a data key, bound to bucket and key; keys that would
// tell something are HMACs. Hashes, and with them deduplication and proofs, are
// those of the plain text.
package store
