// Package anchor shows the signed checkpoints of a log to somebody else: a
// folder or a git remote elsewhere, a locked bucket, a timestamp authority, a
// witness. Who holds the log and its key can rewrite both; he cannot make
// others forget what they saw.
//
// It may import evidence, the note and tree code that the checkpoints are made
// with, and a library for retries. What never enters: evidence itself. Only
// checkpoints, which are sizes and hashes, and proofs between them leave.
package anchor
