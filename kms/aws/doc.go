// Package aws wraps the data key of an encrypted store with a key of AWS KMS:
// the key itself never leaves AWS.
//
// It may import the AWS SDK, and no other room; what it makes satisfies
// store.Sealer. What never enters: evidence, files, and any call but Encrypt
// and Decrypt.
//
// What was checked, and against what: Encrypt and Decrypt, the binding to the
// encryption context, another and an unknown key, and a changed text against
// moto, an AWS that others wrote; denied, disabled and throttled, which moto does
// not tell of a key, against the documented form of those answers. Nothing was
// checked against AWS itself.
package aws
