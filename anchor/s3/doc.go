// Package s3 keeps checkpoints in an S3 bucket with Object Lock, where not even
// its owner can delete or replace them before their time.
//
// It may import anchor, evidence and the S3 client. What never enters: a bucket
// that does not lock.
package s3
