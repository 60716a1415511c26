// Package review is the access review: who has access is frozen from complete
// snapshots, each row is kept, changed or revoked, and the whole is signed off.
//
// It is a pure function of the log's entries: it may import evidence and gap.
// What never enters: input or output, clocks, the store, judgement of whether a
// revocation was carried out, which the gap engine sees in later snapshots.
package review
